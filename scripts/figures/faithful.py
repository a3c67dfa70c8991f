"""What ``faithful=True`` does: how far a result is from its source, what that costs in scores, and in time."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from vs_tecogan.engine import create_engine
from vs_tecogan.faithful import back_projection
from vs_tecogan.metrics.faithfulness import faithfulness
from vs_tecogan.weights import load_model

from . import scores
from .footage import Degradation, Pictures, low_resolution, pictures, videos
from .record import Found, file_hash
from .render import ORIGINAL, kept, model_key, rendered, upscale
from .tables import Column

FRAMES, SCALE = 12, 4
CODECS = {"clean": "", "h264": "h264:23"}
FAITHFUL = "+faithful"
SIZE = (270, 480)
"""Height and width of the frames whose time is taken."""
COLUMNS = {
    "source": Column(label="from the source, levels", digits=3),
    "within": Column(label="99 % within, levels", digits=1),
    "ms": Column(label="ms per frame", digits=0),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    scores.add_arguments(parser)
    parser.add_argument("--repeats", type=int, default=7)


def measure(args: argparse.Namespace) -> Found:
    """Each 4x model with and without, on clean and on compressed sources."""
    names = scores.models_of(args, SCALE)
    methods = [one for name in names for one in (name, name + FAITHFUL)]
    times = timed(names, args.repeats)
    tables = {}
    for key, codec in CODECS.items():
        rule = Degradation(codec=codec)
        found = scores.score(args, FRAMES, SCALE, methods, rule, render=faithful_rendered)
        note = f"Means over the first {FRAMES} frames of {len(videos(args.clips))} clips, by the BD rule"
        table = scores.table(found, f"{note}{', then H.264 at crf 23' if codec else ''}. Made smaller again by BD.")
        rows = {}
        for method, row in table.rows.items():
            far = distance(args.clips, method, rule) if method != ORIGINAL else {}
            rows[method] = {**row, **far, **({"ms": times[method]} if method in times else {})}
        tables[key] = replace(table, columns={**table.columns, **COLUMNS}, rows=rows)
    return Found(
        tables=tables,
        settings={"frames": FRAMES, "precision": "fp32", "timed": f"{SIZE[1]}x{SIZE[0]}", "repeats": args.repeats},
        models=names,
        inputs=scores.inputs_of(args),
        outside="The clips: scripts/fetch_eval.py (DAVIS 2017, 480p).",
    )


def faithful_rendered(path: Path, frames: int, scale: int, method: str, degradation: Degradation) -> Pictures:
    """As :func:`~.render.rendered`, for models that are asked to be faithful too."""
    if not method.endswith(FAITHFUL):
        return rendered(path, frames, scale, method, degradation)
    model = method.removesuffix(FAITHFUL)
    key = (FAITHFUL, path.name, file_hash(path), frames, scale, model_key(model), degradation.codec)

    def make() -> Pictures:
        truth = pictures(path, frames)
        large = upscale(low_resolution(truth, scale, degradation), model, faithful=True)
        return large[:, : truth.shape[1], : truth.shape[2]]

    return kept(key, make)


def distance(clips: Path, method: str, degradation: Degradation) -> dict[str, float]:
    """How far results are from their sources: means over the frames of all clips, 8-bit levels."""
    project, found = back_projection(SCALE, "corner"), []
    for path in videos(clips):
        large = faithful_rendered(path, FRAMES, SCALE, method, degradation)
        height, width = (side // SCALE for side in large.shape[1:3])
        low = low_resolution(pictures(path, FRAMES), SCALE, degradation)[:, :height, :width]
        for picture, source in zip(large, low, strict=True):
            found.append(faithfulness(picture[: SCALE * height, : SCALE * width], source, project))
    mean, within = np.mean(found, axis=0)
    return {"source": float(mean), "within": float(within)}


def timed(names: list[str], repeats: int) -> dict[str, float]:
    """Median milliseconds of a step, with and without, in turns."""
    planes = [np.random.default_rng(0).random((3, *SIZE), np.float32) for _ in range(2)]
    tasks: dict[str, Callable[[], object]] = {}
    for name in names:
        for method, faithful in ((name, False), (name + FAITHFUL, True)):
            engine = create_engine(load_model(name), device="cpu", precision="fp32", faithful=faithful)
            state = engine.step(engine.zero_state(*SIZE), list(planes[0]))
            tasks[method] = partial(engine.step, state, list(planes[1]))
    taken: dict[str, list[float]] = {method: [] for method in tasks}
    for _ in range(repeats):
        for method, task in tasks.items():
            begin = time.perf_counter()
            task()
            taken[method].append(1e3 * (time.perf_counter() - begin))
    return {method: statistics.median(values) for method, values in taken.items()}
