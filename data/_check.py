"""Raw columns to a checked tape: every broken rule becomes a `Problem`, and one cause is named once.

A cell that cannot be read, or breaks a rule of its own, is named for that alone: rules that compare it with other
cells stay silent, so that one wrong cell gives one problem.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice

import dataframely as dy
import polars as pl

from ._cast import cast_column, has_known_year
from ._columns import MAX_TOTAL_USD, CrossRule
from ._files import RawTape
from ._problems import Problem, TapeProblems, printable
from ._wording import meta, rule_words

MAX_LISTED = 1_000_000
# NaN and infinity also break bounds; these rules speak first.
_FIRST_WORDS = ("nullability", "nan", "inf")


@dataclass(frozen=True, slots=True)
class Form:
    """What a kind of tape is checked against.

    Args:
        schema: Its columns, with `row` among them.
        rules: The rules between columns, by name. The schema may leave some out; they are then checked only where
            something else is wrong as well, so it must have a rule of its own that fails with them.
        total: The column of amounts whose sum is bounded.
        families: Names that a prefix may be followed by, for columns with that prefix.
        also: Columns that this kind of tape may have and this tape has not, for suggestions.
        mistaken_for: Columns that show another kind of tape, and what to do with one.
    """

    schema: type[dy.Schema]
    rules: Mapping[str, CrossRule]
    total: str
    families: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    also: Sequence[str] = ()
    mistaken_for: tuple[frozenset[str], str] = (frozenset(), "")


def checked(raw: RawTape, form: Form, *, found: Sequence[Problem] = ()) -> pl.DataFrame:
    """The tape in `raw` with all columns of the schema, defaults filled, in file order.

    Args:
        raw: The cells.
        form: What they are checked against.
        found: What is already known to be wrong.

    Raises:
        TapeProblems: with everything that is wrong with it, file-level problems first, then by row and column.
    """
    if not raw.frame.width and raw.problems:
        raise TapeProblems(raw.problems)
    problems = [*raw.problems, *found, *_column_problems(raw, form)]
    frame, cast_problems = _typed(raw, form.schema)
    problems += cast_problems
    if frame.is_empty() and not problems:
        problems.append(Problem(raw.file, None, "", "", "must have at least one row below the column names"))
    frame, rule_problems = _by_the_rules(raw, frame, form, problems)
    problems += rule_problems
    if problems:
        raise TapeProblems(_in_order(problems, form.schema.column_names()))
    return frame


# ---- Columns ----


def is_required(column: dy.Column) -> bool:
    """Whether a tape must have the column: it may not be empty and has no default."""
    return not column.nullable and meta(column)["default"] is None


def _column_problems(raw: RawTape, form: Form) -> list[Problem]:
    known = form.schema.columns()
    unknown = [name for name in raw.frame.columns if name not in known]
    missing = [
        name
        for name, column in known.items()
        if name != "row" and is_required(column) and name not in raw.frame.columns
    ]
    marks, advice = form.mistaken_for
    other_kind = bool(marks) and marks <= set(unknown)
    return [
        *([Problem(raw.file, None, "", "", advice)] if other_kind else []),
        *(Problem(raw.file, None, name, "", "is a required column and is missing") for name in missing),
        *(Problem(raw.file, None, printable(name), "", _unknown(name, list(known), form)) for name in unknown),
    ]


def _unknown(name: str, known: list[str], form: Form) -> str:
    for prefix, names in form.families.items():
        if name.startswith(prefix):
            return f"is not a known column; known are {', '.join(prefix + known_name for known_name in names)}"
    near = get_close_matches(name.strip().lower().replace(" ", "_"), [*known, *form.also], n=1)
    return "is not a known column" + (f"; did you mean {near[0]}?" if near else "")


def _typed(raw: RawTape, schema: type[dy.Schema]) -> tuple[pl.DataFrame, list[Problem]]:
    """All columns of the schema in its types, defaults filled, and the cells and columns that do not fit."""
    height = raw.frame.height
    columns: list[pl.Series] = []
    problems: list[Problem] = []
    for name, column in schema.columns().items():
        if name == "row":
            columns.append(pl.int_range(1, height + 1, dtype=pl.Int64, eager=True).alias(name))
            continue
        if name in raw.frame.columns:
            values, found = _cast_named(raw, name, column)
            problems += found
        else:
            values = pl.repeat(None, height, dtype=column.dtype, eager=True)
        default = meta(column)["default"]
        columns.append((values if default is None else values.fill_null(default)).alias(name))
    return pl.DataFrame(columns), problems


def _cast_named(raw: RawTape, name: str, column: dy.Column) -> tuple[pl.Series, list[Problem]]:
    cells = raw.frame[name]
    done = cast_column(cells, column.dtype, from_text=raw.from_text)
    if done.column_rule:
        return done.values, [Problem(raw.file, None, name, "", done.column_rule)]
    bad = done.bad.arg_true()
    problems = [
        Problem(raw.file, place + 1, name, value, done.rule)
        for place, value in zip(bad, _shown(cells.gather(bad)), strict=True)
    ]
    return done.values, problems


# ---- Rules ----


@dataclass(frozen=True, slots=True)
class _Named:
    """What is already named: whole columns, whole rows, and rows by column."""

    columns: frozenset[str]
    rows: frozenset[int]
    cells: dict[str, set[int]]

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> _Named:
        columns: set[str] = set()
        rows: set[int] = set()
        cells: dict[str, set[int]] = defaultdict(set)
        for problem in problems:
            if problem.row is None:
                columns.add(problem.column)
            elif problem.column:
                cells[problem.column].add(problem.row)
            else:
                rows.add(problem.row)
        return cls(frozenset(columns), frozenset(rows), cells)

    def silences(self, rule: _Rule) -> bool:
        return not self.columns.isdisjoint((rule.column, *rule.reads))

    def left(self, rows: Iterable[int], rule: _Rule) -> list[int]:
        """The rows in which no cell that the rule reads is named."""
        named = self.rows.union(*(self.cells.get(name, ()) for name in (rule.column, *rule.reads)))
        return [row for row in rows if row not in named]


@dataclass(frozen=True, slots=True)
class _Rule:
    key: str
    column: str
    reads: tuple[str, ...]
    says: str
    group: str | None = None


def _by_the_rules(
    raw: RawTape, frame: pl.DataFrame, form: Form, problems: list[Problem]
) -> tuple[pl.DataFrame, list[Problem]]:
    """The frame as the schema gives it, and the cells that break its rules; `problems` are known before."""
    good, failure = form.schema.filter(frame)
    if not len(failure) and not problems:
        return good, _total_problems(raw, frame, form.total)
    rules = form.rules
    own = _cell_rules(form.schema, rules)
    verdicts = failure.details().with_columns(pl.col(rule.key) != "invalid" for rule in own)
    found = _broken(raw, frame, verdicts, own, problems)
    between = [
        _Rule(key, rule.column, rule.reads, rule.says, rule.group)
        for key, rule in rules.items()
        if rule.reads or rule.group
    ]
    mended = _mended(frame, between, _Named.of([*problems, *found]))
    verdicts = mended.select("row", *(rules[rule.key].holds().fill_null(True).alias(rule.key) for rule in between))
    found += _broken(raw, mended, verdicts, between, [*problems, *found])
    if not any(problem.column == form.total for problem in (*problems, *found)):
        found += _total_problems(raw, frame, form.total)
    return frame, found


def _cell_rules(schema: type[dy.Schema], rules: Mapping[str, CrossRule]) -> list[_Rule]:
    """Rules that read one cell: those of the columns, and those between columns that turn out to read one only."""
    columns = schema.columns()
    own = [
        _Rule(f"{name}|{key}", name, (), rule_words(column, key))
        for name, column in columns.items()
        for key in sorted(column.validation_rules(pl.col(name)), key=_FIRST_WORDS.__contains__, reverse=True)
        if name != "row"
    ]
    return own + [
        _Rule(key, rule.column, (), rule.says) for key, rule in rules.items() if not rule.reads and not rule.group
    ]


def _mended(frame: pl.DataFrame, rules: Sequence[_Rule], named: _Named) -> pl.DataFrame:
    """The frame in which a named cell repeats its group's first good one, so that it accuses no other row."""
    for rule in rules:
        bad = named.cells.get(rule.column)
        if bad and rule.group in rule.reads:
            is_bad = pl.col("row").is_in(list(bad))
            first_good = pl.col(rule.column).filter(~is_bad).first().over(rule.group)
            frame = frame.with_columns(pl.when(is_bad).then(first_good).otherwise(rule.column).alias(rule.column))
    return frame


def _broken(
    raw: RawTape, frame: pl.DataFrame, verdicts: pl.DataFrame, rules: Sequence[_Rule], before: Sequence[Problem]
) -> list[Problem]:
    """A problem for each cell that breaks one of `rules`; the first rule that a cell breaks speaks for it.

    `verdicts` has the columns `row` and, for each rule, its key: whether the rule holds there.
    """
    problems: list[Problem] = []
    named = _Named.of(before)
    spoken: dict[str, set[int]] = defaultdict(set)
    for rule in rules:
        if named.silences(rule):
            continue
        rows = verdicts.filter(~pl.col(rule.key))["row"].to_list()
        fresh = [row for row in named.left(rows, rule) if row not in spoken[rule.column]]
        spoken[rule.column].update(fresh)
        problems += _worded(raw, frame, rule, fresh)
    return problems


def _worded(raw: RawTape, frame: pl.DataFrame, rule: _Rule, rows: list[int]) -> list[Problem]:
    if not rows:
        return []
    source = raw.frame if rule.column in raw.frame.columns else frame
    values = _shown(source[rule.column].gather([row - 1 for row in rows]))
    said = _against_first(frame, rule, rows) if rule.group else [rule.says] * len(rows)
    return [
        Problem(raw.file, row, rule.column, value, says) for row, value, says in zip(rows, values, said, strict=True)
    ]


def _against_first(frame: pl.DataFrame, rule: _Rule, rows: list[int]) -> list[str]:
    """The rule's words with the row that each of `rows` is compared with: the first one of its group."""
    members = frame.select("row", group=rule.group, value=rule.column)
    first = members.group_by("group").agg(pl.col("row", "value").sort_by("row").first())
    asked = members.select("group", at="row").filter(pl.col("at").is_in(rows))
    pairs = asked.join(first, on="group", how="left").sort("at")
    if rule.column == rule.group:
        return [f"{rule.says}; row {row} has it too" for row in pairs["row"]]
    values = [value or "nothing" for value in _shown(pairs["value"])]
    return [f"{rule.says}; row {row} says {value}" for row, value in zip(pairs["row"], values, strict=True)]


def _shown(cells: pl.Series) -> list[str]:
    if cells.dtype.is_temporal():
        cells = cells.set(~has_known_year(cells), None).cast(pl.String).fill_null(cells.to_physical().cast(pl.String))
    return [printable(cell) for cell in cells]


def _total_problems(raw: RawTape, frame: pl.DataFrame, column: str) -> list[Problem]:
    total = frame[column].sum()
    if total < MAX_TOTAL_USD:
        return []
    return [Problem(raw.file, None, column, f"{total:g}", "must add up to less than 1e15 USD")]


def _in_order(problems: list[Problem], names: list[str]) -> list[Problem]:
    places = {name: place for place, name in enumerate(names)}
    problems.sort(key=lambda problem: (problem.row or 0, places.get(problem.column, -1)))
    over = len(problems) - MAX_LISTED
    if over <= 0:
        return problems
    more = Problem(problems[0].file, None, "", "", f"has {over} more problems, which are not listed")
    return [*islice(problems, MAX_LISTED), more]
