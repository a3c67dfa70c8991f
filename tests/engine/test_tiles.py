"""Large frames in tiles: where they lie, how they join, and what they make of real video."""

import itertools
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vs_tecogan.engine import create_engine
from vs_tecogan.engine.device import Device
from vs_tecogan.engine.frvsr import FrvsrStep
from vs_tecogan.engine.runner import NetworkEngine
from vs_tecogan.engine.tiles import OVERLAP, Tiling, _shared, _total, spans, weights
from vs_tecogan.engine.torch import TorchFrvsr
from vs_tecogan.errors import EngineError
from vs_tecogan.networks import Generator, GeneratorSpec
from vs_tecogan.networks.generator import FNET_STRIDE
from vs_tecogan.ops import pyramid_flow, refine_flow
from vs_tecogan.ops.refine import REFINE_PLANES

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
    model = load_model("recurrent-4x")
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


def test_no_map_is_larger_than_kernels_can_number() -> None:
    """Maps of 2^31 values on a device whose memory has room for them: their far end would be read elsewhere."""
    network = TorchFrvsr(Generator(GeneratorSpec(blocks=0)), Device("cpu"), "fp32")
    for width in (8192, 16384):
        tiles = Tiling(network, "cpu", None, 1 << 50).tiles(4320, width)
        sizes = [(t.rows.stop - t.rows.start) * (t.columns.stop - t.columns.start) for t in tiles]
        assert len(sizes) > 1 and max(sizes) * 64 < 1 << 31
    assert len(Tiling(network, "cpu", None, 1 << 50).tiles(4320, 7680)) == 1


def test_planes_of_a_refinement_are_counted() -> None:
    """Tiles chosen as if refining the flow took no memory: 200 bytes per pixel of the whole frame."""
    previous, current, flow = torch.rand(1, 3, 64, 96), torch.rand(1, 3, 64, 96), torch.zeros(1, 2, 64, 96)
    for find in (
        lambda: refine_flow(previous, current, flow, 2, impl="torch"),
        lambda: pyramid_flow(previous, current, 2, impl="torch"),
    ):
        with torch.inference_mode(), LiveMemory() as memory:
            find()
        assert 0.8 * REFINE_PLANES < memory.peak / flow[0, 0].nbytes <= REFINE_PLANES
    with_rounds, without = (FrvsrStep(GeneratorSpec(flow_rounds=n), "fp16") for n in (2, 0))
    assert with_rounds.guide_bytes(10, 10) > without.guide_bytes(10, 10)


class LiveMemory(TorchDispatchMode):
    """The most bytes of tensors that lived at once, of those made under it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = operator(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and (key := tensor.untyped_storage()._cdata) not in self._seen:
                self._count(key, tensor.untyped_storage().nbytes())
                weakref.finalize(tensor.untyped_storage(), self._forget, key, tensor.untyped_storage().nbytes())
        return result

    def _count(self, key: int, size: int) -> None:
        self._seen.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)

    def _forget(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.now -= size


def test_the_plain_engine_tiles_earlier() -> None:
    """Would catch an estimate for engines that compute the tail in bands: 1080p took 12.8 GB, not the 4.6 said."""
    spec = GeneratorSpec(blocks=1)
    plain = TorchFrvsr(Generator(spec), Device("cpu"), "fp32")
    assert plain.step_bytes(1080, 1920) > 12.8e9
    assert FrvsrStep.step_bytes(plain, 1080, 1920) < 5e9
