"""Fair against quoted spreads as a table."""

from __future__ import annotations

import numpy as np
import polars as pl

from ._book import PricedBook
from ._fair import Array, FairSpreads
from ._scopes import QUOTED, PricedScope

FACILITY = "facility"
PAYS, SHORT, OPEN = "pays", "falls short", "open"


def pricing_table(
    book: PricedBook, own: FairSpreads, scopes: list[PricedScope], of_scopes: FairSpreads, *, confidence: float
) -> pl.DataFrame:
    """Every facility, and every scope as a whole and as far as it is quoted; spreads and their errors are per year.

    Returns:
        `kind` (facility; all or quoted for a scope), `name, obligor_id, segment, offtaker, balance_usd,
        pv_balance_usd_years, el_usd, capital_usd, capital_std_error_usd, loss_spread_annual, loss_spread_std_error,
        capital_charge_annual, capital_charge_std_error, fair_spread_annual, fair_spread_std_error, fair_spread_ci_low,
        fair_spread_ci_high, quoted_spread_annual, mispricing_annual` (quoted less fair), `mispricing_ci_low,
        mispricing_ci_high, verdict` (pays, falls short, or open where the interval holds 0), `rank` (of the facilities
        with a quote, 1 is the one that is paid least for its risk). Null where there is no quote or no error.
    """
    tape = book.built.facilities
    quoted = tape["quoted_spread_annual"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    labels = tape.select(name="facility_id", obligor_id="obligor_id", segment="segment", offtaker="offtaker")
    labels = labels.with_columns(kind=pl.lit(FACILITY))
    facilities = _frame(labels, np.eye(1), book, own, quoted=quoted, confidence=confidence)
    inside = np.array([scope.facilities for scope in scopes], dtype=np.float64)
    names = pl.DataFrame({"name": [scope.name for scope in scopes], "kind": [scope.kind for scope in scopes]})
    groups = _frame(
        names, inside, book, of_scopes, quoted=_mean_quotes(scopes, inside, quoted, book), confidence=confidence
    )
    table = pl.concat([groups, facilities], how="diagonal_relaxed")
    return table.select(_COLUMNS).with_columns(
        rank=pl.when(kind=FACILITY).then(pl.col("mispricing_annual").rank("ordinal").over("kind")).cast(pl.Int64)
    )


_COLUMNS = (
    "kind",
    "name",
    "obligor_id",
    "segment",
    "offtaker",
    "balance_usd",
    "pv_balance_usd_years",
    "el_usd",
    "capital_usd",
    "capital_std_error_usd",
    "loss_spread_annual",
    "loss_spread_std_error",
    "capital_charge_annual",
    "capital_charge_std_error",
    "fair_spread_annual",
    "fair_spread_std_error",
    "fair_spread_ci_low",
    "fair_spread_ci_high",
    "quoted_spread_annual",
    "mispricing_annual",
    "mispricing_ci_low",
    "mispricing_ci_high",
    "verdict",
)


def _mean_quotes(scopes: list[PricedScope], inside: Array, quoted: Array, book: PricedBook) -> Array:
    """Quoted spreads of the scopes' quoted parts, weighted by PV of balance; NaN for whole scopes."""
    pv = inside * book.pv_balance_usd_years
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (pv * np.nan_to_num(quoted)).sum(axis=1) / pv.sum(axis=1)
    return np.where([scope.kind == QUOTED for scope in scopes], mean, np.nan)


def _frame(
    labels: pl.DataFrame, inside: Array, book: PricedBook, fair: FairSpreads, *, quoted: Array, confidence: float
) -> pl.DataFrame:
    """Rows of facilities ([1, 1] for `inside`) or of scopes ([Q, F])."""

    def total(amounts: Array) -> Array:
        return amounts if inside.size == 1 and len(fair.loss) == len(amounts) else (inside * amounts).sum(axis=1)

    low, high = fair.interval(confidence)
    columns = {
        "balance_usd": total(book.balance_usd),
        "pv_balance_usd_years": total(book.pv_balance_usd_years),
        "el_usd": total(book.mean_loss_usd),
        "capital_usd": fair.capital_usd,
        "capital_std_error_usd": fair.capital_error_usd,
        "loss_spread_annual": fair.loss,
        "loss_spread_std_error": fair.loss_error,
        "capital_charge_annual": fair.charge,
        "capital_charge_std_error": fair.charge_error,
        "fair_spread_annual": fair.fair,
        "fair_spread_std_error": fair.error,
        "fair_spread_ci_low": low,
        "fair_spread_ci_high": high,
        "quoted_spread_annual": quoted,
        "mispricing_annual": quoted - fair.fair,
        "mispricing_ci_low": quoted - high,
        "mispricing_ci_high": quoted - low,
    }
    frame = labels.with_columns(
        **{name: pl.Series(values, dtype=pl.Float64).fill_nan(None) for name, values in columns.items()}
    )
    below, above = pl.col("mispricing_ci_high") < 0, pl.col("mispricing_ci_low") > 0
    return frame.with_columns(
        verdict=pl.when(above)
        .then(pl.lit(PAYS))
        .when(below)
        .then(pl.lit(SHORT))
        .when(pl.col("mispricing_ci_low").is_not_null())
        .then(pl.lit(OPEN))
    )
