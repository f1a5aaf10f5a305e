"""Colours of the style sheet: readable on their page, and told apart without full colour vision."""

import re
from itertools import combinations
from pathlib import Path

import pytest

import rackrisk.report

STYLE = (Path(rackrisk.report.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
Colour = tuple[float, float, float]

#: Machado, Oliveira and Fernandes (2009), severity 1, linear RGB.
DEUTERANOPIA = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
PROTANOPIA = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))


def _palettes() -> list[dict[str, str]]:
    blocks = re.findall(r":root \{(.*?)\}", STYLE, flags=re.DOTALL)
    return [dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", block)) for block in blocks]


LIGHT, DARK, PRINT = _palettes()


def _linear(colour: str) -> Colour:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return red, green, blue


def _luminance(colour: Colour) -> float:
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


def _contrast(a: str, b: str) -> float:
    low, high = sorted((_luminance(_linear(a)), _luminance(_linear(b))))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_is_readable(palette: dict[str, str]) -> None:
    for name in ("ink", "muted", "good", "bad", "s0"):
        assert _contrast(palette[name], palette["page"]) >= 4.5, name


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_curves_and_their_names_stand_out(palette: dict[str, str]) -> None:
    for i in range(8):
        assert _contrast(palette[f"s{i}"], palette["page"]) >= 4.5, i


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("vision", [DEUTERANOPIA, PROTANOPIA], ids=["deuteranopia", "protanopia"])
def test_the_first_colours_differ_for_colour_blind_readers(
    palette: dict[str, str], vision: tuple[Colour, Colour, Colour]
) -> None:
    seen = {
        i: tuple(sum(m * c for m, c in zip(row, _linear(palette[f"s{i}"]), strict=True)) for row in vision)
        for i in range(4)
    }
    for a, b in combinations(seen, 2):
        distance = sum((x - y) ** 2 for x, y in zip(seen[a], seen[b], strict=True)) ** 0.5
        assert distance > 0.05, (a, b)


def test_paper_is_printed_in_the_light_colours() -> None:
    assert PRINT == LIGHT


@pytest.mark.parametrize("rule", ["prefers-color-scheme: dark", "@media print", "max-width: 600px", "@page"])
def test_the_sheet_knows_dark_screens_paper_and_phones(rule: str) -> None:
    assert rule in STYLE
