"""What goes wrong in ways that are expected: said in words, and as an exit code that schedulers can act on."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from .output import drawn, say, write
from .passing import passes

if TYPE_CHECKING:
    from .data import Problem

BAD_INPUT, RETRY_LATER = 2, 75

# What a file system refuses, today and tomorrow.
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENAMETOOLONG, errno.ENOTDIR}


def exit_code(error: Exception) -> int | None:
    """Says what is wrong and returns the exit code, or None for an error in the program itself."""
    from .config import ConfigProblems
    from .data import TapeProblems
    from .executors import ShardsMissing, WorkersLost
    from .kernels.engines import EngineMissing
    from .ledger import Busy
    from .models.contributions import ReplayMismatch
    from .problem_report import as_problems
    from .rebuild import RunProblems
    from .run_folder import RunFolderError
    from .sweep_points import SweepProblems

    if isinstance(error, ConfigProblems):
        return _refuse(as_problems(error.problems), what="the configuration", keep=False)
    if isinstance(error, SweepProblems):
        return _refuse(error.problems, what="the points of the sweep", keep=False)
    if isinstance(error, RunProblems):
        return _refuse(error.problems, what=error.run, keep=False)
    if isinstance(error, TapeProblems):
        return _refuse(error.problems, what=error.problems[0].file, keep=True)
    if isinstance(error, (RunFolderError, EngineMissing)):
        return _complain(str(error), BAD_INPUT)
    if isinstance(error, MemoryError):
        return _complain(
            f"out of memory; use fewer scenarios, or try again when more is free{notes_of(error)}", RETRY_LATER
        )
    if isinstance(error, OSError) and passes(error):
        place = error.filename or "while writing"
        return _complain(f"{error.strerror} ({place}); try again later{notes_of(error)}", RETRY_LATER)
    if isinstance(error, OSError) and (error.errno == errno.EROFS or (error.filename and error.errno in _REFUSED)):
        return _complain(f"{error.filename or 'while writing'}: {error.strerror}{notes_of(error)}", BAD_INPUT)
    if isinstance(error, ReplayMismatch):
        rule = "this machine does not round like those that computed the shards; add them up on one of their kind"
        return _complain(f"{error}; {rule}{notes_of(error)}", BAD_INPUT)
    if isinstance(error, (Busy, ShardsMissing, WorkersLost)):
        return _complain(f"{error}{notes_of(error)}", RETRY_LATER)
    return None


def notes_of(error: BaseException) -> str:
    """What was kept when something went wrong."""
    return "".join(f"\n{note}" for note in getattr(error, "__notes__", []))


def _refuse(problems: Sequence[Problem], *, what: str, keep: bool) -> int:
    from .problem_report import report_problems

    write(drawn(sys.stderr, partial(report_problems, problems, what=what, keep=keep)), sys.stderr)
    return BAD_INPUT


def _complain(message: str, code: int) -> int:
    say(f"rackrisk: {message}\n", sys.stderr)  # names of files are in it
    return code
