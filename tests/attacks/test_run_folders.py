"""Run folders that somebody else made: whatever is in them, they are told about or refused, and never followed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rackrisk.run_folder import DONE, MANIFEST

from ..cli.conftest import Command
from .cage import at_most
from .forgery import forge, leaves, manifest_of, put, write_manifest

#: Every command that reads a finished run.
READERS = (("report",), ("explain",), ("explain", "--scenario", "3"), ("compare",), ("rerun", "--out", "again"))
STRANGE: tuple[Any, ...] = (None, "x", -1, 1e308, [], {}, [[[]]], "\x1b[2J", "../../x", True)


def told(command: Command, reader: tuple[str, ...], run: Path, honest: Path) -> str:
    """What a command says of a folder; it ends with a result or with everything that is wrong, and never breaks."""
    name, *rest = reader
    outcome = command(name, str(run), *([str(honest)] if name == "compare" else rest))
    assert outcome.code in {0, 2}, outcome.err
    assert "Traceback" not in outcome.err
    assert "\x1b[2J" not in outcome.err + outcome.out
    assert outcome.code == 0 or outcome.words
    return outcome.words if outcome.code else ""


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["losses.parquet", "tables/measures.parquet", "config.resolved.yaml", "book.parquet"])
@pytest.mark.parametrize("kind", ["link", "pipe", "device"])
def test_a_file_that_is_a_link_or_a_pipe_is_refused(
    command: Command, run: Path, finished: Path, *, reader: tuple[str, ...], name: str, kind: str
) -> None:
    file = run / name
    file.unlink()
    if kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to(finished / name if kind == "link" else "/dev/zero")
    assert told(command, reader, run, finished)


@pytest.mark.parametrize("reader", READERS)
def test_a_folder_inside_that_is_a_link_is_refused(
    command: Command, run: Path, finished: Path, reader: tuple[str, ...]
) -> None:
    (run / "tables").rename(run.parent / "elsewhere")
    (run / "tables").symlink_to(run.parent / "elsewhere")
    assert "is a link" in told(command, reader, run, finished)


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "tables/../../secret", "..", "a\\b", "", "a\0b"])
def test_outputs_outside_the_folder_are_refused_and_not_looked_at(
    command: Command, run: Path, finished: Path, path: str
) -> None:
    (run.parent / "secret").write_text("secret")
    forge(run, lambda manifest: manifest["outputs"].append({"path": path, "sha256": "0" * 64}))
    for reader in READERS:
        assert "outside the run folder" in told(command, reader, run, finished)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "[" * 200_000, '{"a": NaN}', "\ud800".encode("utf-8", "surrogatepass")]
)
def test_a_manifest_that_is_no_json_object_is_refused(command: Command, run: Path, finished: Path, text: Any) -> None:
    write_manifest(run, text if isinstance(text, str) else "")
    if isinstance(text, bytes):
        (run / MANIFEST).write_bytes(text)
    for reader in READERS:
        assert told(command, reader, run, finished)


@pytest.mark.slow
def test_no_value_of_a_manifest_breaks_a_command(command: Command, run: Path, finished: Path) -> None:
    original = manifest_of(run)
    keys = [key for key in leaves(original) if not key.startswith(("config.market.", "timings_s", "config.recovery."))]
    for place, key in enumerate(keys):
        for reader in (("report",), ("explain",), ("compare",)):
            manifest = json.loads(json.dumps(original))
            put(manifest, key, STRANGE[(place + len(reader[0])) % len(STRANGE)])
            write_manifest(run, manifest)
            told(command, reader, run, finished)


@pytest.mark.parametrize(
    "key", ["product", "engine", "exposure_usd", "inputs", "packages", "choices", "config", "machine"]
)
@pytest.mark.parametrize("value", [None, 3, [3], {"x": {}}])
def test_a_section_of_another_kind_is_named(command: Command, run: Path, finished: Path, key: str, value: Any) -> None:
    forge(run, lambda manifest: put(manifest, key, value))
    assert key in told(command, ("explain",), run, finished)
    for reader in READERS:
        told(command, reader, run, finished)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "!!python/object/apply:os.system ['touch pwned']",
        "name: ${oc.env:HOME}\n",
        "portfolio: 3\n",
        "- 1\n",
        "{" * 1000,
    ],
)
def test_a_forged_configuration_is_data(command: Command, run: Path, finished: Path, text: str) -> None:
    (run / "config.resolved.yaml").write_text(text)
    forge(run)
    for reader in (("explain", "--scenario", "1"), ("rerun", "--out", "again")):
        assert told(command, reader, run, finished)
    assert not (run.parent / "pwned").exists()


def bomb(path: Path) -> None:
    """A Parquet file of a few hundred kilobytes that stands for 24 GB."""
    numbers = pl.repeat(0.0, 100_000_000, eager=True)
    pl.DataFrame({f"c{i}": numbers for i in range(3)}).write_parquet(path)


@pytest.mark.slow
def test_a_table_that_unfolds_to_more_than_there_is_is_refused(
    command: Command, run: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rackrisk.data._parquet.memory_there_bytes", lambda: 10**9)
    for name in ("losses.parquet", "book.parquet", "tables/measures.parquet", "tables/worst_moves.parquet"):
        bomb(run / name)
    forge(run)
    with at_most(gigabytes=2.0):
        for reader in READERS:
            assert "GiB" in told(command, reader, run, finished)


def spoilt(frame: pl.DataFrame, kind: str) -> pl.DataFrame:
    """A table with the same name and another content."""
    if kind == "empty":
        return frame.clear()
    if kind == "without columns":
        return frame.select(frame.columns[:1])
    if kind == "other types":
        return frame.select(pl.all().cast(pl.String))
    if kind == "null":
        return frame.select(pl.lit(None, dtype).alias(name) for name, dtype in frame.schema.items())
    number = {"nan": float("nan"), "infinite": float("inf"), "huge": 1e308}[kind]
    floats = [name for name, dtype in frame.schema.items() if dtype == pl.Float64]
    return frame.with_columns(pl.lit(number).alias(name) for name in floats)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["empty", "without columns", "other types", "null", "nan", "infinite", "huge"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")  # of libraries that add up huge losses
def test_no_content_of_a_table_breaks_a_command(command: Command, run: Path, finished: Path, kind: str) -> None:
    for file in (run / "losses.parquet", run / "book.parquet", *sorted((run / "tables").glob("*.parquet"))):
        before = file.read_bytes()
        spoilt(pl.read_parquet(file), kind).write_parquet(file)
        forge(run)
        for reader in (("report",), ("explain",), ("explain", "--scenario", "3"), ("compare",)):
            told(command, reader, run, finished)
        file.write_bytes(before)


def test_a_kept_book_must_still_obey_the_rules_of_a_tape(command: Command, run: Path, finished: Path) -> None:
    book = pl.read_parquet(run / "book.parquet")
    book.with_columns(balance_usd=pl.lit(float("nan"))).write_parquet(run / "book.parquet")
    forge(run)
    for reader in (("explain", "--scenario", "1"), ("rerun", "--out", "again")):
        assert "balance_usd" in told(command, reader, run, finished)
    assert not (run.parent / "again").exists()


def test_a_report_is_not_written_through_a_link(command: Command, run: Path, finished: Path) -> None:
    victim = run.parent / "victim"
    victim.write_text("mine")
    (run / "report.html").unlink()
    (run / "report.html").symlink_to(victim)
    assert "is a link" in told(command, ("report",), run, finished)
    assert victim.read_text() == "mine"


def test_a_forged_label_does_not_lead_out_of_the_folder_of_runs(command: Command, run: Path, finished: Path) -> None:
    forge(run, lambda manifest: put(manifest, "choices.market", "../../../pwned"))
    before = set(run.parent.parent.iterdir())
    assert "cannot be called so" in told(command, ("rerun",), run, finished)
    assert set(run.parent.parent.iterdir()) == before
    assert (run / DONE).is_file()
