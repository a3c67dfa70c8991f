"""Reading clips and pairing them."""

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vs_tecogan.errors import MetricsError, UserError, VideoError
from vs_tecogan.metrics.sources import ClipPair, check_pair, open_clip, pair_up, read_pairs
from vs_tecogan.video.ffmpeg import find_ffmpeg

from .conftest import Frames, Write, moving

cv2 = pytest.importorskip("cv2")


def encode(path: Path, frames: Frames, rate: str = "25", options: tuple[str, ...] = ("-c:v", "ffv1")) -> Path:
    """A video of the frames; lossless RGB unless told otherwise."""
    height, width = frames[0].shape[:2]
    command = [find_ffmpeg(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-r", rate, "-i", "-", *options, str(path)]
    subprocess.run(command, input=b"".join(frame.tobytes() for frame in frames), check=True)
    return path


def test_images_in_natural_order(write: Write) -> None:
    """frame10 before frame9, BGR for RGB, and files that the official script ignores."""
    frames = moving(12, 16, 20)
    folder = write("clip", frames)
    cv2.imwrite(str(folder / "IB_preview.png"), frames[0])
    (folder / "notes.txt").write_text("no image")
    clip = open_clip(folder)
    assert (clip.length, clip.width, clip.height, clip.fps) == (12, 20, 16, None)
    np.testing.assert_array_equal(list(clip.frames()), frames)


def test_sixteen_bit_images_are_scaled(tmp_path: Path) -> None:
    """High bytes cut off, or white pictures."""
    cv2.imwrite(str(tmp_path / "a.png"), np.full((4, 4, 3), 200 * 257 + 100, np.uint16))
    assert next(open_clip(tmp_path).frames()).tolist() == np.full((4, 4, 3), 200).tolist()


def test_lossless_video_is_exact(tmp_path: Path) -> None:
    """Any loss on the way from an RGB video, or another frame count or rate."""
    frames = moving(5, 48, 64)
    clip = open_clip(encode(tmp_path / "v.mkv", frames, "24000/1001", ("-c:v", "ffv1", "-pix_fmt", "gbrp")))
    assert (clip.length, clip.width, clip.height, clip.fps) == (5, 64, 48, Fraction(24000, 1001))
    np.testing.assert_array_equal(list(clip.frames()), frames)


@pytest.mark.parametrize("full", [True, False])
def test_matrix_and_range_of_video(tmp_path: Path, full: bool) -> None:
    """The wrong matrix or range, which shifts whole pictures by many levels."""
    frames = [np.broadcast_to(np.array(c, np.uint8), (64, 64, 3)).copy() for c in ([200, 40, 60], [30, 160, 220])]
    side = "pc" if full else "tv"
    options = ("-vf", f"scale=out_color_matrix=bt470bg:out_range={side}", "-pix_fmt", "yuv444p", "-c:v", "ffv1")
    video = encode(tmp_path / "v.mkv", frames, options=(*options, "-colorspace", "bt470bg", "-color_range", side))
    np.testing.assert_allclose(list(open_clip(video).frames()), frames, atol=2)


def test_evaluation_clips_agree_with_ffmpeg(shared: Path) -> None:
    """Full-range motion JPEG read as limited range."""
    path = shared / "data/eval/camel.mkv"
    command = [find_ffmpeg(), "-v", "error", "-i", str(path), "-frames:v", "1"]
    raw = subprocess.run([*command, "-pix_fmt", "rgb24", "-f", "rawvideo", "-"], capture_output=True, check=True).stdout
    clip = open_clip(path)
    other = np.frombuffer(raw, np.uint8).reshape(clip.height, clip.width, 3)
    assert (clip.length, clip.width, clip.height) == (40, 854, 480)
    assert np.abs(next(clip.frames()).astype(int) - other).mean() < 1


def test_mismatches_name_both_sides(write: Write, tmp_path: Path) -> None:
    """A message that leaves the user to find out which file has which size, length or rate."""
    small, large, short = (write(n, moving(k, 16, w)) for n, k, w in (("a", 6, 20), ("b", 6, 22), ("c", 5, 20)))
    slow, fast = (encode(tmp_path / f"{rate}.mkv", moving(3, 48, 64), rate) for rate in ("24", "25"))
    for result, reference, text in (
        (small, large, "a is 20x16, .*b is 22x16"),
        (short, small, "c has 5 frames, .*a has 6"),
        (slow, fast, r"24\.mkv runs at 24 fps, .*25\.mkv at 25 fps"),
    ):
        with pytest.raises(MetricsError, match=text):
            check_pair(ClipPair(name="x", result=open_clip(result), reference=open_clip(reference)), "plain")


def test_official_overhang_is_hinted_at(write: Write) -> None:
    """A result of ceil(size / 4) * 4 refused without a word about the protocol that takes it."""
    pair = ClipPair(
        name="x", result=open_clip(write("a", moving(5, 16, 20))), reference=open_clip(write("b", moving(5, 14, 19)))
    )
    check_pair(pair, "official")
    with pytest.raises(MetricsError, match="official protocol cuts this overhang"):
        check_pair(pair, "plain")


def test_folders_of_clips_are_paired_by_name(write: Write) -> None:
    """Pairs by position, which a missing clip shifts."""
    frames = moving(2, 16, 16)
    for name in ("r/walk", "r/city", "t/city", "t/foliage", "t/walk"):
        write(name, frames)
    root = write("unused", frames).parent
    pairs = pair_up([root / "r"], [root / "t"])
    assert [(p.name, p.reference.path.name if p.reference else None) for p in pairs] == [
        ("city", "city"),
        ("walk", "walk"),
    ]
    with pytest.raises(MetricsError, match=r"foliage has no partner named foliage in .*r$"):
        pair_up([root / "t"], [root / "r"])


def test_clips_of_one_name_are_refused(tmp_path: Path) -> None:
    """Would catch a result that silently goes unmeasured beside another of its name."""
    for name in ("a.mp4", "a.mkv"):
        (tmp_path / name).touch()
    with pytest.raises(MetricsError, match=r"a\.mkv and .*a\.mp4 are both named a; "):
        pair_up([tmp_path], [])


def test_list_of_pairs(write: Write) -> None:
    """Paths taken relative to the working folder, comments read as paths, broken lines skipped."""
    frames = moving(2, 16, 16)
    a, b = write("a", frames), write("b", frames)
    table = a.parent / "pairs.csv"
    table.write_text("# result,reference\na,b\n\nb, a\n")
    assert read_pairs(table) == ([a, b], [b, a])
    table.write_bytes("a,b\n".encode("utf-8-sig"))  # as spreadsheets write it
    assert read_pairs(table) == ([a], [b])
    table.write_text("a,b\na\n")
    with pytest.raises(MetricsError, match="line 'a'"):
        read_pairs(table)
    table.write_text("")
    with pytest.raises(MetricsError, match="lists no pairs"):
        read_pairs(table)


def test_interlaced_video_is_named(tmp_path: Path) -> None:
    """Would catch a traceback, or its last line lost, where single frames cannot be converted."""
    options = ("-vf", "setfield=tff", "-pix_fmt", "yuv420p", "-c:v", "ffv1", "-flags", "+ilme")
    video = encode(tmp_path / "v.mkv", moving(5, 64, 64), options=options)
    with pytest.raises(MetricsError, match=r"v\.mkv.*interlaced") as caught:
        list(open_clip(video).frames())
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("make", ["missing", "empty folder", "text file", "broken image"])
def test_unreadable_clips(tmp_path: Path, make: str) -> None:
    """A traceback instead of one line that names the file."""
    path = tmp_path / "clip"
    if make == "text file":
        path = tmp_path / "clip.mkv"
        path.write_text("no video")
    elif make != "missing":
        path.mkdir()
    if make == "broken image":
        (path / "clip.png").write_bytes(b"no image")
    with pytest.raises(UserError, match="clip"):
        open_clip(path)


def test_images_of_two_sizes(write: Write) -> None:
    """Frames of another size measured as if they were one clip."""
    clip = open_clip(write("a", [*moving(2, 16, 20), *moving(1, 18, 20)]))
    with pytest.raises(VideoError, match=r"frame2\.png is 20x18, the folder's first image 20x16"):
        list(clip.frames())
