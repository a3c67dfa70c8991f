"""Formats, matrices, ranges and tags, both ways, without a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import vapoursynth as vs

from vs_tecogan.colour import tags as colour_tags
from vs_tecogan.colour.matrices import MATRICES, NEEDS, guess_matrix, parse_matrix
from vs_tecogan.colour.tags import Tags, check_format, read_tags
from vs_tecogan.colour.zimg import HOST_RGB, Colour
from vs_tecogan.engine.thread import EngineThread
from vs_tecogan.errors import ColourError
from vs_tecogan.filter import _build
from vs_tecogan.recurrence.api import Schedule
from vs_tecogan.weights import Model

from .conftest import ClipMaker
from .engine.runtimes import emulated_engine, native_engine, torch_engine

TAGS_AND_RGB = {colour_tags.TAGS, HOST_RGB}

EXACT = [
    "GRAY8", "GRAY10", "GRAY16", "GRAYS", "RGB24", "RGB30", "RGB48", "RGBH", "RGBS",
    "YUV444P8", "YUV444P10", "YUV444P16", "YUV444PS",
]  # fmt: skip


def noise(core: vs.Core, name: str, **props: Any) -> vs.VideoNode:
    """A 9x7 frame of every kind of sample value, legal and not, in the named format."""
    blank = core.std.BlankClip(format=getattr(vs, name), width=9, height=7, length=1)
    form = blank.format

    def paint(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        frame, rng = f.copy(), np.random.default_rng(5)
        for plane in range(form.num_planes):
            view = np.asarray(frame[plane])
            if form.sample_type == vs.INTEGER:
                view[...] = rng.integers(0, 2**form.bits_per_sample, view.shape)
            else:
                centre = 0.0 if plane and form.color_family == vs.YUV else 0.5
                view[...] = rng.uniform(centre - 0.5, centre + 0.5, view.shape)
        return frame

    clip = blank.std.ModifyFrame(blank, paint)
    return clip.std.SetFrameProps(**props) if props else clip


def there_and_back(clip: vs.VideoNode, matrix: int | None = None, log: list[str] | None = None) -> vs.VideoNode:
    colour = Colour(clip=clip, matrix=matrix, log=[].append if log is None else log.append)
    return colour.from_rgb(colour.to_rgb())


def planes(frame: vs.VideoFrame) -> list[np.ndarray]:
    return [np.asarray(frame[plane]).astype(np.float64) for plane in range(frame.format.num_planes)]


@pytest.mark.parametrize("full", [0, 1])
@pytest.mark.parametrize("name", EXACT)
def test_round_trip_is_exact(core: vs.Core, name: str, full: int) -> None:
    """Catches a wrong range or matrix on one way, lost superwhites, a tinted grey: every value must come back."""
    yuv = name.startswith("YUV")
    clip = noise(core, name, _Range=full, **({"_Matrix": 9} if yuv else {}))
    before, after = planes(clip.get_frame(0)), planes(there_and_back(clip).get_frame(0))
    tolerance = 0 if clip.format.sample_type == vs.INTEGER else 1e-6
    assert max(np.abs(a - b).max() for a, b in zip(before, after, strict=True)) <= tolerance


@pytest.mark.parametrize("matrix", sorted(set(MATRICES.values()) - {10, 12, 13, 14}))
def test_every_matrix_comes_back(core: vs.Core, matrix: int) -> None:
    """Catches a matrix used on one way only."""
    clip = noise(core, "YUV444P16", _Matrix=matrix)
    frame = there_and_back(clip).get_frame(0)
    assert frame.props["_Matrix"] == matrix
    for before, after in zip(planes(clip.get_frame(0)), planes(frame), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(("matrix", "transfer"), [(10, 14), (12, 1), (13, 1), (14, 16)])
def test_matrices_that_need_the_transfer(core: vs.Core, matrix: int, transfer: int) -> None:
    """Constant luminance and ICtCp go through linear light: they fail if transfer or primaries are stripped."""
    clip = core.std.BlankClip(format=vs.YUV444P16, width=4, height=4, length=1, color=[30000, 32768, 33000])
    clip = clip.std.SetFrameProps(_Matrix=matrix, _Transfer=transfer, _Primaries=9)
    frame = there_and_back(clip).get_frame(0)
    assert (frame.props["_Matrix"], frame.props["_Transfer"], frame.props["_Primaries"]) == (matrix, transfer, 9)
    for before, after in zip(planes(clip.get_frame(0)), planes(frame), strict=True):
        assert np.abs(before - after).max() <= 257  # one level of 8 bit


@pytest.mark.parametrize(
    ("matrix", "props", "words"),
    [
        ("2020cl", {}, ["frame 0", "_Transfer=None", "set _Transfer", "14"]),
        ("2020cl", {"_Transfer": 16}, ["_Transfer=16", "set _Transfer"]),
        ("chromancl", {"_Transfer": 1, "_Primaries": 2}, ["_Primaries=2", "set _Primaries"]),
        ("chromacl", {}, ["_Transfer=None and _Primaries=None", "set _Transfer", "and _Primaries"]),
        ("chromacl", {"_Transfer": 1}, ["_Primaries=None", "set _Primaries"]),
        ("ictcp", {"_Transfer": 1, "_Primaries": 9}, ["_Transfer=1;", "set _Transfer (one of 16, 18)"]),
        ("ictcp", {"_Transfer": 16, "_Primaries": 1}, ["_Primaries=1;", "set _Primaries (one of 9)"]),
    ],
)
def test_missing_transfer_or_primaries(core: vs.Core, matrix: str, props: dict[str, int], words: list[str]) -> None:
    """``matrix=`` on an untagged clip must say what else the frames lack, in one line, not zimg's numbers."""
    clip = core.std.BlankClip(format=vs.YUV444P8, width=4, height=4, length=1)
    clip = clip.std.SetFrameProps(**props) if props else clip
    colour, device = (Colour(clip=clip, matrix=parse_matrix(matrix), log=[].append, reads=k) for k in (False, True))
    for node in (colour.to_rgb(), colour.to_coded(), device.to_coded()):
        with pytest.raises(vs.Error) as caught:
            node.get_frame(0)
        line = next(line for line in str(caught.value).splitlines() if "tecogan: frame 0: " in line)
        assert [word for word in (f'"{matrix}"', "SetFrameProps", *words) if word not in line] == []


def test_what_a_matrix_needs_is_what_the_resizer_needs(core: vs.Core) -> None:
    """Every code that is let through must convert both ways, and odd values of what is not needed must not matter."""
    blank = core.std.BlankClip(format=vs.YUV444P16, width=4, height=4, length=1, color=[30000, 32768, 33000])
    for matrix, needs in NEEDS.items():
        for name, codes in needs.items():
            for code in codes:
                props = {"_Transfer": 0, "_Primaries": 3} | {need: first[0] for need, first in needs.items()}
                clip = blank.std.SetFrameProps(**(props | {name: code, "_Matrix": matrix}))
                assert there_and_back(clip).get_frame(0).props[name] == code


@pytest.mark.parametrize("location", [None, 0, 1, 2])
def test_chroma_location_is_kept(make_clip: ClipMaker, location: int | None) -> None:
    """Catches chroma that moves: down, up and down again at the same siting must land on itself."""
    props = {} if location is None else {"_ChromaLocation": location}
    clip = make_clip(vs.YUV420P16, 32, 24, 1, _Matrix=1, **props)
    frame = there_and_back(clip).get_frame(0)
    assert frame.props["_ChromaLocation"] == (location or 0)
    for before, after in zip(planes(clip.get_frame(0)), planes(frame), strict=True):
        assert np.abs(before - after)[3:-3, 3:-3].max() < 257


def test_tags_are_kept_even_odd_ones(core: vs.Core) -> None:
    """Reserved transfer and primaries, GRAY with an RGB matrix, RGB with a YUV one: zimg refuses them unless hidden."""
    for name, matrix in (("YUV420P8", 1), ("GRAY8", 0), ("RGB24", 1)):
        clip = core.std.BlankClip(format=getattr(vs, name), width=8, height=8, length=1)
        clip = clip.std.SetFrameProps(_Matrix=matrix, _Transfer=0, _Primaries=3, user="kept")
        props = there_and_back(clip).get_frame(0).props
        assert (props["_Matrix"], props["_Transfer"], props["_Primaries"]) == (matrix, 0, 3)
        assert props["user"] == "kept"


def test_older_range_property(core: vs.Core) -> None:
    """``_ColorRange`` counts the other way round; reading it like ``_Range`` would shift every level."""
    with pytest.warns(DeprecationWarning):
        clip = core.std.BlankClip(format=vs.GRAY8, width=4, height=4, length=1, color=200).std.SetFrameProps(
            _ColorRange=0
        )
    frame = there_and_back(clip).get_frame(0)
    assert frame.props["_Range"] == 1
    assert np.all(np.asarray(frame[0]) == 200)


def test_missing_matrix_is_guessed_once_and_written(make_clip: ClipMaker) -> None:
    """A small picture guessed as BT.601 grows into one that players would guess as BT.709: the tag must say."""
    log: list[str] = []
    clip = make_clip(vs.YUV444P8, 16, 12, 3).std.RemoveFrameProps("_Matrix")
    matrices = [frame.props["_Matrix"] for frame in there_and_back(clip, log=log).frames()]
    assert matrices == [6, 6, 6]
    assert len(log) == 1
    assert "no _Matrix" in log[0] and '"170m"' in log[0] and "matrix=" in log[0]


def test_matrix_option_fills_in_only_what_is_missing(core: vs.Core) -> None:
    """Frames that say their matrix are believed; ``matrix=`` serves the others, frame by frame, in silence."""
    blank = core.std.BlankClip(format=vs.YUV444P8, width=4, height=4, length=1, color=[90, 60, 200])
    clip = core.std.Splice([blank.std.SetFrameProps(_Matrix=9), blank, blank.std.SetFrameProps(_Matrix=2)])
    log: list[str] = []
    assert [frame.props["_Matrix"] for frame in there_and_back(clip, 5, log).frames()] == [9, 5, 5]
    assert log == []


def test_frames_of_mixed_tags(core: vs.Core) -> None:
    """Catches a conversion chosen once for the whole clip."""
    blank = core.std.BlankClip(format=vs.YUV444P8, width=4, height=4, length=1, color=[90, 60, 200])
    kinds = [(1, 0), (6, 1), (1, 1), (9, 0)]
    clip = core.std.Splice([blank.std.SetFrameProps(_Matrix=matrix, _Range=full) for matrix, full in kinds])
    for frame, kind in zip(there_and_back(clip).frames(), kinds, strict=True):
        assert (frame.props["_Matrix"], frame.props["_Range"]) == kind
        assert [int(plane[0, 0]) for plane in planes(frame)] == [90, 60, 200]


def test_interlaced_frames_fail_alone(core: vs.Core) -> None:
    """An interlaced frame must not be upscaled in silence, nor stop the progressive ones."""
    blank = core.std.BlankClip(format=vs.RGBS, width=4, height=4, length=1)
    clip = core.std.Splice([blank, blank.std.SetFrameProps(_FieldBased=2), blank.std.SetFrameProps(_FieldBased=0)])
    rgb = Colour(clip=clip, matrix=None, log=[].append).to_rgb()
    with pytest.raises(vs.Error, match=r"tecogan: frame 1: _FieldBased=2.*deinterlace"):
        rgb.get_frame(1)
    rgb.get_frame(0)
    rgb.get_frame(2)


@pytest.mark.parametrize("matrix", [0, 3, 11, 99])
def test_impossible_matrix(core: vs.Core, matrix: int) -> None:
    """GBR in a YUV clip and reserved codes get a remedy instead of zimg's 'no path between colorspaces'."""
    clip = core.std.BlankClip(format=vs.YUV444P8, width=4, height=4, length=1).std.SetFrameProps(_Matrix=matrix)
    with pytest.raises(vs.Error, match=rf"tecogan: frame 0: _Matrix={matrix} .*SetFrameProps"):
        there_and_back(clip).get_frame(0)


def test_refused_formats(core: vs.Core) -> None:
    """Variable clips and 32 bit integers are told apart from everything else, before any frame is made."""
    rgb = core.std.BlankClip(format=vs.RGB24, width=8, height=8, length=1)
    narrow = core.std.BlankClip(rgb, width=4)
    grey = core.std.BlankClip(rgb, format=vs.GRAY8)
    for clip, words in (
        (core.std.Splice([rgb, narrow], mismatch=True), "variable size"),
        (core.std.Splice([rgb, grey], mismatch=True), "variable format"),
        (core.std.BlankClip(format=vs.GRAY32, width=8, height=8), "Gray32"),
    ):
        with pytest.raises(ColourError, match=words):
            check_format(clip)


def test_matrix_names_and_codes() -> None:
    """The names are those of ``core.resize``."""
    assert [parse_matrix(value) for value in (None, "709", "170m", 5, "5", vs.MATRIX_BT2020_NCL)] == [
        None,
        1,
        6,
        5,
        5,
        9,
    ]
    for wrong in ("bt709", "", "2", "99", "-1", 0, 2, 3, 99, -1, True, 1.0, b"709"):
        with pytest.raises(ColourError, match="matrix"):
            parse_matrix(wrong)  # type: ignore[arg-type]


def test_names_agree_with_the_resizer(core: vs.Core) -> None:
    """Each name must mean to zimg what its code means here."""
    blank = core.std.BlankClip(format=vs.RGBS, width=4, height=4, length=1)
    for name, code in MATRICES.items():
        if code not in (10, 12, 13, 14):
            made = blank.resize.Bicubic(format=vs.YUV444PS, matrix_s=name)
            assert made.get_frame(0).props["_Matrix"] == code


def test_guess_by_size() -> None:
    """The rule that players use."""
    sizes = [(720, 480), (720, 576), (1280, 720), (1920, 1080), (960, 540), (1280, 536), (352, 288), (1, 1)]
    assert [guess_matrix(*size) for size in sizes] == [6, 5, 1, 1, 6, 1, 5, 6]


def test_tags_of_formats_without_a_matrix(core: vs.Core) -> None:
    """A leftover ``_Matrix`` on RGB or GRAY decides nothing."""
    for form in (vs.RGB24, vs.GRAY8):
        tags = read_tags({"_Matrix": 1, "_ChromaLocation": 2}, core.get_video_format(form))
        assert tags.matrix is None and tags.chroma_location is None
        assert tags.full_range is (form == vs.RGB24)


@pytest.mark.parametrize(
    "carried",
    [Tags(matrix=None, full_range=True, chroma_location=None), Tags(matrix=9, full_range=False, chroma_location=2)],
)
def test_tags_survive_being_carried(core: vs.Core, carried: Tags) -> None:
    """Tags that a frame carries as another meaning than was read."""
    clip = core.std.BlankClip(length=1).std.SetFrameProps(**{colour_tags.TAGS: carried.as_prop()})
    assert Tags.carried(clip.get_frame(0).props) == carried


@pytest.mark.parametrize(("reads", "writes"), [(False, False), (False, True), (True, True)])
@pytest.mark.parametrize("name", ["YUV420P8", "RGB24"])
def test_tags_are_read_once_a_frame(
    make_clip: ClipMaker, skip_model: Model, monkeypatch: pytest.MonkeyPatch, name: str, reads: bool, writes: bool
) -> None:
    """A frame whose properties are looked at again by every stage: on the way in, in the step, on the way out."""
    read: list[int] = []

    def noting(props: Any, form: vs.VideoFormat) -> Tags:
        read.append(1)
        return read_tags(props, form)

    monkeypatch.setattr(colour_tags, "read_tags", noting)
    make = emulated_engine if reads else native_engine if writes else torch_engine
    engine = make(skip_model.generator)
    clip = make_clip(getattr(vs, name), 16, 12, 6)
    schedule = Schedule(restart=4, warmup=2)
    out = _build(clip, engine, EngineThread(), "skip", scene_change=True, matrix=1, schedule=schedule)
    for n in (0, 1, 2, 3, 4, 5, 2, 0):
        assert TAGS_AND_RGB.isdisjoint(out.get_frame(n).props)
    assert (engine.reads_coded, engine.writes_coded) == (reads, writes)
    assert len(read) == 6
