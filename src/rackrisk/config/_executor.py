"""Where the shards of a run are computed; results do not depend on it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ._section import Count, Section

MAX_WORKERS = 1_024

ShardScenarios = Annotated[Count, Field(ge=1)] | None


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
