"""The CUDA engine of the structural model: what is on the device, and which kernels run in which order.

Per batch of scenarios: market paths (the market's own code, on the device), price impact until it is settled, then one
walk that counts everything. `structural.cu` says how.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..arrays import Book, Paths
from ..balances import RANKS
from ..tally import CARRIED_BITS, FacilityRows, MonthTally, Scale, Tally
from .device import MEMORY_SHARE, Device, DeviceTooSmall, Kernels
from .layout import WARP
from .structural_layout import BOOK, BY_FACILITY, BY_SCENARIO, SUMS, WATCHED_EVERY, WINDOW, WORLD, arrange, program

MakePaths = Callable[[Any, Any, Any, Any], Paths]  # (xp, market, key, scenario) -> market paths, float64
BLOCKS_IN_FLIGHT = 4096  # enough for every multiprocessor several times over
SIGNS = (  # of early warning, in the order of recovery.cuh
    *("performing", "serving", "dscr_below_1_2", "dscr_below_1_0", "ltv_above_covenant"),
    *("debt", "book_value", "clearing_value"),
)
MAX_BATCH = 16384  # scenarios
REPLAY_SHARE = 0.1  # of the memory that is free; replays keep rows by scenario and facility
MAX_INDEX = 2**31 - 1  # kernels count in 32 bits
PATH_COPIES = 8  # float64 arrays of the size of the paths that are alive while they are made


class Shape(NamedTuple):
    """Sizes that decide on memory and launches."""

    obligors: int
    facilities: int
    months: int
    rows: int  # H + 1
    cash: int
    value: int
    groups: int
    years: int


class StructuralCuda:
    """A book on one device.

    Attributes:
        batch: scenarios that fit at a time.
        replayed: scenarios whose rows by facility are kept at a time.
    """

    def __init__(
        self,
        device: Device,
        book: Book,
        market: Any,
        scale: Scale,
        make_paths: MakePaths,
        *,
        key: tuple[int, int],
        precision: str,
    ) -> None:
        """Bring the book to the device and compile its kernels.

        Args:
            book, scale, market: float64 NumPy arrays.
            precision: float32 or float64 of the loans; markets are float64.

        Raises:
            DeviceTooSmall: the device has too little memory for the book and a few scenarios.
        """
        self.device, self.make_paths, self.key, self.precision = device, make_paths, key, precision
        self.threads, self.settle_threads, self.lanes, self.cluster_blocks = device.shape.at(precision)[:4]
        rows = int(np.shape(market.resale_factor)[0])
        arranged = arrange(book, scale, key, rows=rows, precision=precision)
        fields, self.order = arranged
        self.shape = Shape(
            *(fields[name] for name in ("obligors", "facilities", "months", "rows", "cash_channels", "value_channels")),
            groups=fields["groups"],
            years=fields["years"],
        )
        self.counterparties = int(np.shape(market.hazard)[0])
        self.owes = book.debt.balance_usd[:-1, self.order].astype(precision) > 0
        self.has_impact = bool((np.asarray(book.liquidation.impact) != 0).any())
        self.batch = self._plan(sum(array.nbytes for array in fields.values() if isinstance(array, np.ndarray)))
        with device.active():
            rows_at_a_time = int(device.free_bytes() * REPLAY_SHARE) // (12 * self.shape.facilities)
        self.replayed = max(min(self.batch, rows_at_a_time), 1)
        with device.active():
            self.kernels: Kernels = device.compile(program(precision, device.shape.at(precision)))
            xp = device.xp
            self.fields = {
                name: xp.asarray(field) if isinstance(field, np.ndarray) else field for name, field in fields.items()
            }
            self.fields["counterparties"] = self.counterparties
            self.packed_book = BOOK.pack(self.fields)
            self.market = type(market)(*(xp.asarray(field) for field in market))

    def run(self, scenario: np.ndarray) -> Tally:
        """Tally of the given scenarios, uint32 [S <= batch], maybe none: rows by scenario in their order."""
        with self.device.active():
            world, sums = self._simulate(scenario, self.empty_sums(scenario.size))
            return self._tally(world, sums, scenario)

    def replay(self, scenario: np.ndarray) -> FacilityRows:
        """What the given scenarios, uint32 [S], did to every facility."""
        rows, size = [], self.replayed
        with self.device.active():
            for first in range(0, max(scenario.size, 1), size):
                part = scenario[first : first + size]
                _, sums = self._simulate(part, self.empty_sums(part.size, replays=True))
                rows.append([self.device.to_host(sums[name]) for name in ("row_loss", "row_paid")])
        return FacilityRows(*(np.concatenate(parts) for parts in zip(*rows, strict=True)))

    def _simulate(self, scenario: np.ndarray, sums: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        if scenario.size == 0:
            return {"discount": self.device.xp.zeros((0, self.shape.rows))}, sums
        world = self.make_world(scenario)
        packed = self.packed(world, sums)
        if self.has_impact:
            self.settle(world, packed)
        self.walk("tally_walk", packed, scenario.size)
        return world, sums

    def packed(self, world: Mapping[str, Any], sums: Mapping[str, Any]) -> tuple[np.ndarray, ...]:
        """The structures of a launch; their arrays must live until it is over."""
        return self.packed_book, WORLD.pack(world), SUMS.pack(sums)

    def _plan(self, book_bytes: int) -> int:
        """Scenarios that fit beside the book."""
        shape, group = self.shape, self.lanes
        by_place = shape.rows * (shape.cash + shape.value + 20) * 8 * PATH_COPIES
        by_scenario = by_place + 16 * self.counterparties * shape.rows + 8 * len(BY_SCENARIO) * (shape.groups + 1)
        by_scenario += shape.months * (shape.groups + 1) * 12 + (shape.months + 1) * shape.value * 12
        sums = 8 * (shape.months * shape.obligors + (len(BY_FACILITY) + shape.years) * shape.facilities)
        with self.device.active():
            room = int(self.device.free_bytes() * MEMORY_SHARE) - book_bytes - sums
        cells = max(shape.rows * max(shape.cash, shape.value), shape.months * (shape.groups + 1), self.counterparties)
        fit = min(room // by_scenario, MAX_BATCH, MAX_INDEX // cells) // group * group
        if fit < group or RANKS * (shape.months + 1) * max(shape.obligors, shape.facilities) > MAX_INDEX:
            raise DeviceTooSmall(
                f"{self.device.name} is too small: {shape.obligors:,} obligors need {(book_bytes + sums) / 2**30:.1f} "
                f"GiB, {group} scenarios {by_scenario * group / 2**20:.1f} MiB more, and {MEMORY_SHARE:.0%} of what "
                "is free may be used; split the book, or use engine=jax"
            )
        return fit

    def make_world(self, scenario: np.ndarray) -> dict[str, Any]:
        """Market paths on the device, and room for the price impact."""
        xp, shape, real = self.device.xp, self.shape, self.precision
        numbers = xp.asarray(scenario)
        paths = self.make_paths(xp, self.market, self.key, numbers)
        cells = (scenario.size, shape.months + 1, shape.value)
        return {
            "scenarios": scenario.size,
            "scenario": numbers,
            **{name: _packed(xp, getattr(paths, name), real) for name in ("cash", "price", "short_rate", "discount")},
            **{name: _packed(xp, getattr(paths, name), "int32") for name in ("regime", "death_month")},
            "price_impact": xp.ones(cells, real),
            "sold": xp.zeros(cells, "int32"),
            "moved": xp.ones(scenario.size, "int32"),
            "still_moving": xp.zeros(scenario.size, "int32"),
        }

    def empty_sums(self, scenarios: int, *, replays: bool = False) -> dict[str, Any]:
        """Zeros for a batch; with `replays`, also for rows by scenario and facility."""
        shape, xp = self.shape, self.device.xp
        groups, months = shape.groups + 1, shape.months
        rows = (scenarios, shape.facilities) if replays else (0,)
        return {
            **{name: xp.zeros((scenarios, groups), "int64") for name in BY_SCENARIO},
            **{name: xp.zeros(shape.facilities, "int64") for name in BY_FACILITY},
            "facility_defaults": xp.zeros((shape.years, shape.facilities), "int64"),
            "defaults": xp.zeros((scenarios, months, groups), "int32"),
            "defaulted_debt": xp.zeros((scenarios, months, groups), "int64"),
            "causes": xp.zeros((scenarios, 3, groups), "int32"),
            "seen": xp.zeros((months, len(SIGNS), groups), "int64"),
            "not_carried": xp.zeros((months, shape.obligors), "int64"),
            "replays": int(replays),
            "row_loss": xp.zeros(rows, "int64"),
            "row_paid": xp.zeros(rows, "int32"),
        }

    @property
    def settled_by(self) -> str:
        """How the price impact is found: `block` and `cluster` wait for all obligors each month, `passes` repeat."""
        blocks = -(-self.shape.obligors // self.settle_threads)
        return "block" if blocks == 1 else "cluster" if blocks <= self.cluster_blocks else "passes"

    def settle(self, world: Mapping[str, Any], packed: Sequence[np.ndarray]) -> None:
        """Find the price impact of a batch."""
        groups, by = -(-int(world["scenarios"]) // self.lanes), self.settled_by
        if by == "passes":
            self.pass_until_settled(world, packed)
            return
        team = 1 if by == "block" else self.cluster_blocks
        threads = min(-(-self.shape.obligors // WARP) * WARP, self.settle_threads)
        grid = team * min(groups, BLOCKS_IN_FLIGHT // team), 1
        self.kernels(f"settle_in_{by}", grid, threads, packed, shared_bytes=self._settle_bytes())

    def pass_until_settled(self, world: Mapping[str, Any], packed: Sequence[np.ndarray]) -> None:
        """Each pass makes one more month right, so there are no more of them than months, and usually a handful."""
        cells = int(world["scenarios"]) * self.shape.value
        for _ in range(self.shape.months + 1):
            self.walk("sales_walk", packed, int(world["scenarios"]))
            self.kernels("reprice", (-(-cells // self.threads), 1), self.threads, packed)
            world["moved"][...] = world["still_moving"]
            world["still_moving"][...] = 0
            if not bool(world["moved"].any()):
                return
        raise AssertionError("price impact did not settle")

    def walk(self, kernel: str, packed: Sequence[np.ndarray], scenarios: int) -> None:
        """Launch `sales_walk` or `tally_walk`."""
        blocks, groups = -(-self.shape.obligors // self.threads), -(-scenarios // self.lanes)
        grid = blocks, min(groups, max(BLOCKS_IN_FLIGHT // blocks, 1))
        self.kernels(kernel, grid, self.threads, packed, shared_bytes=self._window_bytes())

    def _window_bytes(self) -> int:
        width = self.shape.cash + self.shape.value + 2
        return self.lanes * WINDOW * width * np.dtype(self.precision).itemsize

    def _settle_bytes(self) -> int:
        real = np.dtype(self.precision).itemsize
        return self._window_bytes() + self.lanes * self.shape.value * (3 * real + 2 * 4)

    def _tally(self, world: Mapping[str, Any], sums: Mapping[str, Any], scenario: np.ndarray) -> Tally:
        """What the kernels counted, in the order of the book and without the group of nobody."""
        xp, host = self.device.xp, self.device.to_host
        defaults, causes = (sums[name][..., :-1].astype("int64") for name in ("defaults", "causes"))
        cumulative = xp.cumsum(defaults, axis=1)
        seen = host(sums["seen"][..., :-1]).swapaxes(0, 1)
        months = MonthTally(
            **dict(zip(SIGNS, seen, strict=True)),
            defaulted_debt=host(sums["defaulted_debt"][..., :-1].sum(axis=0)),
            defaults=host(defaults.sum(axis=0)),
        )
        return Tally(
            **{name: host(sums[name][..., :-1]) for name in BY_SCENARIO},
            **{name: host(sums[name]) for name in BY_FACILITY},
            months=months,
            watched=np.int64((scenario % WATCHED_EVERY == 0).sum()),
            default_squares=host((cumulative * cumulative).sum(axis=0)),
            causes=host(causes.sum(axis=0)),
            cause_squares=host((causes * causes).sum(axis=0)),
            facility_defaults=np.cumsum(host(sums["facility_defaults"]), axis=0),
            carried=self._carried(world, sums),
        )

    def _carried(self, world: Mapping[str, Any], sums: Mapping[str, Any]) -> np.ndarray:
        """What would be carried if nobody defaulted or prepaid, less what was not, [T, N]."""
        xp, host = self.device.xp, self.device.to_host
        discount = world["discount"][:, 1 : self.shape.months + 1]
        by_month = host(xp.rint(discount * 2.0**CARRIED_BITS).astype("int64").sum(axis=0))
        sorted_obligors = np.where(self.owes, by_month[:, None] + host(sums["not_carried"]), 0)
        carried = np.empty_like(sorted_obligors)
        carried[:, self.order] = sorted_obligors
        return carried


def _packed(xp: Any, array: Any, dtype: str) -> Any:
    return xp.ascontiguousarray(array, dtype=dtype)
