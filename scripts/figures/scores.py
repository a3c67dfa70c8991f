"""Scores of models on clips: the rows of the quality tables."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from vs_tecogan.metrics import Instruments, ProtocolName, evaluate_pair
from vs_tecogan.metrics.suite import Options, find_instruments
from vs_tecogan.networks import VideoSpec
from vs_tecogan.weights import shipped_models

from .footage import Degradation, Pictures, pictures, videos
from .record import file_hash
from .render import BICUBIC, CACHE, ORIGINAL, kept_path, rendered
from .tables import Column, Table, Value

COLUMNS = {
    "psnr_plain": Column(label="Y-PSNR, dB (plain)"),
    "over_bicubic": Column(label="over bicubic, dB (plain)", signed=True),
    "psnr": Column(label="Y-PSNR, dB"),
    "ssim": Column(label="SSIM", digits=4),
    "lpips": Column(label="LPIPS", digits=4),
    "tof": Column(label="tOF, px", digits=3),
    "tlp": Column(label="tLP ×100", digits=3),
    "niqe": Column(label="NIQE"),
    "tdiff": Column(label="T-diff ×100"),
    "grid": Column(label="grid, levels", digits=3),
}
"""Official protocol but for what is called plain."""
COMPARED = ("psnr", "ssim", "lpips", "tof", "tlp")
ALONE = ("niqe", "tdiff", "grid")
PROTOCOL = (
    'Official protocol; "plain" counts every frame and pixel. LPIPS, tOF, tLP and NIQE: lower is better. '
    "T-diff and grid: good where they are near the original's."
)
LPIPS = "torchvision's AlexNet (its features.* keys are enough), for LPIPS and tLP; default: cached or downloaded"

type Row = Mapping[str, float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every figure of scores takes."""
    parser.add_argument("--clips", type=Path, required=True, metavar="DIR", help="folder of evaluation clips")
    parser.add_argument("--lpips-weights", type=Path, metavar="FILE", help=LPIPS)
    parser.add_argument("--niqe-params", type=Path, metavar="FILE", help="BasicSR's niqe_pris_params.npz")
    parser.add_argument("--models", nargs="+", metavar="NAME", help="default: every shipped model of the scale")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="threads of the metrics")


def inputs_of(args: argparse.Namespace) -> dict[str, Path]:
    """The files from outside that were given."""
    named = {"clips": args.clips, "lpips": args.lpips_weights, "niqe": args.niqe_params}
    return {name: path for name, path in named.items() if path is not None}


def models_of(args: argparse.Namespace, scale: int) -> list[str]:
    """The shipped models of a scale that were asked for."""
    names = [card.name for card in shipped_models() if isinstance(card.spec, VideoSpec) and card.spec.scale == scale]
    return [name for name in names if args.models is None or name in args.models]


def instruments_of(args: argparse.Namespace) -> Instruments:
    """What measures; says on stderr what cannot be had."""
    options = Options(lpips_weights=args.lpips_weights, niqe_parameters=args.niqe_params)
    found = find_instruments((*COMPARED, *ALONE), options)
    for key, why in found.not_measured.items():
        print(f"{key}: not measured: {why}", file=sys.stderr)
    return found


def score(
    args: argparse.Namespace, frames: int, scale: int, models: Sequence[str], degradation: Degradation,
    render: Callable[..., Pictures] = rendered,
) -> dict[str, dict[str, dict[str, float]]]:  # fmt: skip
    """Scores of bicubic, the models and the originals, by row and clip.

    :param render: makes the pictures, as :func:`~.render.rendered` does.
    """
    instruments = instruments_of(args)
    files = {key: file_hash(path) for key, path in inputs_of(args).items() if path.is_file()}
    found: dict[str, dict[str, dict[str, float]]] = {}
    for model in (BICUBIC, *models, ORIGINAL):
        found[model] = {}
        for path in videos(args.clips):
            begin = time.monotonic()
            large = render(path, frames, scale, model, degradation)
            name = kept_path((*files.items(), COMPARED, ALONE, file_hash(path), _fingerprint(large))).with_suffix(
                ".json"
            )
            if not name.is_file():
                CACHE.mkdir(parents=True, exist_ok=True)
                truth = None if model == ORIGINAL else pictures(path, frames)
                name.write_text(json.dumps(_score(large, truth, instruments, args.jobs)))
            found[model][path.stem] = json.loads(name.read_text())
            print(f"{model} {path.stem}: {found[model][path.stem]} {time.monotonic() - begin:.0f} s", file=sys.stderr)
    for rows in found.values():
        for clip, row in rows.items():
            if "psnr_plain" in row:
                row["over_bicubic"] = row["psnr_plain"] - found[BICUBIC][clip]["psnr_plain"]
    return found


def _fingerprint(large: np.ndarray) -> str:
    return hashlib.sha256(large.tobytes()).hexdigest()


def _score(large: np.ndarray, truth: np.ndarray | None, instruments: Instruments, jobs: int) -> Row:
    """Means over one clip; what needs no reference is measured of the result alone, once."""

    def means(against: np.ndarray | None, protocol: ProtocolName, keys: tuple[str, ...]) -> dict[str, float]:
        options = {"instruments": instruments, "jobs": jobs}
        return evaluate_pair(large, against, protocol=protocol, metrics=keys, **options).means

    alone = means(None, "official", ALONE)
    if truth is None:
        return alone
    return {"psnr_plain": means(truth, "plain", ("psnr",))["psnr"]} | means(truth, "official", COMPARED) | alone


def table(found: Mapping[str, Mapping[str, Row]], note: str) -> Table:
    """Means over the clips."""
    rows: dict[str, dict[str, Value]] = {}
    for model, clips in found.items():
        keys = [key for key in COLUMNS if all(key in row for row in clips.values())]
        rows[model] = {key: float(np.mean([row[key] for row in clips.values()])) for key in keys}
    return Table(corner="model", columns=COLUMNS, rows=rows, labels={}, note=f"{note} {PROTOCOL}")


def gains(found: Mapping[str, Mapping[str, Row]], note: str) -> Table:
    """Plain Y-PSNR over bicubic, by clip and model."""
    models = [model for model in found if model not in (BICUBIC, ORIGINAL)]
    rows = {clip: {m: found[m][clip]["over_bicubic"] for m in models} for clip in found[BICUBIC]}
    columns = {model: Column(label=f"{model}, dB", signed=True) for model in models}
    note = f"{note} Y-PSNR over bicubic, every frame and pixel."
    return Table(corner="clip", columns=columns, rows=rows, labels={}, note=note)
