"""How many scenarios a shard has: about a minute's work, so that a run that is stopped loses little."""

from __future__ import annotations

from ._model import Load

MAX_SHARDS = 10_000  # what AWS Batch takes as one array
LEDGER_BYTES = 4 * 2**30  # every shard holds sums over the whole book: all of them together take about so much disk
GPU_TIMES = 100  # a GPU does so many times more in a minute
_SHARD_NUMBERS = 3  # of a scenario and scope: loss, exposure at default, paid debt
_RESULT_NUMBERS = 2  # of a scenario and scope in losses.parquet, with its number and weight


def shard_scenarios(load: Load, scenarios: int, *, engine: str, asked: int | None) -> int:
    """Scenarios of a shard: a multiple of the step that keeps tiles whole.

    Args:
        scenarios: of the run.
        engine: that computes.
        asked: what the user wants, rounded up; None chooses.
    """
    units = load.units_per_shard * (GPU_TIMES if engine == "cuda" else 1)
    most_shards = max(1, min(MAX_SHARDS, LEDGER_BYTES // max(load.tally_bytes, 1)))
    chosen = max(units // max(load.units_per_scenario, 1), -(-scenarios // most_shards))
    return up_to(asked or max(chosen, 1), load.step)


def disk_bytes(load: Load, scenarios: int, shards: int, *, scopes: int, book_bytes: int) -> int:
    """What shards and results take on the disk at most.

    Args:
        scopes: segments that results are reported for, without the portfolio.
        book_bytes: of the book in memory; the file is smaller, and is there twice while the run folder is written.
    """
    by_scenario = 8 * (_SHARD_NUMBERS + _RESULT_NUMBERS) * (1 + scopes) * scenarios
    return shards * load.tally_bytes + by_scenario + 2 * book_bytes


def up_to(number: int, step: int) -> int:
    """The next multiple of a step."""
    return -(-number // step) * step
