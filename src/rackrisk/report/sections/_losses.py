"""The loss distribution: histogram and exceedance curve with the measures marked in both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from .._facts import PORTFOLIO, Facts
from .._format import Style, amount_text, is_number, level_text, money, number, percent
from .._model import Column, Figure, Key, Panel, Section, Table, number_table
from ..charts import (
    LARGE,
    Exceedance,
    Flag,
    Histogram,
    LossPlot,
    Tail,
    draw_exceedance,
    draw_histogram,
    element,
    exceedance,
    histogram,
    line,
    marker,
    swatch,
)


def losses_section(facts: Facts) -> Section:
    """Both pictures, or a sentence where no scenario lost anything."""
    kind = "Discounted losses" if facts.run.model == "structural" else "Losses"
    return Section(
        slug="losses",
        title="Loss distribution",
        lead=f"{kind} of the whole book, one per scenario. The first picture shows what is "
        "usual, the second, on a logarithmic axis, how likely the rare large losses are.",
        blocks=_figures(facts),
    )


def _figures(facts: Facts) -> list[Figure]:
    losses = facts.run.losses["loss"].to_numpy()
    weights = facts.run.losses["weight"].to_numpy()
    known = np.isfinite(losses) & np.isfinite(weights) & (weights > 0.0)
    losses, weights = np.maximum(losses[known], 0.0), weights[known]
    if not losses.size or losses.max() <= 0.0:
        reason = "No scenario lost money." if losses.size else "No losses were written."
        return [Figure(slug="loss-histogram", title="Losses", caption="", empty=reason)]
    style = money([float(losses.max())])
    scaled = losses / style.scale
    return [
        _histogram_figure(facts, histogram(scaled, weights), style),
        _exceedance_figure(facts, exceedance(scaled, weights, z=facts.z), style),
    ]


def _flag(facts: Facts, style: Style, measure: str, level: float | None = None) -> Flag | None:
    estimate = facts.measure(measure, level=level)
    if estimate.value is None:
        return None
    name = f"{measure} {level_text(level)}".strip()
    low, high = (None if v is None else v / style.scale for v in (estimate.low, estimate.high))
    return Flag(value=estimate.value / style.scale, text=name, low=low, high=high, kind=measure.lower())


def _flags(facts: Facts, style: Style) -> list[Flag]:
    wanted = [_flag(facts, style, "EL")]
    for level in facts.levels:
        wanted += [_flag(facts, style, "VaR", level), _flag(facts, style, "ES", level)]
    return sorted((flag for flag in wanted if flag is not None), key=lambda flag: flag.value)


def _tails(facts: Facts, style: Style) -> list[Tail]:
    return [
        Tail(flag=flag, share=1.0 - level, above=measure == "ES")
        for level in facts.levels
        for measure in ("VaR", "ES")
        if (flag := _flag(facts, style, measure, level)) is not None and level < 1.0
    ]


def _histogram_figure(facts: Facts, bars: Histogram, style: Style) -> Figure:
    title = "How often each loss occurs"
    width = bars.edges[1] - bars.edges[0]
    about = f"Histogram of {number(facts.n_scenarios, 0)} losses in bins of {amount_text(style.unit, f'{width:g}')}."
    plot = LossPlot(slug="loss-histogram", title=title, description=about, axis=f"loss, {style.unit}")
    flags = _flags(facts, style)
    return Figure(
        slug=plot.slug,
        title=title,
        caption=f"Share of scenarios in bins of {amount_text(style.unit, f'{width:g}')}. Shaded strips are the "
        f"{level_text(facts.confidence)} intervals of the measures.",
        panels=[Panel(title=title, drawings=[draw_histogram(plot, bars, flags, size) for size in LARGE])],
        tables=[_histogram_table(bars, style)],
    )


def _histogram_table(bars: Histogram, style: Style) -> Table:
    edge = money([e * style.scale for e in bars.edges], digits=4)
    amounts = [e * style.scale for e in bars.edges]
    heads = [Column(head="From", unit=edge.unit), Column(head="To", unit=edge.unit), Column(head="Scenarios", unit="%")]
    columns: list[Sequence[float]] = [amounts[:-1], amounts[1:], bars.shares]
    return number_table("Share of scenarios by loss", heads, columns, [edge, edge, percent(bars.shares)])


def _exceedance_figure(facts: Facts, tail: Exceedance, style: Style) -> Figure:
    title = "How likely a larger loss is"
    about = "Probability that the loss reaches a size, from all scenarios down to the single worst, logarithmic axis."
    plot = LossPlot(slug="loss-exceedance", title=title, description=about, axis=f"loss, {style.unit}")
    marks, mean = _tails(facts, style), _flag(facts, style, "EL")
    rings = _exact_tails(facts, style)
    drawings = [draw_exceedance(plot, tail, marks, size, mean=mean, rings=rings) for size in LARGE]
    shading = f", shaded its pointwise {level_text(facts.confidence)} interval" if tail.low else ""
    return Figure(
        slug=plot.slug,
        title=title,
        caption=f"Share of scenarios that lose at least the amount below{shading}. VaR lies on the curve; "
        "ES, the mean loss beyond it, is drawn at the same probability.",
        panels=[Panel(title=title, drawings=drawings)],
        legend=[*_legend(), *_ring_key(rings)],
        tables=[_exceedance_table(tail, style)],
    )


def _exact_tails(facts: Facts, style: Style) -> list[tuple[float, float]]:
    """VaR and ES that were computed without simulation, with their probabilities; none in most runs."""
    frame = facts.run.table("exact")
    rows = [] if frame is None else frame.filter(pl.col("scope") == PORTFOLIO, pl.col("level") < 1.0).to_dicts()
    return [(row["value"] / style.scale, 1.0 - row["level"]) for row in rows if is_number(row["value"])]


def _ring_key(rings: Sequence[tuple[float, float]]) -> list[Key]:
    ring = swatch(element("circle", cx=13, cy=6, r=5, class_="ring"))
    return [Key(swatch=ring, text="the same without simulation")] if rings else []


def _legend() -> list[Key]:
    return [
        Key(swatch=swatch(line((1, 6), (25, 6), class_="curve loss")), text="share of scenarios"),
        Key(swatch=swatch(element("rect", x=1, y=1, width=24, height=10, class_="band loss")), text="its interval"),
        Key(
            swatch=swatch(line((3, 6), (23, 6), class_="whisker var"), marker(0, 13, 6, class_="mark var")), text="VaR"
        ),
        Key(swatch=swatch(line((3, 6), (23, 6), class_="whisker es"), marker(3, 13, 6, class_="mark es")), text="ES"),
    ]


def _exceedance_table(tail: Exceedance, style: Style) -> Table:
    chosen = sorted({round(i * (len(tail.losses) - 1) / 39) for i in range(40)})
    amounts = [tail.losses[i] * style.scale for i in chosen]
    shares = [tail.shares[i] for i in chosen]
    loss, share = money(amounts, digits=4), Style(scale=0.01, decimals=4, unit="%")
    heads = [Column(head="Loss of at least", unit=loss.unit), Column(head="Scenarios", unit="%")]
    columns: list[Sequence[float | None]] = [amounts, shares]
    styles = [loss, share]
    for head, bound in (("Interval from", tail.low), ("to", tail.high)):
        if bound is not None:
            heads.append(Column(head=head, unit="%"))
            columns.append([bound[i] for i in chosen])
            styles.append(share)
    return number_table("Probability of a larger loss", heads, columns, styles)
