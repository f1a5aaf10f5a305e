"""Basel II risk weights: the formula's figures on a grid and the table that the Committee published."""

import numpy as np
import pytest

from rackrisk.models.exact import irb_capital, irb_correlation

PD = np.array([0.0003, 0.001, 0.005, 0.01, 0.02, 0.05, 0.10, 0.20])
# Risk weights in percent at these PDs, recomputed from the formulas of Basel II (June 2006), paragraphs 272 to 330,
# without the factor 1.06; corporate at maturity 2.5 years. Annex 5 prints the corporate and mortgage rows to two
# decimals; at PD 2, 5 and 15 % it has 114.86, 149.86 and 221.54 where the formula gives 114.854, 149.854 and 221.533.
GRID = {
    ("corporate", 0.45): [14.4436, 29.6540, 69.6117, 92.3168, 114.8542, 149.8544, 193.0869, 238.2316],
    ("small firm", 0.45): [11.2991, 23.2974, 54.9109, 72.3947, 88.5456, 112.2644, 146.5129, 188.4158],
    ("mortgage", 0.45): [4.1492, 10.6896, 35.0792, 56.3989, 87.9350, 148.2221, 204.4105, 253.1188],
    ("mortgage", 0.25): [2.3051, 5.9387, 19.4885, 31.3327, 48.8528, 82.3456, 113.5614, 140.6216],
    ("other_retail", 0.45): [4.4511, 11.1629, 32.3612, 45.7727, 57.9864, 66.4152, 75.5428, 100.2774],
    ("other_retail", 0.85): [8.4076, 21.0855, 61.1267, 86.4596, 109.5299, 125.4509, 142.6920, 189.4128],
    ("qualifying_revolving", 0.45): [0.9799, 2.7086, 10.0406, 17.2242, 28.9229, 54.7446, 83.8933, 117.9850],
    ("qualifying_revolving", 0.85): [1.8510, 5.1162, 18.9656, 32.5345, 54.6322, 103.4065, 158.4651, 222.8606],
}


@pytest.mark.parametrize(("name", "lgd"), GRID)
def test_grid(name: str, lgd: float) -> None:
    if name == "small firm":
        capital = irb_capital(PD, lgd, asset_class="corporate", maturity_years=2.5, sales_million_eur=5.0)
    elif name == "corporate":
        capital = irb_capital(PD, lgd, asset_class="corporate", maturity_years=2.5)
    else:
        capital = irb_capital(PD, lgd, asset_class=name)  # type: ignore[arg-type]
    np.testing.assert_allclose(100 * capital.risk_weight, GRID[name, lgd], atol=5.1e-5)


def test_annex_5_prints_the_same() -> None:
    pd = np.array([0.0003, 0.0025, 0.01, 0.03, 0.10])
    printed = [14.44, 49.47, 92.32, 128.44, 193.09]  # Basel II (2006), Annex 5, corporate, LGD 45 %
    capital = irb_capital(pd, 0.45, asset_class="corporate", maturity_years=2.5)
    np.testing.assert_allclose(100 * capital.risk_weight, printed, atol=5.1e-3)


def test_correlations_between_their_bounds() -> None:
    ends = irb_correlation(np.array([1e-9, 1.0]), asset_class="corporate")
    np.testing.assert_allclose(ends, [0.24, 0.12], atol=1e-7)
    assert float(irb_correlation(0.01, asset_class="corporate")) == pytest.approx(0.19278368, abs=5.1e-9)
    assert float(irb_correlation(0.01, asset_class="other_retail")) == pytest.approx(0.12160945, abs=5.1e-9)
    sales = irb_correlation(0.01, asset_class="corporate", sales_million_eur=np.array([1.0, 5.0, 27.5, 50.0, 900.0]))
    np.testing.assert_allclose(0.19278368 - sales, [0.04, 0.04, 0.02, 0.0, 0.0], atol=1e-8)


def test_maturity_of_one_year_adjusts_nothing() -> None:
    without = irb_capital(PD, 0.45, asset_class="corporate").capital
    np.testing.assert_allclose(irb_capital(PD, 0.45, asset_class="corporate", maturity_years=1.0).capital, without)
    assert np.all(irb_capital(PD, 0.45, asset_class="corporate", maturity_years=5.0).capital > without)


def test_scaling_scales_capital_and_risk_weight() -> None:
    one, scaled = (irb_capital(0.01, 0.45, asset_class="mortgage", scaling=s) for s in (1.0, 1.06))
    assert float(scaled.capital / one.capital) == pytest.approx(1.06)
    assert float(scaled.risk_weight) == pytest.approx(12.5 * float(scaled.capital))


def test_certain_default_needs_no_unexpected_loss() -> None:
    assert float(irb_capital(1.0, 0.45, asset_class="mortgage").capital) == 0.0


def test_misuse_is_refused() -> None:
    with pytest.raises(ValueError):
        irb_capital(0.0, 0.45, asset_class="corporate")
    with pytest.raises(ValueError):
        irb_capital(0.01, 0.45, asset_class="mortgage", maturity_years=2.5)
    with pytest.raises(ValueError):
        irb_capital(0.01, 0.45, asset_class="sovereign")  # type: ignore[arg-type]
