"""How many scenarios a shard has: about a minute's work, so that a run that is stopped loses little."""

from __future__ import annotations

from ._model import Load

MAX_SHARDS = 10_000  # what AWS Batch takes as one array
LEDGER_BYTES = 4 * 2**30  # every shard holds sums over the whole book: all of them together take about so much disk
GPU_TIMES = 100  # a GPU does so many times more in a minute


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


def up_to(number: int, step: int) -> int:
    """The next multiple of a step."""
    return -(-number // step) * step
