"""The reference engine: NumPy, float64, month after month. Every other engine must agree with it."""

from typing import Any

import numpy as np

from .arrays import Book, Paths
from .month import month, scene, start
from .normals import normal_pair
from .recovery import facility_losses
from .streams import Purpose, words
from .tally import FacilityRows, MonthTally, Scale, Tally, facility_rows, tally_carried, tally_month, tally_tile

MONTHS_PER_BLOCK = 4


def idiosyncratic_normals(
    xp: Any, key: tuple[int, int], scenario: Any, stream: tuple[Any, Any], *, block: Any, dtype: Any
) -> list[Any]:
    """Normals of months 4 block + 1 to 4 block + 4: one Philox block each.

    Args:
        scenario: uint32, broadcast against the two arrays of stream words, as [S, 1] against [N] for normals [S, N].
    """
    four = words(xp, key, scenario, stream, purpose=Purpose.OBLIGOR_SHOCK, block=block)
    return [*normal_pair(xp, four[0], four[1], dtype), *normal_pair(xp, four[2], four[3], dtype)]


def simulate_tile(
    book: Book, paths: Paths, scale: Scale, key: tuple[int, int], *, scenario: Any, valid: Any
) -> tuple[Tally, FacilityRows]:
    """Simulate the scenarios of one tile.

    Args:
        book: float64 arrays.
        scenario: uint32 [S], absolute scenario numbers.
        valid: bool [S], false for scenarios that only fill the tile.
    """
    months = book.debt.balance_usd.shape[0] - 1
    stream = book.stream[:, 0], book.stream[:, 1]
    stage, state = scene(np, book, paths), start(np, book, scenario.shape[0])
    impacts, tallies, carried = [state.impact], [], []
    for t in range(1, months + 1):
        block, place = divmod(t - 1, MONTHS_PER_BLOCK)
        normals = idiosyncratic_normals(np, key, scenario[:, None], stream, block=block, dtype=np.float64)
        state, view = month(np, stage, t, state, normals[place])
        impacts.append(state.impact)
        tallies.append(tally_month(np, book, scale, view, valid[:, None]))
        carried.append(tally_carried(np, view, valid[:, None]))
    by_month = MonthTally(*(np.stack(field) for field in zip(*tallies, strict=True)))
    losses = facility_losses(np, book, paths, np.stack(impacts, axis=1), state)
    tally = tally_tile(np, scale, by_month, losses, state, carried=np.stack(carried), valid=valid[:, None])
    return tally, facility_rows(np, scale, losses, valid[:, None])
