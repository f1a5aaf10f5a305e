"""What the copula model assumes, in words that keep correlation and loading apart, and what it does not say."""

from __future__ import annotations

from .._facts import Facts
from .._load import at
from .._model import Cell, Column, Section, Table

COPULA_LIMITS = (
    "The figures are those of a model. Standard errors and intervals measure sampling error only: how far another set "
    "of scenarios would move the figure. They say nothing about wrong PDs, LGDs or correlations, which matter more.",
    "An exact figure is exact for this model and these inputs, not for the world.",
    "Tail figures depend on the copula chosen as much as on the correlation: a Gaussian copula has no joint defaults "
    "in the extreme tail beyond those that correlation brings.",
    "Losses are not discounted, exposures do not change over time, and there is no income from interest or spreads.",
    "Not investment advice, not a rating, and not validated for regulatory use.",
)

_DEFAULT = (
    "A name defaults by year h when w·Z + √(1 − w′Rw) e lies below the threshold of its PD to year h. Z are the common "
    "factors with correlation matrix R, w the name’s loadings, e its own shock; all are standard normal."
)
_STUDENT = (
    "Student t: factors and own shocks of one scenario are multiplied by the same √(ν/W), W chi-square with ν degrees "
    "of freedom; thresholds are t quantiles. Names are dependent even where their correlation is 0."
)
_CORRELATION = (
    "An asset correlation is the correlation of two names’ latent variables: the product of their loadings where there "
    "is one factor. A loading is its square root where all are equal: correlation 0.20 is loading 0.447. "
    "copula.asset_correlation is a correlation; columns loading_<factor> hold loadings."
)
_LGDS = {
    "fixed": "The loss of a name in default is its exposure times the LGD of the tape.",
    "beta": "The LGD of a name in default is drawn from a beta distribution with the tape’s LGD as its mean, "
    "for each scenario and name, independent of everything else.",
    "wrong_way": "The LGD of a name in default is drawn from a beta distribution with the tape’s LGD as its mean over "
    "all scenarios; it is high when the name’s factors are bad, that is where defaults are, so expected loss is above "
    "PD × LGD × exposure.",
}
_PD = (
    "Cumulative to the end of each year. PD 0 never defaults, PD 1 always. A tape with one yearly PD has "
    "1 − (1 − PD)^h to year h."
)
_TAIL = (
    "VaR is the smallest loss whose probability of not being exceeded is at least the level; ES is the mean of the "
    "worst scenarios of that share, counting a part of the scenarios at the VaR itself."
)


def assumptions_section(facts: Facts) -> Section:
    """A table of terms and what they mean here."""
    rows = [("Default", _DEFAULT)]
    if at(facts.run.config, "copula", "dependence") == "t":
        rows.append(("Tail dependence", _STUDENT))
    rows += [
        ("Correlation and loading", _CORRELATION),
        ("Loss", _LGDS.get(str(at(facts.run.config, "copula", "lgd", "kind")), _LGDS["fixed"])),
        ("PD", _PD),
        ("VaR and ES", _TAIL),
    ]
    table = Table(
        caption="Terms of this model",
        columns=[Column(head="Term", numeric=False), Column(head="Meaning", numeric=False)],
        rows=[[Cell(text=name), Cell(text=text)] for name, text in rows],
        kind="terms",
    )
    return Section(
        slug="assumptions",
        title="What is assumed",
        lead="The field’s standard credit portfolio model, static over its horizon.",
        blocks=[table],
    )
