"""Markets and conditional probabilities are 64 bits inside, whatever the user's JAX is set to; so are all sums."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from rackrisk.kernels import engines, jax_engine
from rackrisk.kernels.copula import jax_engine as copula_jax
from rackrisk.kernels.copula.engines import open_engine as open_copula
from rackrisk.kernels.engines import Engine
from rackrisk.models.copula._pool import build_pool

from ..helpers.worlds import copula, digests, model_of, opened, usual


class Seen(Exception):
    """Stops the compilation once the types have been seen."""


def dtypes(tree: Any, kind: type = np.generic) -> set[str]:
    """Types of all arrays in it that are of a kind."""
    leaves = [leaf.dtype for leaf in jax.tree.leaves(tree) if hasattr(leaf, "dtype")]
    return {str(dtype) for dtype in leaves if np.issubdtype(dtype, kind)}


@pytest.mark.parametrize("x64", [False, True])
def test_the_market_is_in_double_precision_and_the_loans_in_the_one_asked_for(
    x64: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, set[str]] = {}
    cast = jax_engine.cast

    def watched_cast(tree: Any, precision: Any) -> Any:
        if type(tree).__name__ == "Paths":
            seen["market"] = dtypes(tree, np.floating)
        return cast(tree, precision)

    def watched_tile(book: Any, paths: Any, scale: Any, key: Any, **_: Any) -> None:
        loans = book._replace(in_group=None)  # which is of counts, with the scale
        seen.update(loans=dtypes((loans, paths), np.floating), scale=dtypes(scale), key=dtypes(key))
        raise Seen

    monkeypatch.setattr(jax_engine, "_program", jax_engine._program.__wrapped__)  # no compiled program is taken over
    monkeypatch.setattr(jax_engine, "cast", watched_cast)
    monkeypatch.setattr(jax_engine, "simulate_tile", watched_tile)
    with jax.enable_x64(x64), pytest.raises(Seen):
        one_call(opened("jax"))
    assert seen == {
        "market": {"float64"},
        "loans": {"float32"},
        "scale": {"float64"},
        "key": {"uint32"},
    }


def one_call(engine: Engine) -> Any:
    numbers = np.arange(engine.group * engine.parallel, dtype=np.uint32)
    return engine.run(numbers, numbers < 10)


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("kind", ["t", "wrong_way"])
def test_conditional_probabilities_are_in_double_precision(
    kind: str, x64: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, set[str]] = {}
    limits = copula_jax.draw_limits

    def watched(xp: Any, cdf: Any, given: Any, threshold: Any, **factors: Any) -> Any:
        result = limits(xp, cdf, given, threshold, **factors)
        seen.update(given=dtypes(given), threshold=dtypes((threshold, factors)), limits=dtypes(result))
        raise Seen

    monkeypatch.setattr(copula_jax, "_compile", copula_jax._compile.__wrapped__)  # no compiled program is taken over
    monkeypatch.setattr(copula_jax, "draw_limits", watched)
    names, config = model_of(kind)
    with jax.enable_x64(x64), pytest.raises(Seen):
        open_copula("jax", build_pool(names, config).pool, seed=1).run(0, 10)
    assert seen == {"given": {"float64"}, "threshold": {"float64"}, "limits": {"uint32"}}


@pytest.mark.parametrize("x64", [False, True])
def test_a_users_32_bit_setting_changes_no_bit_and_stays(x64: bool) -> None:
    with jax.enable_x64(x64):
        assert digests(copula()) == digests(usual("copula"))
        assert jax.config.read("jax_enable_x64") is x64


def test_sums_of_the_reference_are_64_bit_integers() -> None:
    tally = engines.run_scenarios(opened("reference"), 10)
    assert dtypes(tally) == {"int64"}
