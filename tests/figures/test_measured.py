"""What the figures measure, on small clips: the same as the definitions give, written out once more."""

from __future__ import annotations

import argparse
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("cv2")

import fetch_eval
from figures import convergence, render, scores, tiles
from figures.footage import Degradation, compressed, low_resolution, pictures, there_and_back

from tests.metrics.conftest import moving
from vs_tecogan.metrics import psnr_y
from vs_tecogan.metrics.bicubic import bicubic_of
from vs_tecogan.video.ffmpeg import find_ffmpeg
from vs_tecogan.weights import save_model

if TYPE_CHECKING:
    from vs_tecogan.weights import Model


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder with one lossless clip of six frames, 109x98: no multiple of 4."""
    frames = np.stack(moving(6, 98, 109))
    (tmp_path / "clips").mkdir()
    command = [find_ffmpeg(), "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "109x98", "-i", "-"]
    out = ["-c:v", "libx264rgb", "-crf", "0", str(tmp_path / "clips/one.mkv")]
    subprocess.run([*command, *out], input=frames.tobytes(), check=True)
    assert np.array_equal(pictures(tmp_path / "clips/one.mkv"), frames)
    return tmp_path / "clips"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results are kept apart from those of real runs."""
    for module in (render, scores):
        monkeypatch.setattr(module, "CACHE", tmp_path / "kept")
    monkeypatch.setattr(scores, "COMPARED", ("psnr", "ssim", "tof"))  # none that asks for a download
    monkeypatch.setattr(scores, "ALONE", ("tdiff", "grid"))
    return tmp_path / "kept"


@pytest.mark.parametrize("codec", ["", "h264:45", "mpeg2:2000"])
def test_scores(clips: Path, skip_model: Model, tmp_path: Path, cache: Path, codec: str) -> None:
    """Would catch another degradation or phase for models than for the baseline, a cut at the wrong side, or a codec
    that is named and not used: a model of the skip connection alone scores as bicubic does."""
    skip = tmp_path / "skip.safetensors"
    save_model(skip, skip_model.generator, skip_model.card)
    args = argparse.Namespace(clips=clips, lpips_weights=None, niqe_params=None, jobs=1)
    found = scores.score(args, 6, 4, [str(skip)], Degradation(codec=codec))
    ours, bare = dict(found[str(skip)]["one"]), dict(found["bicubic"]["one"])
    assert ours.pop("grid") == pytest.approx(bare.pop("grid"), abs=0.01)  # of smooth pictures it is rounding
    assert ours.pop("over_bicubic") == pytest.approx(bare.pop("over_bicubic"), abs=0.02)
    assert ours == pytest.approx(bare, rel=2e-3, abs=1e-3)
    assert set(found["original"]["one"]) == {"tdiff", "grid"}
    clean = float(np.mean([psnr_y(bicubic_of(truth, 4), truth) for truth in moving(6, 98, 109)]))
    loss = clean - bare["psnr_plain"]
    assert (0.3 < loss < 15) if codec else loss == pytest.approx(0)
    table = scores.table(found, "One clip.")
    assert table.text("bicubic", "psnr_plain") == f"{bare['psnr_plain']:.2f}" and table.text("original", "psnr") == "–"
    count = len(list(cache.iterdir()))
    assert scores.score(args, 6, 4, [str(skip)], Degradation(codec=codec)) == found
    assert len(list(cache.iterdir())) == count


def test_rendered_as_a_user_renders(tiny_file: Path, clips: Path) -> None:
    """Would catch figures of other options than the filter's defaults, or of stale weights from the cache."""
    from vs_tecogan import tecogan

    low = low_resolution(pictures(clips / "one.mkv"), 4, Degradation())
    expected = render.frames_of(tecogan(render.clip_of(low), str(tiny_file), device="cpu", precision="fp32"))
    found = render.rendered(clips / "one.mkv", 6, 4, str(tiny_file), Degradation())
    assert np.array_equal(found, expected[:, :98, :109])
    assert np.array_equal(render.rendered(clips / "one.mkv", 6, 4, str(tiny_file), Degradation()), found)


def test_warm_up_meets_the_unbroken_chain(tiny_file: Path) -> None:
    """Would catch chains compared at different frames: the longest warm-up must come nearest."""
    low = low_resolution(np.stack(moving(36, 96, 112)), 4, Degradation())
    rows = convergence.meeting(low, [34], str(tiny_file))
    assert set(rows) == set(convergence.WARMUPS) and rows[0]["psnr"] < rows[24]["psnr"]
    assert rows[0]["mean"] > rows[24]["mean"] and rows[0]["max"] >= rows[0]["mean"]
    assert rows[0]["change"] == rows[24]["change"] > 0


def test_drift_follows_the_order(skip_model: Model, tmp_path: Path) -> None:
    """Would catch outputs that are held against the truth of other frames; a model without a past does not drift."""
    skip = tmp_path / "skip.safetensors"
    save_model(skip, skip_model.generator, skip_model.card)
    truth = np.stack(moving(4, 96, 112))
    low, order = low_resolution(truth, 4, Degradation()), list(there_and_back(4, 9))
    assert order == [0, 1, 2, 3, 2, 1, 0, 1, 2]
    found = convergence.drift(truth, low, order, str(skip), restart=0, warmup=0)
    assert found == pytest.approx([psnr_y(bicubic_of(truth[k], 4), truth[k]) for k in order], abs=0.1)
    assert found == pytest.approx(convergence.drift(truth, low, order, str(skip), restart=3, warmup=1), abs=1e-3)


def test_overlaps_of_tiles(tiny_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch seams that are measured where no tiles meet: the outermost pixels belong to one tile each."""
    monkeypatch.setattr(tiles, "TILE", (100, 90))
    found = [tiles.overlaps(model) for model in (str(tiny_file), "recurrent-small-4x")]
    for where, side in zip(found, (96, 100), strict=True):  # FNet's tiles begin and end on multiples of 8
        assert where.shape == (960, 1280) and 0.1 < where.mean() < 0.9
        assert not where[0, 0] and not where[-1, -1]
        assert where[0, 4 * side - 1] and not where[0, 4 * side]


def test_odd_sizes_survive_a_codec() -> None:
    """Would catch frames that are shifted, swapped or cut by the way to an encoder and back."""
    frames = np.stack(moving(5, 47, 53))
    back = compressed(frames, Degradation(codec="h264:1"))
    assert back.shape == frames.shape
    errors = [[float(np.abs(a.astype(int) - b).mean()) for b in frames] for a in back]
    assert [int(np.argmin(row)) for row in errors] == [0, 1, 2, 3, 4]


def archive_of(folder: Path, change: Callable[[bytes], bytes] = lambda data: data) -> tuple[Path, dict[str, bytes]]:
    """An archive laid out as DAVIS is, with frames that are no pictures of its, and the bytes of each clip."""
    import cv2

    path, whole = folder / "davis.zip", {}
    with zipfile.ZipFile(path, "w") as archive:
        for seed, name in enumerate(fetch_eval.CLIPS):
            for k, frame in enumerate(moving(fetch_eval.FRAMES, 32, 48, seed=seed)):
                data = change(cv2.imencode(".jpg", frame)[1].tobytes())
                archive.writestr(f"DAVIS/JPEGImages/480p/{name}/{k:05}.jpg", data)
                whole[name] = whole.get(name, b"") + data
    return path, whole


def test_evaluation_clips_hold_the_very_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Would catch frames that are encoded anew, another range of them, or other footage taken for the known one."""
    import hashlib

    archive, whole = archive_of(tmp_path)
    assert fetch_eval.main([str(tmp_path / "out"), "--archive", str(archive)]) == 2
    assert "has other frames of blackswan" in capsys.readouterr().err
    monkeypatch.setattr(fetch_eval, "CLIPS", {k: hashlib.sha256(v).hexdigest() for k, v in whole.items()})
    for _ in range(2):  # the second time nothing is to be made
        assert fetch_eval.main([str(tmp_path / "out"), "--archive", str(archive)]) == 0
        archive.unlink(missing_ok=True)
    for name, data in whole.items():
        assert fetch_eval.jpegs(tmp_path / "out" / f"{name}.mkv") == data
        assert len(pictures(tmp_path / "out" / f"{name}.mkv")) == fetch_eval.FRAMES
    (tmp_path / "out" / "camel.mkv").write_bytes((tmp_path / "out" / "parkour.mkv").read_bytes())
    assert fetch_eval.main([str(tmp_path / "out")]) == 2
    assert "camel.mkv holds other frames" in capsys.readouterr().err


def test_known_hashes_are_those_of_the_clips(shared: Path) -> None:
    """Would catch a hash that no download can meet."""
    for name, wanted in fetch_eval.CLIPS.items():
        assert fetch_eval.is_whole(shared / "data/eval" / f"{name}.mkv", wanted)


def test_pictures_show_what_they_say(clips: Path, tiny_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch panels in another order or of another place, frames that are lost, or a model left out."""
    import io

    from figures import pictures as sheets
    from PIL import Image

    for name, value in {"WIDTH": 40, "HEIGHT": 30, "START": 1, "LENGTH": 3, "LEFT": 20, "RIGHT": 80}.items():
        monkeypatch.setattr(sheets, name, value)
    clip, truth = clips / "one.mkv", moving(6, 98, 109)
    sheet = sheets.Sheet(models=(str(tiny_file),), frames=3)
    row = sheets.row(clip, sheets.Crop(frame=4, x=20, y=50), sheet)
    assert row.shape == (30, 3 * 40, 3)
    assert np.array_equal(row[:, 80:], truth[4][50:80, 20:60])
    assert np.array_equal(row[:, :40], bicubic_of(truth[4], 4)[50:80, 20:60])
    assert not np.array_equal(row[:, 40:80], row[:, :40])
    with Image.open(io.BytesIO(sheets.moving(clip, str(tiny_file)))) as picture:
        assert (picture.size, picture.n_frames) == ((3 * 60 + 2 * 6, 98), 3)
        picture.seek(2)
        shown = np.asarray(picture.convert("RGB")).astype(int)
    parts = [shown[30:, at : at + 60] for at in (0, 66, 132)]
    errors = [float(np.abs(part - truth[3][30:, 20:80]).mean()) for part in parts]
    assert errors[2] < min(errors[:2]) and np.abs(parts[0] - parts[1]).max() > 5
