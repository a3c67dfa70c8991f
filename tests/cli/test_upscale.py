"""The command on real files: what it must carry over, seen by decoding what it wrote."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vs_tecogan.cli import main
from vs_tecogan.video import ffmpeg as ff
from vs_tecogan.weights import shipped_models

from .conftest import Command, ffmpeg, inspect, pcm, python


def test_carries_everything_over(film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch lost sound, subtitles, chapters, attachments, tags, sample aspect ratio, language or frames."""
    out = tmp_path / "out.mkv"
    done = command("upscale", film, out)
    assert (done.code, done.out) == (0, ""), done.err
    before, after = inspect(film), inspect(out)
    assert (after.width, after.height, after.frames) == (256, 192, before.frames)
    assert after.tracks == before.tracks == ["video", "audio", "subtitle", "attachment"]
    for prop in ("_Matrix", "_Primaries", "_Transfer", "_Range", "_ChromaLocation", "_SARNum", "_SARDen"):
        assert after.props[prop] == before.props[prop], prop
    assert pcm(out) == pcm(film)
    said = ffmpeg("-i", out)
    for words in ("(swe)", ": One", ": Two", ": My clip", "VS_TECOGAN"):
        assert words in said, words
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]
    assert list(film.parent.glob("*.bsindex")) == []


def test_keeps_sound_and_picture_together(film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch a picture that moves against the sound: both keep their times to a millisecond."""
    out = tmp_path / "out.mkv"
    assert command("upscale", film, out).code == 0
    shift = {round((a - b) * 1000) for a, b in zip(inspect(out).times, inspect(film).times, strict=True)}
    assert len(shift) == 1 or max(shift) - min(shift) <= 1
    assert abs(min(shift) - (_sound_start(out) - _sound_start(film))) <= 1


def test_late_picture_stays_late(stream: Path, command: Command, tmp_path: Path) -> None:
    """Would catch start times taken for zero: a stream's clock, and a picture that begins after the sound."""
    out = tmp_path / "out.mp4"
    assert command("upscale", stream, out).code == 0
    video = inspect(stream).times[0] * 1000 - _sound_start(stream)
    assert video > 200, "the input is not what this test needs"
    assert inspect(out).times[0] * 1000 - _sound_start(out) == pytest.approx(float(video), abs=2)


def _sound_start(path: Path) -> float:
    """Time of the first sound packet in ms, on the clock that BestSource shows too."""
    said = subprocess.run(
        [ff.find_ffmpeg(), "-v", "error", "-copyts", "-i", path, "-map", "0:a", "-c", "copy", "-f", "framecrc", "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    base = re.search(r"^#tb 0: (\d+)/(\d+)", said, re.MULTILINE)
    first = re.search(r"^0,\s*-?\d+,\s*(-?\d+),", said, re.MULTILINE)
    assert base and first, said
    return int(first[1]) * int(base[1]) / int(base[2]) * 1000


def test_variable_frame_rate_is_exact(uneven: Path, command: Command, tmp_path: Path) -> None:
    """Would catch timestamps rounded to a constant rate: every one comes out as it went in, to the tick."""
    out = tmp_path / "out.mp4"
    assert command("upscale", uneven, out).code == 0
    times = inspect(uneven).times
    assert len({b - a for a, b in itertools.pairwise(times)}) > 3, "the input is not what this test needs"
    assert inspect(out).times == times


@pytest.mark.parametrize("container", ["mp4", "ts"])
@pytest.mark.parametrize(("codec", "suffix"), [("mpeg2video", "mkv"), ("mpeg4", "avi"), ("libx264", "mkv")])
def test_constant_rate_of_a_fine_clock(
    container: str, codec: str, suffix: str, film: Path, command: Command, tmp_path: Path
) -> None:
    """Would catch a container's clock given to the encoder as the frame rate, which MPEG-2 and MPEG-4 refuse.

    An .avi of such a rate has hundreds of frames a second, and H.264 tells decoders a wrong one; the picture is late.
    """
    source, out = tmp_path / f"in.{container}", tmp_path / f"out.{suffix}"
    ffmpeg(
        *("-i", film, "-f", "lavfi", "-itsoffset", "-0.25", "-i", "sine=duration=0.8", "-map", "0:v", "-map", "1"),
        *("-r", "25", "-c:v", "libx264", source),
    )
    before = inspect(source)
    done = command("upscale", source, out, "--codec", codec)
    assert done.code == 0, done.err
    said = ffmpeg("-i", out)
    assert re.search(r"\b25 tbr\b", said), said
    if codec == "libx264":
        traced = ffmpeg("-i", out, "-map", "0:v", "-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-")
        assert re.search(r" time_scale .* = 50$", traced, re.MULTILINE)
    assert inspect(out).frames >= before.frames if suffix == "avi" else inspect(out).frames == before.frames
    if suffix == "mkv":
        late = before.times[0] * 1000 - _sound_start(source)
        assert inspect(out).times[0] * 1000 - _sound_start(out) == pytest.approx(float(late), abs=2)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_late_picture_of_a_constant_rate(suffix: str, stream: Path, command: Command, tmp_path: Path) -> None:
    """Would catch the delay of a picture rounded to its frames, or lost, by each way that frames reach a container."""
    for codec in ("libx264", "mpeg2video"):
        out = tmp_path / f"{codec}.{suffix}"
        done = command("upscale", stream, out, "--codec", codec)
        assert done.code == 0, done.err
        before, after = inspect(stream), inspect(out)
        assert after.frames == before.frames
        late = before.times[0] * 1000 - _sound_start(stream)
        assert after.times[0] * 1000 - _sound_start(out) == pytest.approx(float(late), abs=2)
        moved = [a - b - (after.times[0] - before.times[0]) for a, b in zip(after.times, before.times, strict=True)]
        assert max(map(abs, moved)) < 0.0015


def test_mp4_takes_what_it_can(film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch a container that refuses a stream: text subtitles are converted, attachments left out, both said."""
    out = tmp_path / "out.mp4"
    done = command("upscale", film, out)
    assert done.code == 0, done.err
    assert inspect(out).tracks[:3] == ["video", "audio", "subtitle"]
    assert "now mov_text" in done.err
    assert "attachment" in done.err


@pytest.mark.parametrize(("suffix", "said"), [("avi", True), ("ts", True), ("mov", False)])
def test_lost_chapters_are_said(suffix: str, said: bool, film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch chapters that vanish without a word, or a word where they stay."""
    out = tmp_path / f"out.{suffix}"
    done = command("upscale", film, out, "-q", "--end", "2")
    assert done.code == 0, done.err
    assert ("chapters (2) do not fit this container: left out" in done.err) is said
    assert ("Chapter #0:0" in ffmpeg("-i", out)) is not said


@pytest.mark.parametrize("option", [("--tile", "10x10"), ("--matrix", "rgb"), ("--device", "cuda:99")])
def test_a_refused_option_is_all_that_is_said(
    option: tuple[str, str], film: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch the choice of a model said before the error, which is one line."""
    assert main(["upscale", str(film), str(tmp_path / "out.mkv"), *option]) == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1 and "--model" not in err, err


@pytest.mark.parametrize("suffix", ["webm", "m4v", "mk3d"])
def test_every_container_has_its_own_mind(suffix: str, command: Command, tmp_path: Path) -> None:
    """Would catch what ffmpeg refuses: Opus with surrounds at the side, FLAC in mp4, suffixes it reads otherwise."""
    source, out = tmp_path / "in.mkv", tmp_path / f"out.{suffix}"
    side = "pan=5.1(side)|FL=c0|FR=c0|FC=c0|LFE=c0|SL=c0|SR=c0"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=32x24:rate=10:duration=0.3", "-f", "lavfi", "-i", "sine=duration=0.3"),
        *("-map", "0", "-map", "1", "-map", "1", "-map", "0", "-c:v", "ffv1"),
        *("-filter:a:0", side, "-c:a:0", "ac3", "-c:a:1", "flac", source),
    )
    done = command("upscale", source, out, "-q")
    assert done.code == 0, done.err
    assert inspect(out).tracks == ["video", "audio", "audio"]
    assert "stream 3 (video, ffv1) is another video: left out" in done.err
    assert abs(len(pcm(out, "-map", "0:a:0", "-ac", "1")) / 2 / 48000 - 0.3) < 0.08


@pytest.mark.parametrize(
    ("suffix", "codec", "instead"),
    [
        (".m2ts", "pcm_bluray", "flac"),
        (".vob", "pcm_dvd", "flac"),
        (".ts", "s302m", "flac"),
        (".mov", "pcm_s8", "flac"),
        (".mov", "pcm_f32be", "pcm_f32le"),
    ],
)
def test_sound_that_matroska_lacks(suffix: str, codec: str, instead: str, command: Command, tmp_path: Path) -> None:
    """Would catch sound copied to Matroska that has no name there, when ffmpeg writes nothing, or made worse."""
    source, out = tmp_path / f"in{suffix}", tmp_path / "out.mkv"
    sound = ("-f", "lavfi", "-i", "sine=duration=0.4:sample_rate=48000", "-c:a", codec, "-ac", "2", "-strict", "-2")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.4", *sound, "-c:v", "mpeg2video", source)
    done = command("upscale", source, out)
    assert (done.code, f"now {instead}" in done.err) == (0, True), done.err
    length = min(len(pcm(source)), len(pcm(out)))
    assert length > 48000
    assert pcm(out)[:length] == pcm(source)[:length]


def test_aspect_of_the_container(command: Command, tmp_path: Path) -> None:
    """Would catch the stream's own aspect ratio taken where the file overrides it, and that of a picture turned."""
    square, wide, tall = (tmp_path / f"{name}.mp4" for name in ("square", "wide", "tall"))
    picture = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.12", "-c:v", "libx264")
    ffmpeg(*picture, "-vf", "setsar=1", square)
    ffmpeg("-i", square, "-c", "copy", "-aspect", "16:9", wide)
    ffmpeg("-display_rotation", "90", "-i", wide, "-c", "copy", tall)
    for source, size, aspect in ((square, (256, 192), "1:1"), (wide, (256, 192), "4:3"), (tall, (192, 256), "3:4")):
        out = source.with_suffix(".mkv")
        assert command("upscale", source, out).code == 0
        assert (inspect(out).width, inspect(out).height) == size
        assert f"SAR {aspect}" in ffmpeg("-i", out)


def test_names_with_a_colon(film: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a name such as "12:30 show" taken for a protocol and an address."""
    monkeypatch.chdir(tmp_path)
    Path("12:30 show.mkv").write_bytes(film.read_bytes())
    assert command("upscale", "12:30 show.mkv", "12:30 large.mkv", "--end", "2").code == 0


def test_truncated_input_is_said(film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch half of a download upscaled as if it were the film: one warning, even with -q, then the work."""
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    ffmpeg("-stream_loop", "3", "-i", film, "-map", "0:v", "-map", "0:a", "-c", "copy", source)
    content = source.read_bytes()
    source.write_bytes(content[: len(content) // 2])
    done = command("upscale", source, out, "-q")
    assert done.code == 0, done.err
    assert done.err.count("\n") == 1, done.err
    assert "frames are missing" in done.err
    assert inspect(out).frames == inspect(source).frames < 50


def test_part_of_a_file(film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch --start and --end that count wrong, or sound that is not cut with the picture."""
    out = tmp_path / "part.mkv"
    assert command("upscale", film, out, "--start", "5", "--end", "9").code == 0
    after = inspect(out)
    assert after.frames == 4
    assert after.times[0] < 0.03
    assert len(pcm(out)) / 2 / 44100 < 0.3


def test_encoder_options_reach_the_encoder(film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch options dropped on the way: codec, preset, CRF, and everything after --."""
    small, large = tmp_path / "small.mkv", tmp_path / "large.mkv"
    assert command("upscale", film, small, "--crf", "45", "--preset", "ultrafast", "-q").code == 0
    assert command("upscale", film, large, "--crf", "5", "-q").code == 0
    assert small.stat().st_size * 2 < large.stat().st_size
    bare = tmp_path / "bare.mkv"
    done = command("upscale", film, bare, "--codec", "ffv1", "-q", "--", "-an", "-sn", "-pix_fmt", "yuv444p")
    assert (done.code, done.err) == (0, "")
    assert inspect(bare).tracks == ["video", "attachment"]
    assert "ffv1" in ffmpeg("-i", bare)
    assert "yuv444p" in ffmpeg("-i", bare)


@pytest.mark.parametrize(("pixels", "family"), [("gbrp", "YUV444P8"), ("gray10le", "Gray10"), ("yuv440p", "YUV444P8")])
def test_odd_formats(pixels: str, family: str, skip_file: Path, command: Command, tmp_path: Path) -> None:
    """Would catch planes in a wrong order or a format that ffmpeg is told wrongly: colours survive a lossless trip."""
    import vapoursynth as vs

    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    picture = ("-f", "lavfi", "-i", "color=c=0xC04020:size=16x12:rate=5:duration=0.6")
    ffmpeg(*picture, "-pix_fmt", pixels, "-c:v", "ffv1", source)
    assert command("upscale", source, out, "--model", skip_file, "--crf", "0").code == 0
    before, after = (vs.core.bs.VideoSource(str(path), cachemode=0, showprogress=False) for path in (source, out))
    if not family.startswith("Gray"):  # some encoders store gray as YUV
        assert after.format.name == family
    means = []
    for clip in (before, after):
        guess = {"matrix_in": vs.MATRIX_ST170_M} if clip.get_frame(0).props.get("_Matrix", 2) == 2 else {}
        guess = guess if clip.format.color_family == vs.YUV else {}
        frame = clip.resize.Point(format=vs.RGB24, **guess).get_frame(1)
        means.append([float(np.asarray(frame[plane]).mean()) for plane in range(3)])
    assert np.abs(np.subtract(*means)).max() <= 2, means


def test_hdr10_metadata_stays(command: Command, tmp_path: Path) -> None:
    """Would catch HDR taken for SDR: PQ and BT.2020 tags, mastering display and light levels survive."""
    if not ff.has_encoder(ff.find_ffmpeg("libx264"), "libx265"):
        pytest.skip("this ffmpeg has no x265 to make the input")
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    ffmpeg(
        *(
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=32x24:rate=10:duration=0.3",
            "-c:v",
            "libx265",
            "-pix_fmt",
            "yuv420p10le",
        ),
        *("-x265-params", f"log-level=error:hdr10=1:master-display={display}:max-cll=1000,400"),
        *("-color_primaries", "bt2020", "-colorspace", "bt2020nc", "-color_trc", "smpte2084", source),
    )
    assert command("upscale", source, out, "--codec", "libx265").code == 0
    before, after = inspect(source).props, inspect(out).props
    kept = [name for name in before if name.startswith(("Mastering", "ContentLight"))]
    assert len(kept) >= 6
    for name in (*kept, "_Matrix", "_Primaries", "_Transfer"):
        assert after[name] == before[name], name


def test_bundled_ffmpeg_alone(film: Path, tiny_file: Path, tmp_path: Path) -> None:
    """Would catch a need for a system ffmpeg: with an empty PATH, the wheel's own binary does the work."""
    out = tmp_path / "out.mkv"
    process = python("upscale", film, out, "--model", tiny_file, env={**os.environ, "PATH": str(tmp_path)})
    stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stdout) == (0, ""), stderr
    assert inspect(out).frames == inspect(film).frames
    assert inspect(out).times == pytest.approx(inspect(film).times, abs=0.002)


def test_flat_colours_stay(skip_file: Path, command: Command, tmp_path: Path) -> None:
    """Would catch a shift of colour on the way through filter, raw video and encoder: flat areas move by 1 at most."""
    import vapoursynth as vs

    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    bars = ("-f", "lavfi", "-i", "smptebars=size=112x64:rate=5:duration=0.6", "-colorspace", "smpte170m")
    ffmpeg(*bars, "-color_range", "tv", "-pix_fmt", "yuv444p", "-c:v", "ffv1", source)
    assert command("upscale", source, out, "--model", skip_file, "--crf", "0").code == 0
    before, after = (vs.core.bs.VideoSource(str(path), cachemode=0, showprogress=False) for path in (source, out))
    wanted, got = before.resize.Bicubic(448, 256).get_frame(1), after.get_frame(1)
    for plane in range(3):
        # middles of the seven bars of the upper part
        columns = np.arange(7) * 64 + 32
        difference = np.asarray(wanted[plane])[40, columns].astype(int) - np.asarray(got[plane])[40, columns]
        assert np.abs(difference).max() <= 1, plane


def test_real_clip(shared: Path, command: Command, tmp_path: Path) -> None:
    """Would catch what made-up clips do not have: real footage comes out four times the size, frame for frame."""
    source, out = tmp_path / "clip.mp4", tmp_path / "out.mkv"
    cut = ("-ss", "1", "-i", shared / "data/train/highway_360p.mp4", "-frames:v", "6", "-vf", "crop=160:96")
    ffmpeg(*cut, "-c:v", "libx264", source)
    assert command("upscale", source, out).code == 0
    before, after = inspect(source), inspect(out)
    assert (after.width, after.height, after.frames) == (640, 384, before.frames)


def test_vspipe_to_ffmpeg(shared: Path, tiny_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch anything on stdout, which breaks the pipe in docs/script.md, and changed colours."""
    source, script, out = tmp_path / "clip.mp4", tmp_path / "s.vpy", tmp_path / "out.mkv"
    cut = ("-ss", "1", "-i", shared / "data/train/highway_360p.mp4", "-frames:v", "6", "-vf", "crop=160:96")
    ffmpeg(*cut, "-c:v", "libx264", source)
    script.write_text(
        "import vapoursynth as vs\nfrom vs_tecogan import tecogan\n"
        f"clip = vs.core.bs.VideoSource({str(source)!r}, cachemode=0)\n"
        f"tecogan(clip, {str(tiny_file)!r}).set_output()\n"
    )
    bin_folder = Path(sys.executable).parent
    root = Path(__file__).resolve().parents[2]
    env = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}", "PYTHONPATH": str(root)}
    y4m = subprocess.run([bin_folder / "vspipe", "-c", "y4m", script, "-"], capture_output=True, env=env, check=True)
    page = (root / "docs/script.md").read_text()
    assert "vspipe -c y4m script.vpy - | ffmpeg $(vs-tecogan vspipe-args script.vpy) -c:v libx264" in page
    capfd.readouterr()
    assert main(["vspipe-args", str(script)]) == 0
    words = capfd.readouterr().out.split()
    encoder = [ff.find_ffmpeg("libx264"), "-v", "error", "-y", *words, "-c:v", "libx264", "-qp", "0", str(out)]
    done = subprocess.run(encoder, input=y4m.stdout, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    after = inspect(out)
    assert (after.width, after.height, after.frames) == (640, 384, inspect(source).frames)
    assert [after.props[name] for name in ("_Matrix", "_Primaries", "_Transfer")] == [1, 1, 1]
    hashes = [_picture_hash("-i", out), _picture_hash("-f", "yuv4mpegpipe", "-i", "-", stdin=y4m.stdout)]
    assert hashes[0] == hashes[1]


def _picture_hash(*source: str | Path, stdin: bytes = b"") -> bytes:
    """A digest of all decoded frames."""
    command = [ff.find_ffmpeg("libx264"), "-v", "error", *map(str, source), "-map", "0:v", "-f", "md5", "-"]
    return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout


@pytest.mark.parametrize(("codec", "model"), [("libx264", "recurrent-real-4x"), ("ffv1", "recurrent-texture-4x")])
def test_model_by_codec(
    codec: str, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch a compressed source given to the model that sharpens its blocks, and a choice that is not told."""
    heard: list[object] = []

    def stand_in(clip: object, **options: object) -> object:
        heard.append(options["model"])
        return clip.resize.Bicubic(128, 96)  # type: ignore[attr-defined]

    monkeypatch.setattr("vs_tecogan.jobs.render.tecogan", stand_in)
    source = tmp_path / "in.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=5:duration=0.6", "-c:v", codec, source)
    assert main(["upscale", str(source), str(tmp_path / "a.mkv")]) == 0
    assert f"--model {model}" in capfd.readouterr().err
    assert main(["upscale", str(source), str(tmp_path / "b.mkv"), "--quiet"]) == 0
    assert capfd.readouterr().err == ""
    assert main(["upscale", str(source), str(tmp_path / "c.mkv"), "--model", "mine"]) == 0
    assert heard == [model, model, "mine"]
    assert model in [card.name for card in shipped_models()]


def test_options_reach_the_filter(
    film: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch an option that the filter never hears of, or defaults that the command makes up."""
    heard: list[dict[str, object]] = []

    def stand_in(clip: object, **options: object) -> object:
        heard.append(options)
        return clip.resize.Bicubic(128, 96)  # type: ignore[attr-defined]

    monkeypatch.setattr("vs_tecogan.jobs.render.tecogan", stand_in)
    words = ["--restart", "7", "--warmup", "0", "--no-scene-change", "--device", "cpu", "--precision", "fp32"]
    assert command("upscale", film, tmp_path / "a.mkv", "--model", "m", *words).code == 0
    assert heard == [
        {
            "scene_change": False,
            "model": "m",
            "device": "cpu",
            "precision": "fp32",
            "strength": None,
            "faithful": False,
            "restart": 7,
            "warmup": 0,
            "duplicates": "hold",
            "memory": 1024,
            "tile": None,
        }
    ]
