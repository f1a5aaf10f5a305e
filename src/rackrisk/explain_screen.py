"""What a person reads of a run's worst scenarios and of one scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from .explain_words import sentence
from .figures import NOTHING, MoneyUnit, is_number, money, percent, ratio
from .screen import add_row, one_line, portfolio_name, print_line, table_of

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console
    from rich.table import Table

    from ._explain import Explanation
    from .models.explain import ScenarioStory, WorstScenarios

TOP_LOSERS, TOP_OBLIGORS, TOP_HAPPENINGS = 3, 20, 4
Row = Mapping[str, Any]
CAVEAT = "a simulated world: it says nothing about the standing of anybody named"
_SHORT = {"payment": "payment", "margin": "margin", "refinancing": "refi"}


def print_explanation(found: Explanation, console: Console) -> None:
    """Prints whatever was asked for; fits 80 columns."""
    from .obligor_screen import print_obligor

    _headline(found, console)
    if found.obligor is not None:
        print_obligor(found, console)
    elif found.scenario is not None:
        print_scenario(found, console)
    elif found.worst is not None:
        print_worst(found, found.worst, console)
    for note in found.notes:
        print_line(console, f"note: {note}", "yellow")


# ---- the worst scenarios ----


def print_worst(found: Explanation, worst: WorstScenarios, console: Console) -> None:
    """Worst scenarios side by side, what happened in each, and who lost."""
    if worst.scenarios.is_empty():
        print_line(console, "no scenario of this run loses anything")
        return
    for table in (_scenarios(worst), _moves(worst), _impacts(worst)):
        console.print()
        console.print(table)
    for number in worst.scenarios["scenario"]:
        _print_happenings(number, worst.happenings.filter(scenario=number), console)
    console.print()
    console.print(_losers(worst))
    print_line(console, CAVEAT, "dim")
    first = worst.losers.row(0, named=True)
    console.print()
    _print_next(found, console, first["scenario"], first["obligor_id"])


def _scenarios(worst: WorstScenarios) -> Table:
    rows = worst.scenarios.to_dicts()
    unit = MoneyUnit(row["exposure_at_default_usd"] for row in rows)
    heads = (f"loss\n{unit.name}", "% of\nbook", "stress\nmonths", "from\nmonth", "in default\nobligors")
    table = table_of("Worst scenarios", "scenario", *heads, "payment", "margin", "refi", f"debt\n{unit.name}")
    for row in rows:
        causes = [str(row[f"defaults_{cause}"]) for cause in ("payment", "margin", "refinancing")]
        stress = [str(row["months_stress"]), _or_dash(row["first_stress_month"]), str(row["defaults"])]
        debt = unit(row["exposure_at_default_usd"])
        add_row(table, row["scenario"], unit(row["loss_usd"]), percent(row["loss_share"], 1), *stress, *causes, debt)
    return table


def _moves(worst: WorstScenarios) -> Table:
    """Change of rents, coin and the like, to their lowest month and to the horizon."""
    numbers = worst.scenarios["scenario"].to_list()
    prices = worst.moves.filter(kind="price")
    shown = [name for name in prices["channel"].unique(maintain_order=True) if _is_headline(name)]
    heads = [head for number in numbers for head in (f"{number}\nlow", "\nend")]
    table = table_of("Prices: change from today to the lowest month and to the end, %", "", *heads)
    for name in shown:
        rows = {row["scenario"]: row for row in prices.filter(channel=name).iter_rows(named=True)}
        pairs = [(_change(rows[number], "low"), _change(rows[number], "end")) for number in numbers]
        add_row(table, called(name), *(cell for pair in pairs for cell in pair))
    return table


def _impacts(worst: WorstScenarios) -> Table:
    """Discount of sales of defaulted collateral, at its worst."""
    numbers = worst.scenarios["scenario"].to_list()
    impact = worst.moves.filter(kind="impact")
    table = table_of("Sales of defaulted collateral push its price down by at most, %", "", *(str(n) for n in numbers))
    for name in impact["channel"].unique(maintain_order=True):
        rows = {row["scenario"]: row for row in impact.filter(channel=name).iter_rows(named=True)}
        add_row(table, called(name), *(percent(1 - rows[number]["low"], 0) for number in numbers))
    return table


def _print_happenings(number: int, happenings: pl.DataFrame, console: Console) -> None:
    """The counterparties that default, the most debt first, and the launches, on a few lines."""
    console.print()
    print_line(console, f"Scenario {number}", "bold")
    launches = happenings.filter(kind="launch")
    deaths = happenings.filter(kind="offtaker_default").sort("balance_usd", descending=True)
    guarantors = happenings.filter(kind="guarantor_default").sort("balance_usd", descending=True)
    shipped = [f"{row['name'].upper()} month {row['month']}" for row in launches.iter_rows(named=True)]
    print_line(console, f"new generations: {', '.join(shipped) or 'none'}")
    for what, frame in (("offtakers that default", deaths), ("guarantors that default", guarantors)):
        print_line(console, f"{what}: {_listed(frame)}")


def _listed(deaths: pl.DataFrame) -> str:
    """Names with month and the debt that depends on them."""
    rows = deaths.head(TOP_HAPPENINGS).iter_rows(named=True)
    named = [f"{row['name']} (month {row['month']}, {money(row['balance_usd'])})" for row in rows]
    more = deaths.height - len(named)
    return ", ".join(named) + (f" and {more} more" if more > 0 else "") if named else "none"


def _losers(worst: WorstScenarios) -> Table:
    shown = worst.losers.group_by("rank", maintain_order=True).head(TOP_LOSERS).sort("rank", maintain_order=True)
    return obligor_table("Who loses most", shown.to_dicts(), ("scenario",))


# ---- one scenario ----


def print_scenario(found: Explanation, console: Console) -> None:
    """The world of a scenario, its loss by scope with the check, and its obligors."""
    story = found.scenario
    assert story is not None
    print_world_line(story, console)
    console.print()
    console.print(checks_table(found, story))
    print_verdict(found, console)
    console.print()
    console.print(_world(story))
    console.print()
    console.print(_happened(story))
    lost = story.obligors.filter(story.obligors["default_month"].is_not_null())
    console.print()
    console.print(obligor_table("Obligors that default, by loss", lost.head(TOP_OBLIGORS).to_dicts()))
    if lost.height > TOP_OBLIGORS:
        print_line(console, f"{lost.height - TOP_OBLIGORS} more with --json")
    print_line(console, CAVEAT, "dim")
    if not lost.is_empty():
        console.print()
        _print_next(found, console, story.scenario, lost["obligor_id"][0])


def print_world_line(story: ScenarioStory, console: Console) -> None:
    """A scenario in one sentence."""
    world, book = story.world, story.scopes["exposure_usd"][0]
    stress = world.months_in("stress")
    from_month = f", from month {world.first_month_of('stress')} on" if stress else ""
    causes = ", ".join(f"{number} {cause}" for cause, number in story.causes.items() if number)
    loses = f"loses {money(story.loss_usd)} ({percent(ratio(story.loss_usd, book), 2)} % of the book), discounted"
    print_line(console, f"Scenario {story.scenario} {loses}", "bold")
    print_line(console, f"{stress} of {len(world.regimes)} months in stress{from_month}")
    print_line(console, f"{story.defaults} obligors default{f': {causes}' if causes else ''}")


def checks_table(found: Explanation, story: ScenarioStory) -> Table:
    """Replayed and recorded losses by scope, to the last quantum."""
    assert found.checks is not None
    rows = found.checks.to_dicts()
    exposure = dict(story.scopes.select("scope", "exposure_usd").iter_rows())
    unit = MoneyUnit(exposure.values())
    heads = (f"balance\n{unit.name}", "replayed loss\nUSD", "losses.parquet\nUSD", "difference\nquanta")
    table = table_of(f"Loss of the scenario, in quanta of USD {rows[0]['quantum_usd']:g}", "segment", *heads)
    for row in sorted(rows, key=lambda row: row["scope"] == "portfolio"):
        usd = [f"{row[name] * row['quantum_usd']:,.2f}" for name in ("replayed_quanta", "recorded_quanta")]
        difference = f"{row['replayed_quanta'] - row['recorded_quanta']:,}"
        add_row(table, row["scope"], unit(exposure[row["scope"]]), *usd, difference)
    return table


def print_verdict(found: Explanation, console: Console) -> None:
    """Whether the replay is the run."""
    if found.agrees:
        print_line(console, "the replay is the run's own scenario, to the last quantum", "green")
    else:
        said = "the replay is not the run to the last quantum: other versions, engine or device round otherwise"
        print_line(console, said, "bold red")


def _world(story: ScenarioStory) -> Table:
    """Every price with its lowest month and its end, and the worst discount of sales."""
    moves = story.world.moves
    impact = dict(moves.filter(kind="impact").select("channel", "low").iter_rows())
    heads = ("today", "lowest", "month", "end", "change\n%", "sales cut\nup to %")
    table = named_table("Prices of this world", ("", "unit"), *heads)
    for row in moves.filter(kind="price").iter_rows(named=True):
        unit, show = price_unit(row["unit"], [row["start"], row["high"]])
        prices = [show(row["start"]), show(row["low"]), str(row["low_month"]), show(row["end"])]
        cut = percent(1 - impact[row["channel"]], 0) if row["channel"] in impact else ""
        change = _change(row, "end") if row["channel"] != "short_rate" else ""
        table.add_row(one_line(called(row["channel"])), one_line(unit), *prices, change, cut)
    return table


def _happened(story: ScenarioStory) -> Table:
    """Turns of the market, launches and counterparties, month by month."""
    table = table_of("What happened", "month", "", names=2)
    table.columns[0].no_wrap = True
    table.columns[0].justify = "right"
    regimes = story.world.regimes
    turns = [
        {"month": t, "kind": "regime", "name": now}
        for t, (before, now) in enumerate(pairwise(regimes), start=2)
        if now != before
    ]
    first = {"month": 1, "kind": "regime", "name": regimes[0]}
    rows: Sequence[Row] = [first, *turns, *story.world.happenings.to_dicts()]
    for row in sorted(rows, key=lambda row: row["month"]):
        table.add_row(str(row["month"]), wrapped(sentence(row)))
    return table


# ---- shared ----


def obligor_table(title: str, rows: Sequence[Row], before: tuple[str, ...] = ()) -> Table:
    """Obligors with their default and loss."""
    unit = MoneyUnit(row["exposure_usd"] for row in rows)
    heads = ("month", "cause", f"debt\n{unit.name}", f"loss\n{unit.name}", "LGD\n%")
    table = named_table(title, (*before, "obligor", "segment"), *heads)
    for row in rows:
        figures = [unit(row["exposure_usd"]), unit(row["loss_usd"]), percent(row["lgd"], 1)]
        names = [one_line(row[name]) for name in (*before, "obligor_id", "segment")]
        table.add_row(*names, _or_dash(row["default_month"]), _SHORT.get(row["cause"], NOTHING), *figures)
    return table


def happened_table() -> Table:
    """Months and sentences."""
    table = table_of("What happened", "month", "", names=2)
    table.columns[0].justify, table.columns[0].no_wrap = "right", True
    for column in table.columns:
        column.vertical = "top"
    return table


def named_table(title: str, names: Sequence[str], *heads: str) -> Table:
    """A table whose columns of names are shown in full as long as the screen has room."""
    table = table_of(title, *names, *heads, names=len(names))
    for column in table.columns[: len(names)]:
        column.no_wrap = True
    return table


def called(channel: str) -> str:
    """A channel as people call it: `rent H100`."""
    kind, _, name = channel.partition("_")
    named = {"rent": "rent", "gpu": "GPU", "asic": "ASIC"}
    if kind in named and name:
        return f"{named[kind]} {name.upper()}"
    return {"btc": "bitcoin", "short_rate": "short rate", "hashprice": "hash price"}.get(channel, channel)


def price_unit(unit: str, values: Sequence[float]) -> tuple[str, MoneyUnit | _Plain]:
    """The unit of a column of prices as shown, and what writes one."""
    if not unit.startswith("USD"):
        return ("% a year", _Plain(100, 2)) if unit == "per year" else (unit, _Plain(1, 3))
    scale = MoneyUnit(values)
    return unit.replace("USD", scale.name), scale


class _Plain:
    """Writes numbers that are no money."""

    def __init__(self, factor: float, decimals: int) -> None:
        self.factor, self.decimals = factor, decimals

    def __call__(self, value: float | None) -> str:
        return f"{self.factor * value:,.{self.decimals}f}" if is_number(value) else NOTHING


def wrapped(text: str) -> Any:
    """Text from files and data for a cell that may have several lines."""
    cell = one_line(text)
    cell.no_wrap, cell.overflow = False, "fold"
    return cell


def _headline(found: Explanation, console: Console) -> None:
    manifest, config = found.manifest, found.manifest["config"]
    market = manifest["choices"].get("market", "")
    run = f"{manifest['n_scenarios']:,} scenarios x {manifest['months']} months, seed {manifest['seed']}"
    off = [name for name, on in config["mechanisms"].items() if not on]
    print_line(console, f"{portfolio_name(config)}: market {market}, as of {config['as_of']}", "bold")
    print_line(console, f"{run}, engine {manifest['engine']['name']} {manifest['engine']['precision']}")
    if off:
        print_line(console, f"switched off: {', '.join(off)}", "yellow")


def _print_next(found: Explanation, console: Console, scenario: int, obligor: str) -> None:
    """How to look closer."""
    here = Path.cwd()
    folder = found.run.relative_to(here) if found.run.is_relative_to(here) else found.run
    command = f"rackrisk explain {quote(str(folder))} --scenario {scenario}"
    lines = [f"{command} --obligor {quote(obligor)}"]
    for line in lines if found.scenario is not None else [command, *lines]:
        console.print(one_line(line), soft_wrap=True, style="dim")


def _is_headline(channel: str) -> bool:
    """Channels that are shown side by side: prices of machines follow rents and hash price."""
    return not channel.startswith(("gpu_", "asic_")) and channel not in {"short_rate", "power"}


def _change(row: Row, at: str) -> str:
    """Relative change since today in percent, with its sign."""
    return f"{100 * (row[at] / row['start'] - 1):+.0f}" if row["start"] else NOTHING


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)
