"""The figures of smoke, on tiny fields and networks."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import pytest
import torch
from figures import smoke

from vs_tecogan.networks import FluidSpec, FluidSR
from vs_tecogan.networks.tempogan import initialise_coarse
from vs_tecogan.weights import ModelCard, save_model

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def variants(tmp_path: Path) -> dict[str, Path]:
    """Three networks, each rougher than the one before."""
    spec, paths = FluidSpec(blocks=1, channels=4), {}
    torch.manual_seed(1)
    network = FluidSR(spec).requires_grad_(False)
    initialise_coarse(network)
    for name, strength in (("l1", 1.0), ("ds", 30.0), ("dsdt", 15.0)):
        made = FluidSR(spec).requires_grad_(False)
        made.load_state_dict(network.state_dict())
        assert made.conv_out is not None
        made.conv_out.weight.mul_(strength)
        paths[name] = tmp_path / f"{name}.safetensors"
        save_model(paths[name], made, ModelCard(name=name, spec=spec))
    return paths


def test_figures(variants: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch variants that change places, a comparison at unequal detail, and pictures that cannot be opened."""
    for name, value in {
        "GRID": 32,
        "FRAMES": 3,
        "START": 6,
        "SEEDS": range(1, 4),
        "MODEL": str(variants["dsdt"]),
    }.items():
        monkeypatch.setattr(smoke, name, value)
    log = tmp_path / "metrics.csv"
    log.write_text("iteration,l1,eval_psnr,eval_detail,eval_bicubic\n1,0.5,,,\n2,0.4,20.5,0.25,20.0\n")
    found = smoke.measure(argparse.Namespace(**variants, layers=variants["l1"], l2=None, volume=log))
    scores, equal = found.tables["scores"].rows, found.tables["equal"].rows
    assert [*scores] == ["bicubic", "l1", "ds", "dsdt", "layers", "model", "truth"]
    assert scores["layers"] == scores["l1"]
    detail = {name: float(row["detail"]) for name, row in scores.items()}  # type: ignore[arg-type]
    assert detail["l1"] < detail["dsdt"] < detail["ds"] and detail["truth"] == pytest.approx(1)
    assert float(equal["ds"]["detail"]) == pytest.approx(float(equal["dsdt"]["detail"]), rel=0.1)  # type: ignore[arg-type]
    assert equal["dsdt"] == scores["dsdt"]
    assert found.tables["volume"].rows == {"2": {"psnr": 20.5, "bicubic": 20.0, "detail": 0.25}}
    assert Image.open(io.BytesIO(found.plots["smoke.png"])).size == (192, 128)
    film = Image.open(io.BytesIO(found.plots["smoke.webp"]))
    assert film.size == (192, 64) and film.n_frames == 3
