"""`python -m rackrisk` is the `rackrisk` command."""

import sys
from pathlib import Path

from .cli import main


def leave_out_working_directory() -> None:
    """Takes back that `-m` looks for modules in the working directory: a `numpy.py` among the data would be run.

    The `rackrisk` command never looks there. A checkout that is itself the working directory stays.
    """
    here = Path.cwd()
    own = Path(__file__).resolve().parent.parent
    if sys.path and not sys.flags.safe_path and Path(sys.path[0] or ".").absolute() == here and here != own:
        del sys.path[0]


if __name__ == "__main__":
    leave_out_working_directory()
    sys.exit(main())
