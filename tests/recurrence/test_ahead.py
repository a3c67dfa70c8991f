"""Look-ahead: which frames carry the next one, and that the picture stays a pure function of the clip."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import vapoursynth as vs

from tests.conftest import ClipMaker
from vs_tecogan import tecogan
from vs_tecogan.networks import RecurrentSpec, RecurrentSR
from vs_tecogan.recurrence.ahead import NEXT_PROP, with_next
from vs_tecogan.recurrence.scheduler import CUT_PROP
from vs_tecogan.weights import Model, ModelCard


def flags(clip: vs.VideoNode, cuts: set[int]) -> vs.VideoNode:
    def mark(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        frame = f.copy()
        frame.props[CUT_PROP] = int(n in cuts)
        return frame

    return clip.std.ModifyFrame(clip, mark)


def seen(clip: vs.VideoNode) -> list[bool]:
    return [NEXT_PROP in frame.props for frame in clip.frames()]


@pytest.mark.parametrize("length", [1, 2, 7])
@pytest.mark.parametrize("restart", [0, 3])
def test_chains_end_where_they_end(make_clip: ClipMaker, length: int, restart: int) -> None:
    """Would catch a frame of one chain that is seen in another: across a cut, the grid of restarts, the clip's end."""
    clip = make_clip(length=length)
    expected = [n + 1 < length and n + 1 != 2 and not (restart and (n + 1) % restart == 0) for n in range(length)]
    assert seen(with_next(clip, flags(clip, {2}), restart)) == expected


def test_the_next_frame_is_the_next(make_clip: ClipMaker) -> None:
    """Would catch a shift the wrong way."""
    clip = make_clip(length=4)
    ahead = with_next(clip, None, 0)
    for n in range(3):
        carried = ahead.get_frame(n).props[NEXT_PROP]
        np.testing.assert_array_equal(np.asarray(carried[0]), np.asarray(clip.get_frame(n + 1)[0]))


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    spec = RecurrentSpec(channels=8, blocks=1)
    return Model(RecurrentSR(spec).eval(), ModelCard(name="tiny", spec=spec))


def shown(clip: vs.VideoNode, order: list[int]) -> dict[int, np.ndarray]:
    return {n: np.stack([np.array(p) for p in clip.get_frame(n)]) for n in order}


@pytest.mark.parametrize("kind", [vs.RGBS, vs.YUV420P8])
def test_any_order_gives_the_same_frames(make_clip: ClipMaker, model: Model, kind: int) -> None:
    """Would catch a look-ahead that depends on what was asked for before."""
    clip = make_clip(format=kind, width=20, height=16, length=7)
    options = {"device": "cpu", "precision": "fp32", "restart": 4, "warmup": 2, "matrix": "709"}
    one = shown(tecogan(clip, model, **options), list(range(7)))
    other = shown(tecogan(clip, model, **options), [6, 2, 5, 0, 3, 1, 4])
    for n in range(7):
        np.testing.assert_array_equal(one[n], other[n])


def test_a_chain_depends_on_its_own_frames(make_clip: ClipMaker, model: Model) -> None:
    """Would catch the last frame of a chain that looks into the next one."""
    clip = make_clip(format=vs.RGBS, width=20, height=16, length=8)
    options = {"device": "cpu", "precision": "fp32", "restart": 4, "warmup": 0, "scene_change": False}
    whole = shown(tecogan(clip, model, **options), [0, 1, 2, 3])
    cut = shown(tecogan(clip.std.Trim(last=3), model, **options), [0, 1, 2, 3])
    for n in range(4):
        np.testing.assert_array_equal(whole[n], cut[n])
    props = tecogan(clip, model, **options).get_frame(1).props
    assert NEXT_PROP not in props
