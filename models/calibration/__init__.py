"""From price series to the numbers of a market, each with its standard error. Formulas: `docs/calibration.md`."""

from ._calibrate import Calibration as Calibration
from ._calibrate import calibrate as calibrate
from ._calibrate import with_writes as with_writes
from ._estimate import Estimate as Estimate
from ._market_text import market_text as market_text
from ._rents import enough_to_switch as enough_to_switch
