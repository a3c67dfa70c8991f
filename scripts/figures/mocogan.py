"""MoCoGAN-HD: content and motion apart, motion that varies, colours over time, ablations, and pictures."""

from __future__ import annotations

import argparse
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vs_tecogan.networks import VideoGenerator
from vs_tecogan.sources.mocogan_hd import MODEL, open_source
from vs_tecogan.training.data.footage import ClipShape, from_skies
from vs_tecogan.training.objectives.motion_scores import (
    Clip,
    change_of_data,
    colour_curve,
    colour_drift,
    evaluate_motion,
    render,
)

from .record import Found
from .tables import Column, Table, Value

FRAMES, STEP, LONG, FILM = 16, 1, 257, 48
CLIPS = 32
"""Of the Fréchet distance and of S(x, t)."""
LONG_CLIPS = 6
CONTENTS, MOTIONS = 4, 16
SHOWN = (1, 5, 15, 10)
"""Content seeds of the pictures: chosen for different times of the day."""
TIMES = (1, 4, 8, 15)
LATE = (32, 64, 128, 256)
CROSS = "mocogan-hd-skies-cross"
ROWS = {
    "data": "painted skies",
    "model": MODEL,
    "residual": "without the residual form",
    "image": "without D_I",
    "video": "without D_V",
    "information": "without mutual information",
    "apart": "without diversity_weight",
    "start": "motion not trained",
    "cross": CROSS,
}
COLUMNS = {
    "frechet": Column(label="FD-random3d"),
    "within": Column(label="colour distance, motions of one content"),
    "between": Column(label="colour distance, contents"),
    "ratio": Column(label="first / second"),
    "diversity": Column(label="spread over motions, levels", digits=1),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    for name in ("residual", "image", "video", "information", "apart", "start"):
        parser.add_argument(f"--{name}", type=Path, help=f"weights of the variant {ROWS[name]}")


def measure(args: argparse.Namespace) -> Found:
    """Scores of the model and of every variant that was given, colours over time, and pictures."""
    networks = {"model": network_of(MODEL)}
    shape = ClipShape(size=networks["model"].spec.image.size, frames=FRAMES, step=STEP)
    real = [from_skies(shape, held_out=True)(np.random.default_rng([n, 5])) for n in range(CLIPS)]
    given = {name: getattr(args, name) for name in ROWS if getattr(args, name, None) is not None}
    networks |= {name: network_of(path) for name, path in given.items()}
    rows: dict[str, dict[str, Value]] = {"data": {"frechet": None, "within": None, "between": None, "ratio": None,
                                                  "diversity": change_of_data(real)}}  # fmt: skip
    for name, network in networks.items():
        rows[name] = dict(scores(network, real))
    # Its motion is not that of skies: a distance to them would say nothing.
    rows["cross"] = dict(scores(network_of(CROSS), real)) | {"frechet": None}
    tables = {"scores": Table(corner="", columns=COLUMNS, rows=rows, labels=ROWS, note=NOTE)}
    tables["colours"] = colours(networks["model"])
    return Found(
        tables=tables,
        settings={"clips": CLIPS, "frames": FRAMES, "step": STEP, "contents": CONTENTS, "motions": MOTIONS},
        models=[MODEL, CROSS],
        inputs=given,
        plots=pictures(networks["model"], real),
        outside="Weights of the variants: the stage motion of recipes/mocogan-hd-skies.toml with one setting changed.",
    )


NOTE = (
    f"FD-random3d: {CLIPS} clips of {FRAMES} frames against as many painted ones that no run has seen; it is not FVD. "
    f"Colour distance: 100 times the distance of mean colours of videos, {CONTENTS} contents with {MOTIONS} motions "
    "each. Spread: standard deviation per pixel over motions of one content; of painted skies that of their change "
    "since the first frame."
)


def network_of(model: str | Path) -> VideoGenerator:
    """The network behind a name or a path."""
    return open_source(model).network


def scores(network: VideoGenerator, real: Sequence[Clip]) -> dict[str, float]:
    """A row."""
    found = evaluate_motion(lambda: network, real, contents=CONTENTS, motions=MOTIONS)
    within, between = found["acd_within"], found["acd_between"]
    return {
        "frechet": found["frechet"], "within": within, "between": between, "ratio": within / max(between, 1e-9),
        "diversity": found["diversity"],
    }  # fmt: skip


def colours(network: VideoGenerator) -> Table:
    """S(x, t) and the drift of the mean colour, of the model and of the data, to 256 frames."""
    shape = ClipShape(size=network.spec.image.size, frames=LONG, step=STEP)
    paths = {
        "data": [from_skies(shape, held_out=True)(np.random.default_rng([n, 6])) for n in range(LONG_CLIPS)],
        "model": [render(network, 2000 + n, n, LONG) for n in range(LONG_CLIPS)],
        "free": [render(network, 2000 + n, n, LONG, float("inf")) for n in range(LONG_CLIPS)],
    }
    rows: dict[str, dict[str, Value]] = {}
    for name, clips in paths.items():
        values: dict[str, Value] = {
            f"t{t}": s for t, s in zip((*TIMES, *LATE), colour_curve(clips, (*TIMES, *LATE)), strict=True)
        }
        rows[name] = values | {"drift": colour_drift(clips, LONG - 1)}
    columns = {f"t{t}": Column(label=f"S at {t}") for t in (*TIMES, *LATE)}
    columns["drift"] = Column(label="drift at 256")
    labels = {"data": "painted skies", "model": MODEL, "free": f"{MODEL}, reach infinite"}
    note = (
        f"S(x, t): part of the first frame's colours that frame t has, means over {LONG_CLIPS} clips; skies are "
        "painted as in training. Drift: 100 times the distance of the mean colour of all clips "
        "at frame 256 from that at frame 0."
    )
    return Table(corner="", columns=columns, rows=rows, labels=labels, note=note)


def pictures(network: VideoGenerator, real: Sequence[Clip]) -> dict[str, bytes]:
    """Stills: painted skies, contents over time, mean and spread over motions; and contents by motions, moving."""
    from PIL import Image  # optional: extra "train"

    times = np.linspace(0, FRAMES - 1, 6).round().astype(int)
    films = {(c, m): render(network, c, m, max(FILM, FRAMES)) for c in SHOWN for m in range(1, 5)}
    rows = [np.concatenate(list(clip[times]), axis=1) for clip in real[:2]]
    rows += [np.concatenate(list(films[content, 1][times]), axis=1) for content in SHOWN]
    stack = np.stack([render(network, 1, m, FRAMES) for m in range(MOTIONS)]).astype(np.float32)
    mean, spread = stack.mean(0), 4 * stack.std(0)
    rows += [np.concatenate(list(part[times].clip(0, 255).astype(np.uint8)), axis=1) for part in (mean, spread)]
    still, film = io.BytesIO(), io.BytesIO()
    Image.fromarray(large(np.concatenate(rows, axis=0))).save(still, "PNG", optimize=True)
    grids = [Image.fromarray(large(grid(films, n))) for n in [*range(FILM), *range(FILM - 2, 0, -1)]]
    grids[0].save(film, "WEBP", save_all=True, append_images=grids[1:], duration=60, loop=0, quality=60)
    return {"mocogan.png": still.getvalue(), "mocogan.webp": film.getvalue()}


def grid(films: Mapping[tuple[int, int], Clip], number: int) -> Clip:
    """A frame of every film: a content a row, a motion a column."""
    return np.concatenate([np.concatenate([films[c, m][number] for m in range(1, 5)], 1) for c in SHOWN], 0)


def large(picture: Clip) -> Clip:
    """Each pixel is four."""
    return picture.repeat(2, axis=0).repeat(2, axis=1)
