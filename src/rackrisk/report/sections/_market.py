"""The simulated world: fans of rents, bitcoin, hashprice and every other channel that the run wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from .._facts import Facts, column
from .._format import general, number
from .._model import Column, Figure, Key, Panel, Section, Table, number_table
from .._months import chosen, thinned, words
from .._text import label, plain
from ..charts import LARGE, SMALL, Fan, draw_fan, fan_keys, fan_scale, is_logarithmic

QUANTILES = ("p05", "p25", "p50", "p75", "p95")

#: Pictures with the same unit share an axis when their highest values differ by no more than this factor.
SHARED_AXIS = 2.5


@dataclass(frozen=True, kw_only=True)
class Group:
    """Channels shown together: by prefix or by exact name."""

    slug: str
    title: str
    about: str
    prefixes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def holds(self, channel: str) -> bool:
        """Whether a channel belongs here."""
        return channel in self.names or channel.startswith(self.prefixes or ("\0",))


GROUPS = (
    Group(slug="rents", title="GPU rents by generation", about="Posted rent.", prefixes=("rent_",)),
    Group(slug="resale", title="GPU resale values by generation", about="Before any price impact of forced sales.",
          prefixes=("gpu_",)),
    Group(slug="miners", title="Mining machines", about="Before any price impact of forced sales.",
          prefixes=("asic_",)),
    Group(slug="sites", title="Sites, power and interest", about="", names=("lease", "power", "site", "short_rate")),
)  # fmt: skip

#: Channels with a large picture of their own.
LARGE_CHANNELS = {"btc": "Bitcoin", "hashprice": "Hashprice"}

NAMES = {
    "lease": "Data-centre lease",
    "power": "Power price",
    "site": "Powered site",
    "short_rate": "Short rate",
    **LARGE_CHANNELS,
}


def market_section(facts: Facts) -> Section | None:
    """All fans; nothing where the run wrote none."""
    frame = facts.run.table("fans")
    if frame is None:
        return None
    channels = list(dict.fromkeys(str(c) for c in frame["channel"].to_list()))
    grouped = [(g, [c for c in channels if g.holds(c)]) for g in GROUPS]
    taken = {c for _, members in grouped for c in members} | set(LARGE_CHANNELS)
    rest = Group(slug="other-channels", title="Other channels", about="")
    grouped.append((rest, [c for c in channels if c not in taken]))
    large = [_large_figure(frame, c) for c in LARGE_CHANNELS if c in channels]
    small = [_grid_figure(frame, group, members) for group, members in grouped if members]
    count = frame["n_scenarios"].max()
    paths = f" {number(count, 0)} paths." if isinstance(count, int) else ""
    return Section(
        slug="market",
        title="The simulated market",
        lead=f"What the loans had to live through.{paths} A quantile is taken month by month: "
        "no single path follows its line.",
        blocks=[*small[:1], *large, *small[1:]],
    )


def channel_name(channel: str) -> str:
    """`rent_h100` reads `H100`, `btc` reads `Bitcoin`."""
    if channel in NAMES:
        return NAMES[channel]
    for prefix in ("rent_", "gpu_", "asic_"):
        if channel.startswith(prefix):
            return plain(channel.removeprefix(prefix)).upper()
    return label(channel)


def _large_figure(frame: pl.DataFrame, channel: str) -> Figure:
    fan, unit = _fan(frame, channel)
    title = f"{channel_name(channel)}, {unit}"
    log = " The vertical axis is logarithmic." if is_logarithmic([fan]) else ""
    drawings = [draw_fan(fan, size, fan_scale([fan], size)) for size in LARGE]
    return Figure(
        slug=fan.slug,
        title=title,
        caption=f"Bands hold 90\u00a0% and 50\u00a0% of the paths in each month.{log}",
        panels=[Panel(title=title, drawings=drawings)],
        legend=_keys(),
        tables=[_table(frame, channel)],
    )


def _grid_figure(frame: pl.DataFrame, group: Group, channels: Sequence[str]) -> Figure:
    fans = {c: _fan(frame, c) for c in channels}
    units = list(dict.fromkeys(unit for _, unit in fans.values()))
    shared = len(units) == 1 and _alike([fan for fan, _ in fans.values()])
    panels = []
    for channel, (fan, unit) in fans.items():
        peers = [f for f, _ in fans.values()] if shared else [fan]
        panels.append(
            Panel(
                title=channel_name(channel),
                unit="" if len(units) == 1 else unit,
                drawings=[draw_fan(fan, size, fan_scale(peers, size)) for size in SMALL],
            )
        )
    return Figure(
        slug=group.slug,
        title=f"{group.title}, {units[0]}" if len(units) == 1 else group.title,
        caption=_grid_caption(group, [fan for fan, _ in fans.values()], shared=shared),
        panels=panels,
        legend=_keys(),
        tables=[_table(frame, c) for c in channels],
        kind="grid",
    )


def _grid_caption(group: Group, fans: Sequence[Fan], *, shared: bool) -> str:
    axis = "All pictures have the same scale." if shared else "Each picture has its own scale."
    log = [fans] if shared else [[fan] for fan in fans]
    words = " Scales in powers of ten are logarithmic." if any(is_logarithmic(f) for f in log) else ""
    one = axis if len(fans) > 1 else ""
    return f"{group.about} Horizontal axis: months from the as-of date. {one}{words}".strip()


def _alike(fans: Sequence[Fan]) -> bool:
    tops = [max(numbers) for fan in fans if (numbers := fan.numbers())]
    return bool(tops) and min(tops) > 0.0 and max(tops) <= SHARED_AXIS * min(tops)


def _rows(frame: pl.DataFrame, channel: str) -> pl.DataFrame:
    """One channel by month; a rate per year, a decimal in the table, is shown in percent."""
    rows = frame.filter(pl.col("channel") == channel).sort("month")
    if rows["unit"][0] != "per year":
        return rows
    return rows.with_columns(pl.lit("% a year").alias("unit"), *(pl.col(name) * 100.0 for name in ("mean", *QUANTILES)))


def _fan(frame: pl.DataFrame, channel: str) -> tuple[Fan, str]:
    rows = thinned(_rows(frame, channel))
    unit = plain(rows["unit"][0])
    place = frame["channel"].unique(maintain_order=True).to_list().index(channel)
    fan = Fan(
        slug=f"fan-{place}",
        title=f"{channel_name(channel)}, {unit}",
        description=f"Fan of {channel_name(channel)} by month: 90 % and 50 % bands, median and mean.",
        months=rows["month"].to_list(),
        mean=column(rows, "mean"),
        quantiles={name: column(rows, name) for name in QUANTILES},
    )
    return fan, unit


def _table(frame: pl.DataFrame, channel: str) -> Table:
    rows = _rows(frame, channel)
    shown = chosen(rows["month"].to_list(), step=6)
    rows = rows.filter(pl.col("month").is_in([0, *shown]))
    unit = plain(rows["unit"][0])
    names = ("mean", *QUANTILES)
    style = general(v for name in names for v in column(rows, name))
    columns: list[Sequence[float | str | None]] = [[str(m) for m in rows["month"].to_list()]]
    columns += [column(rows, name) for name in names]
    heads = [Column(head="Month", numeric=False), Column(head="Mean")]
    heads += [Column(head=word) for word in ("5\u00a0%", "25\u00a0%", "Median", "75\u00a0%", "95\u00a0%")]
    caption = f"{channel_name(channel)}, {unit}, {words(shown)}"
    return number_table(caption, heads, columns, [None, *[style] * len(names)])


def _keys() -> list[Key]:
    return [Key(swatch=drawing, text=words) for drawing, words in fan_keys()]
