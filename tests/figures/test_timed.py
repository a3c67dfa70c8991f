"""Figures of time: what they compare computes the same, and each row says what it is."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks import engine as engine_benchmark
from figures import jobs

from vs_tecogan.colour.coding import PLAIN
from vs_tecogan.engine import create_engine
from vs_tecogan.errors import UsageError
from vs_tecogan.networks import Generator, GeneratorSpec, RecurrentSpec, RecurrentSR
from vs_tecogan.weights import Model, ModelCard


@pytest.mark.parametrize(
    "network",
    [Generator(GeneratorSpec(blocks=1)), RecurrentSR(RecurrentSpec(blocks=1))],
    ids=lambda network: type(network).__name__,
)
def test_the_plain_loop_does_the_step_that_the_engine_does(network: Generator | RecurrentSR) -> None:
    """Would catch a ratio of two different steps: without a state behind it, or without the frame ahead."""
    network.eval().requires_grad_(False)
    engine = create_engine(Model(network, ModelCard(name="x", spec=network.spec)), device="cpu", precision="fp32")
    frames = engine_benchmark.noise(24, 16)
    following = {"following": (frames[0], PLAIN)} if engine.ahead else {}
    first = {"following": (frames[1], PLAIN)} if engine.ahead else {}
    state = engine.step(engine.zero_state(16, 24), frames[0], **first)
    out = list(np.empty((3, 64, 96), np.float32))
    engine.begin_read(engine.step(state, frames[1], **following), out)()
    with torch.inference_mode():
        plain = engine_benchmark.plain_loop(network, [torch.from_numpy(np.stack(frame))[None] for frame in frames])()
    picture = plain[0] if isinstance(plain, tuple) else plain
    assert isinstance(picture, torch.Tensor)
    close = np.abs(picture[0].numpy() - np.stack(out)) < 1e-3
    assert close.mean() > 0.98, "all but what flow at the very ends decides"


def test_costs_of_a_job_are_those_of_its_rows(tmp_path: Path) -> None:
    """Would catch a cost in the wrong row or column, and a table without its source."""
    asked = {"model": "recurrent-4x", "frames": 90, "size": "64x48", "segment": 30.0, "kill_after": 0.5}
    more = {"seconds_more_%": -40.0, "cpu_more_%": 3.0, "bytes_more_%": 0.5}
    rows = [{"run": "one piece", "seconds": 10.0, **asked}, {"run": "2 workers", "seconds": 6.0, **more, **asked}]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    found = jobs.measure(argparse.Namespace(rows=tmp_path / "rows.json", video=None))
    table = found.tables["cost"]
    assert table.rows["2-workers"] == {"seconds": 6.0, "seconds_more": -40.0, "cpu_more": 3.0, "bytes_more": 0.5}
    assert table.rows["one-piece"]["seconds_more"] is None
    assert "90 frames of 64x48" in table.note and found.graphs == ["recurrent-4x"]
    with pytest.raises(UsageError, match="--video or --rows"):
        jobs.measure(argparse.Namespace(rows=None, video=None))
