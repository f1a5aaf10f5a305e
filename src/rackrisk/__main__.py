"""`python -m rackrisk` is the `rackrisk` command."""

# Only what Python itself has loaded by now, until the working directory is out of the way.
import os
import sys

if __name__ == "__main__":
    # Takes back that `-m` looks for modules in the working directory: a `numpy.py` among the data would be run. The
    # `rackrisk` command never looks there. A checkout that is itself the working directory stays.
    own = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120 - pathlib would be looked for
    here = os.path.realpath(os.curdir)
    if sys.path and not sys.flags.safe_path and os.path.realpath(sys.path[0]) == here != own:
        del sys.path[0]
    from .cli import main

    sys.exit(main())
