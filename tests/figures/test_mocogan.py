"""The figures of MoCoGAN-HD, on a tiny network."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import pytest
import torch
from figures import mocogan

from vs_tecogan.networks import MotionSpec, StyleSpec, VideoGenerator
from vs_tecogan.weights import ModelCard, save_model

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def models(tmp_path: Path) -> dict[str, Path]:
    """A network, and one that stands still."""
    spec, paths = MotionSpec(image=StyleSpec(size=16, widths=(4, 4, 4), latent=4, layers=1), components=3, hidden=4), {}
    for name, deviation in (("model", 1.0), ("image", 0.0)):
        torch.manual_seed(1)
        network = VideoGenerator(spec).requires_grad_(False)
        network.motion.basis.copy_(torch.eye(4)[:3])
        network.motion.deviation.fill_(deviation)
        torch.nn.init.normal_(network.motion.head.weight)
        paths[name] = tmp_path / f"{name}.safetensors"
        save_model(paths[name], network, ModelCard(name=name, spec=spec))
    return paths


def test_figures(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch variants that change places, a curve that does not begin at the first frame, unreadable pictures."""
    for name, value in {
        "FRAMES": 8, "LONG": 10, "FILM": 3, "CLIPS": 3, "LONG_CLIPS": 2, "CONTENTS": 2, "MOTIONS": 2, "TIMES": (1, 4),
        "LATE": (9,), "MODEL": str(models["model"]),
    }.items():  # fmt: skip
        monkeypatch.setattr(mocogan, name, value)
    monkeypatch.setattr(mocogan, "CROSS", str(models["model"]))
    others = dict.fromkeys(("residual", "video", "information", "apart", "start"))
    found = mocogan.measure(argparse.Namespace(image=models["image"], **others))
    scores, colours = found.tables["scores"].rows, found.tables["colours"].rows
    assert [*scores] == ["data", "model", "image", "cross"]
    assert scores["image"]["within"] == 0 and float(scores["model"]["diversity"]) > 0  # type: ignore[arg-type]
    assert [*colours] == ["data", "model", "free"] and {*colours["data"]} == {"t1", "t4", "t9", "drift"}
    assert Image.open(io.BytesIO(found.plots["mocogan.png"])).size == (192, 256)
    film = Image.open(io.BytesIO(found.plots["mocogan.webp"]))
    assert film.size == (128, 128) and film.n_frames == 4
