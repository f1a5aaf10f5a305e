"""`python -m rackrisk` is the `rackrisk` command."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
