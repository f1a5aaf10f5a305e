"""The `recovery` configuration group: fire sales, haircuts and refinancing."""

from ._config import AssetSale as AssetSale
from ._config import RecoveryConfig as RecoveryConfig
