"""The CUDA engine of the copula model: what is on the device, and which kernels run in which order.

Per batch of scenarios: factors and mixing variable, then one kernel in which each thread takes four scenarios through
the names. `copula.cu` says how.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..copula.arrays import BY_SCENARIO, Pool, Tally
from ..copula.draws import QUAD
from ..copula.tally import exact, tally
from ..shards import add_up, named_arrays, tally_of
from .copula_layout import GIVEN, GROUP, POOL, SUMS, arrange
from .device import MEMORY_SHARE, STATIC_SHARED_BYTES, THREADS, Device, DeviceTooSmall, Kernels, LaunchShape
from .source import Program

BLOCKS_IN_FLIGHT = 2**14  # many times what runs at once, so that the last ones do not keep a device waiting
PIECES_PER_BLOCK = 8  # at least: what begins and ends a block takes about as long as one
MAX_BATCH = 2**20  # scenarios
CELLS_PER_BATCH = 2**36  # scenarios x names, a fraction of a second; so sums of squares of counts fit 62 bits
LGD_KINDS = {"fixed": 0, "beta": 1, "wrong_way": 2}  # conditional.cuh


def program(lgd_kind: str, shape: LaunchShape, *, several_years: bool) -> Program:
    """The kernels for pools of one kind."""
    constants = {"THREADS": max(shape.threads, THREADS), "WARP_THREADS": shape.warp_threads}
    kind = {"LGD": LGD_KINDS[lgd_kind], "SEVERAL_YEARS": int(several_years)}
    return Program("copula.cu", (POOL, GIVEN, SUMS), "float64", constants | kind)


class CopulaCuda:
    """A pool on one device.

    Attributes:
        batch: most scenarios of one call, a multiple of four.
    """

    def __init__(self, device: Device, pool: Pool, *, key: tuple[int, int], blocks: int = BLOCKS_IN_FLIGHT) -> None:
        """Bring the pool to the device and compile its kernels.

        Args:
            pool: NumPy arrays.
            blocks: of a launch, if there is work for so many; results do not depend on it.

        Raises:
            DeviceTooSmall: the device has too little memory for the pool and four scenarios.
        """
        self.device, self.pool, self.blocks = device, pool, blocks
        fields, self.order = arrange(pool, key)
        self.names, self.pieces, self.years = fields["names"], fields["pieces"], fields["years"]
        self.threads = device.shape.threads  # of a block; fewer where many years fill its shared memory
        while self._shared_bytes() > STATIC_SHARED_BYTES and self.threads > device.shape.warp_threads:
            self.threads -= device.shape.warp_threads
        self.batch = self._plan(sum(field.nbytes for field in fields.values() if isinstance(field, np.ndarray)))
        with device.active():
            self.kernels: Kernels = device.compile(program(pool.lgd_kind, device.shape, several_years=self.years > 1))
            xp = device.xp
            self.fields = {
                name: xp.asarray(field) if isinstance(field, np.ndarray) else field for name, field in fields.items()
            }
            self.fields["prepared"] = xp.empty((self.names, 4), "uint32")
            self.packed_pool = POOL.pack(self.fields)
            self._launch("prepare_names", self.names, (self.packed_pool, *self._pack(self._given(0, 0), self._sums(0))))

    def run(self, first: int, scenarios: int) -> Tally:
        """Tally of `scenarios` scenarios, at most `batch`, from `first` on, a multiple of four.

        Returns:
            NumPy arrays; `loss` has rows for whole quads, those beyond the last scenario zero.
        """
        with self.device.active():
            given, sums = self._given(first, scenarios), self._sums(-(-scenarios // QUAD))
            self._launch_batch(given, sums)
            return self._tally(sums)

    def kernels_of(self, scenarios: int) -> Callable[[], None]:
        """What launches the kernels of a batch again and again, for those who time them; sums go on growing."""
        given, sums = self._given(0, scenarios), self._sums(-(-scenarios // QUAD))
        return lambda: self._launch_batch(given, sums)

    def _plan(self, pool_bytes: int) -> int:
        """Scenarios that fit beside the pool, and make a batch of reasonable length."""
        segments, years = self.pool.segments, self.years
        shared = 8 * (self.pool.factor_stream.shape[0] + 1)
        sums = segments * (8 + 4 * years)
        ordering = 8 * segments + 3 * 8 * years * (segments + 1)  # copies while `tally` brings the sums into order
        kept = pool_bytes + self.names * (16 + 4 * 8)
        with self.device.active():
            room = int(self.device.free_bytes() * MEMORY_SHARE) - kept
        each = shared + sums + ordering
        fit = room // each // QUAD * QUAD
        if fit < QUAD:
            raise DeviceTooSmall(
                f"{self.device.name} has too little memory free: {self.names:,} names need {kept / 2**30:.1f} GiB and "
                f"each {QUAD} scenarios {QUAD * each / 2**20:.1f} MiB more, of {MEMORY_SHARE:.0%} of what is free"
            )
        return min(fit, MAX_BATCH, max(CELLS_PER_BATCH // self.names // QUAD, 1) * QUAD)

    def _given(self, first: int, scenarios: int) -> dict[str, Any]:
        """Room for what the names of each scenario share."""
        xp, quads = self.device.xp, -(-scenarios // QUAD)
        return {
            "scenarios": scenarios,
            "quads": quads,
            "first_quad": first // QUAD,
            "factors": xp.empty((self.pool.factor_stream.shape[0], quads, QUAD)),
            "mixing": xp.empty((quads if self.pool.mixing.size else 0, QUAD)),
        }

    def _sums(self, quads: int) -> dict[str, Any]:
        xp, segments = self.device.xp, self.pool.segments
        lgd = 0 if self.pool.lgd_kind == "fixed" else self.names
        return {
            "loss": xp.zeros((segments, QUAD, quads), "int64"),
            "counts": xp.zeros((segments, self.years, QUAD, quads), "int32"),
            "name_defaults": xp.zeros(self.names, "int64"),
            "name_lgd": xp.zeros(lgd, "int64"),
            "name_lgd_squares": xp.zeros(lgd, "int64"),
        }

    def _pack(self, given: dict[str, Any], sums: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        return GIVEN.pack(given), SUMS.pack(sums)

    def _launch_batch(self, given: dict[str, Any], sums: dict[str, Any]) -> None:
        packed = (self.packed_pool, *self._pack(given, sums))
        self._launch("draw_systematic", given["quads"], packed)
        self._launch("tally_pool", given["quads"], packed, shared_bytes=self._shared_bytes())

    def _launch(self, kernel: str, threads: int, packed: Any, *, shared_bytes: int = 0) -> None:
        """One thread each for so many; a pool's pieces are shared by rows of blocks, enough to keep the device busy."""
        blocks = -(-threads // self.threads)
        rows = min(max(self.blocks // blocks, 1), self.pieces // PIECES_PER_BLOCK + 1) if kernel == "tally_pool" else 1
        self.kernels(kernel, (blocks, rows), self.threads, packed, shared_bytes=shared_bytes)

    def _shared_bytes(self) -> int:
        """As `shared_of` in copula.cu lays it out."""
        warps = -(-self.threads // self.device.shape.warp_threads)
        by_name = warps * GROUP * (4 + (0 if self.pool.lgd_kind == "fixed" else 2 * 8))
        return by_name + (2 * 4 * QUAD * self.years * self.threads if self.years > 1 else 0)

    def _tally(self, sums: dict[str, Any]) -> Tally:
        """What the kernels counted, in the order of the pool."""
        by_name = [sums["name_defaults"], sums["name_lgd"], sums["name_lgd_squares"]]
        found = tally(self.device.xp, sums["loss"], sums["counts"], by_name, self.pool)
        return Tally(
            **{name: self._in_order(name, self.device.to_host(field)) for name, field in found._asdict().items()}
        )

    def _in_order(self, field: str, values: np.ndarray) -> np.ndarray:
        if not field.startswith("name_") or values.size == 0:
            return values
        found = np.empty_like(values)
        found[self.order] = values
        return found


def open_copula(
    devices: Sequence[Device], pool: Pool, key: tuple[int, int], **options: Any
) -> tuple[Callable[[int, int], Tally], int]:
    """Make a pool ready on several devices, which share the scenarios of a batch.

    Returns:
        A function of a batch's first scenario and the number of scenarios in all, to a tally with a leading dimension;
        scenarios of a batch.
    """
    engines = [CopulaCuda(device, pool, key=key, **options) for device in devices]
    share = min(engine.batch for engine in engines)
    threads = ThreadPoolExecutor(len(engines))  # each waits for its device

    def run(first: int, scenarios: int) -> Tally:
        starts = range(first, min(first + share * len(engines), scenarios), share)
        counts = [min(share, scenarios - start) for start in starts]
        parts = list(threads.map(CopulaCuda.run, engines[: len(starts)], starts, counts))
        found = tally_of(Tally, add_up((named_arrays(exact(part)) for part in parts), BY_SCENARIO))
        return Tally(*(field[None] for field in found))

    return run, share * len(engines)
