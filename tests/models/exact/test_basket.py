"""Spreads of Hull and White (2004), Journal of Derivatives 12 (2), 8-23, tables 3 and 7."""

from typing import Any

import numpy as np
import pytest

from rackrisk.models.exact import EqualNames, cdo_tranche_spread, nth_to_default_spread

TERMS: dict[str, Any] = {"hazard_annual": 0.01, "recovery": 0.4, "rate_annual": 0.05, "maturity_years": 5.0}
NTH = {
    0.0: [603, 98, 12, 1, 0, 0, 0, 0, 0, 0],
    0.3: [440, 139, 53, 21, 8, 3, 1, 0, 0, 0],
    0.6: [293, 137, 79, 49, 31, 19, 12, 7, 3, 1],
}
TRANCHES = [(0.0, 0.03), (0.03, 0.06), (0.06, 0.10), (0.10, 1.0)]
CDO = {0.1: [2279, 450, 89, 1], 0.3: [1487, 472, 203, 7]}


@pytest.mark.parametrize("rho", NTH)
def test_nth_to_default(rho: float) -> None:
    """The paper's figures are whole basis points of a coarser quadrature: within 1.5 % or 1 bp."""
    basket = EqualNames(count=10, correlation=rho, **TERMS)
    spreads = [1e4 * nth_to_default_spread(basket, rank) for rank in range(1, 11)]
    np.testing.assert_allclose(spreads, NTH[rho], rtol=0.015, atol=1.0)


@pytest.mark.parametrize("rho", CDO)
def test_cdo_tranches(rho: float) -> None:
    basket = EqualNames(count=100, correlation=rho, **TERMS)
    spreads = [1e4 * cdo_tranche_spread(basket, *tranche) for tranche in TRANCHES]
    np.testing.assert_allclose(spreads, CDO[rho], rtol=0.025, atol=1.0)


def test_protection_on_every_rank_is_worth_the_names_own_protection() -> None:
    """Losses of all ranks add up to those of the names, whatever the correlation."""
    total = 0.0
    for rho in (0.0, 0.5):
        basket = EqualNames(count=4, correlation=rho, **TERMS)
        values = []
        for rank in range(1, 5):
            spread = nth_to_default_spread(basket, rank)
            values.append(spread * _annuity(basket, rank))
        total = sum(values) if rho == 0.0 else total
        assert sum(values) == pytest.approx(total, rel=1e-9)


def _annuity(basket: EqualNames, rank: int) -> float:
    """Value of a premium of 1 a year until the rank-th default."""
    from rackrisk.models.exact import homogeneous_distribution

    dates = np.arange(21) / 4
    left = np.array(
        [
            homogeneous_distribution(basket.count, 1 - np.exp(-0.01 * t), basket.correlation).probabilities[:rank].sum()
            for t in dates
        ]
    )
    paid, middle = np.exp(-0.05 * dates[1:]), np.exp(-0.05 * (dates[1:] + dates[:-1]) / 2)
    return float(0.25 * paid @ left[1:] + 0.125 * middle @ (left[:-1] - left[1:]))


def test_correlation_moves_risk_from_the_first_to_the_last() -> None:
    spreads = [
        [nth_to_default_spread(EqualNames(count=5, correlation=rho, **TERMS), rank) for rho in (0.0, 0.3, 0.6)]
        for rank in (1, 5)
    ]
    assert np.diff(spreads[0]).max() < 0 < np.diff(spreads[1]).min()


def test_t_dependence_fattens_the_senior_tranche() -> None:
    gaussian, t = (EqualNames(count=50, correlation=0.2, dof=dof, **TERMS) for dof in (None, 4.0))
    assert cdo_tranche_spread(t, 0.3, 1.0) > 2 * cdo_tranche_spread(gaussian, 0.3, 1.0)


def test_bad_arguments_are_refused() -> None:
    basket = EqualNames(count=3, correlation=0.2, **TERMS)
    with pytest.raises(ValueError):
        nth_to_default_spread(basket, 4)
    with pytest.raises(ValueError):
        cdo_tranche_spread(basket, 0.3, 0.3)
    with pytest.raises(ValueError):
        EqualNames(count=3, correlation=0.2, **dict(TERMS, recovery=1.2))
