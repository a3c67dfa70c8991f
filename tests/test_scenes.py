"""Scene cuts: the properties of frames, the detector, and that both look at nothing they need not."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import vapoursynth as vs

from vs_tecogan.scenes import CUT_PROP, CutRule, scene_cuts

Picture = Callable[[int], np.ndarray]

X, Y = np.meshgrid(np.arange(64), np.arange(48))


def texture(seed: int, shift: float = 0.0) -> np.ndarray:
    """A 64x48 picture of broad waves, moved to the left by ``shift`` pixels."""
    rng = np.random.default_rng(seed)
    waves = [
        np.sin(fx * (X + shift) + fy * Y + phase)
        for fx, fy, phase in zip(
            rng.uniform(-0.5, 0.5, 6), rng.uniform(-0.5, 0.5, 6), rng.uniform(0, 6, 6), strict=True
        )
    ]
    return np.clip(0.5 + 0.18 * np.sum(waves, 0), 0, 1)


def film(core: vs.Core, picture: Picture, length: int, form: int = vs.GRAY8) -> vs.VideoNode:
    blank = core.std.BlankClip(format=vs.GRAYS, width=64, height=48, length=length, keep=True)

    def paint(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        frame = f.copy()
        np.asarray(frame[0])[...] = picture(n)
        return frame

    grey = blank.std.ModifyFrame(blank, paint)
    return grey.resize.Bicubic(format=form, **({} if form == vs.GRAY8 else {"matrix": 1} if form != vs.RGB24 else {}))


def cuts(clip: vs.VideoNode) -> list[int]:
    return [n for n, frame in enumerate(scene_cuts(clip).frames()) if frame.props[CUT_PROP]]


def test_hard_cuts(core: vs.Core) -> None:
    """Finds cuts between still and moving shots, first and last frames included; frame 0 always starts a scene."""
    starts = [0, 5, 9, 19]

    def picture(n: int) -> np.ndarray:
        shot = max(start for start in starts if start <= n)
        return texture(shot, shift=0.7 * n)

    assert cuts(film(core, picture, 20)) == starts


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("still", lambda n: texture(1, 0 * n)),
        ("fast pan", lambda n: texture(1, shift=6.0 * n)),
        ("fade to another shot", lambda n: texture(1) * (1 - n / 11) + texture(2) * n / 11),
        ("fade from black in four frames", lambda n: texture(1) * min(max(n - 3, 0) / 4, 1)),
        ("flicker", lambda n: texture(1, n) * (0.9 if n % 2 else 1)),
        ("faint flash", lambda n: np.minimum(texture(1, n) + 0.05 * (n == 6), 1)),
        ("strobe of every other frame", lambda n: texture(1) if n % 2 else np.ones((48, 64))),
        ("jerk of two frames", lambda n: texture(1, n + 1.5 * min(max(n - 5, 0), 2))),
        ("noise", lambda n: np.random.default_rng(n).random((48, 64))),
    ],
)
def test_what_is_no_cut(core: vs.Core, name: str, picture: Picture) -> None:
    """Catches a detector that takes motion, fades, flicker or noise for a cut and restarts the recurrence."""
    assert cuts(film(core, picture, 12)) == [0], name


@pytest.mark.parametrize(
    ("name", "picture", "starts"),
    [
        ("white", lambda n: texture(1, n) if n != 6 else np.ones((48, 64)), [0, 6, 7]),
        ("black", lambda n: texture(1, n) if n != 6 else np.zeros((48, 64)), [0, 6, 7]),
        ("half white", lambda n: texture(1, n) if n != 6 else (1 + texture(1, n)) / 2, [0, 6, 7]),
        ("foreign frame", lambda n: texture(1, n) if n != 6 else texture(9), [0, 6, 7]),
        ("two frames", lambda n: texture(1, n) if n not in (6, 7) else np.ones((48, 64)), [0, 6, 8]),
        ("every fourth frame", lambda n: texture(1) if n % 4 else np.ones((48, 64)), [0, 1, 4, 5, 8, 9]),
        ("second frame", lambda n: texture(1) if n != 1 else np.ones((48, 64)), [0, 1, 2]),
        ("last frame but one", lambda n: texture(1) if n != 10 else np.ones((48, 64)), [0, 10, 11]),
        ("last frame", lambda n: texture(1) if n != 11 else np.ones((48, 64)), [0, 11]),
        ("between two shots", lambda n: np.ones((48, 64)) if n == 6 else texture(1 + n // 6, n), [0, 6, 7]),
    ],
)
def test_a_flash_is_not_carried_on(core: vs.Core, name: str, picture: Picture, starts: list[int]) -> None:
    """Would catch the ghost of a flash in the frame after it, of any colour and anywhere in the clip."""
    assert cuts(film(core, picture, 12)) == starts, name


@pytest.mark.parametrize("form", [vs.RGB24, vs.RGBS, vs.YUV420P8, vs.YUV444P16, vs.YUV444PS, vs.GRAYH])
def test_every_format(core: vs.Core, form: int) -> None:
    """The detector reads luma or green, whatever the format."""
    clip = film(core, lambda n: texture(n // 4, 0.5 * n), 8)
    converted = clip.resize.Bicubic(format=form, **({} if form in (vs.RGB24, vs.RGBS, vs.GRAYH) else {"matrix": 1}))
    assert cuts(converted) == [0, 4]


def test_odd_tags_do_not_stop_it(core: vs.Core) -> None:
    """Properties that zimg refuses are no business of the detector."""
    clip = film(core, lambda n: texture(n // 4), 8)
    clip = clip.std.SetFrameProps(_Matrix=0, _Transfer=0, _Primaries=3, _FieldBased=1, _Range=7)
    assert cuts(clip) == [0, 4]


def test_properties_are_believed(core: vs.Core) -> None:
    """Where a property exists it decides alone: on a still picture it cuts, on a change of picture it need not."""
    still = core.std.BlankClip(format=vs.GRAY8, width=16, height=16, length=8)

    def mark(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        frame = f.copy()
        frame.props["_SceneChangePrev"], frame.props["_SceneChangeNext"] = int(n == 3), int(n == 5)
        return frame

    assert cuts(still.std.ModifyFrame(still, mark)) == [0, 3, 6]
    assert cuts(film(core, lambda n: texture(n // 4), 8).std.SetFrameProps(_SceneChangePrev=0)) == [0]


def test_one_property_is_enough(core: vs.Core) -> None:
    """``_SceneChangeNext`` of the frame before counts where the frame itself says nothing, and the other way round."""
    still = core.std.BlankClip(format=vs.GRAY8, width=16, height=16, length=4)
    after = core.std.Splice([still[:2].std.SetFrameProps(_SceneChangeNext=1), still[2:]])
    assert cuts(after) == [0, 1, 2]
    before = core.std.Splice([still[:2], still[2:].std.SetFrameProps(_SceneChangePrev=1)])
    assert cuts(before) == [0, 2, 3]


def test_mixed_properties_and_detection(core: vs.Core) -> None:
    """A clip spliced from marked and unmarked parts uses the detector for the unmarked frames."""
    clip = film(core, lambda n: texture(n // 3), 12)
    clip = core.std.Splice([clip[:6].std.SetFrameProps(_SceneChangePrev=0, _SceneChangeNext=0), clip[6:]])
    assert cuts(clip) == [0, 9]  # frame 6 follows a marked frame that says no


def test_same_answer_in_any_order(core: vs.Core) -> None:
    """Catches state in the detector."""
    clip = film(core, lambda n: texture(n // 5, 2.0 * n), 30)
    expected = cuts(clip)
    node, order = scene_cuts(clip), list(range(30)) * 2
    random.Random(3).shuffle(order)
    assert [n for n in order if node.get_frame(n).props[CUT_PROP] != (n in expected)] == []


def test_looks_only_where_it_must(core: vs.Core) -> None:
    """Frame n-1 and n unless they differ much; never outside n-3..n+2: a failing frame must not spread."""
    asked: list[int] = []
    clip = film(core, lambda n: texture(n // 10), 30)

    def note(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        asked.append(n)
        return f

    noted = clip.std.ModifyFrame(clip, note)
    scene_cuts(noted).get_frame(15)
    assert set(asked) == {14, 15}
    asked.clear()
    scene_cuts(noted).get_frame(20)
    assert set(asked) == {18, 19, 20, 21}
    flash = film(core, lambda n: texture(1) if n != 12 else np.ones((48, 64)), 30)
    noted = flash.std.ModifyFrame(flash, note)
    for n, frames in ((12, set(range(9, 15))), (13, set(range(10, 16))), (14, {13, 14})):
        asked.clear()
        scene_cuts(noted).get_frame(n)
        assert set(asked) == frames, n


def test_lengths(core: vs.Core) -> None:
    """Clips of one frame, of 2**27 as mpv has them, and the longest, as of ``std.Loop``: a shift must not overflow."""
    for length in (1, 2, 3):
        assert cuts(core.std.BlankClip(format=vs.RGB24, width=8, height=8, length=length)) == [0]
    for length in (2**27, 2**31 - 1):
        endless = core.std.BlankClip(format=vs.RGB24, width=8, height=8, length=length)
        for n in (1, 2**26, length - 1):
            assert scene_cuts(endless).get_frame(n).props[CUT_PROP] == 0


def test_sizes(core: vs.Core) -> None:
    """One pixel is a picture too."""
    black, white = (core.std.BlankClip(format=vs.RGB24, width=1, height=1, length=3, color=[v] * 3) for v in (0, 255))
    assert cuts(black + white) == [0, 3]


def test_rule_by_hand() -> None:
    """The decision itself, at its thresholds."""
    rule = CutRule(smallest=0.02, ratio=1.6, large=0.16, ratio_large=1.2)
    assert not rule.is_cut(0.02, 0.0, 0.0)
    assert rule.is_cut(0.021, 0.0, 0.0)
    assert not rule.is_cut(0.1, 0.07, 0.0) and not rule.is_cut(0.1, 0.0, 0.07)
    assert rule.is_cut(0.1, 0.06, 0.06)
    assert rule.is_cut(0.2, 0.15, 0.15) and not rule.is_cut(0.2, 0.17, 0.0)


def test_real_footage(core: vs.Core, shared: Path) -> None:
    """Every cut of a film excerpt seen by eye is found; one false alarm, on its second frame, is known."""
    path = shared / "data" / "train" / "elephants_dream_360p.mp4"
    clip = core.bs.VideoSource(str(path), cachemode=0, showprogress=False)
    seen = {0, 140, 169, 296, 450, 515, 543, 637, 705, 735, 752, 772, 781, 836, 1010, 1048}
    found = set(cuts(clip))
    assert seen <= found
    assert found - seen <= {1}
