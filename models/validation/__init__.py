"""Known answers and their checks: `rackrisk validate` (`docs/validation.md`)."""

from ._bench import Bench as Bench
from ._bench import Compose as Compose
from ._bench import engines_here as engines_here
from ._case import FAMILIES as FAMILIES
from ._case import Case as Case
from ._case import load_cases as load_cases
from ._case import parse_cases as parse_cases
from ._check import FAIL as FAIL
from ._check import FEW as FEW
from ._check import PASS as PASS
from ._check import Z_BOUND as Z_BOUND
from ._check import Check as Check
from ._run import FORMULAS as FORMULAS
from ._run import SIMULATIONS as SIMULATIONS
from ._run import SPREAD_LEVEL as SPREAD_LEVEL
from ._run import Spread as Spread
from ._run import Validation as Validation
from ._run import validate as validate
