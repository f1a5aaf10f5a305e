"""Arguments of `rackrisk explain`."""

from __future__ import annotations

import argparse

EXPLAIN = "tell why a finished run loses what it loses: its worst scenarios, one of them, one obligor in it"


def explain_arguments(explain: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The command with its arguments."""
    explain.add_argument("run", metavar="RUN", help="a run folder")
    explain.add_argument("--scenario", type=_number, metavar="S", help="this scenario's world, and who lost in it")
    explain.add_argument("--obligor", metavar="ID", help="this obligor month by month in that scenario")
    engines = ("jax", "reference", "cuda")
    explain.add_argument("--engine", choices=engines, help="replay by this one, not by the run's own")
    explain.add_argument("--json", action="store_true", help="print one JSON document with every figure")
    explain.add_argument("--quiet", action="store_true", help="nothing on stderr but problems")
    return explain


def _number(text: str) -> int | str:
    """A number where it is one; anything else is refused with the run's other problems."""
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() else text
