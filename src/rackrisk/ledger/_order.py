"""What an unfinished run is to compute, and with what: orders of one identity give the same bytes."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError, field_validator

from rackrisk.manifest import RNG_SCHEME, json_bytes, numeric_versions, version_differences
from rackrisk.run_folder import RunFolderError

SCHEMA = "rackrisk/unfinished/1"


class Order(BaseModel, frozen=True, extra="forbid", strict=True):
    """The content of order.json.

    Attributes:
        config: the complete configuration as plain values.
        choices: the chosen option by configuration group.
        inputs: files that the book was made from.
        config_hash: of everything in the configuration that numbers depend on.
        started: when the run was begun.
        engine: the engine that computes every shard.
        notes: what the reader of the result should know of how the run was begun.
        versions: of the packages that compute.
        book_sha256: of book.parquet.
        shard_scenarios: scenarios of a shard.
    """

    schema_: str = Field(default=SCHEMA, alias="schema", pattern=f"^{SCHEMA}$")
    rng: str = Field(default=RNG_SCHEME, pattern=f"^{RNG_SCHEME}$")
    config: dict[str, Any]
    choices: dict[str, str]
    inputs: list[dict[str, Any]]
    config_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    started: datetime
    engine: str = Field(pattern="^(jax|cuda|reference)$")
    notes: list[Annotated[str, Field(max_length=1_000)]] = Field(max_length=10)
    versions: dict[str, str]
    book_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    shard_scenarios: int = Field(ge=1, le=10**18)

    @field_validator("started")
    @classmethod
    def _is_a_moment(cls, started: datetime) -> datetime:
        if started.tzinfo is None or not 2000 <= started.year < 3000:
            raise ValueError("must be a moment of these centuries, with its time zone")
        return started

    @field_validator("inputs")
    @classmethod
    def _say_what_they_are(cls, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not all(isinstance(item.get(key), str) for item in inputs for key in ("role", "path", "sha256")):
            raise ValueError("must say role, path and sha256 of every file")
        if not all(isinstance(value, (str, int)) for item in inputs for value in item.values()):
            raise ValueError("must say of every file words and whole numbers alone")
        return inputs

    @property
    def shards_as_asked(self) -> bool:
        """True where the user said how many scenarios a shard has."""
        executor = self.config.get("executor")
        return isinstance(executor, dict) and executor.get("shard_scenarios") is not None

    @property
    def identity(self) -> str:
        """SHA-256, as 64 hex digits, of all that the numbers of a shard depend on."""
        parts = (self.config_hash, self.engine, self.versions, self.book_sha256, self.rng)
        return hashlib.sha256(json_bytes(parts)).hexdigest()

    def text(self) -> str:
        """As JSON for a file."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"

    def strangers(self) -> list[str]:
        """What differs here from where the run was begun, and could move the last bits of a number."""
        return version_differences(self.versions, numeric_versions())


def read_order(text: str, place: str) -> Order:
    """The order that a file holds.

    Raises:
        RunFolderError: it holds none that this version can work on.
    """
    try:
        return Order.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        rule = f"not the order of a run that this version can finish ({where}: {first['msg']})"
        raise RunFolderError(f"{place}: {rule}; delete its folder to begin anew") from None
