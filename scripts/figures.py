#!/usr/bin/env python3
"""Measure the figures of the documents, and write them there.

    scripts/figures.py NAME... [options]   measure; write docs/figures/NAME.json, its plots and the documents
    scripts/figures.py --write             fill the documents from the JSON as it is
    scripts/figures.py --check             fail where a document differs from the JSON, or a model from its figures
    scripts/figures.py --list              the tables, with their rows and columns

docs/figures/README.md says how a document quotes a figure.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from figures.documents import documents, fill, problems  # noqa: E402 - the package beside this script
from figures.record import ROOT, folder_of, load_all, record  # noqa: E402

from vs_tecogan.errors import UsageError, UserError  # noqa: E402

NAMES = (
    "quality",
    "compressed",
    "faithful",
    "peers",
    "speed",
    "busy",
    "jobs",
    "operators",
    "scheduler",
    "memory",
    "convergence",
    "tiles",
    "precision",
    "scenes",
    "stills",
    "sharpness",
    "originals",
    "adapt",
    "pictures",
    "smoke",
    "mocogan",
    "neighbours",
    "longvideo",
)


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Do what the arguments say; 1 where --check finds something, 2 for unusable arguments."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        names = list(itertools.takewhile(NAMES.__contains__, arguments))
        if names:
            measure(names, arguments[len(names) :], root)
            return 0
        args = parser().parse_args(arguments)
        if args.check:
            return check(root)
        if args.list:
            print(listing(root))
        if args.write:
            write(root)
    except (UserError, FileNotFoundError) as error:
        print(f"figures: {error}", file=sys.stderr)
        return 2
    return 0


def measure(names: Sequence[str], arguments: Sequence[str], root: Path) -> None:
    """Measure figures, write their JSON and plots, and fill the documents; each takes of the options what it knows."""
    modules = {name: importlib.import_module(f"figures.{name}") for name in names}
    parsed = {}
    for name, module in modules.items():
        own = argparse.ArgumentParser(prog=f"figures.py {name}", description=module.__doc__, allow_abbrev=False)
        module.add_arguments(own)
        parsed[name] = own.parse_known_args(arguments)
    if unknown := set.intersection(*(set(rest) for _, rest in parsed.values())):
        raise UsageError(f"{' '.join(sorted(unknown))}: no option of {', '.join(names)}; look at NAME --help")
    for name, module in modules.items():
        figure = record(name, f"scripts/figures.py {name}", module.measure(parsed[name][0]), folder_of(root))
        for key, table in figure.tables.items():
            print(f"{name}.{key}\n{table.markdown()}\n")
        write(root)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"NAME is one of {', '.join(NAMES)}; NAME --help has its options",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--write", action="store_true", help="fill the documents")
    made.add_argument("--check", action="store_true", help="compare the documents")
    made.add_argument("--list", action="store_true", help="print the tables")
    return made


def check(root: Path) -> int:
    """Print what differs; 1 where anything does."""
    found = list(problems(load_all(folder_of(root)), root))
    print("\n".join(found) or "every marked number is that of its figure")
    return 1 if found else 0


def write(root: Path) -> None:
    """Fill every document."""
    figures = load_all(folder_of(root))
    for path in documents(root):
        text = path.read_text(encoding="utf-8")
        filled = fill(text, figures)
        if filled != text:
            path.write_text(filled, encoding="utf-8")
            print(f"filled {path}", file=sys.stderr)


def listing(root: Path) -> str:
    """Every table as its marker would name it."""
    lines = []
    for name, figure in load_all(folder_of(root)).items():
        for key, table in figure.tables.items():
            lines.append(f"{name}.{key}\n  rows={','.join(table.rows)}\n  columns={','.join(table.columns)}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
