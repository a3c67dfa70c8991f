"""Small stores of clips: one drawn, one from real video."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vs_tecogan.training.config import Config, add_options, from_arguments, merge
from vs_tecogan.training.data.opened import open_store
from vs_tecogan.training.data.prepare import prepare
from vs_tecogan.training.data.samples import SampleIndex
from vs_tecogan.training.data.selection import PrepareOptions
from vs_tecogan.training.data.store import ClipWriter, SourceRecord, StoredClip, append_record, write_settings

TINY = (
    "--blocks 1 --channels 8 --crop 16 --frames 3 --batch 2 --workers 0 --device cpu --threads 1 "
    "--eval-every 0 --checkpoint-every 1000 --set log_every=1 tensorboard=false"
)


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth random colours with detail at several scales."""
    import cv2

    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for cells in (4, 12, 40):
        noise = rng.random((cells, cells, 3), dtype=np.float32)
        total += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) / 3
    return np.clip(total * 255, 0, 255).astype(np.uint8)


def pan(count: int, height: int, width: int, *, step: int = 2, seed: int = 0) -> np.ndarray:
    """Frames (count, height, width, 3) that look at a texture through a moving window."""
    picture = texture(height + count * step, width + count * step, seed)
    return np.stack([picture[k * step : k * step + height, k * step : k * step + width] for k in range(count)])


def vgg16_state() -> dict[str, torch.Tensor]:
    """VGG16 under torchvision's names, with random weights that keep the features' size."""
    drawn = torch.Generator().manual_seed(0)
    widths = [(64, 3), (64, 64), (128, 64), (128, 128), (256, 128), (256, 256), (256, 256), (512, 256), (512, 512)]
    places = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    shapes = dict(zip(places, [*widths, *[(512, 512)] * 4], strict=True))
    state = {}
    for k, s in shapes.items():
        state[f"features.{k}.weight"] = torch.randn(*s, 3, 3, generator=drawn) / (4.5 * s[1]) ** 0.5
        state[f"features.{k}.bias"] = 0.1 * torch.randn(s[0], generator=drawn)
    return state


def make_store(
    folder: Path, clips: dict[str, np.ndarray], split: str = "train", lr: int = 0, made: tuple[np.ndarray, ...] = ()
) -> Path:
    """A store written directly, without decoding anything.

    :param lr: every so manieth pixel is the given low resolution; :param made: versions of it that were made instead.
    """
    write_settings(
        folder, {"downscale": 1} | ({"degradation": {"name": "test", "versions": len(made)}} if made else {})
    )
    records = []
    for name, frames in clips.items():
        sides = {"hr": frames} | ({"lr": frames[:, ::lr, ::lr]} if lr else {})
        sides |= {f"lr{k}": low for k, low in enumerate(made)}
        for side, data in sides.items():
            writer = ClipWriter(folder / "clips" / f"{name}-{side}.npy", len(data))
            for frame in data:
                writer.add(frame)
        count, height, width, _ = frames.shape
        records.append(
            StoredClip(
                file=f"clips/{name}-hr.npy",
                frames=count,
                height=height,
                width=width,
                start=0,
                seconds=0.0,
                split=split,
                lr_file=f"clips/{name}-lr.npy" if lr else f"clips/{name}-lr0.npy" if made else "",
                more_lr=tuple(f"clips/{name}-lr{k}.npy" for k in range(1, len(made))),
            )
        )
    record = SourceRecord(
        source=f"{split}.mp4", sha256=split, prepared_at="2026-01-01T00:00:00+00:00", frames=0, fps=25.0, cuts=[],
        dropped={}, clips=records,
    )  # fmt: skip
    append_record(folder, record)
    return folder


@pytest.fixture(autouse=True)
def always_one_thread(one_thread: None) -> None:
    """Tiny tensors are faster on one thread, and results do not depend on how many there are."""


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three drawn training clips and one for evaluation."""
    folder = tmp_path_factory.mktemp("drawn")
    make_store(folder, {f"c{k}": pan(8, 112, 128, seed=k) for k in range(3)})
    return make_store(folder, {"v": pan(8, 112, 128, seed=9)}, split="val")


@pytest.fixture(scope="session")
def real_store(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    """A store prepared from real video."""
    folder = tmp_path_factory.mktemp("real")
    video = shared / "data" / "train" / "street_dog_360p.mp4"
    if not video.exists():
        pytest.skip(f"{video} is absent")
    prepare([video], folder, PrepareOptions())
    return folder


def options(text: str) -> Config:
    """Settings from the words of a command line, over the tiny ones."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    tables = from_arguments(parser.parse_args([*TINY.split(), *text.split()]))
    return merge(Config(), json.loads(json.dumps(tables)), "test")


def batch_of(objective: Any, frames: int, count: int = 2) -> Any:
    """The first samples of an objective's own data, as one of its batches."""
    samples = objective.dataset(open_store(objective.config))
    items = [samples[SampleIndex(0, k, frames)] for k in range(count)]
    return objective.to_batch(tuple(torch.stack(parts) for parts in zip(*items, strict=True)))
