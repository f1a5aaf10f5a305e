"""The parts of the page in their order. Each takes the shared facts and returns values, never markup of its own."""

from ._book import book_facts as book_facts
from ._book import composition as composition
from ._book import switches as switches
from ._defaults import defaults_section as defaults_section
from ._early_warning import early_warning_section as early_warning_section
from ._facilities import facilities_section as facilities_section
from ._headline import headline as headline
from ._identity import identity as identity
from ._limits import LIMITS as LIMITS
from ._limits import notes as notes
from ._losses import losses_section as losses_section
from ._market import market_section as market_section
from ._segments import segments_section as segments_section
