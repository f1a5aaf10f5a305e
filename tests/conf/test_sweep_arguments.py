"""Arguments of a sweep: Hydra's grammar of several values, and what cannot be swept."""

from __future__ import annotations

from itertools import product
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrisk.config import MAX_POINTS, read_sweep


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("market.rent.drift_annual.calm=-0.3,-0.15,0", (-0.3, -0.15, 0)),
        ("seed=range(1,4)", (1, 2, 3)),
        ("market.rent.realisation=range(0.4,0.61,0.1)", (0.4, 0.5, 0.6)),
        ("portfolio=choice(neoclouds,miners)", ("neoclouds", "miners")),
        ("mechanisms.vacuum=true,false", (True, False)),
        ("measures.levels=[0.9,0.99],[0.95]", ([0.9, 0.99], [0.95])),
        ("measures.segments='a,b',c", ("a,b", "c")),
        ("portfolio.tape=a.csv,b.csv", ("a.csv", "b.csv")),
        ("market=base,mine.yaml", ("base", "mine.yaml")),
        ("seed=sort(3,1,2)", (1, 2, 3)),
        ("copula.asset_correlation=null,0.1", (None, 0.1)),
    ],
)
def test_several_values_are_written_as_in_hydra(argument: str, values: tuple[object, ...]) -> None:
    sweep, problems = read_sweep([argument, "months=12"], {})
    assert problems == []
    assert sweep.fixed == ("months=12",)
    assert [key.key for key in sweep.keys] == [argument.partition("=")[0]]
    if all(isinstance(value, float) for value in values):
        assert sweep.keys[0].values == pytest.approx(values, rel=1e-15)
    else:
        assert sweep.keys[0].values == values


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_points_are_all_combinations_and_the_last_key_changes_fastest(sizes: list[int]) -> None:
    names = [f"market.k{i}" for i in range(len(sizes))]
    arguments = [f"{name}=choice({','.join(map(str, range(size)))})" for name, size in zip(names, sizes, strict=True)]
    sweep, problems = read_sweep(arguments, {})
    assert problems == []
    assert sweep.size == prod(sizes)
    assert list(sweep.points()) == list(product(*map(range, sizes)))


@pytest.mark.parametrize(
    ("arguments", "key", "words"),
    [
        (("seed=1,2", "seed=3,4"), "seed", "more than once"),
        (("seed=1,2", "seed=3"), "seed", "more than once"),
        (("seed=1,2", "+seed=3"), "seed", "more than once"),
        (("out=a,b",), "out", "one folder"),
        (("name=a,b",), "name", "one label"),
        (("seed=interval(1,9)",), "seed", "no list of values"),
        (("market=glob(*)",), "market", "no list of values"),
        (("seed=shuffle(1,2)",), "seed", "cannot be repeated"),
        (("~seed=1,2",), "seed", "deleted for all"),
        (("seed=1,1",), "seed", "more than once"),
        (("seed=range(0,1e12)",), "seed", "at most 1,000"),
        (("seed=range(0,40)", "scenarios=range(1,41)"), "sweep", "at most 1,000"),
        (("seed=1,${oc.env:HOME}",), "seed", "resolvers are refused"),
        (("market._target_=os.system,x",), "market._target_", "begin with '_'"),
        (("hydra.mode=a,b",), "hydra.mode", "cannot be changed"),
        (("seed=1",), "sweep", "needs a key with several values"),
        ((), "sweep", "needs a key with several values"),
    ],
)
def test_what_cannot_be_swept_is_a_problem_of_its_key(arguments: tuple[str, ...], key: str, words: str) -> None:
    _, problems = read_sweep(arguments, {})
    assert {problem.key for problem in problems} == {key}
    assert all(words in problem.rule for problem in problems)


def test_a_keyword_of_python_does_not_silently_win_over_a_swept_key() -> None:
    _, problems = read_sweep(["seed=1,2"], {"seed": 3})
    assert [problem.key for problem in problems] == ["seed"]


def test_the_largest_sweep_is_taken() -> None:
    sweep, problems = read_sweep([f"seed=range(0,{MAX_POINTS})"], {})
    assert problems == []
    assert sweep.size == MAX_POINTS
