"""``python -m vs_tecogan``: the ``vs-tecogan`` command."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
