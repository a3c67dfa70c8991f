"""Files with more than one count of time: picture and sound come out on one clock, seen by reading both ends."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import pytest

from vs_tecogan.video.jumps import UNKNOWN_TIME, Packet, find_jumps, follow, one_clock, without_means
from vs_tecogan.video.source import open_source
from vs_tecogan.video.warnings import warnings

from ..cli.conftest import ffmpeg, pcm
from .conftest import encoded, packets

MILLISECOND = Fraction(1, 1000)


def recording(path: Path, *options: str, seconds: float = 1, late: float = 0) -> bytes:
    """A transport or program stream of a second at 25 frames per second, sound beside it; its bytes."""
    mpeg2 = path.suffix in (".vob", ".mpg")
    codecs = ("-c:v", "mpeg2video", "-c:a", "ac3") if mpeg2 else ("-c:v", "libx264", "-c:a", "mp2")
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=size=32x24:rate=25:duration={seconds}", "-itsoffset", str(late)),
        *("-f", "lavfi", "-i", f"sine=sample_rate=48000:duration={seconds - late}"),
        *("-map", "0", "-map", "1", *codecs, "-b:a", "64k", "-bf", "2", "-muxdelay", "0.4", *options, path),
    )
    return path.read_bytes()


@pytest.mark.parametrize("offsets", [("0", "0"), ("0", "3600"), ("3600", "0"), ("0", "0.5"), ("0", "0", "70", "0.3")])
def test_joined_recordings(offsets: tuple[str, ...], tmp_path: Path) -> None:
    """Would catch a second of frames in hundredths of one, an hour without a frame, and picture ahead of sound."""
    source, out = tmp_path / "in.ts", tmp_path / "out.mkv"
    pieces = [recording(tmp_path / f"{n}.ts", "-output_ts_offset", offset) for n, offset in enumerate(offsets)]
    source.write_bytes(b"".join(pieces))
    encoded(source, out)
    times, sound = packets(out, "v"), packets(out, "a")
    assert len(times) == 25 * len(offsets)
    steps = [after - before for before, after in itertools.pairwise(times)]
    assert all(abs(step - Fraction(1, 25)) <= MILLISECOND for step in steps), steps
    assert times[-1] - times[0] == pytest.approx(len(offsets) - 0.04, abs=0.0015)
    assert sound[-1] - sound[0] == pytest.approx(len(offsets), abs=0.05)
    first = packets(source, "v")[0] - packets(source, "a")[0] if offsets == ("0", "0") else None
    assert first is None or times[0] - sound[0] == pytest.approx(float(first), abs=0.0015)
    assert len(pcm(out)) == pytest.approx(96000 * len(offsets), abs=0.05 * 96000 * len(offsets))
    assert list(warnings(open_source(source))) == []


@pytest.mark.parametrize("offsets", [("0", "0"), ("0", "3000"), ("3000", "0")])
def test_cells_of_a_dvd(offsets: tuple[str, str], tmp_path: Path) -> None:
    """Would catch a hole of two seconds where the last packets of a cell lie behind the first of the next."""
    source, out = tmp_path / "in.vob", tmp_path / "out.mkv"
    pieces = [recording(tmp_path / f"{n}.vob", "-output_ts_offset", offset) for n, offset in enumerate(offsets)]
    source.write_bytes(b"".join(pieces))
    encoded(source, out)
    times, sound = packets(out, "v"), packets(out, "a")
    assert len(times) == 50
    assert max(after - before for before, after in itertools.pairwise(times)) < Fraction(1, 10)
    assert times[-1] - times[0] == pytest.approx(49 / 25, abs=0.07)
    assert sound[-1] - times[-1] == pytest.approx(0, abs=0.07)


def test_part_of_joined_recordings(tmp_path: Path) -> None:
    """Would catch sound looked for by a time that is there twice: a part behind the splice keeps its own."""
    source, out = tmp_path / "in.ts", tmp_path / "out.mkv"
    low = recording(tmp_path / "low.ts")
    loud = tmp_path / "silence.ts"
    picture = ("-f", "lavfi", "-i", "testsrc2=size=32x24:rate=25:duration=1", "-f", "lavfi", "-i")
    ffmpeg(*picture, "anullsrc=r=48000:cl=mono", "-shortest", "-c:v", "libx264", "-c:a", "mp2", "-b:a", "64k", loud)
    source.write_bytes(low + loud.read_bytes())
    encoded(source, out, first=30, end=40)
    times, sound = packets(out, "v"), packets(out, "a")
    assert (len(times), times[0]) == (10, pytest.approx(0, abs=0.03))
    assert sound[-1] - sound[0] == pytest.approx(0.4, abs=0.05)
    assert set(pcm(out)) == {0}, "this is the sound of the first recording"


def test_picture_that_rests(tmp_path: Path) -> None:
    """Would catch the 12 seconds of a still closed as if they were a jump, with the sound going on meanwhile."""
    source, out = tmp_path / "in.ts", tmp_path / "out.mkv"
    still = "setpts=PTS+gte(N\\,5)*12/TB"
    inputs = (
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=32x24:rate=25:duration=0.4",
        "-f",
        "lavfi",
        "-i",
        "sine=duration=12.4",
    )
    exact = ("-fps_mode", "passthrough", "-c:v", "libx264", "-bf", "0", "-c:a", "mp2")
    ffmpeg(*inputs, "-vf", still, *exact, "-max_interleave_delta", "0", source)
    encoded(source, out)
    times, sound = packets(out, "v"), packets(out, "a")
    assert max(after - before for before, after in itertools.pairwise(times)) == pytest.approx(12.04, abs=0.002)
    assert sound[-1] - sound[0] == pytest.approx(12.4, abs=0.05)


def test_sound_that_rests(tmp_path: Path) -> None:
    """Would catch a silence of 12 seconds closed, after which all sound is 12 seconds early."""
    source, out = tmp_path / "in.ts", tmp_path / "out.mkv"
    inputs = ("-f", "lavfi", "-i", "testsrc2=size=32x24:rate=5:duration=14", "-f", "lavfi", "-i", "sine=duration=14")
    rest = "aselect='lt(t,1)+gt(t,13)'"
    ffmpeg(*inputs, "-af", rest, "-c:v", "libx264", "-c:a", "mp2", source)
    encoded(source, out)
    before, after = packets(source, "a"), packets(out, "a")
    assert before[-1] - before[0] > 13, "the input is not what this test needs"
    assert after[-1] - after[0] == pytest.approx(float(before[-1] - before[0]), abs=0.002)


@pytest.mark.parametrize("suffix", ["ts", "m2ts", "mpg", "vob"])
@pytest.mark.parametrize("out_suffix", ["mkv", "mp4"])
def test_late_sound_stays_late(suffix: str, out_suffix: str, tmp_path: Path) -> None:
    """Would catch sound that begins after the picture moved to its start."""
    source, out = tmp_path / f"in.{suffix}", tmp_path / f"out.{out_suffix}"
    recording(source, late=0.4)
    encoded(source, out)
    before = packets(source, "a")[0] - packets(source, "v")[0]
    assert before > Fraction(3, 10), "the input is not what this test needs"
    assert packets(out, "a")[0] - packets(out, "v")[0] == pytest.approx(float(before), abs=0.0025)
    assert len(packets(out, "v")) == 25
    assert len(packets(out, "a")) == len(packets(source, "a"))


def test_part_with_late_sound(tmp_path: Path) -> None:
    """Would catch a part whose sound is looked for as if the file began with it."""
    source, out = tmp_path / "in.ts", tmp_path / "out.mkv"
    recording(source, late=0.4)
    encoded(source, out, first=5, end=20)
    late = packets(source, "a")[0] - packets(source, "v")[0] - Fraction(5, 25)
    assert packets(out, "a")[0] - packets(out, "v")[0] == pytest.approx(float(late), abs=0.03)


@pytest.mark.parametrize(
    ("ticks", "jumps"),
    [
        ([0, 40, 80, 120], []),
        ([0, 40, 80, 0, 40, 80], [3]),
        ([0, 40, UNKNOWN_TIME, 0, UNKNOWN_TIME, 80], []),
        ([0, 40, 80, UNKNOWN_TIME, 0, 40, UNKNOWN_TIME], [4]),
        ([0, 40, 10, 120, 160], []),
        ([0, 40, 9041, 9081, 0, 40], [2, 4]),
        ([0, 40, 9040], []),
        ([UNKNOWN_TIME] * 3, []),
        ([], []),
    ],
)
def test_jumps(ticks: list[int], jumps: list[int]) -> None:
    """Would catch one wrong stamp taken for a new count of time, and a new count taken for wrong stamps."""
    assert find_jumps(ticks, MILLISECOND) == jumps


def test_made_up_stamps() -> None:
    """Would catch the mean of two counts of time taken for a time, and a true stamp left out."""
    assert without_means([0, 40, 5000040, 10000040], MILLISECOND) == [0, 40, UNKNOWN_TIME, 10000040]
    assert without_means([100, 140, 90, 40, 80], MILLISECOND) == [100, 140, UNKNOWN_TIME, 40, 80]
    assert without_means([0, 40, 80, 120], MILLISECOND) == [0, 40, 80, 120]


def test_follow_takes_the_nearest() -> None:
    """Would catch the correction of an earlier piece used for a later one that has the same stamps."""
    pieces = [(tick, tick + shift) for shift in (-100, 400, 900) for tick in (100, 140, 180)]
    packets = [Packet(stream=0, kind="video", before=before, after=after) for before, after in pieces]
    ticks = [140, 180, 100, UNKNOWN_TIME, 180, 100, 140, 180]
    moved = list(follow(ticks, packets, 100))
    assert moved == [140, 180, 600, UNKNOWN_TIME, 680, 1100, 1140, 1180]


def test_a_file_without_jumps_is_not_read() -> None:
    """Would catch a second reading of every file."""
    clock = one_clock(Path("not there"), 0, [0, 40], MILLISECOND, Fraction(0))
    assert (clock.ticks, clock.limit) == ((0, 40), None)
