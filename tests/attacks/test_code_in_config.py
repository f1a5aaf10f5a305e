"""Configuration is data: nothing in arguments, Python values or market files is imported, called or looked up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrisk.config import ConfigProblems, load_settings
from rackrisk.config._overrides import UNDERSCORE, parse_overrides, screen

PAYLOADS = (
    {"_target_": "os.system", "_args_": ["touch pwned"]},
    {"_target_": "builtins.exec", "_args_": ["open('pwned', 'w')"]},
    {"_recursive_": True, "_partial_": True},
    {"__class__": {"__init__": {"__globals__": 1}}},
)
RESOLVERS = (
    "${oc.env:HOME}",
    "${oc.env:HOME,x}",
    "${oc.decode:1}",
    "${hydra:runtime.cwd}",
    "${oc.create:{a: 1}}",
    "${x:}",
)
#: A way down to the payload: keys and lists in any order.
WAYS = st.lists(st.one_of(st.text("abcxyz", min_size=1, max_size=3), st.none()), min_size=0, max_size=8)


def buried(payload: Any, way: list[str | None]) -> Any:
    """The payload below keys and lists."""
    for part in reversed(way):
        payload = [1, payload] if part is None else {part: payload}
    return payload


def flow(value: Any) -> str:
    """A value in YAML's flow style, which is also the grammar of arguments."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(below)}" for key, below in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return "'" + value.replace("'", "\\'") + "'" if isinstance(value, str) else str(value).lower()


@given(way=WAYS, payload=st.sampled_from(PAYLOADS))
def test_keys_that_name_code_are_refused_at_any_depth_of_an_argument(way: list[str | None], payload: Any) -> None:
    good, problems = parse_overrides([f"+market.btc.extra={flow(buried(payload, way))}"], {})
    assert not good
    assert {problem.rule for problem in problems} == {UNDERSCORE}


@given(way=WAYS, payload=st.sampled_from(PAYLOADS))
def test_keys_that_name_code_are_refused_at_any_depth_of_plain_values(way: list[str | None], payload: Any) -> None:
    assert {problem.rule for problem in screen(buried(payload, way), "market")} == {UNDERSCORE}


@pytest.mark.parametrize("way", [[], ["a"], [None], ["a", None, "b", None]])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_way_into_the_settings_leaves_the_screen_out(tmp_path: Path, way: list[str | None], payload: Any) -> None:
    file, hidden = tmp_path / "own.yaml", {"extra": buried(payload, way)}
    file.write_text(f"defaults: [base, _self_]\nbtc: {json.dumps(hidden)}\n")
    ways: list[tuple[list[str], dict[str, Any]]] = [([f"market={file}"], {}), ([], {"market": {"btc": hidden}})]
    for arguments, values in ways:
        with pytest.raises(ConfigProblems) as caught:
            load_settings(arguments, values)
        assert UNDERSCORE in {problem.rule for problem in caught.value.problems}
    assert not (Path.cwd() / "pwned").exists()


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("where", ["argument", "python", "market", "list"])
def test_no_resolver_is_ever_called(tmp_path: Path, resolver: str, where: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(f'defaults: [base, _self_]\nbtc:\n  price_usd: "{resolver}"\n')
    asked: dict[str, tuple[list[str], dict[str, Any]]] = {
        "argument": ([f"seed={resolver}"], {}),
        "python": ([], {"market": {"btc": {"price_usd": resolver}}}),
        "market": ([f"market={file}"], {}),
        "list": ([], {"measures": {"levels": [0.9, resolver]}}),
    }
    with pytest.raises(ConfigProblems) as caught:
        load_settings(*asked[where])
    assert "resolvers are refused" in str(caught.value)


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system ['true']", "!!python/name:os.system", "!!set {a}", "!x 1"]
)
def test_a_market_file_with_a_tag_is_refused_before_anything_is_built(tmp_path: Path, tag: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(f"defaults: [base, _self_]\nbtc: {tag}\n")
    with pytest.raises(ConfigProblems, match="must not use tags"):
        load_settings([f"market={file}"])


@pytest.mark.parametrize(
    "argument",
    [
        "hydra.run.dir=/tmp", "+hydra.searchpath=[file:///tmp]", "hydra/job_logging=none", "+hydra.callbacks.x={a: 1}",
        "~hydra", "++hydra.sweeper=x", "market@_global_=base", "+experiment@here=quick_look", "--config-dir=/tmp",
        "--config-path=/tmp", "--multirun", "-m", "portfolio=../x", "+market/../x=base", "market=[base,flat]",
    ],
)  # fmt: skip
def test_the_configuration_library_cannot_be_steered(argument: str) -> None:
    with pytest.raises(ConfigProblems):
        load_settings([argument])
