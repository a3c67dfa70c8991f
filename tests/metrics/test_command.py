"""The command `evaluate` and the script that scores models."""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vs_tecogan.cli.common import Parser, guarded
from vs_tecogan.cli.evaluate import add_parser
from vs_tecogan.metrics import evaluate_pair
from vs_tecogan.video.ffmpeg import find_ffmpeg

from .conftest import Frames, Write, moving

if TYPE_CHECKING:
    pass

pytest.importorskip("cv2")
REPOSITORY = Path(__file__).resolve().parents[2]


def run(*arguments: object) -> int:
    """The subcommand, as the command line runs it."""
    parser = Parser(prog="vs-tecogan")
    add_parser(parser.add_subparsers(parser_class=Parser))
    try:
        args: argparse.Namespace = parser.parse_args(["evaluate", *map(str, arguments)])
    except SystemExit as done:
        return int(done.code or 0)
    return guarded(lambda: args.run(args))


def test_table_and_files(
    write: Write, result: Frames, truth: Frames, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Numbers that change on their way to the table or the files."""
    a, b = write("result", result), write("truth", truth)
    files = {kind: tmp_path / f"out.{kind}" for kind in ("json", "csv", "html")}
    options = [part for kind, path in files.items() for part in (f"--{kind}", path)]
    assert run(a, "--reference", b, "--metrics", "tof,psnr,fvd", *options, "--jobs", 2) == 0
    out, err = capsys.readouterr()
    expected = evaluate_pair(result, truth, protocol="official", metrics=("psnr", "tof")).means
    assert f"{expected['psnr']:.3f}" in out
    assert f"{expected['tof']:.4f}" in out
    assert "FVD: not measured: no I3D network was given (--i3d FILE)" in out
    assert err == ""
    document = json.loads(files["json"].read_text())
    assert document["frame_average"] == pytest.approx(expected)
    assert files["csv"].read_text().startswith("clip,frame,psnr,tof\n")
    assert "<title>Evaluation of result</title>" in files["html"].read_text()


def test_pictures_too_small_for_a_metric(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """Would catch an internal error where a picture holds no window of SSIM, or the other metrics lost with it."""
    a, b = (write(name, moving(3, 6, 6, seed=seed)) for name, seed in (("a", 1), ("b", 2)))
    assert run(a, "--reference", b, "--protocol", "plain", "--metrics", "psnr,ssim", "-q") == 0
    out = capsys.readouterr().out
    assert "PSNR" in out and "SSIM: not measured: b: 6x6 holds no window of 7x7" in out
    assert run(a, "--reference", b, "--protocol", "plain", "--metrics", "ssim", "-q") == 2
    assert "choose other --metrics" in capsys.readouterr().err


def test_a_full_disk_leaves_no_half_report(
    write: Write, result: Frames, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Would catch a truncated report that stays, or an error that names no file."""
    clip, out = write("result", result), tmp_path / "out.html"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        assert run(clip, "--protocol", "plain", "--metrics", "tdiff", "--html", out, "-q") == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert f"cannot write {out}: File too large" in capsys.readouterr().err
    assert not out.exists()


def test_without_reference(write: Write, result: Frames, capsys: pytest.CaptureFixture[str]) -> None:
    """Metrics that need a reference listed as failures where none was given."""
    assert run(write("result", result), "--protocol", "plain", "--metrics", "psnr,tdiff,acd", "--quiet") == 0
    out = capsys.readouterr().out
    assert "T-diff" in out
    assert "PSNR" not in out


def test_needed_reference(write: Write, result: Frames, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty table and exit code 0 where all that was asked for needs a reference; a video given for a list."""
    assert run(write("result", result), "--protocol", "plain", "--metrics", "psnr,ssim", "-q") == 2
    assert "psnr, ssim" in capsys.readouterr().err
    (tmp_path / "clip.csv").write_text("x" * 5000)
    assert run("--pairs", tmp_path / "clip.csv", "-q") == 2
    assert "name too long" in capsys.readouterr().err


def test_list_of_pairs(write: Write, result: Frames, truth: Frames, capsys: pytest.CaptureFixture[str]) -> None:
    """A list that measures one of its pairs only; two clips of one name in one row."""
    root = write("x/clip", result).parents[1]
    write("y/clip", truth)
    (root / "pairs.csv").write_text("x/clip,y/clip\ny/clip,y/clip\n")
    assert run("--pairs", root / "pairs.csv", "--metrics", "psnr", "--quiet") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:2] == ["clip", "x"]
    assert lines[2].split()[:2] == ["clip", "y"]
    assert lines[2].endswith("∞")


def test_results_of_one_reference(
    write: Write, result: Frames, truth: Frames, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two methods compared on one reference in rows that do not say which is which, or averages that mix them."""
    sharp, soft, real = write("sharp", result), write("soft", truth), write("real", truth)
    for references in ([real], [real, real]):
        assert run(sharp, soft, "--reference", *references, "--metrics", "psnr", "-q") == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[:2] for line in lines[1:3]] == [["real", "sharp"], ["real", "soft"]]
        assert not any("average" in line for line in lines), "the two are means over one clip each"


def test_methods_side_by_side(
    write: Write, result: Frames, truth: Frames, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Would catch "calendar (1)", averages over methods, curves apart, or pictures of different frames."""
    other = [frame[::-1].copy() for frame in truth]
    for folder, clips in (("soft", result), ("same", truth)):
        write(f"{folder}/calendar", clips)
        write(f"{folder}/city", [frame[::-1].copy() for frame in clips])
    write("truth/calendar", truth)
    root = write("truth/city", other).parents[1]
    files = {kind: tmp_path / f"out.{kind}" for kind in ("json", "csv", "html")}
    options = [part for kind, path in files.items() for part in (f"--{kind}", path)]
    assert run(root / "soft", root / "same", "--reference", root / "truth", "--metrics", "psnr,tdiff", *options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["calendar", "soft"], ["calendar", "same"], ["city", "soft"], ["city", "same"]
    ]  # fmt: skip
    frames = [line for line in lines if line.startswith("average of frames")]
    assert [line.split()[3] for line in frames] == ["soft", "same"]
    assert ["∞" in line for line in frames] == [False, True]
    document = json.loads(files["json"].read_text(encoding="utf-8"))
    assert document["methods"]["same"]["frame_average"]["psnr"] == "inf"
    assert document["methods"]["soft"]["frame_average"]["psnr"] < 60
    assert files["csv"].read_text(encoding="utf-8").startswith("clip,method,frame,psnr,tdiff")
    page = files["html"].read_text(encoding="utf-8")
    assert page.count("<details") == 2
    charts = [json.loads(text) for text in re.findall(r'application/json">(.*?)</script>', page)]
    assert [line["name"] for line in charts[0]] == ["soft", "same", "bicubic"]
    assert [line["name"] for line in charts[1]] == ["soft", "same", "reference", "bicubic"]
    assert 'data-x="frame" data-y="Y-PSNR dB"' in page
    select = re.search(r'data-side="left">(.*?)</select>', page)
    assert select
    assert re.findall(r'value="([^"]*)"', select[1]) == [
        "soft", "same", "reference", "bicubic", "difference soft", "difference same"
    ]  # fmt: skip
    assert page.count('data-name="same"') == page.count('data-name="soft"') > 0


def test_untagged_video_is_named(truth: Frames, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A guessed matrix that does not say of which file, or that asks for an option which the command has not."""
    path = tmp_path / "untagged.mkv"
    command = [find_ffmpeg(), "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=5:duration=1"]
    subprocess.run([*command, "-pix_fmt", "yuv420p", "-c:v", "ffv1", path], check=True)
    assert run(path, "--protocol", "plain", "--metrics", "acd", "-q") == 0
    said = capsys.readouterr().err
    assert f"{path}: frame " in said
    assert "matrix=" not in said


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["{a}", "--reference", "{c}"], "a has 8 frames, .*c has 9"),
        (["{a}", "--reference", "{d}"], "a is 112x96, .*d is 64x64"),
        (["{a}", "--reference", "{e}"], "e does not exist"),
        (["{a}", "--metrics", "psnrr"], "no metric is called 'psnrr'"),
        (["{a}", "--json", "{e}/out.json"], "no folder"),
        (["{a}", "--profile", "diagonal"], "diagonal"),
        (["{a}", "--crop", "0,0,1"], "X,Y,W,H"),
        (["{a}", "--html", "{a}/x.html", "--crop", "100,0,20,20"], "reaches outside"),
        (["{a}", "--jobs", "0"], "--jobs 0"),
        (["{a}", "--squeezenet", "{e}", "--reference", "{a}", "--metrics", "squeeze"], "no SqueezeNet weights"),
        (["{s}", "--reference", "{s}"], "has 3 frames.*plain protocol"),
        ([], "give RESULT"),
    ],
)
def test_wrong_input_exits_with_2(
    write: Write, truth: Frames, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    """A traceback, another exit code, or a message of many lines."""
    folders = {"a": write("a", truth), "c": write("c", moving(9)), "d": write("d", moving(8, 64, 64))}
    folders |= {"s": write("s", truth[:3])}
    folders["e"] = folders["a"].parent / "e"
    names = {key: str(path) for key, path in folders.items()}
    assert run(*(argument.format(**names) for argument in arguments), "--quiet") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert re.search(text, err)
