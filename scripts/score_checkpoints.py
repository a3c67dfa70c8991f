#!/usr/bin/env python3
"""Score every checkpoint of training runs, to see what each hour of training bought.

    scripts/score_checkpoints.py RUN... --eval DIR [--against MODEL...] [--squeezenet FILE] [--scored JSON...]
        [--json OUT.json] [--figure OUT.svg]

Clips, degradation and protocol are those of scripts/score_models.py; a checkpoint is judged by its averaged generator
where the run keeps one. Keep them with --keep while training. The figure needs matplotlib and has a curve for each
run: Y-PSNR less bicubic's, tOF, and with --squeezenet the perceptual distance; dashed: bicubic and other models.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from score_models import Row, Upscaler, enlarged, find_clips, line, score, upscaled

from vs_tecogan.engine import create_engine
from vs_tecogan.errors import TrainingError
from vs_tecogan.metrics import Instruments
from vs_tecogan.metrics.perceptual import squeeze_distance
from vs_tecogan.metrics.sources import Clip
from vs_tecogan.training import checkpoint
from vs_tecogan.training.export import export
from vs_tecogan.weights import load_model

PANELS = {"psnr": "Y-PSNR over bicubic, dB", "tof": "tOF", "squeeze": "SqueezeNet distance"}
"""What the figure shows, by key of the scores."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """Scores of one checkpoint, means over the clips."""

    run: str
    iteration: int
    hours: float
    scores: Row


def main() -> int:
    """Score, print a table, draw; 2 for unusable arguments."""
    args = parse_arguments()
    try:
        baselines, points = earlier(args.scored)
        clips = find_clips(args.eval)
        instruments = Instruments(squeeze=squeeze_distance(args.squeezenet) if args.squeezenet else None)
        for name, upscaler in wanted(args).items():
            if name not in baselines:
                baselines[name] = mean_scores(upscaler, clips, instruments)
                print(f"{name}: {line(baselines[name])}", file=sys.stderr)
        for run in args.runs:
            points += [score_checkpoint(run, path, clips, instruments, args.warmup) for path in chosen(run, args.every)]
    except (TrainingError, OSError, ValueError) as error:
        print(f"score_checkpoints: {error}", file=sys.stderr)
        return 2
    print(table(points, baselines))
    if args.json:
        data = {"baselines": baselines, "checkpoints": [asdict(point) for point in points]}
        args.json.write_text(json.dumps(data, indent=1) + "\n")
    if args.figure:
        draw(points, baselines, args.figure)
    return 0


def earlier(files: list[Path]) -> tuple[dict[str, Row], list[Point]]:
    """What earlier calls wrote with --json."""
    baselines: dict[str, Row] = {}
    points: list[Point] = []
    for file in files:
        data = json.loads(file.read_text())
        baselines |= data["baselines"]
        points += [Point(**row) for row in data["checkpoints"]]
    return baselines, points


def wanted(args: argparse.Namespace) -> dict[str, Upscaler]:
    """What the runs are compared with, by name."""
    engines = {Path(model).stem: create_engine(load_model(model)) for model in args.against}
    models = {name: (lambda clip, e=engine: upscaled(e, clip, args.warmup)) for name, engine in engines.items()}
    return {"bicubic": lambda clip: enlarged(clip, args.scale), **models}


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="*", metavar="RUN", help="folder of a run, or of checkpoints")
    parser.add_argument("--eval", type=Path, required=True, metavar="DIR", help="folder of clips, or one clip")
    parser.add_argument(
        "--scored", type=Path, nargs="*", default=[], metavar="JSON", help="what earlier calls wrote: not scored again"
    )
    parser.add_argument("--against", nargs="*", default=[], metavar="MODEL", help="models to compare with")
    parser.add_argument("--squeezenet", type=Path, metavar="FILE", help="squeezenet1.1_notop.h5 (Keras)")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every Nth checkpoint, and the last")
    parser.add_argument("--scale", type=int, default=4, help="of the models, for bicubic")
    parser.add_argument("--warmup", type=int, default=8, help="mirrored frames before the first")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the scores there")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the curves there (.svg, .png)")
    return parser.parse_args()


def chosen(run: Path, every: int) -> list[Path]:
    """Numbered checkpoints of a run, oldest first.

    :raises TrainingError: there are none.
    """
    paths = checkpoint.numbered(run) or sorted(run.glob("[0-9]*.pt"))
    if not paths:
        raise TrainingError(f"{run} has no numbered checkpoint; train with --keep to have several")
    return sorted({*paths[::every], paths[-1]})


def score_checkpoint(run: Path, path: Path, clips: list[Clip], instruments: Instruments, warmup: int) -> Point:
    """Scores of one checkpoint."""
    import tempfile

    state = checkpoint.load(path)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "checkpoint.safetensors"
        export(path, weights)
        engine = create_engine(load_model(weights))
    scores = mean_scores(lambda clip: upscaled(engine, clip, warmup), clips, instruments)
    point = Point(run=run.name, iteration=state["iteration"], hours=state["seconds"] / 3600, scores=scores)
    print(f"{point.run} {point.iteration}: {line(point.scores)}", file=sys.stderr)
    return point


def mean_scores(upscaler: Upscaler, clips: list[Clip], instruments: Instruments) -> Row:
    """Means over all clips."""
    rows = [score(upscaler, clip, instruments, 1)[0] for clip in clips]
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def table(points: list[Point], baselines: dict[str, Row]) -> str:
    """All rows as a Markdown table."""
    keys = [key for key in PANELS if key in baselines["bicubic"]]
    lines = [f"| run | iteration | hours | {' | '.join(keys)} |", "|---|---:|---:|" + "---:|" * len(keys)]
    for name, row in baselines.items():
        lines.append(f"| {name} | | | {' | '.join(f'{row[key]:.4f}' for key in keys)} |")
    for p in points:
        cells = " | ".join(f"{p.scores[key]:.4f}" for key in keys)
        lines.append(f"| {p.run} | {p.iteration} | {p.hours:.2f} | {cells} |")
    return "\n".join(lines)


def draw(points: list[Point], baselines: dict[str, Row], target: Path) -> None:
    """One panel for each score, one curve for each run."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    keys = [key for key in PANELS if key in baselines["bicubic"]]
    figure, axes = plt.subplots(1, len(keys), figsize=(4.2 * len(keys), 3.2), squeeze=False)
    for key, axis in zip(keys, axes[0], strict=True):
        zero = baselines["bicubic"][key] if key == "psnr" else 0.0
        for run in dict.fromkeys(point.run for point in points):
            own = [point for point in points if point.run == run]
            axis.plot([p.iteration for p in own], [p.scores[key] - zero for p in own], marker=".", label=run)
        for shade, (name, row) in enumerate(baselines.items()):
            axis.axhline(row[key] - zero, linestyle="--", color=str(0.6 - 0.3 * (shade % 2)), linewidth=1, label=name)
        axis.set(title=PANELS[key], xlabel="iteration")
        axis.grid(alpha=0.3)
    axes[0][0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(target)
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
