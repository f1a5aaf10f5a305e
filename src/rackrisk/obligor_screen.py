"""What a person reads of one obligor in one scenario: months, events, prices, recovery."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .explain_screen import called, happened_table, named_table, price_unit, print_verdict, print_world_line, wrapped
from .explain_words import cause_words, multiple, sentence
from .figures import NOTHING, MoneyUnit, is_number, money, percent, ratio
from .screen import add_row, print_line, table_of

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console
    from rich.table import Table

    from ._explain import Explanation
    from .models.explain import ObligorStory, Recovery

Event = Mapping[str, Any]
MOST_COLUMNS = 7  # of prices that stand side by side
_PAID = ("paid_by_cash_usd", "paid_by_coins_usd", "paid_by_sponsor_usd", "paid_by_guarantor_usd")
_REPEATED = frozenset(["service_paid_by", "sweep"])
_MONEY = ("cfads_usd", "due_usd", "support_usd", "swept_usd", "cash_usd", "debt_after_usd")


def print_obligor(found: Explanation, console: Console) -> None:
    """Outcome, check, months, events, prices and recovery."""
    story, scenario = found.obligor, found.scenario
    assert story is not None
    assert scenario is not None
    print_world_line(scenario, console)
    console.print()
    _print_outcome(story, console)
    _print_check(found, story, console)
    for table in (months_table(story), events_table(story), *price_tables(story)):
        console.print()
        console.print(table)
    if story.recovery is not None:
        _print_recovery(story, story.recovery, console)


def _print_outcome(story: ObligorStory, console: Console) -> None:
    name, balance = story.obligor_id, money(story.balance_usd)
    if story.default_month is None:
        print_line(console, f"{name} ({balance}) does not default", "bold")
        return
    what = f"defaults in month {story.default_month}: {cause_words(story.cause)}"
    print_line(console, f"{name} ({balance}) {what}, and loses its lenders {money(story.loss_usd)}", "bold")


def _print_check(found: Explanation, story: ObligorStory, console: Console) -> None:
    """Three figures of one loss."""
    assert found.scenario is not None
    assert found.checks is not None
    whole = found.checks.row(0, named=True)
    quantum = whole["quantum_usd"]
    others = whole["replayed_quanta"] - story.loss_quanta
    print_line(console, f"loss of this obligor, replayed      USD {story.loss_usd:>20,.2f}")
    print_line(console, f"loss of all others, replayed        USD {others * quantum:>20,.2f}")
    recorded = f"scenario {story.scenario} in losses.parquet"
    print_line(console, f"{recorded:<35} USD {whole['recorded_quanta'] * quantum:>20,.2f}")
    print_verdict(found, console)
    if not story.exact:
        said = "the months below are the reference engine's in float64 beside the run's engine"
        print_line(console, f"{said}: default months and losses are the engine's own", "yellow")


def months_table(story: ObligorStory) -> Table:
    """Cash and debt, month by month; columns that would hold nothing but zeros are left out."""
    rows = story.months.to_dicts()
    for row in rows:
        row["support_usd"] = sum(row[name] for name in _PAID)
    unit = MoneyUnit(row[name] for row in rows for name in _MONEY)
    columns = [column for column in _columns(unit) if column.always or any(row[column.key] for row in rows)]
    table = named_table(f"Month by month, {unit.name}", ("month", "regime"), *(column.head for column in columns))
    table.columns[0].justify = "right"
    for row in rows:
        style = "bold red" if row["month"] == story.default_month else ""
        table.add_row(str(row["month"]), row["regime"], *(c.show(row[c.key]) for c in columns), style=style)
    table.caption = (
        "cash, coins and debt are what the month leaves, LTV is at prices after last month's sales; other means are "
        "the cash account, coins, sponsor and guarantor"
    )
    return table


class _Column(NamedTuple):
    """A column of figures; one that need not always be there is left out where it is zero throughout."""

    key: str
    head: str
    show: Callable[[Any], str]
    always: bool = True


def _columns(unit: MoneyUnit) -> list[_Column]:
    def some(amount: float) -> str:
        return unit(amount) if amount else ""

    return [
        _Column("cfads_usd", "CFADS", unit),
        _Column("due_usd", "due", unit),
        _Column("dscr", "DSCR", multiple),
        _Column("balloon_usd", "balloon\ndue", some, always=False),
        _Column("support_usd", "other\nmeans", some, always=False),
        _Column("lent_usd", "new\nloan", some, always=False),
        _Column("swept_usd", "swept", some, always=False),
        _Column("cash_usd", "cash", unit),
        _Column("debt_after_usd", "debt", unit),
        _Column("ltv", "LTV\n%", _ratio),
        _Column("coins", "free\ncoins", "{:,.0f}".format, always=False),
        _Column("pledged_coins", "pledged\ncoins", "{:,.0f}".format, always=False),
    ]


def events_table(story: ObligorStory) -> Table:
    """What happened to the obligor; what went on for some months in a row is told once."""
    table = happened_table()
    for first, last, row in spells(story.events.to_dicts()):
        style = "bold red" if row["kind"] == "default" else ""
        table.add_row(str(first) if first == last else f"{first}-{last}", wrapped(sentence(row)), style=style)
    return table


def spells(events: Sequence[Event]) -> list[tuple[int, int, Event]]:
    """Events with their first and last month: payments of one kind in months on end are one, with their sum."""
    found: list[tuple[int, int, Event]] = []
    for event in events:
        same = [
            place
            for place, (_, last, other) in enumerate(found)
            if event["kind"] in _REPEATED
            and (other["kind"], other["name"], last) == (event["kind"], event["name"], event["month"] - 1)
        ]
        if same:
            first, _, other = found[same[0]]
            amount = {"amount_usd": other["amount_usd"] + event["amount_usd"]}
            found[same[0]] = (first, event["month"], {**other, **amount})
        else:
            found.append((event["month"], event["month"], event))
    return found


def price_tables(story: ObligorStory) -> Iterator[Table]:
    """What it earns at and what its collateral is worth; side by side as far as the screen goes."""
    months, parts = story.months["month"].to_list(), [[]]
    for group in _price_columns(story.months):
        if len(parts[-1]) + len(group) > MOST_COLUMNS:
            parts.append([])
        parts[-1] += group
    for part in parts:
        table = named_table("Prices and sales that matter to it", ("month",), *(head for head, _ in part))
        table.columns[0].justify = "right"
        for place, month in enumerate(months):
            add_row(table, month, *(cells[place] for _, cells in part))
        if any("for sale" in head for head, _ in part):
            table.caption = "for sale: units of defaulted borrowers not absorbed yet, times recovery.system_multiple"
        yield table


def _price_columns(months: pl.DataFrame) -> Iterator[list[tuple[str, list[str]]]]:
    """Heads and cells of what belongs together: a rent; an asset, what is for sale of it and what that does to it."""
    names = months.columns[months.columns.index("debt_after_usd") + 1 :]
    for name in names:
        if name.startswith(("for_sale_", "impact_")):
            continue
        group = [_priced(name, months[name].to_list())]
        if f"for_sale_{name}" in names and months[f"for_sale_{name}"].max():
            for_sale = [f"{value:,.0f}" for value in months[f"for_sale_{name}"]]
            cut = [percent(1 - value, 0) for value in months[f"impact_{name}"]]
            group += [(f"{called(name)}\nfor sale", for_sale), ("sales\ncut %", cut)]
        yield group


def _priced(name: str, values: Sequence[float]) -> tuple[str, list[str]]:
    units = {"rent": "USD/h", "gpu": "USD", "asic": "USD/PH", "btc": "USD", "site": "USD/MW", "lease": "USD/kW"}
    unit, show = price_unit(units.get(name.partition("_")[0], "USD/PH/d" if name == "hashprice" else "index"), values)
    return f"{called(name)}\n{unit}", [show(value) for value in values]


# ---- after a default ----


def _print_recovery(story: ObligorStory, found: Recovery, console: Console) -> None:
    for table in (_assets(found), _claims(found), _facilities(found)):
        console.print()
        console.print(table)
    said = f"all in USD of the as-of date; a dollar of the default month is worth {found.discount:.4f}"
    print_line(console, said)
    largest = ratio(found.difference_usd, max(story.loss_usd, story.quantum_usd))
    rounding = f"these figures, in float64, and the engine's loss differ by USD {found.difference_usd:,.2f} at most"
    print_line(console, f"{rounding} in a facility ({percent(largest, 5)} % of the loss): rounding")


def _assets(found: Recovery) -> Table:
    """What the estate fetches."""
    rows = found.assets.to_dicts()
    paid = [row["pledged_usd"] + row["free_usd"] for row in rows]
    unit = MoneyUnit([*paid, *found.accounts["usd"].to_list()])
    heads = ("units", "market\nprice", "sales\ncut %", "lag\nm", "price\nat sale", "kept\n%", "dis-\ncount")
    table = named_table("What the estate fetches", ("",), *heads, f"pledged\n{unit.name}", f"free\n{unit.name}")
    for row in rows:
        scale, show = price_unit(row["unit"], [row["price_at_default"], row["price_at_sale"]])
        prices = [show(row["price_at_default"]), percent(1 - row["impact"], 0), str(row["lag_months"])]
        sale = [show(row["price_at_sale"]), percent(row["kept_share"], 0), f"{row['discount']:.3f}"]
        cells = [f"{row['units']:,.0f}", *prices, *sale, unit(row["pledged_usd"]), unit(row["free_usd"])]
        add_row(table, f"{called(row['channel'])}, {scale.partition('/')[0]}", *cells)
    for row in found.accounts.filter(found.accounts["usd"] > 0).iter_rows(named=True):
        cells = [unit(row["usd"]), ""] if row["name"] == "cash" else ["", unit(row["usd"])]
        label = {"cash": "cash account", "guarantee": "guarantee left"}[row["name"]]
        add_row(table, label, *([""] * 7), *cells)
    return table


def _claims(found: Recovery) -> Table:
    """Who is paid from it, rank by rank."""
    rows = found.claims.to_dicts()
    unit = MoneyUnit(row["claim_usd"] for row in rows)
    heads = ("claim", "from its\ncollateral", "from the\nrest", "unpaid")
    table = table_of(f"Who is paid from it, {unit.name}", "rank", *heads)
    for row in rows:
        add_row(table, row["rank"].replace("_", " "), *(unit(row[name]) for name in list(row)[1:]))
    return table


def _facilities(found: Recovery) -> Table:
    """What each facility recovers and loses."""
    rows = found.facilities.to_dicts()
    unit = MoneyUnit(row["exposure_usd"] for row in rows)
    heads = ("exposure", "dis-\ncounted", "colla-\nteral", "rest", "else-\nwhere", "lost", "LGD\n%")
    table = named_table(f"Facility by facility, {unit.name}", ("facility",), *heads)
    names = ("exposure_usd", "claim_usd", "from_collateral_usd", "from_rest_usd", "elsewhere_usd", "loss_usd")
    for row in rows:
        lgd = percent(ratio(row["loss_usd"], row["claim_usd"]), 1)
        add_row(table, row["facility_id"], *(unit(row[name]) for name in names), lgd)
    return table


def _ratio(value: float | None) -> str:
    return NOTHING if not is_number(value) else percent(value, 0) if value < 100 else ">9999"
