"""The CUDA engine of the structural model: what is on the device, and which kernels run in which order.

Per batch of scenarios: market paths (the market's own code, on the device), price impact until it is settled, then one
walk that counts everything. `structural.cu` says how.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..arrays import Book, Paths
from ..tally import CARRIED_BITS, MonthTally, Scale, Tally
from .device import Device, Kernels
from .source import Program
from .structural_layout import BOOK, SUMS, WORLD, arrange

MakePaths = Callable[[Any, Any, Any, Any], Paths]  # (xp, market, key, scenario) -> market paths, float64
THREADS, LANES, CLUSTER_BLOCKS, WINDOW = 256, 4, 8, 12  # WINDOW as in structural.cu
BLOCKS_IN_FLIGHT = 4096  # enough for every multiprocessor several times over
SIGNS = ("performing", "serving", "dscr_below_1_2", "dscr_below_1_0", "ltv_above_covenant", "debt", "book_value")
WATCHED_EVERY = 8  # scenarios; structural.cu, is_watched
MAX_BATCH = 16384  # scenarios
MEMORY_SHARE = 0.8  # of what is free
PATH_COPIES = 8  # float64 arrays of the size of the paths that are alive while they are made


class DeviceTooSmall(Exception):
    """Not even one group of scenarios fits into the memory of the device."""


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
        threads: int = THREADS,
        lanes: int = LANES,
        cluster_blocks: int = CLUSTER_BLOCKS,
    ) -> None:
        """Bring the book to the device and compile its kernels.

        Args:
            book, scale, market: float64 NumPy arrays.
            precision: float32 or float64 of the loans; markets are float64.
            threads, lanes, cluster_blocks: launch shape; results do not depend on it.

        Raises:
            DeviceTooSmall: the device has too little memory for the book and a few scenarios.
        """
        self.device, self.make_paths, self.key, self.precision = device, make_paths, key, precision
        self.threads, self.lanes = threads, lanes
        self.cluster_blocks = cluster_blocks if device.clusters else 1
        rows = int(np.shape(market.resale_factor)[0])
        arranged = arrange(book, scale, key, rows=rows, precision=precision)
        fields, self.order = arranged
        self.shape = Shape(
            *(fields[name] for name in ("obligors", "facilities", "months", "rows", "cash_channels", "value_channels")),
            groups=fields["groups"],
            years=fields["years"],
        )
        self.counterparties = int(np.shape(market.hazard)[0])
        self.owes = np.zeros((self.shape.months, self.shape.obligors), bool)
        self.owes[:] = fields["balance_usd"][:-1] > 0
        self.has_impact = bool((np.asarray(book.liquidation.impact) != 0).any())
        self.batch = self._plan(sum(array.nbytes for array in fields.values() if isinstance(array, np.ndarray)))
        constants = {"THREADS": threads, "LANES": lanes, "CLUSTER_BLOCKS": self.cluster_blocks}
        real = {"float32": "float", "float64": "double"}[precision]
        with device.active():
            self.kernels: Kernels = device.compile(Program("structural.cu", (BOOK, WORLD, SUMS), real, constants))
            xp = device.xp
            self.fields = {
                name: xp.asarray(field) if isinstance(field, np.ndarray) else field for name, field in fields.items()
            }
            self.fields["counterparties"] = self.counterparties
            self.packed_book = BOOK.pack(self.fields)
            self.market = type(market)(*(xp.asarray(field) for field in market))

    def run(self, scenario: np.ndarray) -> Tally:
        """Tally of the given scenarios, uint32 [S <= batch]: rows of `loss` and `exposure` in their order."""
        with self.device.active():
            world = self._world(scenario)
            sums = self._empty_sums(scenario.size)
            packed = self.packed_book, WORLD.pack(world), SUMS.pack(sums)
            if self.has_impact:
                self._settle(world, packed)
            self._walk("tally_walk", packed, scenario.size)
            return self._tally(world, sums, scenario)

    def _plan(self, book_bytes: int) -> int:
        """Scenarios that fit beside the book."""
        shape, group = self.shape, self.lanes
        row = shape.cash + shape.value + 20
        paths = shape.rows * row * 8 * PATH_COPIES + self.counterparties * shape.rows * 8 * 2
        counts = shape.months * (shape.groups + 1) * 12 + (shape.months + 1) * shape.value * 12
        kept = 8 * (shape.months * shape.obligors + (5 + shape.years) * shape.facilities)
        with self.device.active():
            room = int(self.device.free_bytes() * MEMORY_SHARE) - book_bytes - kept
        fit = min(room // (paths + counts), MAX_BATCH) // group * group
        if fit < group:
            raise DeviceTooSmall(
                f"{self.device.name} has too little memory free: {shape.obligors:,} obligors need "
                f"{(book_bytes + kept) / 2**30:.1f} GiB and each {group} scenarios "
                f"{(paths + counts) * group / 2**20:.1f} MiB more, of {MEMORY_SHARE:.0%} of what is free"
            )
        return fit

    def _world(self, scenario: np.ndarray) -> dict[str, Any]:
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

    def _empty_sums(self, scenarios: int) -> dict[str, Any]:
        shape, xp = self.shape, self.device.xp
        groups, months = shape.groups + 1, shape.months
        return {
            "loss": xp.zeros((scenarios, groups), "int64"),
            "exposure": xp.zeros((scenarios, groups), "int64"),
            "defaults": xp.zeros((scenarios, months, groups), "int32"),
            "defaulted_debt": xp.zeros((scenarios, months, groups), "int64"),
            "causes": xp.zeros((scenarios, 3, groups), "int32"),
            "seen": xp.zeros((months, len(SIGNS) + 1, groups), "int64"),
            "not_carried": xp.zeros((months, shape.obligors), "int64"),
            "facility_defaults": xp.zeros((shape.years, shape.facilities), "int64"),
            **{
                name: xp.zeros(shape.facilities, "int64")
                for name in ("facility_loss", "facility_loss_squares", "facility_exposure", "facility_exposure_pv")
            },
        }

    def _settle(self, world: Mapping[str, Any], packed: Sequence[np.ndarray]) -> None:
        """Find the price impact, by a barrier each month where the book fits a block or a cluster, else by passes."""
        obligors, scenarios = self.shape.obligors, int(world["scenarios"])
        blocks = -(-obligors // self.threads)
        groups = -(-scenarios // self.lanes)
        if blocks == 1:
            threads = -(-obligors // 32) * 32 if self.threads >= 32 else self.threads
            launch = min(groups, BLOCKS_IN_FLIGHT), 1
            self.kernels("settle_in_block", launch, threads, packed, shared_bytes=self._settle_bytes())
        elif blocks <= self.cluster_blocks:
            launch = self.cluster_blocks * min(groups, BLOCKS_IN_FLIGHT // self.cluster_blocks), 1
            self.kernels("settle_in_cluster", launch, self.threads, packed, shared_bytes=self._settle_bytes())
        else:
            self._pass_until_settled(world, packed)

    def _pass_until_settled(self, world: Mapping[str, Any], packed: Sequence[np.ndarray]) -> None:
        """Each pass makes one more month right, so there are no more of them than months, and usually a handful."""
        cells = int(world["scenarios"]) * self.shape.value
        for _ in range(self.shape.months + 1):
            self._walk("sales_walk", packed, int(world["scenarios"]))
            self.kernels("reprice", (-(-cells // self.threads), 1), self.threads, packed)
            world["moved"][...] = world["still_moving"]
            world["still_moving"][...] = 0
            if not bool(world["moved"].any()):
                return
        raise AssertionError("price impact did not settle")

    def _walk(self, kernel: str, packed: Sequence[np.ndarray], scenarios: int) -> None:
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
        xp, shape = self.device.xp, self.shape
        counted = {name: field[..., :-1] for name, field in sums.items() if name in BY_GROUP}
        defaults, causes = counted["defaults"].astype("int64"), counted["causes"].astype("int64")
        cumulative = xp.cumsum(defaults, axis=1)
        discount = world["discount"][:, 1 : shape.months + 1]
        carried = xp.rint(discount * 2.0**CARRIED_BITS).astype("int64").sum(axis=0)
        host = self.device.to_host
        not_carried = host(sums["not_carried"])
        by_place = np.where(self.owes, host(carried)[:, None] + not_carried, 0)
        in_order = np.empty_like(by_place)
        in_order[:, self.order] = by_place
        seen = host(counted["seen"])
        months = MonthTally(
            **dict(zip((*SIGNS, "clearing_value"), seen.swapaxes(0, 1), strict=True)),
            defaulted_debt=host(counted["defaulted_debt"].sum(axis=0)),
            defaults=host(defaults.sum(axis=0)),
        )
        return Tally(
            loss=host(counted["loss"]),
            exposure=host(counted["exposure"]),
            months=months,
            watched=np.int64((scenario % WATCHED_EVERY == 0).sum()),
            default_squares=host((cumulative * cumulative).sum(axis=0)),
            causes=host(causes.sum(axis=0)),
            cause_squares=host((causes * causes).sum(axis=0)),
            facility_defaults=np.cumsum(host(sums["facility_defaults"]), axis=0),
            **{
                name: host(sums[name])
                for name in SUMS.fields
                if name in Tally._fields and name.startswith("facility_") and name != "facility_defaults"
            },
            carried=in_order,
        )


BY_GROUP = ("loss", "exposure", "defaults", "defaulted_debt", "causes", "seen")


def _packed(xp: Any, array: Any, dtype: str) -> Any:
    return xp.ascontiguousarray(array, dtype=dtype)
