"""A book of any size from the 512 loans of book.npz, without anything but NumPy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rackrisk.kernels import arrays
from rackrisk.kernels.arrays import Book, Paths
from rackrisk.kernels.streams import key_words
from rackrisk.kernels.tally import LOSS_BITS, VIEW_BITS, Scale, power_of_two_quantum
from rackrisk.models.market.arrays import MarketArrays
from rackrisk.models.market.paths import simulate_paths

FILE = Path(__file__).with_name("book.npz")
PARTS = {
    "cash": arrays.Cash,
    "debt": arrays.Debt,
    "terms": arrays.Terms,
    "assets": arrays.Assets,
    "liquidation": arrays.Liquidation,
    "refinancing": arrays.Refinancing,
    "facilities": arrays.Facilities,
}
NOT_BY_LOAN = ("shock_persistence", "relet_months", "quantum", "ltv", "dscr", "spread_annual")
SIZES_OF_LOANS = (0.25, 4.0)  # a copy's amounts are those of its pattern times a factor from this range


@dataclass(frozen=True)
class Channels:
    """Market paths over the channels that the book uses."""

    cash: tuple[int, ...]
    value: tuple[int, ...]

    def __call__(self, xp: Any, market: Any, key: Any, scenario: Any) -> Paths:
        paths = simulate_paths(xp, market, key, scenario)
        cash, value = xp.asarray(self.cash), xp.asarray(self.value)
        return paths._replace(cash=paths.cash[:, :, cash], price=paths.price[:, :, value])


@dataclass(frozen=True)
class GpuCase:
    """Everything an engine is opened with."""

    book: Book
    market: MarketArrays
    scale: Scale
    make_paths: Channels
    key: tuple[int, int]

    @property
    def loans(self) -> int:
        return self.book.stream.shape[0]

    @property
    def months(self) -> int:
        return self.book.debt.balance_usd.shape[0] - 1

    def without_contagion(self) -> "GpuCase":
        """The same book, and buyers for everything."""
        impact = np.zeros_like(self.book.liquidation.impact)
        return GpuCase(
            self.book._replace(liquidation=self.book.liquidation._replace(impact=impact)),
            self.market,
            self.scale,
            self.make_paths,
            self.key,
        )


def make_book(loans: int, *, seed: int) -> GpuCase:
    """Copies of the 512 loans, each of its own size and with its own random numbers."""
    with np.load(FILE, allow_pickle=False) as stored:
        file = {name: stored[name] for name in stored.files}
    random = np.random.default_rng(seed)
    pattern = random.integers(0, file["book.stream"].shape[0], loans)
    low, high = np.log(SIZES_OF_LOANS)
    factor = np.exp(random.uniform(low, high, loans))
    book = _copied(file, pattern, factor, random)
    scale = _scale(file, book, pattern)
    market = MarketArrays(*(file[f"market.{name}"] for name in MarketArrays._fields))
    channels = Channels(tuple(file["cash_channels"].tolist()), tuple(file["value_channels"].tolist()))
    return GpuCase(book, market, scale, channels, key_words(seed))


SCALED = (  # amounts; the others are shares, months, codes and dates
    *("merchant", "released", "revenue_usd_month", "contract_power_usd_month", "fixed_cost_usd_month"),
    *("balance_usd", "service_usd", "floating_usd", "balloon_usd", "reserve_floor_usd", "cash_usd", "coins"),
    *("pledged_coins", "cure_usd", "guarantee_usd", "units", "pledged_units"),
)


def _copied(file: dict[str, np.ndarray], pattern: np.ndarray, factor: np.ndarray, random: Any) -> Book:
    def field(part: str, name: str) -> np.ndarray:
        array = file[f"book.{part}.{name}"]
        array = array.astype(np.float64) if array.dtype == np.float32 else array
        if part == "liquidation" or name in NOT_BY_LOAN or array.ndim == 0:
            return array
        taken = array[..., pattern]
        return taken * factor if name in SCALED else taken

    loans = pattern.size
    file = file | {"book.facilities.column": np.arange(file["book.stream"].shape[0], dtype=np.int32)}
    parts = {part: kind(*(field(part, name) for name in kind._fields)) for part, kind in PARTS.items()}
    # Sales stay whole numbers that add up below 2^24, as the engines need them.
    quanta = np.floor(parts["assets"].sale_quanta * factor * min(1.0, file["book.stream"].shape[0] / loans / 4))
    parts["assets"] = parts["assets"]._replace(sale_quanta=quanta)
    own = np.arange(loans, dtype=np.int32)  # tables of its own for every loan: the file is older than shared ones
    parts["facilities"] = parts["facilities"]._replace(obligor=own, column=own)
    ranks = file["book.rank_balance_usd"].astype(np.float64)[..., pattern] * factor
    return Book(
        stream=random.integers(0, 2**32, (loans, 2), dtype=np.uint32),
        **parts,
        ranks=arrays.Ranks(np.full(loans, -1, np.int32), own, ranks),
        coin_channel=int(file["book.coin_channel"]),
        power_channel=int(file["book.power_channel"]),
    )


def _scale(file: dict[str, np.ndarray], book: Book, pattern: np.ndarray) -> Scale:
    balance = book.facilities.balance_usd[0]
    total, one_hot = float(balance.sum()), file["scale.obligor_in_group"][:, pattern]
    return Scale(
        loss_quantum_usd=np.array(power_of_two_quantum(total, LOSS_BITS)),
        view_quantum_usd=np.array(power_of_two_quantum(total, VIEW_BITS)),
        first_balance_usd=balance,
        most_paid_usd_months=book.debt.balance_usd[:-1].sum(axis=0),
        facility_in_group=one_hot,
        obligor_in_group=one_hot,
    )
