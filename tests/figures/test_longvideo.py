"""The figures of LongVideoGAN, on a tiny network."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from figures import longvideo

from vs_tecogan.networks.longvideo import LongVideo, LongVideoSpec
from vs_tecogan.networks.longvideo_sr import LongVideoSR, LongVideoSRSpec
from vs_tecogan.weights import ModelCard, save_model

Image = pytest.importorskip("PIL.Image")


def test_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a baseline that moves, an error that is not measured, and pictures that cannot be opened."""
    torch.manual_seed(1)
    spec = LongVideoSpec(
        height=16, width=16, channels=1, time_levels=1, space_levels=1, style=4, filters=4, noise_channels=2,
        shortest=5, longest=50,
    )  # fmt: skip
    path = tmp_path / "tiny.safetensors"
    save_model(path, LongVideo(spec), ModelCard(name="tiny", spec=spec))
    small = {"MODEL": str(path), "LARGE": "bicubic", "TIMES": (2, 8), "FRAMES": 8, "FIXED": 2, "DRAWS": 50,
             "ENLARGED": 2, "SHORT": 8, "SPAN": 64, "EVERY": 16, "LOOPS": (32, 31),
             "DRIFTING": 1, "APART": 2}  # fmt: skip
    for name, value in small.items():
        monkeypatch.setattr(longvideo, name, value)
    large = LongVideoSRSpec(widths=(2, 2, 2), layers=1, latent=4, mapping_layers=1)
    second = tmp_path / "second.safetensors"
    save_model(second, LongVideoSR(large), ModelCard(name="second", spec=large))
    noise = np.random.default_rng(1).integers(0, 256, (16, 32, 3), np.uint8)
    found = longvideo.measure(argparse.Namespace(clips=3, tables=[], long=path, narrow=None, second=second))
    rows = {key: table.rows for key, table in found.tables.items()}
    assert rows["similarity"]["fixed"] == {"t2": "1.00 ± 0.00", "t8": "1.00 ± 0.00"}
    assert [*rows["similarity"]] == ["footage", "model", "gap", "square", "motion", "motion_gap", "fixed"]
    assert float(str(rows["similarity"]["motion"]["t8"]).split()[0]) < 1
    exact = {key: float(str(row["value"])) for key, row in rows["exact"].items()}
    assert exact["order"] == exact["loop32"] == exact["loop31"] == 0
    assert exact["chunk"] < 1e-5 and 0.5 < exact["variance"] < 2
    assert float(str(rows["distance"]["fixed"]["fd"])) > 0
    runs = rows["variants"]
    assert [*runs] == ["footage", "long"]
    for time in ("2", "8"):
        assert float(str(rows["similarity"]["model"][f"t{time}"]).split()[0]) == pytest.approx(
            float(str(runs["long"][f"t{time}"])), abs=0.006
        )
    assert longvideo.shift(np.stack([np.roll(noise, 2 * n, axis=1) for n in range(4)])) == 4
    assert [*rows["enlarged"]] == ["bicubic", "second"], "untrained, it is bicubic of means: near to that of the table"
    quality = [float(str(rows["enlarged"][name]["psnr"])) for name in ("bicubic", "second")]
    assert quality[1] == pytest.approx(quality[0], abs=3)
    assert Image.open(io.BytesIO(found.plots["longvideo.png"])).size == (5 * 16 * 4, 4 * 16 * 4)
    assert Image.open(io.BytesIO(found.plots["longvideo.webp"])).n_frames == 64
    assert [*found.models] == [str(path), longvideo.MOTION_MODEL, "bicubic"]
    alone = longvideo.measure(argparse.Namespace(clips=3, tables=["drift"]))
    assert ([*alone.tables], alone.plots, alone.models) == (["drift"], {}, [str(path)])
