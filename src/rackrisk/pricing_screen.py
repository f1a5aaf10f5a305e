"""What the summary of a run says about spreads and about where the tail comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .figures import NOTHING, MoneyUnit, basis_points, is_number, percent
from .screen import add_row, level_text, one_line, table_of

if TYPE_CHECKING:
    import polars as pl
    from rich.table import Table

    from ._run import Run

LEAST_PAID = 5
VERDICTS = {"pays": "pay", "falls short": "fall short", "open": "open"}
DIMENSIONS = {"segment": "segment", "obligor": "obligor", "offtaker": "offtaker", "generation": "GPU"}

Row = Mapping[str, Any]


def pricing_tables(run: Run, scopes: Sequence[str]) -> list[Table]:
    """The tables of this page; none where the run has no such results."""
    if not run.result.pricing.width:
        return []
    made = [spreads(run, scopes), least_paid(run), sources(run), costliest_defaults(run)]
    return [table for table in made if table.row_count]


def spreads(run: Run, scopes: Sequence[str]) -> Table:
    """Fair and quoted spreads of the segments' quoted facilities."""
    heads = ("loss", "±", "+ capital", "±", "= fair", "±", "quoted", f"less fair, {_coverage(run)} %")
    table = table_of("Spreads that would pay for the risk, and those quoted, bp a year", "segment", *heads)
    pricing = run.manifest["config"]["pricing"]
    level, hurdle = level_text(pricing["capital_level"]), percent(pricing["hurdle_annual"], 1)
    table.caption = f"quoted facilities; capital: contribution to ES {level} %, at {hurdle} % a year"
    rows = {row["name"]: row for row in run.result.pricing.filter(kind="quoted").iter_rows(named=True)}
    for scope in scopes:
        if row := rows.get(scope):
            add_row(table, scope, *_components(row), basis_points(row["quoted_spread_annual"]), _left(row))
    return table


def least_paid(run: Run) -> Table:
    """The facilities whose quoted spread is furthest below the fair one."""
    frame = run.result.pricing.filter(kind="facility")
    heads = ("loss", "capital", "fair", "±", "quoted", f"less fair, {_coverage(run)} %")
    table = table_of("Least paid for their risk, bp a year", "facility", "segment", *heads, names=2)
    counts = dict(frame["verdict"].drop_nulls().value_counts().iter_rows())
    said = [f"{counts[verdict]:,} {word}" for verdict, word in VERDICTS.items() if verdict in counts]
    table.caption = f"{', '.join(said)}; {frame['quoted_spread_annual'].null_count():,} without a quote"
    for row in frame.drop_nulls("rank").sort("rank").head(LEAST_PAID).iter_rows(named=True):
        loss, _, capital, _, fair, error = _components(row)
        figures = (loss, capital, fair, error, basis_points(row["quoted_spread_annual"]), _left(row))
        add_row(table, row["name"], one_line(row["segment"]), *figures)
    return table


def sources(run: Run) -> Table:
    """The largest part of the ES in every dimension, and how many equal parts would be as concentrated."""
    level = run.manifest["config"]["pricing"]["capital_level"]
    measured = run.result.contributions.drop_nulls("share")
    tail = measured.filter(measure="ES", level=level).filter(~_unnamed())
    heads = ("largest in the tail", "of balance", "of EL", "of ES", "±", "equal parts")
    table = table_of(f"Where the ES {level_text(level)} % comes from, %", "by", *heads, names=2)
    concentration = run.result.concentration.filter(measure="ES", level=level)
    parts = dict(concentration.select("dimension", "effective_members").iter_rows())
    for dimension, word in DIMENSIONS.items():
        for row in tail.filter(dimension=dimension).sort("share", descending=True).head(1).iter_rows(named=True):
            shares = [_share(measured, dimension, row["name"], measure) for measure in ("exposure", "EL")]
            shares += [percent(row["share"], 1), percent(row["share_std_error"], 1)]
            count = parts.get(dimension)
            add_row(table, word, one_line(row["name"]), *shares, f"{count:.1f}" if is_number(count) else NOTHING)
    return table


def _unnamed() -> pl.Expr:
    """What has no offtaker."""
    import polars as pl

    return pl.col("name") == "(none)"


def costliest_defaults(run: Run) -> Table:
    """What the defaults of the names with most debt at risk cost the book."""
    frame = run.result.offtaker_defaults.drop_nulls("cost_usd")
    rows = frame.head(LEAST_PAID).to_dicts()
    debt = MoneyUnit(row["debt_usd"] for row in rows)
    cost = MoneyUnit((row["cost_usd"] for row in rows), (row["cost_std_error_usd"] for row in rows))
    heads = (f"behind debt of\n{debt.name}", "PD\n%", "\n±", f"costs the book\n{cost.name}", "\n±", "scenarios")
    table = table_of("What a default of the names with most debt at risk costs", "name", *heads)
    table.caption = "in scenarios where it defaults, against the same with it alive; none with fewer than ten"
    for row in rows:
        pd = (percent(row["pd"]), percent(row["pd_std_error"]))
        figures = (debt(row["debt_usd"]), *pd, cost(row["cost_usd"]), cost(row["cost_std_error_usd"]))
        add_row(table, row["name"], *figures, f"{row['n_replayed']:,}")
    return table


def pricing_answers(run: Run) -> dict[str, Any]:
    """Results for the JSON document: spreads of scopes and facilities, the tail's sources, what defaults cost."""
    result = run.result
    if not result.pricing.width:
        return {}
    shared = result.contributions.filter(result.contributions["dimension"] != "facility")
    return {
        "pricing": result.pricing.to_dicts(),
        "contributions": shared.to_dicts(),
        "concentration": result.concentration.to_dicts(),
        "offtaker_defaults": result.offtaker_defaults.to_dicts(),
    }


def _components(row: Row) -> list[str]:
    """Loss, capital and fair spread, each with its error."""
    names = ("loss_spread", "capital_charge", "fair_spread")
    return [text for name in names for text in (basis_points(row[f"{name}_annual"]), _error(row[f"{name}_std_error"]))]


def _error(spread: float | None) -> str:
    """A standard error in basis points; a bound where it is positive and would read as zero."""
    return "<1" if is_number(spread) and 0.0 < spread < 0.5e-4 else basis_points(spread)


def _left(row: Row) -> str:
    low, high = (basis_points(row[f"mispricing_ci_{end}"]) for end in ("low", "high"))
    return basis_points(row["mispricing_annual"]) if NOTHING in {low, high} else f"{low} to {high}"


def _share(contributions: pl.DataFrame, dimension: str, name: str, measure: str) -> str:
    found = contributions.filter(dimension=dimension, name=name, measure=measure)["share"]
    return percent(found[0], 1) if len(found) else NOTHING


def _coverage(run: Run) -> str:
    return level_text(run.manifest["config"]["measures"]["confidence"])
