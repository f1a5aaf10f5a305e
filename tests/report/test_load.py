"""A folder that does not hold a readable run is refused, and the message names the file."""

from pathlib import Path

import polars as pl
import pytest

from rackrisk.report import ReportError, render

from .folders import small_run


@pytest.mark.parametrize("name", ["manifest.json", "config.resolved.yaml", "losses.parquet", "tables/measures.parquet"])
def test_a_missing_file_is_named(run_path: Path, name: str) -> None:
    (small_run(run_path) / name).unlink()
    with pytest.raises(ReportError, match=Path(name).name):
        render(run_path)


@pytest.mark.parametrize("name", ["losses.parquet", "tables/fans.parquet"])
def test_a_damaged_table_is_named(run_path: Path, name: str) -> None:
    path = small_run(run_path) / name
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ReportError, match=Path(name).name):
        render(run_path)


def test_a_missing_column_is_named(run_path: Path) -> None:
    path = small_run(run_path) / "tables" / "pd_term.parquet"
    pl.read_parquet(path).drop("pd_exposure").write_parquet(path)
    with pytest.raises(ReportError, match=r"pd_term.*pd_exposure"):
        render(run_path)


def test_a_column_of_the_wrong_type_is_refused(run_path: Path) -> None:
    path = small_run(run_path) / "tables" / "pd_term.parquet"
    pl.read_parquet(path).with_columns(pd_count=pl.lit("many")).write_parquet(path)
    with pytest.raises(ReportError, match="pd_term"):
        render(run_path)


@pytest.mark.parametrize("text", ["", "{", "[1]", '"text"', "[" * 100_000, "\x00"])
def test_a_manifest_that_is_no_object_is_refused(run_path: Path, text: str) -> None:
    (small_run(run_path) / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(ReportError, match=r"manifest\.json"):
        render(run_path)


def test_a_run_is_rendered_before_it_is_done(run_path: Path) -> None:
    assert not (small_run(run_path) / "DONE").exists()
    assert render(run_path).startswith("<!DOCTYPE html>")
