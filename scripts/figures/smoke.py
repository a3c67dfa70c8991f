"""Smoke: fidelity, share of fine detail and steadiness on simulations that no run has seen, and pictures of one."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vs_tecogan.errors import UsageError
from vs_tecogan.fluids.clip import glow
from vs_tecogan.fluids.coarse import enlarge
from vs_tecogan.networks import FluidSR
from vs_tecogan.training.objectives.smoke_scores import (
    HeldOutSmoke,
    SmokeScores,
    compare,
    enlarged,
    held_out_smoke,
    plain,
)
from vs_tecogan.weights import Model, interpolate, load_model

from .record import Found
from .tables import Column, Table, Value

MODEL = "tempogan-4x"
SEEDS = range(1, 9)
GRID, SCALE, FRAMES, START = 128, 4, 40, 30
SHOWN = 2
"""Which of the simulations is shown."""
HALVINGS = 7
COLUMNS = {
    "psnr": Column(label="PSNR, dB"),
    "detail": Column(label="share of fine detail"),
    "change": Column(label="advected T-diff, × truth's"),
}
LABELS = {
    "bicubic": "bicubic",
    "l1": "L1 alone",
    "ds": "L1, Ds",
    "dsdt": "L1, Ds, Dt",
    "layers": "L1, Ds, layers of Ds by -1e-5",
    "l2": "L1, Ds, squared change",
    "model": MODEL,
    "truth": "truth",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--l1", type=Path, help="weights of the stage before the discriminators")
    parser.add_argument("--ds", type=Path, help="weights of the same run without Dt")
    parser.add_argument("--dsdt", type=Path, help="weights of the run with both")
    parser.add_argument("--layers", type=Path, help="weights of --ds's run with the published layer weights")
    parser.add_argument("--l2", type=Path, help="weights of --ds's run with the squared change")
    parser.add_argument("--volume", type=Path, help="metrics.csv of a run in 3-D; alone, only its table is made")


def measure(args: argparse.Namespace) -> Found:
    """Scores of every variant, those at equal detail, the curve of a run in 3-D, and pictures."""
    if None in (args.l1, args.ds, args.dsdt):
        if args.volume is None:
            raise UsageError("smoke: give --l1, --ds and --dsdt, or --volume")
        return Found(tables={"volume": curve(args.volume)}, settings={}, outside=OUTSIDE)
    smokes = held_out_smoke(SEEDS, grid=GRID, dimensions=2, scale=SCALE, frames=FRAMES, start=START)
    runs = {name: getattr(args, name) for name in ("l1", "ds", "dsdt", "layers", "l2")}
    runs = {name: path for name, path in runs.items() if path is not None}
    models = {name: load_model(file) for name, file in (runs | {"model": MODEL}).items()}
    outputs = {"bicubic": plain(smokes, SCALE)}
    outputs |= {name: enlarged(network_of(model), smokes) for name, model in models.items()}
    outputs["truth"] = [smoke.high[:, :1] for smoke in smokes]
    found = {name: compare(output, smokes, SCALE) for name, output in outputs.items()}
    tables = {"scores": table(found, NOTE)}
    tables["equal"] = equal(models, smokes, found)
    if args.volume is not None:
        tables["volume"] = curve(args.volume)
    return Found(
        tables=tables,
        settings={"seeds": f"{SEEDS.start} to {SEEDS.stop - 1}", "grid": GRID, "frames": FRAMES, "start": START},
        models=[MODEL],
        inputs=runs,
        plots=pictures(smokes[SHOWN], {name: output[SHOWN] for name, output in outputs.items()}),
        outside=OUTSIDE,
    )


OUTSIDE = "Weights of the variants: both stages of recipes/tempogan-4x.toml, and the second with discriminator ds."
NOTE = (
    f"Means over {len(SEEDS)} simulations of {GRID}x{GRID} cells, {FRAMES} frames each, that no run has seen; coarse "
    "ones have a quarter of the side. Detail: power beyond what the coarse grid holds, part of the truth's. Advected "
    "T-diff: mean absolute difference of each frame, moved along its velocity, from the next."
)


def network_of(model: Model) -> FluidSR:
    """The network of a model for smoke."""
    assert isinstance(model.network, FluidSR)
    return model.network


def table(found: Mapping[str, SmokeScores], note: str) -> Table:
    """A row a variant."""
    rows: dict[str, dict[str, Value]] = {}
    for name, scores in found.items():
        values: dict[str, Value] = dict(scores.named())
        rows[name] = values | ({"psnr": None} if name == "truth" else {})
    return Table(corner="", columns=COLUMNS, rows=rows, labels=LABELS, note=note)


def equal(models: Mapping[str, Model], smokes: Sequence[HeldOutSmoke], found: Mapping[str, SmokeScores]) -> Table:
    """Ds alone and both discriminators at equal detail.

    The sharper of the two is averaged with the model of L1 in such shares that its detail is that of the other.
    """
    sharp, soft = ("ds", "dsdt") if found["ds"].detail > found["dsdt"].detail else ("dsdt", "ds")
    low, high, matched = 0.0, 1.0, found[sharp]
    for _ in range(HALVINGS):
        share = (low + high) / 2
        mixed = interpolate(models["l1"], models[sharp], share)
        matched = compare(enlarged(network_of(mixed), smokes), smokes, SCALE)
        low, high = (low, share) if matched.detail > found[soft].detail else (share, high)
    pair = {soft: found[soft], sharp: matched}
    note = "As above. The sharper of both was averaged with the model of L1 alone until its detail was the other's."
    return table({name: pair[name] for name in ("ds", "dsdt")}, note)


def curve(path: Path) -> Table:
    """Evaluations of a run in 3-D, from its metrics.csv."""
    rows: dict[str, dict[str, Value]] = {}
    with path.open(newline="") as file:
        for line in csv.DictReader(file):
            if line.get("eval_psnr"):
                values = {key: float(line[f"eval_{key}"]) for key in ("psnr", "bicubic", "detail")}
                rows[line["iteration"]] = dict(values)
    if not rows:
        raise UsageError(f"{path}: no evaluation in it")
    columns = {"psnr": COLUMNS["psnr"], "bicubic": Column(label="trilinear, dB"), "detail": COLUMNS["detail"]}
    note = "L1 alone in 3-D, on 4 simulations of 48x48x48 cells that the run has not seen."
    return Table(corner="iteration", columns=columns, rows=rows, labels={}, note=note)


def pictures(smoke: HeldOutSmoke, outputs: Mapping[str, Tensor]) -> dict[str, bytes]:
    """A still of every variant and a moving one of three, in the colours of a glow."""
    from PIL import Image  # optional: extra "train"

    shown = {"coarse": enlarge(smoke.low[:, :1], SCALE, "nearest"), **outputs}
    last = [shown[name][-1, 0] for name in ("coarse", "bicubic", "l1", "dsdt", "model", "truth")]
    rows = torch.cat((torch.cat(last[:3], 1), torch.cat(last[3:], 1)), 0)
    moving = [
        Image.fromarray(_coloured(torch.cat([shown[name][n, 0] for name in ("bicubic", "model", "truth")], 1)))
        for n in range(FRAMES)
    ]
    still, film = io.BytesIO(), io.BytesIO()
    Image.fromarray(_coloured(rows)).save(still, "PNG", optimize=True)
    moving[0].save(film, "WEBP", save_all=True, append_images=moving[1:], duration=60, loop=0, quality=70)
    return {"smoke.png": still.getvalue(), "smoke.webp": film.getvalue()}


def _coloured(density: Tensor) -> np.ndarray:
    """(2y, 2x, 3) of a density (y, x): each cell is four pixels."""
    levels = (density.clamp(0, 1) * 255 + 0.5).byte().numpy()
    colours: np.ndarray = glow()[levels]
    return colours.repeat(2, axis=0).repeat(2, axis=1)
