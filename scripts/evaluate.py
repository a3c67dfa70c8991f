#!/usr/bin/env python3
"""Measure videos or image folders against a reference, or alone: the same as `vs-tecogan evaluate`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from vs_tecogan.cli.common import Parser, guarded
from vs_tecogan.cli.evaluate import add_arguments, run

if __name__ == "__main__":
    parser = Parser(prog="evaluate.py", description=__doc__, allow_abbrev=False)
    add_arguments(parser)
    args = parser.parse_args()
    sys.exit(guarded(lambda: run(args)))
