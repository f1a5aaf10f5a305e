"""Tables of a copula simulation from its exact sums."""

import math

import numpy as np
import polars as pl

from rackrisk.kernels.copula.arrays import LGD_BITS, SQUARE_BITS, Tally
from rackrisk.models.measures import proportion
from rackrisk.models.results import PORTFOLIO_SCOPE, SEGMENT_LOSS_PREFIX

from ._config import CopulaConfig
from ._expected import expected_losses
from ._pool import BuiltPool, pd_columns


def losses(built: BuiltPool, tally: Tally) -> pl.DataFrame:
    """One row a scenario; see `CopulaResult`."""
    count = tally.loss.shape[0]
    columns = {
        "scenario": np.arange(count, dtype=np.uint32),
        "loss": tally.loss.sum(axis=1) * built.quantum_usd,
        "weight": np.ones(count),
    }
    by_segment = {
        f"{SEGMENT_LOSS_PREFIX}{name}": tally.loss[:, place] * built.quantum_usd
        for place, name in enumerate(built.segments)
    }
    return pl.DataFrame(columns | by_segment)


def exposures(names: pl.DataFrame, built: BuiltPool) -> dict[str, float]:
    """Exposure by scope, USD."""
    return {scope: math.fsum(part["ead"]) for scope, part in _scopes(names, built)}


def _scopes(names: pl.DataFrame, built: BuiltPool) -> list[tuple[str, pl.DataFrame]]:
    """Names of the portfolio, and of each segment."""
    parts = names.partition_by("segment", as_dict=True)
    return [(PORTFOLIO_SCOPE, names), *((segment, parts[(segment,)]) for segment in built.segments)]


def by_name(names: pl.DataFrame, built: BuiltPool, config: CopulaConfig, tally: Tally) -> pl.DataFrame:
    """One row a name; see `CopulaResult`."""
    scenarios = tally.loss.shape[0]
    rate = proportion(_in_rows(built, tally.name_defaults), scenarios)
    el, error = _expected_loss_of_names(built, config, tally)
    return names.select("obligor_id", "segment", "ead", "lgd", pl.col(pd_columns(config)[-1]).alias("pd")).with_columns(
        pd_simulated=pl.Series(rate.value),
        pd_std_error=pl.Series(rate.std_error),
        el_usd=pl.Series(el),
        el_std_error_usd=pl.Series(error),
        expected_usd=expected_losses(names, config),
    )


def _expected_loss_of_names(built: BuiltPool, config: CopulaConfig, tally: Tally) -> tuple[np.ndarray, np.ndarray]:
    """Mean loss of each name and its standard error, USD."""
    scenarios = tally.loss.shape[0]
    at_stake = _in_rows(built, built.pool.names.quanta) * built.quantum_usd
    if config.lgd.kind == "fixed":
        rate = proportion(_in_rows(built, tally.name_defaults), scenarios)
        return at_stake * rate.value, at_stake * rate.std_error
    mean = _in_rows(built, tally.name_lgd) * 2.0**-LGD_BITS / scenarios
    square = _in_rows(built, tally.name_lgd_squares) * 4.0**-SQUARE_BITS / scenarios
    return at_stake * mean, at_stake * np.sqrt(np.maximum(square - mean * mean, 0) / scenarios)


def pd_term(names: pl.DataFrame, built: BuiltPool, config: CopulaConfig, tally: Tally) -> pl.DataFrame:
    """Cumulative default rates by count; the scenario is the unit of sampling, so the error knows of dependence."""
    scenarios = tally.loss.shape[0]
    rows, scopes = [], _scopes(names, built)
    for year, column in enumerate(pd_columns(config)):
        for place, (scope, part) in enumerate(scopes):
            pds = part[column]
            count, squares = int(tally.defaults[year, place]), int(tally.default_squares[year, place])
            spread = (scenarios * squares - count * count) / (scenarios * scenarios)  # exact integers until here
            error = (spread / (scenarios - 1)) ** 0.5 / len(pds) if scenarios > 1 else None
            rows.append((year + 1, scope, count / (scenarios * len(pds)), error, _mean(pds)))
    schema = {"year": pl.Int32, "scope": pl.String, "pd": pl.Float64, "std_error": pl.Float64, "expected": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _mean(values: pl.Series) -> float:
    """The same for any order of the names."""
    return math.fsum(values) / len(values)


def _in_rows(built: BuiltPool, values: np.ndarray) -> np.ndarray:
    """From the pool's order of names to the frame's."""
    found = np.empty_like(values)
    found[built.order] = values
    return found
