"""The parts of the page in their order. Each takes the shared facts and returns values, never markup of its own."""

from ._answer import share_of_exposure as share_of_exposure
from ._assumptions import assumptions_section as assumptions_section
from ._attribution import attribution_section as attribution_section
from ._book import Switch as Switch
from ._book import book_facts as book_facts
from ._book import composition as composition
from ._book import switches as switches
from ._contributions import contributions_section as contributions_section
from ._defaults import defaults_section as defaults_section
from ._early_warning import early_warning_section as early_warning_section
from ._facilities import facilities_section as facilities_section
from ._headline import Headline as Headline
from ._headline import headline as headline
from ._headline import headline_of as headline_of
from ._headline import leading_segment as leading_segment
from ._headline import totals_headline as totals_headline
from ._identity import identity as identity
from ._limits import LIMITS as LIMITS
from ._limits import notes as notes
from ._losses import losses_section as losses_section
from ._market import market_section as market_section
from ._pricing import pricing_section as pricing_section
from ._row_figure import row_figure as row_figure
from ._segments import segments_section as segments_section
from ._worst import worst_section as worst_section
