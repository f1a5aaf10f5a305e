"""The parts of a page as values: figures, tables, legends. Sections make them, the template lays them out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from ._format import NOT_AVAILABLE, Style, is_number
from ._text import NAME_LIMIT, plain, shorten


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell: text, a second smaller text (mostly an error), a style class, a tooltip, the reason why it is empty."""

    text: str
    minor: str = ""
    kind: str = ""
    hint: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Column:
    """Head of a column; numbers stand right, names left."""

    head: str
    unit: str = ""
    numeric: bool = True


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with a caption; `groups` are heads that span several columns, as (text, number of columns)."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    kind: str = ""
    groups: Sequence[tuple[str, int]] = ()
    notes: Sequence[str] = ()

    @property
    def footnotes(self) -> list[str]:
        """Notes below the table: the given ones, then each reason for an empty cell, once."""
        reasons = dict.fromkeys(cell.reason for row in self.rows for cell in row if cell.reason)
        return [*self.notes, *(f"n/a: {reason}" for reason in reasons)]


@dataclass(frozen=True, kw_only=True)
class Key:
    """One entry of a legend: a small drawing and what it stands for."""

    swatch: Markup
    text: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture with its title and the same picture drawn for several widths, of which the page shows one."""

    title: str
    unit: str = ""
    drawings: Sequence[Markup] = ()


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One or more pictures under one title, with caption, legend and the numbers behind them.

    `empty` says why there is no picture; nothing is drawn then.
    """

    slug: str
    title: str
    caption: str
    panels: Sequence[Panel] = ()
    legend: Sequence[Key] = ()
    tables: Sequence[Table] = ()
    empty: str = ""
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page under a heading."""

    slug: str
    title: str
    lead: str
    blocks: Sequence[Figure | Table] = field(default=())


def name_cell(name: object, *, text: str | None = None) -> Cell:
    """A cell with a name from the outside: its beginning, the whole of it as a tooltip where something was cut."""
    full = plain(name)
    shown = full if text is None else text
    limited = shorten(shown, NAME_LIMIT)
    return Cell(text=limited, kind="name", hint=full if limited != full else "")


def value_cell(
    value: float | None, style: Style, *, error: float | None = None, reason: str = "not computed", kind: str = ""
) -> Cell:
    """A number in its column's style, its standard error below it; the reason where there is no number."""
    if not is_number(value):
        return Cell(text=NOT_AVAILABLE, kind="missing", hint=reason, reason=reason)
    minor = "" if error is None or not is_number(error) else f"± {style.error(error)}"
    return Cell(text=style(value), minor=minor, kind=kind)


def number_table(
    caption: str,
    heads: Sequence[Column],
    columns: Iterable[Sequence[float | str | None]],
    styles: Sequence[Style | None],
) -> Table:
    """A plain table from columns of values; a style of None stands for a column of text."""
    rows = [
        [
            Cell(text=plain(value)) if style is None else value_cell(value if is_number(value) else None, style)
            for value, style in zip(row, styles, strict=True)
        ]
        for row in zip(*columns, strict=True)
    ]
    return Table(caption=caption, columns=heads, rows=rows, kind="data")
