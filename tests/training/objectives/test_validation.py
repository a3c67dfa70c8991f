"""Which frames a run is scored on."""

from pathlib import Path

import numpy as np

from vs_tecogan.training.config import Config
from vs_tecogan.training.config.tables import DataConfig, LoopConfig
from vs_tecogan.training.data.build import build_samples
from vs_tecogan.training.data.store import Store
from vs_tecogan.training.objectives.validation import held_out

from ..conftest import make_store


def test_a_stride_makes_held_out_clips_move(tmp_path: Path) -> None:
    """Would catch a stride that is ignored, and one that takes as many frames fewer."""
    frames = np.repeat(np.arange(0, 40, 2, dtype=np.uint8), 128 * 128 * 3).reshape(20, 128, 128, 3)
    make_store(tmp_path, {"film": frames}, split="val")
    for stride in (1, 3):
        config = Config(data=DataConfig(store=str(tmp_path)), loop=LoopConfig(eval_frames=6, eval_stride=stride))
        (clip,) = held_out(config, build_samples(config), Store(tmp_path))
        assert clip.hr[:, 0, 0, 0].tolist() == [2 * stride * k for k in range(6)]
