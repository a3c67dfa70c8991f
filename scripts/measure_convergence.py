#!/usr/bin/env python3
"""How fast a warm-started chain meets the continuous one, and how long chains drift.

    python scripts/measure_convergence.py CLIPS... --json docs/convergence.json --plot docs/convergence.svg

Each clip is the truth; its low-resolution side is made by the BD rule (Gaussian sigma 1.5, every s-th pixel). Three
measurements, all between outputs of the same model:

*warm-up*: chains that start W frames before frame p are compared at p with the chain from the clip's first frame;
*drift*: Y-PSNR against the truth along a chain of ``--length`` frames (the clip played forth and back) without restarts
and with them; *still*: the same for one frame repeated, where every frame advances the chain.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vs_tecogan.degrade import blur_down_picture
from vs_tecogan.engine import Engine, State, create_engine
from vs_tecogan.luma import luma
from vs_tecogan.video.read import video_frames
from vs_tecogan.weights import load_model

Image = np.ndarray
WARMUPS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24)
BUCKETS = ((0, 10), (10, 50), (50, 100), (100, 200), (200, 300), (300, 450), (450, 600))


def read_clip(path: Path, scale: int, limit: int) -> tuple[list[Image], list[Image]]:
    """Truth and low-resolution frames, float32 RGB (H, W, 3) in [0, 1]; the truth is cropped to whole cells."""
    truth, small = [], []
    for frame in itertools.islice(video_frames(path), limit):
        height, width = (size // scale * scale for size in frame.shape[:2])
        frame = frame[:height, :width]
        truth.append(frame.astype(np.float32) / 255)
        small.append(blur_down_picture(frame, scale).astype(np.float32) / 255)
    return truth, small


def advance(engine: Engine, state: State, frame: Image) -> State:
    """One step on an (H, W, 3) frame."""
    return engine.step(state, list(np.ascontiguousarray(frame.transpose(2, 0, 1))))


def picture(engine: Engine, state: State, shape: tuple[int, ...]) -> Image:
    """The output of a state, (H, W, 3), clipped to [0, 1]."""
    planes = np.empty((3, *shape[:2]), np.float32)
    engine.read(state, list(planes))
    return planes.transpose(1, 2, 0).clip(0, 1)


def psnr(a: Image, b: Image) -> float:
    """Y-PSNR in dB, capped at 100."""
    return min(float(20 * np.log10(255 / max(np.sqrt(np.mean((luma(a, peak=1) - luma(b, peak=1)) ** 2)), 1e-9))), 100.0)


def measure_warmup(
    engine: Engine, small: list[Image], shape: tuple[int, ...], points: list[int]
) -> Iterator[dict[str, float]]:
    """For each point and warm-up: differences to the continuous chain, in 8-bit levels, and the clip's own change."""
    state, states = engine.zero_state(0, 0), {}
    for k in range(max(points) + 1):
        state = advance(engine, state, small[k])
        if k in points or k + 1 in points:
            states[k] = state
    for point in points:
        target = picture(engine, states[point], shape)
        change = np.abs(target - picture(engine, states[point - 1], shape)).mean() * 255
        for warmup in WARMUPS:
            state = engine.zero_state(0, 0)
            for k in range(point - warmup, point + 1):
                state = advance(engine, state, small[k])
            result = picture(engine, state, shape)
            difference = np.abs(result - target) * 255
            yield {
                "warmup": warmup,
                "max": float(difference.max()),
                "mean": float(difference.mean()),
                "psnr": psnr(result, target),
                "change": float(change),
            }


def there_and_back(count: int, length: int) -> list[int]:
    """Indices 0..count-1 played forth and back until ``length``."""
    period = list(range(count)) + list(range(count - 2, 0, -1))
    return [period[k % len(period)] for k in range(length)]


def measure_drift(
    engine: Engine, truth: list[Image], small: list[Image], order: list[int], restart: int, warmup: int
) -> list[float]:
    """Y-PSNR against the truth of each frame of a chain; ``restart`` 0 never restarts."""
    state, scores = engine.zero_state(0, 0), []
    for k, index in enumerate(order):
        if restart and k and k % restart == 0:
            state = engine.zero_state(0, 0)
            for earlier in order[k - warmup : k]:
                state = advance(engine, state, small[earlier])
        state = advance(engine, state, small[index])
        scores.append(psnr(picture(engine, state, truth[index].shape), truth[index]))
    return scores


def summarise(scores: list[float]) -> dict[str, float]:
    """Mean by stretch of frame numbers."""
    return {f"{a}-{b - 1}": float(np.mean(scores[a:b])) for a, b in BUCKETS if len(scores) >= b}


def plot(report: dict[str, object], path: Path) -> None:
    """Warm-up curves on the left, drift on the right."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4), constrained_layout=True)
    for name, rows in report["warmup"].items():  # type: ignore[attr-defined]
        left.plot([row["warmup"] for row in rows], [row["psnr"] for row in rows], marker="o", ms=3, label=name)
    left.set(
        xlabel="warm-up frames", ylabel="Y-PSNR to the continuous chain (dB)", title="Warm start against continuous"
    )
    left.legend(fontsize=7)
    for name, curves in report["curves"].items():  # type: ignore[attr-defined]
        line = right.plot(curves["continuous"], lw=0.9, label=name)[0]
        right.plot(curves["restarted"], lw=0.9, ls=":", color=line.get_color())
    right.set(
        xlabel="frame", ylabel="Y-PSNR to the truth (dB)", title="Long chains: continuous (solid), restarted (dotted)"
    )
    right.legend(fontsize=7)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


def average(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    """Mean over the points of a clip by warm-up; of ``max`` the largest."""
    result = []
    for warmup in WARMUPS:
        group = [row for row in rows if row["warmup"] == warmup]
        means = {key: float(np.mean([row[key] for row in group])) for key in ("mean", "psnr", "change")}
        result.append({"warmup": warmup, "max": max(row["max"] for row in group), **means})
    return result


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--model", default="frvsr-4x")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--points", type=int, default=4, help="places per clip where chains are compared")
    parser.add_argument("--length", type=int, default=600, help="frames of a drift chain")
    parser.add_argument("--restart", type=int, default=96)
    parser.add_argument("--warmup", type=int, default=8)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    model = load_model(args.model)
    engine = create_engine(model, precision=args.precision)
    warm, drift, curves = {}, {}, {}
    for path in args.clips:
        truth, small = read_clip(path, engine.scale, args.length)
        first = max(WARMUPS) + 8
        points = [int(p) for p in np.linspace(first, len(small) - 1, args.points)]
        warm[path.stem] = average(list(measure_warmup(engine, small, truth[0].shape, points)))
        chains = {path.stem: there_and_back(len(small), args.length), f"{path.stem} (still)": [0] * (args.length // 2)}
        for name, order in chains.items():
            continuous = measure_drift(engine, truth, small, order, 0, 0)
            restarted = measure_drift(engine, truth, small, order, args.restart, args.warmup)
            curves[name] = {"continuous": continuous, "restarted": restarted}
            drift[name] = {key: summarise(values) for key, values in curves[name].items()}
        print(
            f"{path.stem}: {json.dumps(warm[path.stem][::3])} {json.dumps(drift[path.stem])}",
            file=sys.stderr,
            flush=True,
        )
    report = {"model": args.model, "precision": engine.precision, "restart": args.restart, "priming": args.warmup}
    report |= {"warmup": warm, "drift": drift}
    if args.plot:
        plot(report | {"curves": curves}, args.plot)
    text = json.dumps(report, indent=1)
    if args.json:
        args.json.write_text(text + "\n")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
