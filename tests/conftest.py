"""Fixtures that every test may use: shared footage, a VapourSynth core, small clips and models, a hang watchdog."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    import vapoursynth as vs

    from vs_tecogan.weights import Model

REPOSITORY = Path(__file__).resolve().parents[1]
WATCHDOG_SECONDS = 180

ClipMaker = Callable[..., "vs.VideoNode"]
ModelMaker = Callable[..., "Model"]
REAL_STDERR = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers that this file gives a meaning."""
    config.addinivalue_line("markers", "watchdog(seconds): time after which the test counts as hung")
    # The real stderr, taken while nothing is captured: a dump into the captured one would be lost with the run.
    config.stash[REAL_STDERR] = os.dup(2)


@pytest.fixture(autouse=True)
def watchdog(request: pytest.FixtureRequest) -> Iterator[None]:
    """A deadlocked test shows every thread's stack and ends the run, instead of hanging it for ever."""
    marker = request.node.get_closest_marker("watchdog")
    seconds = marker.args[0] if marker else WATCHDOG_SECONDS
    faulthandler.dump_traceback_later(seconds, exit=True, file=request.config.stash[REAL_STDERR])
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real footage, which is not in the repository: ``VS_TECOGAN_SHARED``, or ``shared`` beside it."""
    folder = Path(os.environ.get("VS_TECOGAN_SHARED") or REPOSITORY.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"no footage at {folder}; set VS_TECOGAN_SHARED")
    return folder


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one thread: small pictures are slowed down by more."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def core() -> Iterator[vs.Core]:
    """The VapourSynth core; its number of threads is put back after the test."""
    import vapoursynth as vs

    core = vs.core.core
    threads = core.num_threads
    yield core
    core.num_threads = threads


@pytest.fixture
def make_clip(core: vs.Core) -> ClipMaker:
    """``make_clip(format=RGBS, width=16, height=12, length=6, seed=0, **props)``: smooth moving pictures."""
    import vapoursynth as vs

    def make(
        form: int = vs.RGBS, width: int = 16, height: int = 12, length: int = 6, seed: int = 0, **props: Any
    ) -> vs.VideoNode:
        phase = np.random.default_rng(seed).uniform(0, 6, 3)
        x, y = np.meshgrid(np.arange(width), np.arange(height))

        def paint(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
            frame = f.copy()
            for plane in range(3):
                wave = np.sin(0.31 * (x + n) + 0.17 * y + phase[plane]) * np.cos(0.23 * (y - 0.5 * n))
                np.asarray(frame[plane])[...] = 0.5 + 0.25 * wave
            return frame

        blank = core.std.BlankClip(format=vs.RGBS, width=width, height=height, length=length, keep=True)
        clip = blank.std.ModifyFrame(blank, paint)
        if form != vs.RGBS:
            rgb = core.get_video_format(form).color_family == vs.RGB
            options = {} if rgb else {"matrix": props.get("_Matrix", 1), "range": props.get("_Range", 0)}
            clip = clip.resize.Bicubic(format=form, **options)
        return clip.std.SetFrameProps(**props) if props else clip

    return make


@pytest.fixture(scope="session")
def make_model() -> ModelMaker:
    """``make_model(scale=4, blocks=1, channels=8, dialect=Dialect.BD, seed=0)``: a small network of random weights."""
    import torch

    from vs_tecogan.networks import Dialect, Generator, GeneratorSpec
    from vs_tecogan.weights import Model, ModelCard

    def make(scale: int = 4, blocks: int = 1, channels: int = 8, dialect: Dialect = Dialect.BD, seed: int = 0) -> Model:
        spec = GeneratorSpec(scale=scale, blocks=blocks, channels=channels, dialect=dialect)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            generator = Generator(spec).eval()
        return Model(generator, ModelCard(name=f"random-{seed}", spec=spec, description="random weights"))

    return make


@pytest.fixture(scope="session")
def tiny_model(make_model: ModelMaker) -> Model:
    """A random x4 model of one block."""
    return make_model()


@pytest.fixture(scope="session")
def tiny_file(tiny_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """:func:`tiny_model` as a ``.safetensors`` file."""
    from vs_tecogan.weights import save_model

    path = tmp_path_factory.mktemp("models") / "tiny-4x.safetensors"
    save_model(path, tiny_model.generator, tiny_model.card)
    return path


@pytest.fixture(scope="session")
def skip_model(make_model: ModelMaker) -> Model:
    """A model whose output is the bicubic of its skip connection alone: what goes in flat comes out the same."""
    model = make_model()
    for weights in model.generator.srnet.conv_out.parameters():
        weights.data.zero_()
    return model
