"""Large frames in tiles: where they lie, how they join, and what they make of real video."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from vs_tecogan.engine import create_engine
from vs_tecogan.engine.device import Device
from vs_tecogan.engine.frvsr import FrvsrStep
from vs_tecogan.engine.runner import NetworkEngine
from vs_tecogan.engine.tiles import OVERLAP, Tiling, _shared, _total, spans, weights
from vs_tecogan.engine.torch import TorchFrvsr
from vs_tecogan.errors import EngineError
from vs_tecogan.networks import Generator, GeneratorSpec
from vs_tecogan.networks.generator import FNET_STRIDE

from .runtimes import torch_engine
from .test_engine import real_frames, run, tiny_model


@given(size=st.integers(1, 2000), tile=st.integers(2 * OVERLAP + 1, 1000))
def test_spans_cover_and_overlap(size: int, tile: int) -> None:
    """Tiles that leave a gap, stick out, are longer than asked for, share too little, or lie off FNet's grid."""
    line = spans(size, tile, FNET_STRIDE)
    assert (line[0].start, line[-1].stop) == (0, size)
    assert all(s.start % FNET_STRIDE == 0 for s in line)
    assert all(a.stop - b.start >= OVERLAP and a.start < b.start for a, b in itertools.pairwise(line))
    lengths = [s.stop - s.start for s in line]
    assert max(lengths) <= tile
    assert len(line) == 1 or lengths[:-1] == [tile // FNET_STRIDE * FNET_STRIDE] * (len(line) - 1)
    assert lengths[0] - lengths[-1] < FNET_STRIDE


@given(size=st.integers(66, 700), tile=st.integers(2 * OVERLAP + 1, 400))
def test_every_pixel_is_well_inside_a_tile(size: int, tile: int) -> None:
    """A pixel that no tile answers for, or that a tile answers for which has it at its border."""
    line = spans(size, tile, FNET_STRIDE)
    ramps = [weights(s, size, _shared(line, s), 2) for s in line]
    assert _total(dict(zip(line, ramps, strict=True)), 2 * size, 2).min() > 0.4
    for span, ramp in zip(line, ramps, strict=True):
        edge = OVERLAP // 4 * 2
        assert span.start == 0 or not ramp[:edge].any()
        assert span.stop == size or not ramp[-edge:].any()


def test_flow_of_tiles_is_that_of_the_whole_frame() -> None:
    """Flow that a tile sees by itself: at its border, where half of what moves is out of sight, it is another one."""
    torch.manual_seed(5)
    home, asked = Device("cpu"), []

    class Noting(TorchFrvsr):
        def guide(self, previous: Tensor | None, current: Tensor, following: Tensor | None = None) -> Tensor | None:
            asked.append(tuple(current.shape))
            return super().guide(previous, current, following)

    network = Noting(Generator(GeneratorSpec(scale=2, blocks=1)), home, "fp32")
    engine = NetworkEngine(network, home, precision="fp32", tile=(80, 90))
    run(engine, [list(np.random.default_rng(k).random((3, 110, 120), np.float32)) for k in (0, 1)])
    assert asked == 2 * [(1, 3, 110, 120)]


def test_tiles_join_without_a_seam() -> None:
    """A seam, a tile in the wrong place, or weights that do not sum to one, over several recurrent frames."""
    torch.manual_seed(4)
    spec = GeneratorSpec(scale=2, blocks=1)
    generator = Generator(spec)
    engine, tiled = torch_engine(generator), torch_engine(generator, tile=(80, 90))
    y, x = np.mgrid[0:110, 0:120].astype(np.float32)
    clip = [[0.5 + 0.4 * np.sin(0.2 * x + 0.1 * y + t + c, dtype=np.float32) for c in range(3)] for t in range(3)]
    whole, joined = run(engine, clip)[-1], run(tiled, clip)[-1]
    assert len(tiled.tiling.tiles(110, 120)) == 4
    difference = np.abs(joined - whole)
    assert difference.max() < 0.02
    steps = np.abs(np.diff(joined - whole, axis=2))
    assert steps.max() < 0.01  # nothing jumps from one column to the next


def decibels(error: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean(error**2) + 1e-20))


def test_tiles_of_real_video_show_no_seam(shared: Path) -> None:
    """Where tiles of real frames are blended, the picture differs from the whole frame's by more than one can see."""
    from vs_tecogan.weights import load_model

    images = [image[100:180, 200:312] for image in real_frames(shared, 4)]
    clip = [[np.ascontiguousarray(image[..., c]) for c in range(3)] for image in images]
    model = load_model("frvsr-4x")
    whole, tiled = (
        run(create_engine(model, device="cpu", precision="fp32", tile=tile), clip)[-1].clip(0, 1)
        for tile in ((80, 112), (80, 72))
    )
    seam = slice(4 * 40, 4 * 72)  # columns of two tiles, 0 to 72 and 40 to 112
    error = whole - tiled
    elsewhere = np.concatenate((error[..., : seam.start], error[..., seam.stop :]), axis=-1)
    assert error.any()  # the tiles were used
    assert decibels(error[..., seam]) > 65 and decibels(elsewhere) > 100
    assert np.abs(error).max() < 3 / 255
    jumps = np.abs(np.diff(error, axis=2))
    assert jumps[..., seam.start - 2 : seam.start + 2].max() < 1 / 255
    assert jumps[..., seam.stop - 2 : seam.stop + 2].max() < 1 / 255


def test_tile_choice() -> None:
    """Small frames split for nothing, large ones not split, tiles that cannot work accepted."""
    network = TorchFrvsr(Generator(GeneratorSpec(scale=2, blocks=0)), Device("cpu"), "fp32")
    assert len(Tiling(network, "cpu", None, None).tiles(64, 64)) == 1
    assert len(Tiling(network, "cpu", None, network.step_bytes(400, 400)).tiles(1000, 700)) >= 4
    for tile in ((10, 500), (500, 64)):
        with pytest.raises(EngineError, match="not usable"):
            create_engine(tiny_model(), device="cpu", tile=tile)


def test_the_plain_engine_tiles_earlier() -> None:
    """Would catch an estimate for engines that compute the tail in bands: 1080p took 12.8 GB, not the 4.6 said."""
    spec = GeneratorSpec(blocks=1)
    plain = TorchFrvsr(Generator(spec), Device("cpu"), "fp32")
    assert plain.step_bytes(1080, 1920) > 12.8e9
    assert FrvsrStep.step_bytes(plain, 1080, 1920) < 5e9
