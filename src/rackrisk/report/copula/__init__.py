"""The page of a copula run: parts of its own beside those that every run has."""

from ..sections import losses_section
from ._assumptions import COPULA_LIMITS as COPULA_LIMITS
from ._assumptions import assumptions_section as assumptions_section
from ._exact import exact_section as exact_section
from ._names import names_section as names_section
from ._pd_term import pd_term_section as pd_term_section
from ._segments import copula_segments_section as copula_segments_section
from ._subject import copula_composition as copula_composition
from ._subject import copula_headline as copula_headline
from ._subject import copula_pairs as copula_pairs

copula_sections = (
    losses_section,
    exact_section,
    copula_segments_section,
    pd_term_section,
    names_section,
    assumptions_section,
)
