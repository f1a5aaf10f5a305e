"""A pool of names, what a batch of scenarios shares and its sums, as the copula kernels read and write them.

Dimensions as in `copula/arrays.py`, and Q quads of scenarios. Names are sorted by segment, then bucket. They come in
*groups*, of up to 32 neighbours in one segment, and these in *pieces*, each with one bucket.
"""

from typing import Any, NamedTuple

import numpy as np

from ..copula.arrays import Pool
from ..copula.draws import REACH
from ..copula.normal_cdf import LAST, ROOT_OF_TAIL
from ..philox import ROUNDS, WEYL_0, WEYL_1
from .layout import Structure

GROUP = 32  # names at most, as in copula.cu

POOL = Structure(
    "Pool",
    dict.fromkeys(("names", "pieces", "buckets", "factors", "years", "mixing_terms", "cells"), "count")
    | {
        "round_keys": "count[10]",  # of Philox: low word, high word
        "root_of_tail": f"number[{len(ROOT_OF_TAIL)}]",  # of the normal distribution function
        "last": "number",  # beyond, that function is constant
        "to_place": "number",  # 2 / last
        "reach": "number",
        "piece": "const int",  # [P, 4] first name, span, bucket, segment; see `pieces`
        "stream": "const unsigned",  # [N, 2]
        "prepared": "unsigned",  # [N, 4] the part of a name's words that no scenario changes
        "quanta": "const long long",  # [N] the loss at a fixed LGD, else the exposure
        "lgd_row": "const int",  # [N]
        "threshold": "const double",  # [H, B]
        "loading": "const double",  # [F, B]
        "inverse_residual": "const double",  # [B]
        "lgd_loading": "const double",  # [F, B]
        "lgd_residual": "const double",  # [B]
        "factor_stream": "const unsigned",  # [F, 2]
        "mixing": "const double",  # [mixing_terms]
        "lgd_table": "const int",  # [D, C]
    },
)

GIVEN = Structure(
    "Given",
    {
        "scenarios": "count",  # of the batch
        "quads": "count",  # Q, enough for them
        "first_quad": "count",
        "factors": "double",  # [F, Q, 4]
        "mixing": "double",  # [Q, 4]
    },
)

SUMS = Structure(
    "Sums",
    {
        "loss": "long long",  # [G, 4, Q]
        "counts": "int",  # [G, H, 4, Q] names in default by the end of each year
        "name_defaults": "long long",  # [N]
        "name_lgd": "long long",
        "name_lgd_squares": "long long",
    },
)


class Arranged(NamedTuple):
    """A pool ready for the device, as NumPy arrays."""

    fields: dict[str, Any]  # by name in `POOL`, less what the device works out
    order: np.ndarray  # [N] the pool's name at each place


def arrange(pool: Pool, key: tuple[int, int]) -> Arranged:
    """Sort a pool's names and cut them into pieces."""
    buckets, names = pool.buckets, pool.names
    bucket = np.repeat(np.arange(buckets.inverse_residual.size), np.diff(buckets.first))
    order = np.lexsort((bucket, names.segment))
    needs_bucket = pool.lgd_kind == "wrong_way" or buckets.threshold.shape[0] > 1
    piece = pieces(names.segment[order], bucket[order], mixed=not needs_bucket)
    tables = {
        "piece": (piece, "int32"),
        "stream": (names.stream[order], "uint32"),
        "quanta": (names.quanta[order], "int64"),
        "lgd_row": (names.lgd_row[order], "int32"),
        **{name: (getattr(buckets, name), "float64") for name in buckets._fields if name != "first"},
        "factor_stream": (pool.factor_stream, "uint32"),
        "mixing": (pool.mixing, "float64"),
        "lgd_table": (pool.lgd_table, "int32"),
    }
    sizes = {
        "names": order.size,
        "pieces": len(piece),
        "buckets": buckets.inverse_residual.size,
        "factors": pool.factor_stream.shape[0],
        "years": buckets.threshold.shape[0],
        "mixing_terms": pool.mixing.size,
        "cells": pool.lgd_table.shape[1],
        "round_keys": round_keys(key),
        "root_of_tail": ROOT_OF_TAIL,
        "last": LAST,
        "to_place": 2 / LAST,
        "reach": REACH,
    }
    return Arranged({name: np.ascontiguousarray(table, kind) for name, (table, kind) in tables.items()} | sizes, order)


def round_keys(key: tuple[int, int]) -> list[int]:
    """Both key words of every round of Philox in one number of 64 bits each."""
    low, high = (
        np.array([(word + number * weyl) % 2**32 for number in range(ROUNDS)], np.uint64)
        for word, weyl in zip(key, (WEYL_0, WEYL_1), strict=True)
    )
    return (low | high << np.uint64(32)).view(np.int64).tolist()


def pieces(segment: np.ndarray, bucket: np.ndarray, *, mixed: bool) -> np.ndarray:
    """First name, span, bucket and segment of each piece, [P, 4], from sorted names.

    The span is the number of names, the place in the group of the first one in bits 8 to 15, and 1 in bit 16 if the
    piece is the last of its group.

    Args:
        mixed: whether a group may have several buckets: if what a default costs does not depend on the bucket.
    """
    place = np.arange(segment.size)
    new_segment, new_bucket = np.ones(segment.size, bool), np.ones(segment.size, bool)
    new_segment[1:] = np.diff(segment) != 0
    new_bucket[1:] = new_segment[1:] | (np.diff(bucket) != 0)
    in_group = _since(new_segment if mixed else new_bucket, place) % GROUP
    first = np.flatnonzero(new_bucket | (in_group == 0))
    count = np.diff(first, append=segment.size)
    closes = np.append(in_group[first[1:]] == 0, True)
    return np.stack([first, count | in_group[first] << 8 | closes << 16, bucket[first], segment[first]], axis=1)


def _since(starts: np.ndarray, place: np.ndarray) -> np.ndarray:
    """How many places after the last start each place is."""
    return place - np.maximum.accumulate(np.where(starts, place, 0))
