"""Measures by segment: the table a committee reads, and two pictures: expected loss, and whether spreads pay for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from .._facts import PORTFOLIO, ROWS, TABLE_SEGMENTS, Estimate, Facts, column, scope_name, total, weighted_mean
from .._format import Style, basis_points, fine_money, level_text, number, percent
from .._model import Cell, Column, Figure, Section, Table, name_cell, number_table, value_cell
from ..charts import Dot, Row, RowPlot, Span, row_scale
from ._lgd import segment_lgd
from ._row_figure import row_figure
from ._spread_key import spread_legend

NO_DEFAULT, NO_QUOTE = "no obligor of it defaulted in any scenario", "no quoted spread on the tape"


@dataclass(frozen=True, kw_only=True)
class Line:
    """The figures of one scope."""

    scope: str
    facilities: int | None
    exposure: float | None
    pd: Estimate
    lgd: Estimate
    loss: Estimate
    share: Estimate
    var: Estimate
    shortfall: Estimate
    quoted: float | None
    fair: float | None


def segments_section(facts: Facts) -> Section | None:
    """Table and pictures; nothing where the run has no segments."""
    if not facts.segments:
        return None
    lines = [_line(facts, s) for s in [PORTFOLIO, *facts.segments[:TABLE_SEGMENTS]]]
    figures = [_loss_figure(facts, lines[: ROWS + 1])]
    if facts.run.table("pricing") is None:  # has fair spreads, which say more
        figures.append(_spread_figure(facts, lines[: ROWS + 1]))
    return Section(
        slug="segments",
        title="Losses by segment",
        lead="Each segment on its own. Expected losses add up to the book’s; VaR and ES do not, because "
        "segments do not have their worst scenarios together.",
        blocks=[_table(facts, lines), *(figure for figure in figures if figure is not None)],
    )


def _line(facts: Facts, scope: str) -> Line:
    level = facts.levels[0] if facts.levels else None
    rows, loss, exposure = facts.of_scope(scope), facts.measure("EL", scope=scope), facts.exposure.get(scope)
    var, shortfall = (
        Estimate() if level is None else facts.measure(name, level=level, scope=scope) for name in ("VaR", "ES")
    )
    quoted, fair = _spreads(rows)
    return Line(
        scope=scope,
        facilities=None if rows is None else rows.height,
        exposure=exposure,
        pd=last_pd(facts, scope),
        lgd=segment_lgd(facts, scope),
        loss=loss,
        share=loss.scaled(1.0 / exposure) if exposure else Estimate(),
        var=var,
        shortfall=shortfall,
        quoted=quoted,
        fair=fair,
    )


def last_pd(facts: Facts, scope: str) -> Estimate:
    """Share of the obligors of a scope in default by the horizon, with its error where it has one."""
    rows = facts.scope_rows("pd_term", scope)
    if rows is None:
        return Estimate()
    return Estimate(value=column(rows, "pd_count")[-1], std_error=column(rows, "pd_count_std_error")[-1])


def _spreads(rows: pl.DataFrame | None) -> tuple[float | None, float | None]:
    """Quoted spread and expected loss of the facilities with a quote, per year of their balance (PV-weighted)."""
    if rows is None:
        return None, None
    priced = rows.filter(pl.col("quoted_spread_annual").is_finite(), pl.col("pv_balance_usd") > 0.0)
    weight = total(priced["pv_balance_usd"])
    if weight <= 0.0:
        return None, None
    quoted = weighted_mean(priced, "quoted_spread_annual", "pv_balance_usd")
    return quoted, total(priced["el_usd"]) / weight


def _table(facts: Facts, lines: Sequence[Line]) -> Table:
    styles = _styles(lines)
    level = level_text(facts.levels[0]) if facts.levels else ""
    amount, loss = styles["amount"].unit, styles["loss"].unit
    heads = [
        Column(head="Segment", numeric=False), Column(head="Exposure", unit=amount), Column(head="EL", unit=loss),
        Column(head="EL", unit="% of exp."), Column(head="PD", unit="%"), Column(head="LGD", unit="%"),
        Column(head=f"VaR {level}".strip(), unit=loss), Column(head=f"ES {level}".strip(), unit=loss),
        Column(head="Quoted", unit="bp"), Column(head="EL spread", unit="bp"), Column(head="Facilities"),
    ]  # fmt: skip
    return Table(
        caption="Measures by segment",
        columns=heads,
        rows=[_cells(entry, styles) for entry in lines],
        kind="main",
        notes=_notes(facts),
    )


def _notes(facts: Facts) -> list[str]:
    notes = [
        "± is one standard error. PD: share of obligors in default by the horizon. LGD: discounted loss over "
        "discounted exposure at default. Quoted and EL spread: facilities with a quote only, weighted by "
        "the present value of their balance; the EL spread covers expected loss and nothing else."
    ]
    if len(facts.segments) > TABLE_SEGMENTS:
        notes.append(f"The largest {TABLE_SEGMENTS} of {len(facts.segments)} segments; all are in measures.parquet.")
    return notes


def _styles(lines: Sequence[Line]) -> dict[str, Style]:
    return {
        "amount": fine_money(entry.exposure for entry in lines),
        "pd": percent(entry.pd.value for entry in lines),
        "lgd": percent(entry.lgd.value for entry in lines),
        "loss": fine_money(e.value for entry in lines for e in (entry.loss, entry.var, entry.shortfall)),
        "share": Style(scale=0.01, decimals=2, unit="%"),
        "bp": basis_points(v for entry in lines for v in (entry.quoted, entry.fair)),
    }


def _cells(entry: Line, styles: dict[str, Style]) -> list[Cell]:
    return [
        name_cell(entry.scope, text=scope_name(entry.scope)),
        value_cell(entry.exposure, styles["amount"]),
        _estimate_cell(entry.loss, styles["loss"]),
        _estimate_cell(entry.share, styles["share"]),
        _estimate_cell(entry.pd, styles["pd"]),
        _estimate_cell(entry.lgd, styles["lgd"], reason=NO_DEFAULT),
        _estimate_cell(entry.var, styles["loss"]),
        _estimate_cell(entry.shortfall, styles["loss"]),
        value_cell(entry.quoted, styles["bp"], reason=NO_QUOTE),
        value_cell(entry.fair, styles["bp"], reason=NO_QUOTE),
        Cell(text="—" if entry.facilities is None else number(entry.facilities, 0)),
    ]


def _estimate_cell(estimate: Estimate, style: Style, *, reason: str = "not computed") -> Cell:
    return value_cell(estimate.value, style, error=estimate.std_error, reason=reason)


def _loss_figure(facts: Facts, lines: Sequence[Line]) -> Figure | None:
    shares = {entry.scope: entry.share.scaled(100.0) for entry in lines if entry.share.value is not None}
    if not shares:
        return None
    style = percent(0.01 * (e.value or 0.0) for e in shares.values())
    rows = [
        Row(
            name=scope_name(scope),
            number=style.with_error(0.01 * (e.value or 0.0), None if e.std_error is None else 0.01 * e.std_error),
            marks=[Dot(value=e.value or 0.0, low=e.low, high=e.high, kind=_kind(scope))],
        )
        for scope, e in shares.items()
    ]
    title, coverage = "Expected loss, share of exposure", level_text(facts.confidence)
    plot = RowPlot(
        slug="segment-el",
        title=title,
        description=f"Dots with {coverage} intervals for the book and its segments, percent of exposure.",
        rows=rows,
        scale=row_scale(v for e in shares.values() for v in (e.value, e.high) if v is not None),
        axis="% of exposure",
    )
    caption = f"Whiskers are {coverage} intervals; where none is seen it is narrower than the dot."
    return row_figure(facts, plot, caption, table=_loss_table(lines))


def _loss_table(lines: Sequence[Line]) -> Table:
    style = Style(scale=0.01, decimals=3, unit="%")
    heads = [Column(head="Segment", numeric=False), Column(head="EL", unit="%"), Column(head="±", unit="%")]
    heads += [Column(head="Interval from", unit="%"), Column(head="to", unit="%")]
    shares = [entry.share for entry in lines]
    columns: list[Sequence[float | str | None]] = [[scope_name(entry.scope) for entry in lines]]
    columns += [[e.value for e in shares], [e.std_error for e in shares]]
    columns += [[e.low for e in shares], [e.high for e in shares]]
    return number_table("Expected loss as a share of exposure", heads, columns, [None, *[style] * 4])


def _spread_figure(facts: Facts, lines: Sequence[Line]) -> Figure | None:
    pairs = {e.scope: (1e4 * e.quoted, 1e4 * e.fair) for e in lines if e.quoted is not None and e.fair is not None}
    if not pairs:
        return None
    title = "Quoted spread and EL spread"
    style = basis_points([1.0])
    rows = [
        Row(
            name=scope_name(scope),
            number=style.with_unit(1e-4 * (quoted - cost)),
            marks=[
                Span(start=min(quoted, cost), end=max(quoted, cost), kind="link"),
                Dot(value=cost, kind="s1", shape=3),
                Dot(value=quoted, shape=1),
            ],
        )
        for scope, (quoted, cost) in pairs.items()
    ]
    plot = RowPlot(
        slug="segment-spreads",
        title=title,
        description="Two points for the book and each segment, in basis points a year, joined by a line.",
        rows=rows,
        scale=row_scale(v for pair in pairs.values() for v in pair),
        axis="bp a year",
    )
    caption = "What facilities with a quote are paid, and what their expected loss costs. The number is the gap."
    return row_figure(facts, plot, caption, table=_spread_table(lines), legend=spread_legend())


def _spread_table(lines: Sequence[Line]) -> Table:
    style = basis_points([1.0])
    heads = [Column(head="Segment", numeric=False), Column(head="Quoted", unit="bp")]
    heads += [Column(head="EL spread", unit="bp"), Column(head="Gap", unit="bp")]
    gaps = [None if e.quoted is None or e.fair is None else e.quoted - e.fair for e in lines]
    columns: list[Sequence[float | str | None]] = [[scope_name(e.scope) for e in lines]]
    columns += [[e.quoted for e in lines], [e.fair for e in lines], gaps]
    return number_table("Quoted and EL spread by segment", heads, columns, [None, style, style, style])


def _kind(scope: str) -> str:
    return "whole" if scope == PORTFOLIO else "s0"
