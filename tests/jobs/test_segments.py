"""``vs-tecogan upscale`` in segments: nothing may tell its file from one that was made in one piece."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vapoursynth as vs

from vs_tecogan.cli import main
from vs_tecogan.errors import VideoError
from vs_tecogan.jobs import render
from vs_tecogan.jobs.lock import JobLock
from vs_tecogan.jobs.manifest import JobFolder
from vs_tecogan.jobs.plan import Segment

from ..cli.conftest import ffmpeg
from .conftest import Content, content

LOSSLESS = ("--crf", "0", "--preset", "ultrafast")


@pytest.fixture(scope="module")
def words(film: Path, tiny_2x: Path) -> tuple[str, ...]:
    """The command in segments of at least 0.8 seconds, without IN and OUT."""
    return ("--model", str(tiny_2x), "--restart", "12", "--warmup", "4", "-q", "--segment", "0.8", *LOSSLESS)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that takes no time, for what does not depend on its pixels."""

    def enlarge(clip: vs.VideoNode, **_: object) -> vs.VideoNode:
        return clip.resize.Bicubic(2 * clip.width, 2 * clip.height).std.SetFrameProps(TecoganModel="none")

    monkeypatch.setattr(render, "tecogan", enlarge)


@pytest.fixture(scope="module")
def whole(film: Path, words: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Content:
    """What an unbroken run in one piece gives."""
    out = tmp_path_factory.mktemp("whole") / "out.mkv"
    assert main(["upscale", str(film), str(out), *words, "--segment", "1000"]) == 0
    made = content(out)
    assert len(made.pixels) > 100
    assert len({int(b) - int(a) for a, b in itertools.pairwise(made.times[1:])}) > 3, "not uneven enough"
    return made


ON_A_SMALL_DISK = """
import resource, sys
from vs_tecogan.cli import main
for most in (512, 4096):  # bytes of a file
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    print(main(sys.argv[1:]))
"""


def interrupt_after(count: int, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let the work end with `error` when so many segments are done."""
    begun = render.Renderer.render
    done = 0

    def stop(self: render.Renderer, *arguments: Any) -> Any:
        nonlocal done
        if done == count:
            raise error
        done += 1
        return begun(self, *arguments)

    monkeypatch.setattr(render.Renderer, "render", stop)


def test_segments_do_not_show(film: Path, words: tuple[str, ...], whole: Content, tmp_path: Path) -> None:
    """Would catch a seam: another pixel, time, packet of sound, tag, chapter; or a folder left behind."""
    out = tmp_path / "out.mkv"
    assert main(["upscale", str(film), str(out), *words]) == 0
    assert asdict(content(out)) == asdict(whole)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_workers_give_the_same_file(film: Path, words: tuple[str, ...], whole: Content, tmp_path: Path) -> None:
    """Would catch pixels that depend on who made them, or on the number of threads."""
    out = tmp_path / "out.mkv"
    assert main(["upscale", str(film), str(out), *words, "--workers", "2"]) == 0
    assert asdict(content(out)) == asdict(whole)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@pytest.mark.parametrize("suffix", ["mp4", "mov", "ts", "webm"])
def test_every_container(suffix: str, film: Path, words: tuple[str, ...], quick: None, tmp_path: Path) -> None:
    """Would catch times or streams that the join gives to one container otherwise than the encoder would."""
    made = []
    words = tuple(word for word in words if word not in LOSSLESS) if suffix == "webm" else words
    for name, seconds in (("cut", "0.8"), ("whole", "1000")):
        out = tmp_path / f"{name}.{suffix}"
        assert main(["upscale", str(film), str(out), *words, "--segment", seconds]) == 0
        made.append(content(out))
    cut, whole = made
    assert (cut.times, cut.others, cut.words) == (whole.times, whole.others, whole.words)
    assert suffix == "webm" or cut.pixels == whole.pixels


def test_a_transport_stream(film: Path, words: tuple[str, ...], quick: None, tmp_path: Path) -> None:
    """Would catch sound that moves against the picture: such a stream's clock begins anywhere."""
    source, made = tmp_path / "in.ts", []
    ffmpeg("-itsoffset", "0.4", "-i", film, "-i", film, "-map", "0:v", "-map", "1:a", "-c", "copy", source)
    for name, seconds in (("cut", "0.8"), ("whole", "1000")):
        out = tmp_path / f"{name}.mkv"
        assert main(["upscale", str(source), str(out), *words, "--segment", seconds]) == 0
        made.append(asdict(content(out)))
    assert made[0] == made[1]


@pytest.mark.parametrize("words_of_part", [("--start", "7", "--end", "80"), ("--end", "60")])
def test_a_part_of_a_film(
    words_of_part: tuple[str, ...], film: Path, words: tuple[str, ...], quick: None, tmp_path: Path
) -> None:
    """Would catch frames counted from the wrong end, or sound that is not cut with the picture."""
    made = []
    for name, seconds in (("cut", "0.8"), ("whole", "1000")):
        out = tmp_path / f"{name}.mkv"
        assert main(["upscale", str(film), str(out), *words, *words_of_part, "--segment", seconds]) == 0
        made.append(asdict(content(out)))
    assert made[0] == made[1]


def test_goes_on_after_an_interruption(
    film: Path, words: tuple[str, ...], quick: None, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Would catch work that is lost or done twice, and a damaged or foreign part that is joined in."""
    out = tmp_path / "out.mkv"
    unbroken = tmp_path / "unbroken.mkv"
    assert main(["upscale", str(film), str(unbroken), *words, "--segment", "1000"]) == 0
    command = ["upscale", str(film), str(out), *(word for word in words if word != "-q")]
    with monkeypatch.context() as patch:
        interrupt_after(3, patch, KeyboardInterrupt())
        assert main(command) == 130
    assert "run the same command again to go on" in capfd.readouterr().err
    folder = JobFolder.beside(out)
    manifest = folder.read()
    records = [folder.read_record(manifest, segment) for segment in manifest.segments[:3]]
    assert None not in records
    assert records[0] is not None and records[0].input_crc == _input_crc(film, manifest.segments[0])
    assert len({record.output_crc for record in records if record}) == 3
    _, truncated, foreign = (folder.parts / record.file for record in records if record)
    truncated.write_bytes(truncated.read_bytes()[:-1])
    foreign.write_bytes(bytes([foreign.read_bytes()[0] ^ 1]) + foreign.read_bytes()[1:])
    (folder.parts / "00003.deadbeef.part").write_bytes(b"begun")
    with monkeypatch.context() as patch:
        interrupt_after(len(manifest.segments) - 1, patch, KeyboardInterrupt())
        assert main(command) == 0
    said = capfd.readouterr().err
    assert "segment 1 is done again" in said and "segment 2 is done again" in said
    assert re.search(rf"1 of {len(manifest.segments)} segments done, \d+ min left", said)
    assert asdict(content(out)) == asdict(content(unbroken))
    assert not folder.path.exists()


def _input_crc(film: Path, segment: Segment) -> str:
    """The documented CRC of decoded frames, written out plainly."""
    clip = vs.core.bs.VideoSource(str(film), cachemode=0, showprogress=False)
    value = 0
    for frame in clip[segment.first : segment.end].frames(close=True):
        pixels = b"".join(np.asarray(frame[plane]).tobytes() for plane in range(3))
        value = zlib.crc32(zlib.crc32(pixels).to_bytes(4, "big"), value)
    return f"{value:08x}"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("--restart", "13"), "picture restart: 12 then, 13 now"),
        (("--crf", "5"), "encoding crf: 0.0 then, 5.0 now"),
        (("--end", "100"), "clip end: "),
        (("--model", "recurrent-small-2x"), "model name: tiny-2x then, recurrent-small-2x now"),
        (("--codec", "libx264", "--", "-b:v", "1M"), "-b:v"),
    ],
)
def test_what_changed_is_named_and_refused(
    change: tuple[str, ...], named: str, film: Path, words: tuple[str, ...], quick: None, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Would catch a job that goes on with another picture; and one that forgets what is done without being told."""
    out = tmp_path / "out.mkv"
    with monkeypatch.context() as patch:
        interrupt_after(1, patch, VideoError("disk full"))
        assert main(["upscale", str(film), str(out), *words]) == 2
        capfd.readouterr()
        assert main(["upscale", str(film), str(out), *words, *change]) == 2
    said = capfd.readouterr().err
    assert said.count("\n") == 1 and named in said and "--fresh" in said, said
    folder = JobFolder.beside(out)
    assert folder.read_record(folder.read(), folder.read().segments[0]) is not None


def test_a_changed_source_is_refused(
    film: Path, words: tuple[str, ...], quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Would catch two films in one file: changed between two runs, and while the last segment was made."""
    source, out = tmp_path / "in.mp4", tmp_path / "out.mkv"
    source.write_bytes(film.read_bytes())
    command = ["upscale", str(source), str(out), *words]
    with monkeypatch.context() as patch:
        interrupt_after(1, patch, VideoError("disk full"))
        assert main(command) == 2
    capfd.readouterr()
    changed = source.read_bytes().replace(b"My clip", b"My film")
    source.write_bytes(changed)
    assert main(command) == 2
    assert "source content: " in capfd.readouterr().err
    source.write_bytes(film.read_bytes())

    def meddle(*_arguments: Any) -> None:
        source.write_bytes(changed)

    with monkeypatch.context() as patch:
        patch.setattr("vs_tecogan.cli.segments.join_job", _before(meddle))
        assert main(command) == 2
    assert "was changed while the job ran" in capfd.readouterr().err
    assert not out.exists()


def _before(first: Any) -> Any:
    from vs_tecogan.jobs.run import join_job

    def both(*arguments: Any, **options: Any) -> Any:
        first()
        return join_job(*arguments, **options)

    return both


def test_a_damaged_manifest_is_refused(
    film: Path, words: tuple[str, ...], quick: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch a traceback, or a job that begins anew by itself; --fresh does."""
    out = tmp_path / "out.mkv"
    command = ["upscale", str(film), str(out), *words]
    assert main([*command, "--plan"]) == 0
    manifest = JobFolder.beside(out).manifest
    manifest.write_bytes(manifest.read_bytes()[:-10])
    capfd.readouterr()
    assert main(command) == 2
    said = capfd.readouterr().err
    assert said.count("\n") == 1 and "job.json is damaged; give --fresh" in said
    assert main([*command, "--fresh"]) == 0
    assert len(content(out).pixels) > 100


def test_two_commands_on_one_folder(
    film: Path, words: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch two runs that write the same parts."""
    out = tmp_path / "out.mkv"
    with JobLock(JobFolder.beside(out).lock):
        assert main(["upscale", str(film), str(out), *words]) == 2
    said = capfd.readouterr().err
    assert said.count("\n") == 1 and "is in use by process" in said


def test_killed_after_the_last_step(film: Path, words: tuple[str, ...], quick: None, tmp_path: Path) -> None:
    """Would catch a finished file that counts as in the way, when only the folder was left to remove."""
    out = tmp_path / "out.mkv"
    command = ["upscale", str(film), str(out), *words]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JobFolder, "remove", _raise_interrupt)
        assert main(command) == 130
    assert out.exists() and JobFolder.beside(out).manifest.exists()
    made = out.read_bytes()
    assert main(command) == 0
    assert out.read_bytes() == made and not JobFolder.beside(out).path.exists()


def _raise_interrupt(*_arguments: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--", "-b:v", "1M"), "-b:v"),
        (("--", "-vf", "fps=5"), "-vf"),
        (("--codec", "libvpx"), "average bit rate"),
        (("--", "-x264-params", "bitrate=800"), "concerns the whole film"),
    ],
)  # fmt: skip
def test_what_cannot_be_cut_is_done_in_one_piece(
    options: tuple[str, ...],
    why: str,
    film: Path,
    tiny_2x: Path,
    quick: None,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Would catch a bit rate that is spent anew in each segment, a filter that sees only parts, and silence on it."""
    out = tmp_path / "out.mkv"
    asked = ("--model", str(tiny_2x), "--end", "12", "--segment", "0.1")
    assert main(["upscale", str(film), str(out), *asked, *options]) == 0
    said = [line for line in capfd.readouterr().err.splitlines() if "in one piece" in line]
    assert len(said) == 1 and why in said[0]
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1", "libvpx-vp9", "ffv1"])
def test_parts_of_every_codec_join(codec: str, film: Path, tiny_2x: Path, quick: None, tmp_path: Path) -> None:
    """Would catch parts that some encoder starts in a way that cannot be joined, by decoding all frames.

    With its usual preset x264 stores frames in another order than they are shown in.
    """
    asked = ("--model", str(tiny_2x), "--end", "40", "-q", "--restart", "9", "--warmup", "0", "--codec", codec)
    fast = {"libx265": ("--preset", "ultrafast"), "libsvtav1": ("--preset", "12")}.get(codec, ())
    made = []
    for name, seconds in (("cut", "0.6"), ("whole", "100")):
        out = tmp_path / f"{name}.mkv"
        assert main(["upscale", str(film), str(out), *asked, *fast, "--segment", seconds]) == 0
        made.append(content(out))
    cut, whole = made
    assert len(cut.pixels) == 40
    assert (cut.times, cut.others, cut.words) == (whole.times, whole.others, whole.words)
    if codec == "ffv1":
        assert cut.pixels == whole.pixels


def test_a_refused_option_leaves_nothing(
    film: Path, words: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch a folder that stays after a typing mistake, with one worker and with two."""
    for more in ((), ("--workers", "2")):
        assert main(["upscale", str(film), str(tmp_path / "out.mkv"), *words, "--tile", "10x10", *more]) == 2
        assert capfd.readouterr().err.count("\n") == 1
        assert list(tmp_path.iterdir()) == []


def test_a_clip_too_short_to_plan(
    film: Path, words: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch --plan that renders everything, of a clip that is short or not to be cut."""
    uncut = ["upscale", str(film), str(tmp_path / "out.mkv"), *words, "--plan", "--", "-b:v", "1M"]
    assert main(uncut) == 2
    assert "done in one piece" in capfd.readouterr().err
    asked = ["upscale", str(film), str(tmp_path / "out.mkv"), *words, "--plan", "--segment", "1000"]
    assert main(asked) == 2
    assert "smaller --segment" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_disk_full(film: Path, words: tuple[str, ...], tmp_path: Path) -> None:
    """Would catch a job that is lost, or a traceback, where a part, a record or the join has no room."""
    out = tmp_path / "out.mkv"
    command = [sys.executable, "-c", ON_A_SMALL_DISK, "upscale", str(film), str(out), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["2", "2"], done.stderr
    assert len([line for line in done.stderr.splitlines() if ": stream " not in line]) == 2, done.stderr
    assert not out.exists()
