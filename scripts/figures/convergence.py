"""How fast a chain with warm-up meets the unbroken one, and whether long chains drift."""

from __future__ import annotations

import argparse
import io
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import vapoursynth as vs

from vs_tecogan import tecogan
from vs_tecogan.luma import luma
from vs_tecogan.weights import DEFAULT_MODEL

from .footage import Degradation, Pictures, low_resolution, pictures, there_and_back
from .record import Found, file_hash
from .render import clip_of, frames_of, kept_values, model_key, scale_of
from .tables import Column, Table, Value

SHOTS = ("street_dog_360p.mp4", "table_cups_360p.mp4")
WARMUPS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24)
STRETCHES = ((0, 10), (10, 50), (50, 100), (100, 200), (200, 300))
WIDTHS = {
    "psnr": Column(label="Y-PSNR to the unbroken chain, dB", digits=1),
    "mean": Column(label="mean difference, 8-bit levels", digits=3),
    "max": Column(label="largest difference, 8-bit levels", digits=0),
    "change": Column(label="mean change from frame to frame, 8-bit levels", digits=2),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--footage", type=Path, required=True, metavar="DIR", help="the training footage at 640x360")
    parser.add_argument("--shots", nargs="+", default=SHOTS, metavar="FILE", help="videos in DIR of a single shot each")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--points", type=int, default=2, help="frames of each clip at which chains are compared")
    parser.add_argument("--length", type=int, default=300, help="frames of a long chain")
    parser.add_argument("--restart", type=int, default=60, help="of the restarted long chain")
    parser.add_argument("--warmup", type=int, default=8, help="of the restarted long chain")


def measure(args: argparse.Namespace) -> Found:
    """Both tables, and their plot."""
    scale, meetings, chains = scale_of(args.model), {}, {}
    paths = [args.footage / name for name in args.shots]
    for path in paths:
        truth = pictures(path, args.length)
        small = low_resolution(truth, scale, Degradation())
        points = [int(point) for point in np.linspace(max(WARMUPS) + 8, min(len(small), 120) - 1, args.points)]
        key = (model_key(args.model), file_hash(path), points, WARMUPS)
        rows = kept_values(key, partial(meeting, small, points, args.model))
        meetings[path.stem] = {int(warmup): row for warmup, row in rows.items()}
        moving = list(there_and_back(len(small), args.length))
        for name, order in ((path.stem, moving), (f"{path.stem}-still", [0] * (args.length // 2))):
            chains[name] = {}
            for kind, restart, warmup in (("", 0, 0), ("-restarted", args.restart, args.warmup)):
                run = partial(drift, truth, small, order, args.model, restart=restart, warmup=warmup)
                key = (model_key(args.model), file_hash(path), order, restart, warmup)
                chains[name][kind] = kept_values(key, run)
    mean = {
        warmup: {key: float(np.mean([rows[warmup][key] for rows in meetings.values()])) for key in WIDTHS}
        | {"max": max(rows[warmup]["max"] for rows in meetings.values())}
        for warmup in WARMUPS
    }
    tables = {"warmup": warmup_table(f"{len(paths)} clips", mean, args)}
    tables |= {f"warmup-{name}": warmup_table(name, rows, args) for name, rows in meetings.items()}
    return Found(
        tables=tables | {"drift": drift_table(chains, args)},
        settings={"precision": "fp32", "points": args.points, "length": args.length},
        models=[args.model],
        inputs={path.stem: path for path in paths},
        plots={"convergence.svg": plot(meetings, chains)},
        outside="The clips: 360p versions of clips of the SAM 2 demo gallery. Any single shots will do.",
    )


def floats(low: Pictures, model: str, **options: Any) -> vs.VideoNode:
    """The filter's output unrounded: for RGBS input, on the CPU in float32, without scene cuts."""
    clip = clip_of(low.astype(np.float32) / np.float32(255), vs.RGBS)
    fixed = {"device": "cpu", "precision": "fp32", "scene_change": False, "duplicates": "advance"}
    return tecogan(clip, model, **fixed | options)


def meeting(small: Pictures, points: Sequence[int], model: str) -> dict[int, dict[str, float]]:
    """By warm-up: difference of a chain that starts at a point from the unbroken one there; the mean of the points."""
    unbroken = floats(small[: max(points) + 1], model, restart=0, warmup=0)
    needed = sorted({k for point in points for k in (point - 1, point)})
    frames = {k: frames_of(unbroken[k])[0].clip(0, 1) * 255 for k in needed}
    rows: dict[int, dict[str, float]] = {}
    for warmup in WARMUPS:
        found = []
        for point in points:
            primed = floats(small[: point + 1], model, restart=point, warmup=warmup)[point]
            result = frames_of(primed)[0].clip(0, 1) * 255
            difference = np.abs(result - frames[point])
            change = np.abs(frames[point] - frames[point - 1]).mean()
            found.append((psnr(result, frames[point]), difference.mean(), difference.max(), change))
        dB, mean, most, change = np.array(found, float).T  # noqa: N806 - the unit's own spelling
        rows[warmup] = {"psnr": dB.mean(), "mean": mean.mean(), "max": most.max(), "change": change.mean()}
        rows[warmup] = {key: float(value) for key, value in rows[warmup].items()}
    return rows


def drift(
    truth: Pictures, small: Pictures, order: Sequence[int], model: str, *, restart: int, warmup: int
) -> list[float]:
    """Y-PSNR against the truth of each frame of a chain over the frames in that order."""
    clip = floats(small[list(order)], model, restart=restart, warmup=warmup)
    scores = []
    for index, frame in zip(order, clip.frames(close=True), strict=True):
        result = np.dstack([np.asarray(frame[plane]) for plane in range(3)]).clip(0, 1) * 255
        height, width = truth.shape[1:3]
        scores.append(psnr(result[:height, :width], truth[index].astype(np.float32)))
    return scores


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Y-PSNR in dB of two pictures of 0 to 255, at most 100."""
    error = float(np.mean(np.square(luma(a.astype(np.float64)) - luma(b.astype(np.float64)))))
    return min(10 * np.log10(255**2 / max(error, 1e-12)), 100.0)


def warmup_table(name: str, rows: Mapping[int, Mapping[str, float]], args: argparse.Namespace) -> Table:
    """One clip's rows."""
    note = (
        f"{args.model} on {name} (640x360, low resolution by the BD rule), {args.points} places of each; "
        "the last column is how much the output changes anyway."
    )
    cells = {str(warmup): dict(row) for warmup, row in rows.items()}
    return Table(corner="warm-up frames", columns=WIDTHS, rows=cells, labels={}, note=note)


def drift_table(chains: Mapping[str, Mapping[str, Sequence[float]]], args: argparse.Namespace) -> Table:
    """Means by stretch of frames."""
    kinds = {"": "unbroken", "-restarted": "restarted"}
    stretches = [(a, b) for a, b in STRETCHES if b <= args.length]
    columns = {
        f"{a}-{b - 1}{k}": Column(label=f"{a}–{b - 1}, {text}") for a, b in stretches for k, text in kinds.items()
    }
    rows: dict[str, dict[str, Value]] = {}
    for name, curves in chains.items():
        cells = {(a, b, kind): curve[a:b] for kind, curve in curves.items() for a, b in stretches}
        rows[name] = {
            f"{a}-{b - 1}{k}": float(np.mean(part)) for (a, b, k), part in cells.items() if len(part) == b - a
        }
    note = (
        f"Y-PSNR against the truth in dB by stretch of frames, {args.model}; clips are played forth and back, "
        f'"still" repeats one frame and lets each repetition advance the chain (duplicates="advance"); '
        f"restarted every {args.restart} frames with {args.warmup} of warm-up."
    )
    return Table(corner="clip", columns=columns, rows=rows, labels={}, note=note)


def plot(
    meetings: Mapping[str, Mapping[int, Mapping[str, float]]], chains: Mapping[str, Mapping[str, Sequence[float]]]
) -> bytes:
    """Warm-up on the left, long chains on the right; SVG."""
    import matplotlib  # of the extra dev

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "vs_tecogan"
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4), constrained_layout=True)
    for name, rows in meetings.items():
        left.plot(list(rows), [row["psnr"] for row in rows.values()], marker="o", ms=3, label=name)
    left.set(xlabel="warm-up frames", ylabel="Y-PSNR to the unbroken chain (dB)", title="A start with warm-up")
    for name, curves in chains.items():
        line = right.plot(curves[""], lw=0.9, label=name)[0]
        right.plot(curves["-restarted"], lw=0.9, ls=":", color=line.get_color())
    right.set(xlabel="frame", ylabel="Y-PSNR to the truth (dB)", title="Long chains (dotted: restarted)")
    for axes in (left, right):
        axes.legend(fontsize=7)
        axes.grid(alpha=0.3)
    with io.BytesIO() as file:
        figure.savefig(file, metadata={"Date": None})
        return file.getvalue()
