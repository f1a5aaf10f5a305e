"""The example portfolio of CreditRisk+ in all its variants, printed in the manual.

Credit Suisse First Boston (1997), "CreditRisk+: A Credit Risk Management Framework", tables 8 to 12 and B3.4 to B3.7,
and the spreadsheet published with it. Amounts are printed without cents.
"""

import numpy as np
import pytest
from scipy.stats import nbinom, poisson

from rackrisk.models.exact import CreditRiskPlus, creditrisk_plus

# exposure, PD, sector of example 2 (US, Japan, Europe), weights of example 3 (specific, US, Japan, Europe), exposures
# of years 2 and 3, PDs of years 2 and 3, printed contribution to the 99 % quantile in example 1A
OBLIGORS = np.array(
    [
        (358475, 0.3, 0, 0.5, 0.3, 0.1, 0.1, 358475, 0, 0.199, 0.134, 228711),
        (1089819, 0.3, 1, 0.25, 0.25, 0.25, 0.25, 0, 0, 0.199, 0.134, 764758),
        (1799710, 0.1, 1, 0.25, 0.25, 0.2, 0.3, 0, 0, 0.101, 0.096, 426743),
        (1933116, 0.15, 0, 0.75, 0.05, 0.1, 0.1, 966558, 0, 0.131, 0.111, 716735),
        (2317327, 0.15, 2, 0.5, 0.1, 0.1, 0.3, 0, 0, 0.131, 0.111, 896874),
        (2410929, 0.15, 2, 0.5, 0.2, 0.1, 0.2, 0, 0, 0.131, 0.111, 910914),
        (2652184, 0.3, 0, 0.25, 0.1, 0.1, 0.55, 0, 0, 0.199, 0.134, 2163988),
        (2957685, 0.15, 1, 0.25, 0.25, 0.2, 0.3, 0, 0, 0.131, 0.111, 1199910),
        (3137989, 0.05, 2, 0.25, 0.25, 0.25, 0.25, 3137989, 3137989, 0.063, 0.07, 434047),
        (3204044, 0.05, 2, 0.75, 0.1, 0.05, 0.1, 3204044, 0, 0.063, 0.07, 437350),
        (4727724, 0.015, 0, 0.5, 0.1, 0.1, 0.3, 4727724, 4727724, 0.025, 0.035, 225356),
        (4830517, 0.05, 2, 0.5, 0.2, 0.1, 0.2, 0, 0, 0.063, 0.07, 756325),
        (4912097, 0.05, 2, 0.25, 0.25, 0.25, 0.25, 4912097, 0, 0.063, 0.07, 794754),
        (4928989, 0.3, 1, 0.25, 0.1, 0.1, 0.55, 0, 0, 0.199, 0.134, 4773594),
        (5042312, 0.1, 2, 0.25, 0.25, 0.3, 0.2, 0, 0, 0.101, 0.096, 1602530),
        (5320364, 0.075, 2, 0.75, 0.1, 0.05, 0.1, 0, 0, 0.086, 0.086, 1330448),
        (5435457, 0.05, 0, 0.5, 0.2, 0.1, 0.2, 2717728.5, 0, 0.063, 0.07, 892720),
        (5517586, 0.03, 0, 0.5, 0.1, 0.1, 0.3, 5517586, 5517586, 0.044, 0.053, 560564),
        (5764596, 0.075, 0, 0.25, 0.25, 0.2, 0.3, 2882298, 1441149, 0.086, 0.086, 1477654),
        (5847845, 0.03, 0, 0.25, 0.1, 0.1, 0.55, 5847845, 5847845, 0.044, 0.053, 593559),
        (6466533, 0.3, 0, 0.25, 0.25, 0.2, 0.3, 0, 0, 0.199, 0.134, 6850969),
        (6480322, 0.3, 2, 0.75, 0.1, 0.05, 0.1, 0, 0, 0.199, 0.134, 7110748),
        (7727651, 0.016, 1, 0.25, 0.25, 0.2, 0.3, 0, 0, 0.031, 0.042, 487938),
        (15410906, 0.1, 2, 0.5, 0.2, 0.1, 0.2, 0, 0, 0.101, 0.096, 9056197),
        (20238895, 0.075, 0, 0.75, 0.1, 0.1, 0.05, 0, 0, 0.086, 0.086, 10618120),
    ]
)
EXPOSURE, PD, SECTOR = OBLIGORS[:, 0], OBLIGORS[:, 1], OBLIGORS[:, 2].astype(int)
LEVELS = [0.5, 0.75, 0.95, 0.975, 0.99, 0.995, 0.9975, 0.999]
# expected loss, then the quantiles at these levels
PRINTED = {
    "1A": (14221863, [11089455, 20498062, 38908486, 46152128, 55311503, 62033181, 68612540, 77133478]),
    "1B": (11162856, [9191511, 16114274, 28823669, 33733871, 39946857, 44482660, 48915922, 54644673]),
    "1C": (17277632, [14004723, 24443572, 44412639, 52213223, 62100307, 69344616, 76431751, 85604997]),
    "2": (14221863, [11638427, 20130908, 36057338, 42221594, 49931502, 55540041, 60993272, 68017542]),
    "3": (14221863, [11879523, 20017506, 34771678, 40396985, 47368235, 52374307, 57208805, 63422062]),
}


def example(name: str) -> CreditRiskPlus:
    """One variant; the standard deviation of a PD is half of it in all of them."""
    if name == "1B":  # without the two largest
        return creditrisk_plus(EXPOSURE[:23], PD[:23], PD[:23] / 2)
    if name == "1C":  # three years: one virtual obligor for each year with exposure
        exposure, pd = np.r_[EXPOSURE, OBLIGORS[:, 7], OBLIGORS[:, 8]], np.r_[PD, OBLIGORS[:, 9], OBLIGORS[:, 10]]
        exposed = exposure > 0
        return creditrisk_plus(exposure[exposed], pd[exposed], pd[exposed] / 2)
    if name == "2":
        return creditrisk_plus(EXPOSURE, PD, PD / 2, np.eye(3)[SECTOR])
    if name == "3":
        return creditrisk_plus(EXPOSURE, PD, PD / 2, OBLIGORS[:, 3:7], specific_sectors=(0,))
    return creditrisk_plus(EXPOSURE, PD, PD / 2)


@pytest.mark.parametrize("name", PRINTED)
def test_printed_quantiles(name: str) -> None:
    result, (expected, quantiles) = example(name), PRINTED[name]
    assert result.expected_loss_usd == pytest.approx(expected, abs=0.51)
    assert result.distribution.mean() == pytest.approx(expected, abs=0.51)
    np.testing.assert_allclose([result.interpolated_quantile(level) for level in LEVELS], quantiles, atol=0.51)


def test_printed_standard_deviation_and_contributions() -> None:
    result = example("1A")
    assert result.distribution.standard_deviation() == pytest.approx(12668742, abs=0.51)
    contributions = result.risk_contributions(0.99)
    np.testing.assert_allclose(contributions, OBLIGORS[:, 11], atol=0.51)
    assert contributions.sum() == pytest.approx(result.interpolated_quantile(0.99))


def test_without_interpolation_the_quantile_is_a_lattice_point() -> None:
    law = example("1A").distribution
    assert law.value_at_risk(0.99) == 55454586  # 274 units of 202,389


@pytest.mark.parametrize("name", PRINTED)
def test_probabilities_are_probabilities(name: str) -> None:
    probabilities = example(name).distribution.probabilities
    assert probabilities.min() >= 0.0
    assert probabilities.sum() == pytest.approx(1.0, abs=2e-11)


def test_equal_exposures_are_negative_binomial() -> None:
    result = creditrisk_plus(np.full(50, 7.0), 0.02, 0.015, unit_usd=7.0)
    shape = (1.0 / 0.75) ** 2  # mean 1, deviation 0.75
    points = np.arange(len(result.distribution.probabilities))
    np.testing.assert_allclose(
        result.distribution.probabilities, nbinom.pmf(points, shape, shape / (shape + 1)), atol=1e-13
    )


def test_without_volatility_they_are_poisson() -> None:
    result = creditrisk_plus(np.full(50, 7.0), 0.02, 0.0, unit_usd=7.0)
    points = np.arange(len(result.distribution.probabilities))
    np.testing.assert_allclose(result.distribution.probabilities, poisson.pmf(points, 1.0), atol=1e-14)


def test_two_sectors_add_their_variances() -> None:
    """Var L = sum over sectors of the variance of a mixed compound Poisson (manual, A12)."""
    exposure, pd, weights = (
        np.array([1.0, 2.0, 3.0]),
        np.array([0.1, 0.2, 0.05]),
        np.array([[1, 0], [0.5, 0.5], [0, 1]]),
    )
    law = creditrisk_plus(exposure, pd, pd / 2, weights, unit_usd=1.0).distribution
    sector = weights.T @ (pd * exposure)
    expected = pd @ exposure**2 + 0.25 * sector @ sector
    assert law.standard_deviation() ** 2 == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("weights", [[[0.5, 0.4]], [[1.2, -0.2]], [[1.0], [1.0]]])
def test_weights_must_be_shares(weights: list[list[float]]) -> None:
    with pytest.raises(ValueError):
        creditrisk_plus([1.0], [0.1], [0.05], weights)


def test_obligors_without_exposure_are_refused() -> None:
    with pytest.raises(ValueError):
        creditrisk_plus([1.0, 0.0], [0.1, 0.1], [0.05, 0.05])
