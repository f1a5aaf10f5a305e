"""The copula model: factors, one latent variable a name, losses at default (`docs/copula.md`)."""

from ._check import check_names as check_names
from ._config import CopulaConfig as CopulaConfig
from ._config import LgdConfig as LgdConfig
from ._factors import factor_matrix as factor_matrix
from ._factors import loadings as loadings
from ._result import CopulaResult as CopulaResult
from ._simulate import CopulaSimulation as CopulaSimulation
from ._simulate import open_copula as open_copula
from ._simulate import simulate_copula as simulate_copula
