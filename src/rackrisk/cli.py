"""The `rackrisk` command. Results go to stdout; progress, logs and problems to stderr.

Nothing heavy is imported here, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches
from functools import partial
from textwrap import fill
from typing import Any

from . import __version__, run_commands
from ._help import help_text
from .explain_arguments import EXPLAIN, explain_arguments
from .failures import exit_code, notes_of
from .figures import visible
from .output import as_json, drawn, say, write
from .run_commands import plan_arguments, rerun_arguments, resume_arguments, run_arguments, shard_arguments
from .sweep_commands import SWEEP, run_sweep

DONE, WRONG, INTERRUPTED, TERMINATED = 0, 1, 130, 143  # and those of `rackrisk.failures`

# XLA reports a compilation that takes long at its level "error". What really fails reaches Python as an exception.
_XLA_FATAL = "3"


class Terminated(BaseException):
    """SIGTERM arrived."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    args = _parse(list(sys.argv[1:] if arguments is None else arguments))
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a script started us in the background
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", _XLA_FATAL)
    try:
        return args.action(args)
    except KeyboardInterrupt as interruption:
        return _stopped(INTERRUPTED, interruption)
    except Terminated as interruption:
        return _stopped(TERMINATED, interruption)
    except Exception as error:
        code = exit_code(error)
        if code is None:
            raise
        return code


# ---- commands ----


def _run_command(args: argparse.Namespace) -> int:
    return _show_command(args) if args.cfg else run_commands.run(args)


def _attribute_command(args: argparse.Namespace) -> int:
    from . import _attribute
    from .attribution_screen import print_attribution
    from .progress import progress

    plan = _attribute.make_plan(args.overrides)
    if not args.quiet:
        say(f"rackrisk {__version__}: {plan.headline}\n", sys.stderr)
    shown = not (args.quiet or args.no_progress)
    with progress(work=plan.work, unit=plan.model.work_unit, enabled=shown) as report:
        found = _attribute.execute(plan, progress=report)
    screen = partial(print_attribution, found)
    write(as_json(_attribute.document(found)) if args.json else drawn(sys.stdout, screen), sys.stdout)
    return DONE


def _explain_command(args: argparse.Namespace) -> int:
    from ._explain import explain
    from .explain_document import document
    from .explain_screen import print_explanation
    from .strange_folder import understood

    if not args.quiet and args.scenario is not None:
        say(f"rackrisk {__version__}: replaying scenario {args.scenario}, up to half a minute\n", sys.stderr)
    with understood(args.run):
        found = explain(args.run, scenario=args.scenario, obligor=args.obligor, engine=args.engine)
        screen = partial(print_explanation, found)
        text = as_json(document(found)) if args.json else drawn(sys.stdout, screen)
    write(text, sys.stdout)
    return DONE


def _compare_command(args: argparse.Namespace) -> int:
    from ._compare import compare, document
    from .compare_screen import print_comparison
    from .strange_folder import understood

    with understood(f"{args.first}, {args.second}"):
        found = compare(args.first, args.second)
        screen = partial(print_comparison, found)
        text = as_json(document(found)) if args.json else drawn(sys.stdout, screen)
    write(text, sys.stdout)
    return DONE


def _book_command(args: argparse.Namespace) -> int:
    from .book import write_book
    from .config import load_settings

    settings, _ = load_settings(args.overrides)
    rows = write_book(settings, args.out, force=args.force, formulas=args.formulas)
    say(f"{args.out}\n", sys.stdout)
    say(f"{rows}\n", sys.stderr)
    return DONE


def _report_command(args: argparse.Namespace) -> int:
    from ._run import render_again

    say(f"{render_again(args.run)}\n", sys.stdout)
    return DONE


def _show_command(args: argparse.Namespace) -> int:
    from ._run import settings_yaml
    from .config import load_settings

    settings, _ = load_settings(args.overrides)
    say(settings_yaml(settings), sys.stdout)
    return DONE


def _validate_command(args: argparse.Namespace) -> int:
    from .progress import progress
    from .validate import document, run_validation
    from .validation_screen import print_validation

    with progress(first="checking", enabled=not (args.quiet or args.no_progress)) as shown:
        report = shown and partial(shown.stage, "cases checked")
        found = run_validation(engines=args.engine, quick=args.quick, seed=args.seed, progress=report)
    screen = partial(print_validation, found, every=args.all)
    write(as_json(document(found)) if args.json else drawn(sys.stdout, screen), sys.stdout)
    return DONE if found.passed else WRONG


def _calibrate_command(args: argparse.Namespace) -> int:
    from .calibrate import calibrate_files, document
    from .calibration_screen import print_calibration

    done = calibrate_files(
        args.files,
        out=args.out,
        base=args.base,
        as_of=args.as_of,
        switching=args.find_regimes,
        keep=args.keep,
        force=args.force,
    )
    write(as_json(document(done)) if args.json else drawn(sys.stdout, partial(print_calibration, done)), sys.stdout)
    return DONE


# ---- interruptions ----


def _stopped(code: int, interruption: BaseException) -> int:
    from .interruptible import still_running

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # a second one must not cut the clean-up short
    kept = notes_of(interruption).strip() or "no result was written; the same command gives the same numbers"
    say(f"interrupted: {kept}\n", sys.stderr)
    if still_running():
        os._exit(code)  # compiled code in another thread would crash in the interpreter's own exit
    return code


def _terminate(*_: object) -> None:
    raise Terminated


# ---- arguments ----


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser, commands = _parser()
    first = arguments[0] if arguments else "run"
    if first not in commands and first not in {"-h", "--help", "--version"}:
        _check_command(first, list(commands), parser)
        arguments = ["run", *arguments]  # `rackrisk portfolio=miners` and `rackrisk --json` mean `run`
    elif not arguments:
        arguments = ["run"]
    args, rest = parser.parse_known_args(arguments)
    takes_overrides = hasattr(args, "overrides")
    unexpected = [word for word in rest if word.startswith("-") or not takes_overrides]
    if unexpected:
        commands[args.command].error(f"unexpected argument {visible(unexpected[0])}")
    if takes_overrides:
        args.overrides = [*args.overrides, *rest]
    return args


def _check_command(word: str, commands: list[str], parser: argparse.ArgumentParser) -> None:
    """Refuses a word that can only be a mistyped command; anything else is an override."""
    if "=" in word or word.startswith(("-", "~", "+")):
        return
    near = get_close_matches(word, commands, n=1)
    if near:
        parser.error(f"unknown command '{word}'; did you mean '{near[0]}'?")


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    parser = argparse.ArgumentParser(
        prog="rackrisk",
        description=fill(
            "Credit risk of debt secured on computing power, simulated loan by loan and month by month.", 80
        ),
        epilog=help_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"rackrisk {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", title="commands (run is the default)")
    run = run_arguments(_command(commands, "run", _run_command, "simulate a book and write a run folder"))
    run.add_argument("--cfg", action="store_true", help="print the configuration and stop")
    compare = _command(commands, "compare", _compare_command, "two finished runs side by side", overrides=False)
    compare.add_argument("first", metavar="RUN", help="a run folder")
    compare.add_argument("second", metavar="RUN", help="another one, of the same model")
    compare.add_argument("--json", action="store_true", help="print one JSON document with every figure")
    text = "share the loss out to the mechanisms that are on"
    attribute = _command(commands, "attribute", _attribute_command, text, overrides=True)
    attribute.add_argument("--json", action="store_true", help="print one JSON document instead of the summary")
    attribute.add_argument("--quiet", action="store_true", help="nothing on stderr but problems")
    attribute.add_argument("--no-progress", action="store_true", help="no progress on stderr")
    book = _command(commands, "book", _book_command, "write the selected or generated tape to a file", overrides=True)
    book.add_argument("--out", required=True, metavar="FILE", help="a name that ends in .csv or .parquet")
    book.add_argument("--force", action="store_true", help="overwrite the file")
    text = "names that a spreadsheet would run, in CSV: refuse (default), escape by an apostrophe, keep"
    book.add_argument("--formulas", default="refuse", choices=["refuse", "escape", "keep"], help=text)
    report = _command(commands, "report", _report_command, "make report.html of a finished run again", overrides=False)
    report.add_argument("run", metavar="RUN", help="a run folder")
    show = _command(commands, "show-config", _show_command, "print the complete configuration as YAML", overrides=True)
    validate = _validate_arguments(commands)
    named = {
        "run": run,
        **_run_parsers(commands),
        "attribute": attribute,
        "compare": compare,
        "explain": explain_arguments(_command(commands, "explain", _explain_command, EXPLAIN, overrides=False)),
        "sweep": run_arguments(_command(commands, "sweep", run_sweep, SWEEP, overrides=True)),
        "book": book,
        "report": report,
        "show-config": show,
    }
    return parser, {**named, "validate": validate, "calibrate": _calibrate_arguments(commands)}


def _run_parsers(commands: Any) -> dict[str, argparse.ArgumentParser]:
    plan = _command(commands, "plan", run_commands.plan, "say what a run would take")
    given = partial(_command, commands, overrides=False)
    return {
        "plan": plan_arguments(plan),
        "resume": resume_arguments(given("resume", run_commands.resume, "finish a run that was stopped")),
        "rerun": rerun_arguments(given("rerun", run_commands.rerun, "repeat a run from its folder alone")),
        "shard": shard_arguments(given("shard", run_commands.shard, "compute shards of a prepared run")),
    }


def _calibrate_arguments(commands: Any) -> argparse.ArgumentParser:
    text = "estimate a market from price series and write it as a file for market=FILE.yaml"
    calibrate = _command(commands, "calibrate", _calibrate_command, text, overrides=False)
    calibrate.add_argument("files", nargs="+", metavar="FILE", help="CSV or Parquet series (docs/calibration.md)")
    calibrate.add_argument("--out", default="calibrated.yaml", metavar="FILE", help="default calibrated.yaml")
    calibrate.add_argument("--force", action="store_true", help="overwrite the file")
    calibrate.add_argument("--base", default="base", metavar="NAME", help="shipped market to inherit (default base)")
    calibrate.add_argument("--as-of", type=_day, metavar="YYYY-MM-DD", help="date of the levels")
    calibrate.add_argument("--find-regimes", action="store_true", help="fit unlabelled regimes to ten years of rents")
    kept = "keep the base's number whatever was estimated; a key or section, may be repeated"
    calibrate.add_argument("--keep", action="append", default=[], metavar="KEY", help=kept)
    calibrate.add_argument("--json", action="store_true", help="print one JSON document with every figure")
    return calibrate


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a date, YYYY-MM-DD") from None


def _validate_arguments(commands: Any) -> argparse.ArgumentParser:
    text = "check known answers on every engine of this machine"
    validate = _command(commands, "validate", _validate_command, text, overrides=False)
    validate.add_argument("--quick", action="store_true", help="few scenarios: one to two minutes on two cores")
    validate.add_argument("--json", action="store_true", help="print one JSON document with every figure")
    validate.add_argument("--all", action="store_true", help="print every figure, not the worst of each case")
    engines = ("reference", "jax", "cuda")
    validate.add_argument(
        "--engine", action="append", default=[], choices=engines, help="only this one; may be repeated"
    )
    validate.add_argument("--seed", type=_seed, default=1, metavar="N", help="of the random numbers (default 1)")
    validate.add_argument("--quiet", action="store_true", help="nothing on stderr but problems")
    validate.add_argument("--no-progress", action="store_true", help="no progress on stderr")
    return validate


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 2**64):
        raise argparse.ArgumentTypeError("must be a whole number from 0 to 2^64 - 1")
    return int(text)


def _command(commands: Any, name: str, action: Any, text: str, *, overrides: bool = True) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=fill(f"{text[0].upper()}{text[1:]}.", 80),
        epilog=help_text() if overrides else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(action=action)
    if overrides:
        parser.add_argument("overrides", nargs="*", metavar="key=value", help="see below")
    return parser
