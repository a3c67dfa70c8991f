#!/usr/bin/env python3
"""Measure speed: `scripts/benchmark.py NAME [--json FILE] [its own options]`; `--help` lists the names.

Each benchmark is a module `benchmarks/NAME.py` with `add_arguments(parser)` and `run(args)`, which returns rows (dicts
of plain values). A table goes to stderr, the rows as JSON to stdout or to the file given.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
Row = dict[str, object]


def main(argv: Sequence[str] | None = None) -> int:
    sys.path[:0] = [str(HERE), str(HERE.parent)]
    names = sorted(path.stem for path in (HERE / "benchmarks").glob("[a-z]*.py"))
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    benchmarks = parser.add_subparsers(dest="benchmark", required=True, metavar="|".join(names))
    for name in names:
        # only the benchmark that is asked for is imported, so that each needs its own dependencies only
        command = benchmarks.add_parser(name)
        command.add_argument("--json", type=Path, metavar="FILE", help="write the rows there instead of to stdout")
        if name in arguments[:1]:
            module = importlib.import_module(f"benchmarks.{name}")
            command.description = (module.__doc__ or "").strip()
            command.formatter_class = argparse.RawDescriptionHelpFormatter
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    args = parser.parse_args(arguments)
    rows: list[Row] = args.run(args)
    print(table(rows), file=sys.stderr)
    text = json.dumps(rows, indent=1)
    if args.json:
        args.json.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    return 0


def table(rows: Sequence[Row]) -> str:
    """Rows under the union of their keys, as aligned columns."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    cells = [keys, *([_cell(row.get(key, "")) for key in keys] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(keys))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
