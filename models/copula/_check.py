"""What only names and configuration together can get wrong."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from rackrisk.data import Problem

from ._config import CopulaConfig
from ._factors import LOADING_PREFIX, factor_matrix, independent_loadings, loadings
from ._pool import lgd_sd, pd_columns

NORM_TOLERANCE = 1e-9  # of squared norms of loadings that were written with few digits; as the reader of tapes


def check_names(names: pl.DataFrame, config: CopulaConfig, *, file: str = "names") -> list[Problem]:
    """Everything that is wrong between a canonical frame of names and the configuration; nothing is repaired.

    Args:
        names: columns `obligor_id, segment, ead, lgd, pd_1y ...` and maybe `loading_<factor>`, `lgd_sd`.
        file: shown as the place of the problems.
    """
    if names.is_empty():
        return [Problem(file, None, "", "", "there must be at least one name")]
    missing = [column for column in pd_columns(config) if column not in names.columns]
    if missing:
        rule = f"horizon_years is {config.horizon_years}, so there must be cumulative default probabilities up to it"
        return [Problem(file, None, column, "", rule) for column in missing]
    return [*_dependence(names, config, file), *_lgd(names, config, file)]


def _dependence(names: pl.DataFrame, config: CopulaConfig, file: str) -> Iterator[Problem]:
    columns = sorted(name for name in names.columns if name.startswith(LOADING_PREFIX))
    given = config.asset_correlation
    if columns and given is not None:
        rule = "the tape has loadings, so copula.asset_correlation must be null: both would say how names depend"
        yield Problem(file, None, columns[0], str(given), rule)
        return
    if not columns and given is None:
        rule = f"set copula.asset_correlation, or give the tape {LOADING_PREFIX}<factor> columns: how do names depend?"
        yield Problem(file, None, "", "", rule)
        return
    try:
        _, correlation = factor_matrix(names, config)
    except ValueError as error:
        yield Problem(file, None, "", "", str(error))
        return
    norms = (independent_loadings(loadings(names, config), correlation) ** 2).sum(axis=1)
    rule = "the loadings explain more than the whole variance: w'Rw must not be above 1"
    for row in np.flatnonzero(norms > 1 + NORM_TOLERANCE):
        yield Problem(file, int(row) + 1, ", ".join(columns), f"{norms[row]:.9g}", rule)


def _lgd(names: pl.DataFrame, config: CopulaConfig, file: str) -> Iterator[Problem]:
    if config.lgd.kind == "fixed":
        return
    if "lgd_sd" not in names.columns and config.lgd.sd is None:
        rule = f"lgd.kind={config.lgd.kind} needs a standard deviation: lgd.sd, or a column lgd_sd in the tape"
        yield Problem(file, None, "lgd_sd", "", rule)
        return
    lgd, sd = names["lgd"].to_numpy(), lgd_sd(names, config)
    column = "lgd_sd" if "lgd_sd" in names.columns else "lgd"
    for row in np.flatnonzero((sd > 0) & (sd * sd >= lgd * (1 - lgd))):
        rule = f"no beta distribution with mean {lgd[row]:.9g} has this standard deviation: sd^2 < lgd (1 - lgd)"
        yield Problem(file, int(row) + 1, column, f"{sd[row]:.9g}", rule)
