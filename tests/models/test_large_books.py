"""What is done for large books may not be seen in small ones: blocks, files in place of memory, tables kept once."""

import subprocess
import sys
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from rackrisk.config import structural_settings
from rackrisk.data import check_tape, generate
from rackrisk.kernels import filed
from rackrisk.kernels.balances import facility_balances, rank_balances
from rackrisk.kernels.chunks import arrange
from rackrisk.kernels.shards import add_up
from rackrisk.models.book import BuiltBook, _debt, build_book, set_schedules_aside
from rackrisk.models.book._rows import Rows

AS_OF, MONTHS = date(2026, 8, 31), 27


def shared_tape(facilities: int = 90, obligors: int = 40) -> pl.DataFrame:
    """Generated facilities, several of one obligor and of several ranks."""
    random = np.random.default_rng(3)
    owner = random.integers(0, obligors, facilities)
    rank = random.choice(np.array(["senior_secured", "second_lien", "unsecured"]), facilities)
    tape = generate(facilities, seed=5, as_of=AS_OF).with_columns(
        obligor_id=pl.Series([f"o{number:03d}" for number in owner]), seniority=pl.Series(rank)
    )
    shared = ["obligor_id", "facility_id", "balance_usd", "seniority"]
    alike = tape.group_by("obligor_id", maintain_order=True).agg(pl.exclude(*shared).first())
    return check_tape(tape.select(shared).join(alike, on="obligor_id"), file="shared", as_of=AS_OF)


def built(tape: pl.DataFrame) -> BuiltBook:
    settings = structural_settings("portfolio=synthetic")
    return build_book(tape, market=settings.market, recovery=settings.recovery, as_of=AS_OF, months=MONTHS)


def leaves(part: Any) -> list[np.ndarray]:
    return [np.asarray(part)] if not isinstance(part, tuple) else [leaf for field in part for leaf in leaves(field)]


def same(one: BuiltBook, other: BuiltBook) -> bool:
    pairs = zip(leaves((one.book, one.scale)), leaves((other.book, other.scale)), strict=True)
    return all(np.array_equal(*pair) for pair in pairs)


def test_tables_of_facilities_and_ranks_add_up_to_the_obligors() -> None:
    found = built(shared_tape())
    debt, facilities = found.book.debt.balance_usd, found.book.facilities
    first = np.flatnonzero(np.diff(facilities.obligor, prepend=-1))
    by_facility, by_rank = facility_balances(found.book), rank_balances(found.book)
    np.testing.assert_array_equal(np.add.reduceat(by_facility, first, axis=1), debt)
    np.testing.assert_allclose(by_rank.sum(axis=0), debt, rtol=1e-15)
    for rank in range(3):
        mine = np.where(facilities.rank == rank, by_facility, 0)
        np.testing.assert_array_equal(np.add.reduceat(mine, first, axis=1), by_rank[rank])
    some = slice(7, 31)
    np.testing.assert_array_equal(facility_balances(found.book, some), by_facility[:, some])


def test_only_obligors_with_several_facilities_or_ranks_have_tables_of_their_own() -> None:
    alone = built(check_tape(generate(50, seed=1, as_of=AS_OF), file="alone", as_of=AS_OF)).book
    assert alone.facilities.balance_usd.size == alone.ranks.balance_usd.size == 0
    shared = built(shared_tape()).book
    number = np.bincount(shared.facilities.obligor)
    assert shared.facilities.balance_usd.shape[1] == number[number > 1].sum()
    assert 0 < shared.ranks.balance_usd.shape[2] < len(number)


@pytest.mark.parametrize("size", [1, 7, 39])
def test_the_size_of_the_blocks_cannot_be_seen(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = built(shared_tape())
    monkeypatch.setattr(_debt, "BLOCK", size)
    assert same(built(shared_tape()), whole)


def test_schedules_in_a_file_are_the_same_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = built(shared_tape())
    monkeypatch.setattr(filed, "LARGE_BYTES", 0)
    stored = built(shared_tape())
    assert not isinstance(stored.book.debt.balance_usd.base, type(None))
    set_schedules_aside(stored)
    assert same(stored, whole)


def test_a_full_disk_leaves_schedules_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(filed, "LARGE_BYTES", 0)
    monkeypatch.setattr(filed.os, "posix_fallocate", full)
    table = filed.table((3, 4))
    table[...] = 1
    filed.set_aside(table)
    assert table.sum() == 12


def test_a_tape_in_order_is_not_copied_and_any_other_is_sorted() -> None:
    tape = shared_tape().sort("obligor_id", "facility_id")
    assert Rows.of(tape, AS_OF).tape is tape
    mixed = Rows.of(tape.sample(fraction=1, shuffle=True, seed=2), AS_OF).tape
    assert mixed.equals(tape)


def test_devices_of_the_cpu_read_one_book() -> None:
    """XLA takes over memory that begins at a multiple of 64 bytes."""
    found = built(shared_tape())
    chunked, scale = arrange(found.book, found.scale, 8, "float32")
    arrays = [array for array in leaves((chunked, scale)) if array.ndim and array.dtype != object]
    assert arrays
    assert all(array.ctypes.data % 64 == 0 for array in arrays)


def test_sums_that_lie_in_a_file_are_the_same_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filed, "LARGE_BYTES", 0)
    parts = [
        {"loss": np.array([[i]]), "carried": np.full((3, 5), 2**40 + i), "squares": np.array([2**80 + i], object)}
        for i in range(4)
    ]
    plain, stored = add_up(parts, ["loss"]), add_up(parts, ["loss"], filed=True)
    filed.set_aside(stored["carried"])
    for name in parts[0]:
        assert stored[name].dtype == plain[name].dtype
        assert stored[name].tolist() == plain[name].tolist()


def test_free_memory_goes_back_to_the_system() -> None:
    script = """
from rackrisk.kernels.filed import give_back
def resident(): return int(open("/proc/self/statm").read().split()[1]) * 4096
held = [bytes(10_000) for _ in range(20_000)]
last = held[-1]  # at the end of the heap, which keeps all that is free before it
del held
before = resident()
give_back()
print(before - resident())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 50_000_000
