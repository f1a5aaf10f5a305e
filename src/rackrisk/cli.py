"""The `rackrisk` command. Results go to stdout; progress, logs and problems to stderr.

Nothing heavy is imported here, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import signal
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from . import __version__

if TYPE_CHECKING:
    from rich.console import Console

    from ._run import Plan, Run

DONE, BAD_INPUT, RETRY_LATER, INTERRUPTED, TERMINATED = 0, 2, 75, 130, 143

_PLANNED = ("validate", "explain", "attribute", "calibrate", "compare", "resume")
# Conditions of the machine that pass: a full disk, a quota, a file server that went away.
_PASSING = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EAGAIN, errno.EBUSY, errno.ENOMEM, errno.EMFILE}

_OVERRIDES = """\
overrides are key=value pairs:
  portfolio=NAME         compute_credit (default), neoclouds, miners, data_centres, synthetic
  portfolio.tape=FILE    your own tape, CSV or Parquet
  portfolio.count=N      number of generated facilities
  market=NAME            base (default), hash_credit_crisis, replay_2021_2022, replay_2025_2026,
                         flat and merton (for checks against formulas)
  recovery=NAME          base (default), frictionless, thin
  engine=NAME            auto (default), jax, cuda, reference
  scenarios=N months=N seed=N as_of=YYYY-MM-DD
  mechanisms.NAME=false  deflation, duration, leverage, convergence, vacuum, offtake
  measures.levels=[0.99,0.999]
  experiment=NAME        a saved set: quick_look, crisis_miners, no_claims
  out=DIR name=LABEL     where the run goes; default runs/<utc>-<label>-<hash>
all keys with their values and units: rackrisk show-config
"""

_EXAMPLES = """\
examples:
  rackrisk                                        the shipped book in the base market
  rackrisk run portfolio=miners market=hash_credit_crisis scenarios=100000
  rackrisk run portfolio.tape=loans.csv out=results/loans
  rackrisk run mechanisms.vacuum=false --json > no_vacuum.json
  rackrisk book portfolio=synthetic portfolio.count=1000 --out tape.csv
  rackrisk report runs/20260831T120000Z-compute_credit-base-1a2b3c4d

exit codes: 0 done, 2 bad configuration or data, 75 try again later, 130 or 143 interrupted
"""


class Terminated(BaseException):
    """SIGTERM arrived."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    args = _parse(list(sys.argv[1:] if arguments is None else arguments))
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a script started us in the background
    try:
        return args.action(args)
    except KeyboardInterrupt:
        return _stopped(INTERRUPTED)
    except Terminated:
        return _stopped(TERMINATED)
    except BrokenPipeError:
        # The reader of stdout went away (`| head`): the result is stored, and Python must not flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        code = _expected(error)
        if code is None:
            raise
        return code


# ---- commands ----


def _run_command(args: argparse.Namespace) -> int:
    from . import _run
    from .progress import progress

    if args.cfg:
        return _show_command(args)
    plan = _run.make_plan(args.overrides)
    _announce(plan, args)
    loan_months = plan.book.height * plan.settings.scenarios * plan.settings.months
    with progress(loan_months=loan_months, enabled=not (args.quiet or args.no_progress)) as report:
        result = _run.execute(plan, progress=report)
    _print_json(result) if args.json else _print_summary(result)
    return DONE


def _book_command(args: argparse.Namespace) -> int:
    from .book import write_book
    from .config import load_settings

    settings, _ = load_settings(args.overrides)
    rows = write_book(settings, args.out, force=args.force)
    print(args.out)
    print(f"{rows:,} facilities", file=sys.stderr)
    return DONE


def _report_command(args: argparse.Namespace) -> int:
    from ._run import render_again

    print(render_again(args.run))
    return DONE


def _show_command(args: argparse.Namespace) -> int:
    from ._run import settings_yaml
    from .config import load_settings

    settings, _ = load_settings(args.overrides)
    print(settings_yaml(settings), end="")
    return DONE


# ---- output ----


def _announce(plan: Plan, args: argparse.Namespace) -> None:
    if args.quiet:
        return
    settings, engine = plan.settings, plan.settings.engine
    size = f"{plan.book.height:,} facilities, {settings.scenarios:,} scenarios x {settings.months} months"
    print(f"rackrisk {__version__}: {size}, seed {settings.seed}, {engine.name} {engine.precision}", file=sys.stderr)


def _print_json(run: Run) -> None:
    document: dict[str, Any] = {
        "run": str(run.folder),
        "measures": run.measures.to_dicts(),
        "exposure_usd": run.result.exposure_usd,
        "engine": run.manifest["engine"],
        "config_hash": run.manifest["config_hash"],
        "warnings": run.manifest["warnings"],
        "version": __version__,
    }
    print(json.dumps(document, indent=2, allow_nan=False, default=str))


def _print_summary(run: Run) -> None:
    from .terminal import print_summary

    print_summary(run, _console(sys.stdout))


def _console(stream: Any) -> Console:
    from rich.console import Console

    return Console(file=stream, highlight=False)


def _stopped(code: int) -> int:
    from .interruptible import still_running

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # a second one must not cut the clean-up short
    print("interrupted: no result was written; the same command gives the same numbers", file=sys.stderr, flush=True)
    if still_running():
        os._exit(code)  # compiled code in another thread would crash in the interpreter's own exit
    return code


def _terminate(*_: object) -> None:
    raise Terminated


# ---- failures ----


def _expected(error: Exception) -> int | None:
    """Says what is wrong and returns the exit code, or None for an error in the program itself."""
    from .config import ConfigProblems
    from .data import TapeProblems
    from .kernels.engines import EngineMissing
    from .problem_report import as_problems, report_problems
    from .run_folder import RunFolderError

    if isinstance(error, ConfigProblems):
        report_problems(as_problems(error.problems), _console(sys.stderr), what="the configuration")
        return BAD_INPUT
    if isinstance(error, TapeProblems):
        report_problems(error.problems, _console(sys.stderr), what=error.problems[0].file)
        return BAD_INPUT
    if isinstance(error, (RunFolderError, EngineMissing)):
        return _complain(str(error), BAD_INPUT)
    if isinstance(error, MemoryError):
        return _complain("out of memory; use fewer scenarios, or try again when more is free", RETRY_LATER)
    if isinstance(error, OSError) and error.errno in _PASSING:
        return _complain(f"{error.strerror} ({error.filename or 'while writing'}); try again later", RETRY_LATER)
    return None


def _complain(message: str, code: int) -> int:
    print(f"rackrisk: {message}", file=sys.stderr)
    return code


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
        commands[args.command].error(f"unexpected argument {unexpected[0]}")
    if takes_overrides:
        args.overrides = [*args.overrides, *rest]
    return args


def _check_command(word: str, commands: list[str], parser: argparse.ArgumentParser) -> None:
    """Refuses a word that can only be a mistyped or planned command; anything else is an override."""
    if "=" in word or word.startswith(("-", "~", "+")):
        return
    if word in _PLANNED:
        parser.error(f"'{word}' is not part of this version")
    near = get_close_matches(word, commands, n=1)
    if near:
        parser.error(f"unknown command '{word}'; did you mean '{near[0]}'?")


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    parser = argparse.ArgumentParser(
        prog="rackrisk",
        description="Credit risk of debt secured on computing power, simulated loan by loan and month by month.",
        epilog=f"{_OVERRIDES}\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"rackrisk {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", title="commands (run is the default)")
    run = _command(commands, "run", _run_command, "simulate a book and write a run folder", overrides=True)
    run.add_argument("--json", action="store_true", help="print one JSON document instead of the summary")
    run.add_argument("--quiet", action="store_true", help="nothing on stderr but problems")
    run.add_argument("--no-progress", action="store_true", help="no progress on stderr")
    run.add_argument("--cfg", action="store_true", help="print the configuration and stop")
    book = _command(commands, "book", _book_command, "write the selected or generated tape to a file", overrides=True)
    book.add_argument("--out", required=True, metavar="FILE", help="a name that ends in .csv or .parquet")
    book.add_argument("--force", action="store_true", help="overwrite the file")
    report = _command(commands, "report", _report_command, "make report.html of a finished run again", overrides=False)
    report.add_argument("run", metavar="RUN", help="a run folder")
    show = _command(commands, "show-config", _show_command, "print the complete configuration as YAML", overrides=True)
    return parser, {"run": run, "book": book, "report": report, "show-config": show}


def _command(commands: Any, name: str, action: Any, text: str, *, overrides: bool) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=f"{_OVERRIDES}\n{_EXAMPLES}" if overrides else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(action=action)
    if overrides:
        parser.add_argument("overrides", nargs="*", metavar="key=value", help="see below")
    return parser
