"""Tables of beta distributions."""

import numpy as np
import pytest
from scipy import stats

from rackrisk.kernels.copula.arrays import LGD_BITS, MAX_CELLS
from rackrisk.models.copula import _lgd
from rackrisk.models.copula._lgd import beta_shape, cell_means, lgd_tables, lost_variance

SHAPES = [
    (0.45, 0.2),
    (0.5, 0.28867513),
    (0.9, 0.25),
    (0.1, 0.29),
    (0.5, 0.499),
    (0.001, 0.0005),
    (0.999, 0.03),
    (0.3, 1e-4),
]


@pytest.mark.parametrize(("lgd", "sd"), SHAPES)
@pytest.mark.parametrize("cells", [16, 256])
def test_cells_have_the_mean_of_the_law_and_lie_between_its_quantiles(lgd: float, sd: float, cells: int):
    (means,) = cell_means(np.array([lgd]), np.array([sd]), cells)
    assert abs(means.mean() - lgd) < 1e-12
    edges = stats.beta(*beta_shape(np.array(lgd), np.array(sd))).ppf(np.arange(cells + 1) / cells)
    assert (means >= edges[:-1] - 1e-9).all()
    assert (means <= edges[1:] + 1e-9).all()


@pytest.mark.parametrize(
    ("lgd", "sd", "least"), [(0.5, 12**-0.5, 1.4e-5), (0.45, 0.2, 0), (0.9, 0.25, 0), (0.3, 1e-4, 0)]
)
def test_little_variance_is_lost_inside_cells(lgd: float, sd: float, least: float):
    """A uniform law in 256 cells loses exactly 256^-2 of it."""
    (row,), _ = lgd_tables(np.array([lgd]), np.array([sd]))
    assert least < lost_variance(row, lgd, sd) < 2e-3
    if least:
        assert lost_variance(row, lgd, sd) == pytest.approx(256.0**-2, rel=1e-3)


def test_equal_names_share_a_row_and_no_spread_is_a_constant():
    table, row = lgd_tables(np.array([0.4, 0.4, 0.4, 1.0]), np.array([0.1, 0.0, 0.1, 0.0]))
    assert table.shape == (3, MAX_CELLS)
    assert table.dtype == np.int32
    assert row.tolist() == [1, 0, 1, 2]
    assert set(table[0]) == {round(0.4 * 2**LGD_BITS)}
    assert set(table[2]) == {2**LGD_BITS}


def test_very_many_distributions_share_the_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_lgd, "MAX_TABLE", 1024)
    for distinct, cells in ((1, 256), (4, 256), (5, 128), (40, 16), (1000, 16)):
        table, _ = lgd_tables(np.linspace(0.2, 0.8, distinct), np.full(distinct, 0.1))
        assert table.shape == (distinct, cells)
