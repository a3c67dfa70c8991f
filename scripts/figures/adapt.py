"""What ``vs-tecogan adapt`` gains on a film: Y-PSNR on scenes of it that were not trained on."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from vs_tecogan.training.adapt import Adaptation, AdaptOptions, adapt

from .record import Found
from .tables import Column, Table, Value

COLUMNS = {
    "before": Column(label="before, dB"),
    "after": Column(label="after, dB"),
    "gain": Column(label="gain, dB", signed=True),
    "iterations": Column(label="iterations", digits=0),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--films", nargs="+", type=Path, required=True, metavar="FILM", help="videos to adapt to")
    parser.add_argument("--model", default=AdaptOptions().model, metavar="M", help="name or weight file to begin with")
    parser.add_argument("--minutes", type=float, default=10.0, metavar="M", help="for each film; default: 10")


def measure(args: argparse.Namespace) -> Found:
    """Adapt to each film in a folder that is removed again."""
    options = AdaptOptions(model=args.model, minutes=args.minutes)
    rows = {}
    for film in args.films:
        with tempfile.TemporaryDirectory() as folder:
            rows[film.stem] = row(adapt(film, Path(folder), options))
    note = (
        f"vs-tecogan adapt FILM --minutes {args.minutes:g}, from {Path(args.model).stem}: Y-PSNR of the film's own "
        "frames, made smaller and enlarged again, on scenes that were held out."
    )
    return Found(
        tables={"films": Table(corner="film", columns=COLUMNS, rows=rows, labels={}, note=note)},
        settings={"minutes": args.minutes},
        models=[args.model],
        inputs={film.stem: film for film in args.films},
        outside="The films.",
    )


def row(found: Adaptation) -> dict[str, Value]:
    """A line of the table; what was not kept has gained nothing."""
    gain = found.after - found.before
    return {"before": found.before, "after": found.after, "gain": gain, "iterations": found.iterations}
