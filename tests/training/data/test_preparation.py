"""From videos to a store: cuts, what is dropped, what is refused, resuming."""

import json
import shutil
import subprocess
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from vs_tecogan.cli import prepare as command
from vs_tecogan.cli.common import guarded
from vs_tecogan.errors import TrainingError, VideoError
from vs_tecogan.training.data.cuts import Analyser, CutThresholds, find_cuts
from vs_tecogan.training.data.pairs import pair_sources
from vs_tecogan.training.data.prepare import prepare
from vs_tecogan.training.data.selection import PrepareOptions, divide, plan_source
from vs_tecogan.training.data.store import Store, read_manifest
from vs_tecogan.video.ffmpeg import find_ffmpeg
from vs_tecogan.video.names import Footage, find_footage
from vs_tecogan.video.read import video_frames

from ..conftest import pan, texture

SMALL = PrepareOptions(downscale=1, min_frames=4, max_frames=12, min_size=64, holdout=0.0)


def encode(path: Path, frames: np.ndarray, *options: str) -> Path:
    """A lossless video of the frames."""
    _, height, width, _ = frames.shape
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", "25", "-i", "-"]
    coder = options or ("-c:v", "libx264", "-qp", "0", "-preset", "ultrafast", "-pix_fmt", "yuv444p")
    command = [find_ffmpeg("libx264"), "-v", "error", "-y", *raw, *coder, str(path)]
    subprocess.run(command, input=np.ascontiguousarray(frames).tobytes(), check=True)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two moving scenes, a jump inside the second, a still scene, a black one, and a short one."""
    second = pan(30, 96, 128, step=1, seed=2)
    frames = [
        pan(10, 96, 128, seed=1),
        second[:8],
        second[20:],
        np.repeat(texture(96, 128, 3)[None], 6, 0),
        np.full((6, 96, 128, 3), 3, np.uint8),
        pan(3, 96, 128, seed=4),
    ]
    return encode(tmp_path_factory.mktemp("film") / "film.mp4", np.concatenate(frames))


def test_windows_cross_no_cut_and_drops_are_counted(film: Path, tmp_path: Path) -> None:
    """Would catch a window over a cut or jump, and still, black or short scenes that are kept or lost silently."""
    report = prepare([film], tmp_path, SMALL)
    (record,) = read_manifest(tmp_path)
    assert record.cuts == [10, 18, 28, 34, 40]
    assert record.dropped == report.dropped == {"still": 6, "black": 6, "short scene": 3}
    assert [(c.start, c.frames) for c in record.clips] == [(0, 10), (10, 8), (18, 10)]
    assert (record.source, record.frames, record.clips[1].seconds) == (str(film), 43, 0.4)
    original = list(video_frames(film))
    store = Store(tmp_path)
    for clip in store.clips():
        assert np.array_equal(store.hr(clip), np.stack(original[clip.start : clip.start + clip.frames]))


def test_jumps_of_real_footage_are_found(shared: Path) -> None:
    """The first 40 windows of 32 frames: each boundary is a jump, cuts apart; one of them cannot be seen."""
    video = shared / "data" / "train" / "bbb_360p.mp4"
    if not video.exists():
        pytest.skip(f"{video} is absent")
    analyser = Analyser()
    for frame in islice(video_frames(video), 40 * 32):
        analyser.add(frame)
    cuts = set(find_cuts(analyser.pairs, CutThresholds()))
    boundaries = range(32, len(analyser.luma), 32)
    missed = [b for b in boundaries if b not in cuts]
    # What is missed differs no more than neighbouring frames do: nothing to see, nothing to poison a window with.
    assert len(missed) <= 1
    assert all(analyser.pairs[b - 1].difference < 1.5 for b in missed)
    assert len(cuts) < 72, "false alarms waste footage"


def test_continuous_motion_and_repeated_frames_are_no_cuts() -> None:
    """Would catch alarms on pans and on footage in which every frame is shown twice."""
    for frames in (pan(20, 96, 128, step=3), np.repeat(pan(10, 96, 128, step=3), 2, axis=0)):
        analyser = Analyser()
        for frame in frames:
            analyser.add(frame)
        assert find_cuts(analyser.pairs, CutThresholds()) == []


def test_jumps_do_not_divide_what_is_held_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a shot of which training sees one part and evaluation another."""
    second = pan(30, 96, 128, step=1, seed=2)
    film = encode(tmp_path / "film.mp4", np.concatenate([pan(10, 96, 128, seed=1), second[:8], second[14:]]))
    asked: list[str] = []
    monkeypatch.setattr("vs_tecogan.training.data.selection.in_holdout", lambda key, _: bool(asked.append(key)))
    (source,) = find_footage([film])
    plan = plan_source(source, "film", SMALL)
    assert plan.cuts == [10, 18]
    assert asked == ["film:0", "film:10", "film:10"]


def test_area_downscale(film: Path, tmp_path: Path) -> None:
    """Would catch subsampling without a filter: each stored pixel is the mean of its cell."""
    prepare([film], tmp_path, PrepareOptions(downscale=2, min_frames=4, min_size=32, holdout=0.0))
    store = Store(tmp_path)
    frame = next(video_frames(film)).astype(np.float64)
    cells = frame.reshape(48, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.abs(store.hr(store.clips()[0])[0] - cells).max() <= 0.5


def test_second_run_resumes_and_other_settings_are_refused(film: Path, tmp_path: Path) -> None:
    """Would catch sources prepared twice, and a store of mixed settings."""
    first = prepare([film], tmp_path, SMALL)
    names = sorted(p.name for p in (tmp_path / "clips").iterdir())
    again = prepare([film], tmp_path, SMALL)
    assert (first.clips, again.clips) == (3, 0)
    assert sorted(p.name for p in (tmp_path / "clips").iterdir()) == names
    assert len(read_manifest(tmp_path)) == 1
    with pytest.raises(TrainingError, match="prepared with other settings"):
        prepare([film], tmp_path, PrepareOptions(downscale=2))


def test_a_torn_manifest_line_costs_one_source_only(film: Path, tmp_path: Path) -> None:
    """A kill during the append must neither lose the store nor leave half a record in it."""
    prepare([film], tmp_path, SMALL)
    with (tmp_path / "manifest.jsonl").open("a") as stream:
        stream.write('{"source": "b.mp4", "sha25')
    other = encode(tmp_path / "other.mp4", pan(8, 96, 128, seed=8))
    prepare([film, other], tmp_path, SMALL)
    assert [Path(r.source).name for r in read_manifest(tmp_path)] == ["film.mp4", "other.mp4"]


def test_dry_run_writes_nothing(film: Path, tmp_path: Path) -> None:
    """Would catch a dry run that creates the store."""
    report = prepare([film], tmp_path / "none", SMALL, dry_run=True)
    assert report.clips == 3
    assert not (tmp_path / "none").exists()


def test_corrupt_video_among_good_ones(film: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Skipped with its name and counted; the others are prepared, and half-written clips of it are gone."""
    videos = tmp_path / "videos"
    videos.mkdir()
    shutil.copy(film, videos / "good.mp4")
    (videos / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    data = bytearray(film.read_bytes())
    (videos / "cut-off.mp4").write_bytes(data[: len(data) // 2])
    (videos / "empty.mkv").write_bytes(b"")
    report = prepare([videos], tmp_path / "store", SMALL)
    assert sorted(Path(p).name for p in report.skipped) == ["cut-off.mp4", "empty.mkv", "noise.mp4"]
    assert report.clips == 3
    assert len(list((tmp_path / "store" / "clips").iterdir())) == 3


@pytest.mark.parametrize("bits", [8, 16])
def test_folders_of_images(tmp_path: Path, bits: int) -> None:
    """Natural order of names; 16-bit samples are scaled, not cut to white."""
    frames = pan(12, 96, 128)
    folder = tmp_path / "images" / "scene"
    folder.mkdir(parents=True)
    for k, frame in enumerate(frames):
        picture = frame[..., ::-1].astype(np.uint16) * 257 if bits == 16 else frame[..., ::-1]
        cv2.imwrite(str(folder / f"f{k}.png"), picture)
    prepare([tmp_path / "images"], tmp_path / "store", SMALL)
    store = Store(tmp_path / "store")
    assert np.array_equal(store.hr(store.clips()[0]), frames)


def test_a_folder_of_photographs_is_told_from_a_film(tmp_path: Path) -> None:
    """Would catch an error that leaves whoever has photographs without the option for them."""
    for name, size in (("a.png", (96, 128)), ("b.png", (128, 96))):
        cv2.imwrite(str(tmp_path / name), texture(*size))
    with pytest.raises(TrainingError, match=r"b\.png is 96x128, the folder's first image 128x96; .* --stills"):
        prepare([tmp_path], tmp_path / "store", SMALL)


def test_stills_are_clips_of_one_frame(film: Path, tmp_path: Path) -> None:
    """Would catch pictures taken for a film's frames, held out, lost beside films, written twice, or never read."""
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    wanted = {"a.png": texture(96, 128, 1), "more/b.png": texture(70, 200, 2)}
    for name, picture in (wanted | {"black.png": texture(96, 96, 3) // 32, "small.png": texture(40, 200, 4)}).items():
        cv2.imwrite(str(folder / name), picture[..., ::-1])
    options = replace(SMALL, holdout=0.99)
    report = prepare([film], tmp_path / "store", options, stills=[folder])
    assert report.dropped["black"] == 6 + 1
    assert report.dropped["too small"] == 1
    store = Store(tmp_path / "store")
    stills = [c for c in store.clips("train") if c.frames == 1]
    assert len(stills) == 2
    for clip, picture in zip(sorted(stills, key=lambda c: c.width), wanted.values(), strict=True):
        assert np.array_equal(store.hr(clip)[0], picture)
    assert prepare([], tmp_path / "store", options, stills=[folder / "a.png"]).clips == 0
    with pytest.raises(TrainingError, match="stills have no LR partner"):
        prepare([film], tmp_path / "other", options, stills=[folder], lr=[film])
    with pytest.raises(VideoError, match="no image there"):
        prepare([film], tmp_path / "other", options, stills=[tmp_path / "store"])


def test_own_pairs(tmp_path: Path) -> None:
    """LR and HR of the same names are cut alike; sizes and lengths that do not match are refused."""
    frames = pan(10, 128, 160, seed=5)
    for side, data in (
        ("hr", frames),
        ("lr", frames[:, ::4, ::4]),
        ("bad", frames[:, ::3, ::4]),
        ("few", frames[:8, ::4, ::4]),
    ):
        (tmp_path / side).mkdir()
        # Odd sizes have no chroma subsampling to suffer from.
        encode(tmp_path / side / "clip.mkv", data, "-c:v", "ffv1", "-pix_fmt", "bgr0")
    prepare([tmp_path / "hr"], tmp_path / "store", SMALL, lr=[tmp_path / "lr"])
    store = Store(tmp_path / "store")
    (clip,) = store.clips()
    assert np.array_equal(store.lr(clip), store.hr(clip)[:, ::4, ::4])
    for side, text in (("bad", "a factor of 2 or 4"), ("few", "8 frames, 10 expected")):
        with pytest.raises(TrainingError, match=f"none of 1 sources .*{text}.*{side}/clip.mkv"):
            prepare([tmp_path / "hr"], tmp_path / side / "store", SMALL, lr=[tmp_path / side])
        assert not list((tmp_path / side / "store" / "clips").iterdir())


def test_pairs_go_by_whole_names() -> None:
    """Would catch shot.002 taken for shot.001, and one of two films of a name trained with the other's LR."""
    high, low = (
        [Footage(path=Path(f"{side}/shot.00{k}"), images=(Path("0.png"),)) for k in (1, 2)] for side in ("hr", "lr")
    )
    assert pair_sources(high, low[::-1]) == (list(zip(high, low, strict=True)), {})
    films = [Footage(path=Path(f"{name}/film.mkv")) for name in ("a", "b")]
    for sides in ((films, films[:1]), (films[:1], films)):
        with pytest.raises(TrainingError, match=r"a/film\.mkv and b/film\.mkv are both named film"):
            pair_sources(*sides)


def test_divide_is_even() -> None:
    """Would catch a last remnant too short to use."""
    assert divide(0, 61, 60) == [(0, 30), (30, 31)]
    assert divide(5, 25, 60) == [(5, 20)]


def run(*words: object) -> int:
    import argparse

    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    args = parser.parse_args([str(w) for w in words])
    return guarded(lambda: command.run(args))


def test_command_on_bad_input(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each gives one line on stderr and exit code 2, and creates nothing."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "urls").write_text("# nothing\n")
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    cases: list[tuple[list[object], str]] = [
        ([tmp_path / "absent"], "does not exist"),
        ([tmp_path / "empty"], "no video and no image"),
        ([], "no video given"),
        (["--urls", tmp_path / "urls"], "holds no address"),
        ([tmp_path / "empty", "--max-frames", 5], "--min-frames <= --max-frames"),
    ]
    for words, text in cases:
        assert run(*words, "--out", tmp_path / "store") == 2
        output = capfd.readouterr()
        assert text in output.err
        assert output.out == ""
        assert not (tmp_path / "store").exists()
    assert run(tmp_path / "bad.mp4", "--out", tmp_path / "store") == 2
    assert "none of 1 sources could be used" in capfd.readouterr().err


def test_urls_go_through_yt_dlp(tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in yt-dlp on PATH: its files are prepared, a failing address stops nothing, a dry run only simulates."""
    program = tmp_path / "bin" / "yt-dlp"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {tmp_path}/calls\n'
        'for last; do :; done; [ "$last" = bad ] && exit 1\n'
        'case "$*" in *--simulate*) exit 0;; esac\n'
        f'while [ "$1" != --output ]; do shift; done; mkdir -p "$(dirname "$2")"; cp {film} "$(dirname "$2")/one.mp4"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    (tmp_path / "urls").write_text("# list\nbad\n\ngood\n")
    words = [
        "--urls",
        tmp_path / "urls",
        "--out",
        tmp_path / "store",
        "--downscale",
        1,
        "--min-size",
        64,
        "--min-frames",
        4,
    ]
    assert run(*words, "--dry-run") == 0
    assert not (tmp_path / "store").exists()
    assert (tmp_path / "calls").read_text().count("--simulate") == 2
    assert run(*words, "--remove") == 0
    assert len(Store(tmp_path / "store").clips()) == 3
    assert not list((tmp_path / "store" / "downloads").iterdir()), "--remove left a download behind"
    assert f"--download-archive {tmp_path}/store/fetched.txt" in (tmp_path / "calls").read_text()


def test_sources_are_found_once_and_in_natural_order(tmp_path: Path) -> None:
    """Would catch double counting when a folder and a file in it are both named."""
    for name in ("b10.mp4", "b9.mp4", "note.txt"):
        (tmp_path / name).write_bytes(b"x")
    found = find_footage([tmp_path, tmp_path / "b9.mp4"])
    assert [s.path.name for s in found] == ["b9.mp4", "b10.mp4"]


def test_store_errors(tmp_path: Path, store: Path) -> None:
    """A folder that is no store, one of another format, and a damaged clip: each says what to do."""
    with pytest.raises(TrainingError, match="is no prepared store"):
        Store(tmp_path)
    (tmp_path / "store.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(TrainingError, match="format 99"):
        Store(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(store, copy)
    opened = Store(copy)
    clip = opened.clips()[0]
    (copy / clip.file).write_bytes(b"damaged")
    with pytest.raises(TrainingError, match="damaged clip"):
        opened.hr(clip)
