"""Merton's debt against integrals over the asset value, parity and limits."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from rackrisk.models.exact import merton_debt

# V, D, drift, volatility, years: PD at the due date, recomputed independently of this package
FIGURES = [
    (100, 70, 0.05, 0.20, 1, 0.0265950),
    (100, 70, 0.05, 0.20, 5, 0.1286156),
    (100, 70, 0.05, 0.20, 10, 0.1495665),
    (100, 80, 0.03, 0.15, 1, 0.0534131),
    (100, 60, 0.06, 0.30, 5, 0.1912505),
    (100, 90, 0.02, 0.10, 1, 0.1143711),
]


@pytest.mark.parametrize(("v", "d", "mu", "sigma", "years", "pd"), FIGURES)
def test_figures_and_integrals(*, v: float, d: float, mu: float, sigma: float, years: float, pd: float) -> None:
    debt = merton_debt(v, d, drift_annual=mu, volatility_annual=sigma, years=years)
    assert float(debt.pd) == pytest.approx(pd, abs=5.1e-8)
    cut = (math.log(d / v) - (mu - 0.5 * sigma**2) * years) / (sigma * math.sqrt(years))

    def loss(z: float) -> float:
        value = v * math.exp((mu - 0.5 * sigma**2) * years + sigma * math.sqrt(years) * z)
        return (d - value) * math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)

    assert float(debt.expected_loss_usd) == pytest.approx(quad(loss, -12, cut, epsabs=1e-13)[0], rel=1e-9)


def test_put_call_parity() -> None:
    """Debt D exp(-rT) - put is what the asset is worth less the call of its owners (Black and Scholes 1973)."""
    from scipy.special import ndtr

    v, d, r, sigma, t = 100.0, 90.0, 0.04, 0.25, 2.0
    d1 = (math.log(v / d) + (r + 0.5 * sigma**2) * t) / (sigma * math.sqrt(t))
    call = v * ndtr(d1) - d * math.exp(-r * t) * ndtr(d1 - sigma * math.sqrt(t))
    put = float(merton_debt(v, d, drift_annual=r, volatility_annual=sigma, years=t).put_usd)
    assert d * math.exp(-r * t) - put == pytest.approx(v - call, rel=1e-12)


def test_more_volatility_costs_more() -> None:
    loss = merton_debt(100.0, 80.0, drift_annual=0.03, volatility_annual=np.array([0.1, 0.2, 0.4]), years=1.0)
    assert np.diff(loss.expected_loss_usd).min() > 0
    assert np.all((loss.loss_given_default > 0) & (loss.loss_given_default < 1))


@pytest.mark.parametrize("bad", [{"value_usd": 0.0}, {"debt_usd": -1.0}, {"volatility_annual": 0.0}, {"years": 0.0}])
def test_bad_arguments_are_refused(bad: dict[str, float]) -> None:
    good = {"value_usd": 1.0, "debt_usd": 1.0, "drift_annual": 0.0, "volatility_annual": 0.2, "years": 1.0}
    with pytest.raises(ValueError):
        merton_debt(**(good | bad))
