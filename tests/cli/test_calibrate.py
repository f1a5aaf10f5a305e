"""`rackrisk calibrate`: the file that it writes runs, nothing is written where something is wrong."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from rackrisk.cli import main
from rackrisk.config import ConfigProblems, load_settings, structural_settings

from ..models.calibration.worlds import KNOWN, channel, market, month_dates, paths

MONTHS = 60


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Rents and coin of one of the product's own paths, in the working directory."""
    monkeypatch.chdir(tmp_path)
    config, found = market(*KNOWN), paths(MONTHS, 3, *KNOWN)
    for name, columns in {
        "rents.csv": {f"rent_{g}_usd_gpu_hour": f"rent_{g}" for g in ("h100", "b200")},
        "coin.csv": {"btc_usd": "btc", "hashprice_usd_ph_day": "hashprice"},
    }.items():
        values = [channel(found, 2, config, place) for place in columns.values()]
        rows = [
            f"{d},{','.join(map(repr, map(float, v)))}" for d, *v in zip(month_dates(MONTHS + 1), *values, strict=True)
        ]
        Path(name).write_text("\n".join([",".join(["date", *columns]), *rows]), encoding="utf-8")
    return "rents.csv", "coin.csv"


def test_the_file_that_is_written_is_a_market_with_the_printed_numbers(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", *files, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    settings = structural_settings("market=calibrated.yaml")
    drift = settings.market.rent.drift_annual
    for name in ("calm", "boom", "stress"):
        written = document["written"][f"rent.drift_annual.{name}"]
        assert getattr(drift, name) == pytest.approx(written, rel=1e-5)
    assert settings.market.counterparties == market().counterparties
    assert {row["key"] for row in document["parameters"]} >= {"rent.drift_annual", "btc.volatility_annual"}
    assert all(row["std_error"] is None or row["std_error"] > 0 for row in document["parameters"])


def test_every_written_number_says_where_it_comes_from(files: tuple[str, str]) -> None:
    assert main(["calibrate", *files]) == 0
    lines = Path("calibrated.yaml").read_text(encoding="utf-8").splitlines()
    place = lines.index("  drift_annual:")
    above = " ".join(lines[place - 4 : place])
    for part in ("±", "n 120", "2021-08..2026-08", "rent_h100_usd_gpu_hour", "base -0.13", "z "):
        assert part in above
    assert sum("sha256" in line for line in lines) == 2


def test_the_screen_shows_estimate_error_base_and_distance(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", *files]) == 0
    out = capsys.readouterr().out
    for part in ("estimate", "± s.e.", "base", "rent.drift", "btc jumps", "rackrisk run market=calibrated.yaml"):
        assert part in out


def test_the_same_files_give_the_same_bytes(files: tuple[str, str]) -> None:
    for name in ("a.yaml", "b.yaml"):
        assert main(["calibrate", *files, "--out", name]) == 0
    assert Path("a.yaml").read_bytes() == Path("b.yaml").read_bytes()


def test_a_file_that_exists_is_overwritten_only_when_told(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("calibrated.yaml").write_text("mine", encoding="utf-8")
    assert main(["calibrate", *files]) == 2
    assert "exists" in capsys.readouterr().err
    assert Path("calibrated.yaml").read_text(encoding="utf-8") == "mine"
    assert main(["calibrate", *files, "--force"]) == 0


@pytest.mark.parametrize(
    "arguments", [["--out", "x.txt"], ["--out", "no/x.yaml"], ["--keep", "rent.drfit_annual"], ["--base", "bse"]]
)
def test_wrong_arguments_are_refused(
    files: tuple[str, str], arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", *files, *arguments]) == 2
    assert capsys.readouterr().err
    assert not list(Path().glob("*.yaml"))


def test_regimes_are_not_looked_for_in_a_few_years(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", *files, "--find-regimes"]) == 2
    assert "more months" in capsys.readouterr().err


def test_all_problems_are_listed_and_nothing_is_written(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = Path("coin.csv").read_text(encoding="utf-8")
    Path("coin.csv").write_text(
        text.replace("btc_usd", "btc_eur").replace("2023-01-28", "2022-12-28"), encoding="utf-8"
    )
    assert main(["calibrate", *files]) == 2
    err = capsys.readouterr().err
    assert "used once" in err
    assert "btc_usd" in err
    assert not Path("calibrated.yaml").exists()


def test_kept_sections_are_not_written(files: tuple[str, str]) -> None:
    assert main(["calibrate", *files, "--keep", "rent"]) == 0
    assert structural_settings("market=calibrated.yaml").market.rent == market().rent


# ---- market=FILE ----


def _market_file(text: str) -> None:
    Path("own.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_a_market_file_changes_what_it_says_and_single_keys_win_over_it() -> None:
    changes = "btc: {price_usd: 5.0, jumps_per_year: 1}\nasics: {s21: {usd_per_th: 9.5}}\n"
    _market_file(f"defaults: [replay_2021_2022, _self_]\n{changes}")
    settings, choices = load_settings(["market=own.yaml", "market.btc.jumps_per_year=2"])
    found = settings.market  # pyright: ignore[reportAttributeAccessIssue]
    assert (found.btc.price_usd, found.btc.jumps_per_year, found.asics["s21"].usd_per_th) == (5.0, 2, 9.5)
    assert found.asics["s19"] == market().asics["s19"]
    assert len(found.replay.btc) == 20
    assert choices["market"] == "own"


@pytest.mark.usefixtures("here")
def test_the_last_choice_of_a_market_counts() -> None:
    _market_file("defaults: [base, _self_]\nbtc: {price_usd: 5.0}\n")
    assert structural_settings("market=own.yaml", "market=base").market == market()
    assert structural_settings("market=base", "market=own.yaml").market.btc.price_usd == 5.0


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("btc: {price_usd: 5}", "must begin with"),
        ("defaults: [bse, _self_]", "unknown market"),
        ("defaults: [base]", "must begin with"),
        ("defaults: [base, _self_]\nbtc: {prize_usd: 5.0}", "unknown key"),
        ("defaults: [base, _self_]\nbtc: {price_usd: -5.0}", "greater than 0"),
        ("defaults: [base, _self_]\nbtc: {price_usd: .nan}", "finite"),
        ("defaults: [base, _self_]\nbtc: 5", "section"),
        ("defaults: [base, _self_]\nbtc: {price_usd: '${oc.env:HOME}'}", "resolvers are refused"),
        ("defaults: [base, _self_]\n_target_: os.system", "begin with '_'"),
        ("defaults: [base, _self_]\na: &a [1]\nb: *a", "anchors"),
        ("- 1", "mapping"),
        ("defaults: [base, _self_]\nbtc: {a: [1, 2\n", "(line 3, column 1)"),
        ("!!python/object/apply:os.system ['true']", "must not use tags"),
    ],
)
@pytest.mark.usefixtures("here")
def test_a_wrong_market_file_is_refused_with_its_reason(text: str, rule: str) -> None:
    _market_file(text)
    with pytest.raises(ConfigProblems) as caught:
        load_settings(["market=own.yaml"])
    assert any(rule in problem.rule for problem in caught.value.problems)


@pytest.mark.usefixtures("here")
def test_a_missing_market_file_is_named() -> None:
    with pytest.raises(ConfigProblems) as caught:
        load_settings(["market=none.yaml"])
    assert [(p.key, p.value) for p in caught.value.problems] == [("market", "none.yaml")]


def test_dates_of_levels_are_checked(files: tuple[str, str]) -> None:
    with pytest.raises(SystemExit):
        main(["calibrate", *files, "--as-of", "2026-13-01"])
    assert main(["calibrate", *files, "--as-of", str(date(2029, 1, 1))]) == 0
    assert "price_usd" not in Path("calibrated.yaml").read_text(encoding="utf-8")


def test_the_screen_shows_every_parameter_once(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", *files]) == 0
    lines = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert lines.count("rent.volatility") == 1
