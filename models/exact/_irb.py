"""Capital of the Basel II internal ratings-based approach.

Basel Committee on Banking Supervision (June 2006), "International Convergence of Capital Measurement and Capital
Standards: A Revised Framework, Comprehensive Version", paragraphs 272 (corporate), 273 (small firms), 328 (residential
mortgages), 329 (qualifying revolving retail) and 330 (other retail).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ._array import Array
from ._asrf import asrf_value_at_risk
from ._checks import fractions

AssetClass = Literal["corporate", "mortgage", "qualifying_revolving", "other_retail"]

LEVEL = 0.999


@dataclass(frozen=True)
class IrbCapital:
    """Result of the formula, in the shape of the inputs.

    Attributes:
        correlation: asset correlation R.
        capital: K, a fraction of the exposure.
        risk_weight: 12.5 K, a fraction of the exposure (0.92 is 92 %).
    """

    correlation: Array
    capital: Array
    risk_weight: Array


def irb_capital(
    pd: ArrayLike,
    lgd: ArrayLike,
    *,
    asset_class: AssetClass,
    maturity_years: ArrayLike | None = None,
    sales_million_eur: ArrayLike | None = None,
    scaling: float = 1.0,
) -> IrbCapital:
    """K = scaling LGD (VaR of the ASRF at 99.9 % - PD) (1 + (M - 2.5) b) / (1 - 1.5 b), b = (0.11852 - 0.05478 ln
    PD)^2.

    Args:
        pd: one-year probability of default in (0, 1]; the regulatory floor of 0.03 % is not applied here. Arrays
            broadcast.
        lgd: downturn loss given default in [0, 1].
        asset_class: decides the correlation.
        maturity_years: effective maturity M, corporate only; None leaves the maturity adjustment out.
        sales_million_eur: annual sales S of a small firm, corporate only; taken as 5 below 5, no effect above 50.
        scaling: 1.06 for the factor of paragraph 14, 1 without it.

    Raises:
        ValueError: an argument out of range, or maturity or sales with a retail class.

    >>> float(irb_capital(0.01, 0.45, asset_class="corporate", maturity_years=2.5).risk_weight.round(4))
    0.9232
    """
    p, severity = fractions("pd", pd), fractions("lgd", lgd)
    if np.any(p == 0.0):
        raise ValueError("pd must be positive: the formula is not defined at 0")
    if asset_class != "corporate" and not (maturity_years is None and sales_million_eur is None):
        raise ValueError("maturity_years and sales_million_eur are for asset_class corporate")
    correlation = irb_correlation(p, asset_class=asset_class, sales_million_eur=sales_million_eur)
    capital = scaling * severity * (asrf_value_at_risk(LEVEL, p, correlation) - p)
    if maturity_years is not None:
        slope = (0.11852 - 0.05478 * np.log(p)) ** 2
        capital = capital * (1.0 + (np.asarray(maturity_years, float) - 2.5) * slope) / (1.0 - 1.5 * slope)
    capital = np.maximum(capital, 0.0)
    return IrbCapital(*np.broadcast_arrays(correlation, capital, 12.5 * capital))


def irb_correlation(pd: ArrayLike, *, asset_class: AssetClass, sales_million_eur: ArrayLike | None = None) -> Array:
    """Asset correlation R of the asset class; see `irb_capital`."""
    p = fractions("pd", pd)
    if asset_class == "mortgage":
        return np.full_like(p, 0.15)
    if asset_class == "qualifying_revolving":
        return np.full_like(p, 0.04)
    if asset_class == "other_retail":
        return _between(p, low=0.03, high=0.16, speed=35.0)
    if asset_class != "corporate":
        raise ValueError(f"unknown asset class {asset_class!r}")
    correlation = _between(p, low=0.12, high=0.24, speed=50.0)
    if sales_million_eur is None:
        return correlation
    return correlation - 0.04 * (1.0 - (np.clip(sales_million_eur, 5.0, 50.0) - 5.0) / 45.0)


def _between(p: Array, *, low: float, high: float, speed: float) -> Array:
    """From `high` at PD 0 down to `low` at PD 1, exponentially."""
    share = np.expm1(-speed * p) / np.expm1(-speed)
    return low * share + high * (1.0 - share)
