"""Where the shards of a run are computed; results do not depend on it."""

from __future__ import annotations

import os
from typing import Annotated, Literal

from pydantic import Field

from ._section import Count, Section

MAX_WORKERS = 1_024

ShardScenarios = Annotated[Count, Field(ge=1, le=10**12)] | None


class LocalExecutor(Section, frozen=True):
    name: Literal["local"]
    workers: Annotated[Count, Field(ge=1, le=MAX_WORKERS)]
    shard_scenarios: ShardScenarios


class RayExecutor(Section, frozen=True):
    name: Literal["ray"]
    address: str | None
    num_cpus: Annotated[float, Field(gt=0)]
    num_gpus: Annotated[float, Field(ge=0)]
    retries: Annotated[Count, Field(ge=0, le=100)]
    shard_scenarios: ShardScenarios


class ShardExecutor(Section, frozen=True):
    name: Literal["shard"]
    shard_scenarios: ShardScenarios


ExecutorConfig = Annotated[LocalExecutor | RayExecutor | ShardExecutor, Field(discriminator="name")]


def of_a_folder(kept: ExecutorConfig) -> ExecutorConfig:
    """What is taken of the executor that a folder names, which a stranger may have written.

    Ray shows its token to whoever answers at an address and runs what comes back, so Ray is for the command line to
    name; and there are no more processes than cores.
    """
    if isinstance(kept, RayExecutor):
        return LocalExecutor(name="local", workers=1, shard_scenarios=kept.shard_scenarios)
    if isinstance(kept, LocalExecutor):
        return kept.model_copy(update={"workers": min(kept.workers, len(os.sched_getaffinity(0)))})
    return kept
