"""The arrays a copula engine reads and writes.

Dimensions, with one meaning everywhere: N names, B buckets of names with equal thresholds and loadings, F factors,
H horizon years, G segments, S scenarios, C cells of an LGD distribution, D distinct LGD distributions. Floating arrays
are float64.
"""

from typing import Any, NamedTuple

LOSS_BITS = 52  # total exposure in loss quanta: at most 2^52, so every sum of losses is exact in int64 and in float64
LGD_BITS = 30  # an LGD is a whole number of 2^-30
SQUARE_BITS = 15  # the same for the squares behind standard errors
MAX_SCENARIOS = 2**26  # of one run: so many sums of LGD fit 56 bits
MAX_HORIZON_YEARS = 30
MAX_CELLS = 256  # of an LGD distribution: a cell fits a byte


class Buckets(NamedTuple):
    """Names that share a conditional default probability."""

    threshold: Any  # [H, B] of the latent variable, non-decreasing in H; -inf never defaults, +inf always
    loading: Any  # [F, B] on independent factors
    inverse_residual: Any  # [B] 1 / sqrt(1 - |loading|^2), finite
    first: Any  # [B+1] int32: names first[b] to first[b+1] - 1 are in bucket b
    lgd_loading: Any  # [F, B] of the LGD's driver; empty unless the LGD is wrong-way
    lgd_residual: Any  # [B] the rest of it; empty unless the LGD is wrong-way


class Names(NamedTuple):
    """One name each, sorted by bucket."""

    stream: Any  # [N, 2] uint32
    segment: Any  # [N] int32 into the segments
    quanta: Any  # [N] float64, whole: the loss at a fixed LGD, else the exposure
    lgd_row: Any  # [N] int32 into the LGD table


class Pool(NamedTuple):
    """Everything an engine needs to know; `segments` and `lgd_kind` decide what is compiled."""

    buckets: Buckets
    names: Names
    factor_stream: Any  # [F, 2] uint32
    mixing: Any  # Chebyshev coefficients of log sqrt(W / dof) in a normal; empty for a Gaussian copula
    lgd_table: Any  # [D, C] int32: mean LGD of equiprobable cells, in 2^-LGD_BITS; C a power of two, at most 256
    segments: int
    lgd_kind: str  # fixed, beta or wrong_way


class Tally(NamedTuple):
    """What some scenarios add to a run; int64."""

    loss: Any  # [S, G] loss quanta of each scenario
    defaults: Any  # [H, 1 + G] names in default by the end of each year: all, then by segment
    default_squares: Any  # [H, 1 + G] squares of the scenarios' counts
    name_defaults: Any  # [N] over the whole horizon
    name_lgd: Any  # [N] sum of LGD over defaults, in 2^-LGD_BITS; empty for a fixed LGD
    name_lgd_squares: Any  # [N] in 4^-SQUARE_BITS; empty for a fixed LGD


BY_SCENARIO = ("loss",)  # fields with a row a scenario; all others are sums over them
