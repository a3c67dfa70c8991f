"""The shipped models as pictures: better than bicubic on footage they never saw, true to colours, steady for long."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from vs_tecogan.degrade import blur_down_picture
from vs_tecogan.engine import Engine, create_engine
from vs_tecogan.metrics import Picture, psnr_y
from vs_tecogan.metrics.bicubic import bicubic, quantised
from vs_tecogan.metrics.sources import open_clip
from vs_tecogan.networks import VideoSpec
from vs_tecogan.weights import load_model, models_folder, shipped_models

EVERY = sorted(path.stem for path in models_folder().glob("*.safetensors"))
MODELS = sorted(card.name for card in shipped_models() if isinstance(card.spec, VideoSpec))
"""Those for video."""


@pytest.fixture(scope="module", params=MODELS)
def engine(request: pytest.FixtureRequest) -> Engine:
    return create_engine(load_model(request.param), device="cpu")


def run(engine: Engine, lows: Iterator[Picture]) -> Iterator[Picture]:
    """The plain recursion from a zero state."""
    state = None
    for low in lows:
        height, width = low.shape[:2]
        state = state or engine.zero_state(height, width)
        state = engine.step(state, list(np.ascontiguousarray(low.transpose(2, 0, 1), np.float32) / np.float32(255)))
        out = np.empty((3, height * engine.scale, width * engine.scale), np.float32)
        engine.read(state, list(out))
        yield quantised(out * 255)


def test_better_than_bicubic(engine: Engine, shared: Path) -> None:
    """Weights of another scale, grid or channel order, or damaged by fp16: all fall below plain bicubic."""
    film = shared / "data" / "eval" / "bmx-trees.mkv"
    if not film.is_file():
        pytest.skip(f"no evaluation clip {film}")
    truths = [np.ascontiguousarray(frame[:192, 300:492]) for frame in islice(open_clip(film).frames(), 4)]
    lows = [blur_down_picture(truth, engine.scale) for truth in truths]
    ours = np.mean([psnr_y(result, truth) for result, truth in zip(run(engine, iter(lows)), truths, strict=True)])
    plain = np.mean([psnr_y(bicubic(low, engine.scale), truth) for low, truth in zip(lows, truths, strict=True)])
    assert ours > plain + 0.3


@pytest.mark.parametrize("colour", [(128, 128, 128), (200, 60, 40), (20, 20, 20)])
def test_flat_colours_stay(engine: Engine, colour: tuple[int, int, int]) -> None:
    """A colour cast, or texture where there is none. (The outermost pixels are a known weakness of the graph.)"""
    low = np.full((24, 24, 3), colour, np.uint8)
    last = list(run(engine, iter([low] * 6)))[-1]
    inner = last[8 * engine.scale : -8 * engine.scale, 8 * engine.scale : -8 * engine.scale]
    assert np.abs(inner.astype(int) - low[0, 0]).max() <= 3


def test_a_still_picture_stays_still(engine: Engine) -> None:
    """Artefacts that grow by recurrence, or come and go: frame 40 is as frame 10, and as the frame before."""
    rng = np.random.default_rng(5)
    low = np.kron(rng.integers(30, 220, (4, 4, 3)), np.ones((5, 5, 1), int)).astype(np.uint8)
    results = list(run(engine, iter([low] * 41)))
    difference = np.abs(results[40].astype(int) - results[10])
    assert difference.mean() < 0.5
    assert np.abs(results[40].astype(int) - results[39]).mean() < 0.1
    assert results[40].std() == pytest.approx(results[10].std(), rel=0.02)


@pytest.mark.usefixtures("one_thread")
def test_nothing_grows_over_300_frames(engine: Engine, shared: Path) -> None:
    """Colour drift, or artefacts that feed on themselves: footage to and fro comes out the same at the fourth time."""
    film = shared / "data" / "eval" / "blackswan.mkv"
    if not film.is_file():
        pytest.skip(f"no evaluation clip {film}")
    side = 24 * engine.scale
    truths = [np.ascontiguousarray(f[180 : 180 + side, 300 : 300 + side]) for f in islice(open_clip(film).frames(), 39)]
    order = [*range(39), *range(37, 0, -1)] * 4
    lows = [blur_down_picture(truth, engine.scale) for truth in truths]
    results = list(run(engine, (lows[index] for index in order)))
    cycles = [results[start : start + 76] for start in range(0, 304, 76)]
    early, late = (np.stack(cycle).astype(int) for cycle in (cycles[1], cycles[3]))
    assert np.abs(late - early).mean(axis=(1, 2, 3)).max() < 0.02
    assert (
        np.abs(late.mean(axis=(1, 2)) - np.stack([truths[index] for index in order[:76]]).mean(axis=(1, 2))).max() < 3
    )
    fidelity = [np.mean([psnr_y(r, truths[i]) for r, i in zip(c, order, strict=False)]) for c in cycles]
    assert fidelity[3] > fidelity[0] - 0.05


def test_the_folder_holds_weights_and_short_cards_alone() -> None:
    """Would catch logs and pictures that go into every wheel, and a model without a card of one page."""
    files = {path.name for path in models_folder().iterdir()}
    assert files == {f"{name}.{suffix}" for name in EVERY for suffix in ("safetensors", "md")}
    for name in EVERY:
        lines = (models_folder() / f"{name}.md").read_text(encoding="utf-8").splitlines()
        assert lines[0] == f"# {name}" and len(lines) <= 80
        assert {"## Scores", "## How to rebuild it", "## Training data", "## Limits"} <= set(lines)
