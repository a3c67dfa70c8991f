"""The command line itself, and the subcommands that only report."""

from __future__ import annotations

import argparse
import io
import logging
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from vs_tecogan import __version__, hardware
from vs_tecogan.cli import COMMANDS, doctor, train
from vs_tecogan.cli.common import guarded, say
from vs_tecogan.cli.models import details, listing
from vs_tecogan.cli.progress import Progress
from vs_tecogan.networks import GeneratorSpec
from vs_tecogan.ops import native
from vs_tecogan.packages import OPTIONAL
from vs_tecogan.training.config import from_arguments
from vs_tecogan.weights import DEFAULT_MODEL, ModelCard, shipped_models

from .conftest import Command


def test_every_subcommand_is_listed(command: Command) -> None:
    """Would catch a subcommand whose module is there but that nobody can call."""
    folder = Path(doctor.__file__).parent
    modules = {path.stem.replace("_", "-") for path in folder.glob("*.py") if "def add_parser" in path.read_text()}
    assert modules == set(COMMANDS)
    done = command("--help")
    assert done.code == 0
    for name in COMMANDS:
        assert name in done.out
        assert command(name, "--help").code == 0


def test_version(command: Command) -> None:
    """Would catch a version that differs from the package's."""
    assert command("--version").out == f"vs-tecogan {__version__}\n"


def test_help_needs_no_torch() -> None:
    """Would catch heavy imports on the way to a help text, which make the command feel slow."""
    code = "import sys; from vs_tecogan.cli import main; main(['--help']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("words", [[], ["nonsense"], ["upscale"], ["models", "--", "-an"]])
def test_wrong_words(words: list[str], command: Command) -> None:
    """Would catch a usage dump of many lines where one says what is wrong."""
    done = command(*words)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)


def test_models(command: Command) -> None:
    """Would catch a shipped model that the list leaves out, or that does not say in one short line what it is for."""
    done = command("models")
    assert done.code == 0
    lines = dict(line.split(maxsplit=1) for line in done.out.splitlines())
    assert set(lines) == {f"{c.name}*" if c.name == DEFAULT_MODEL else c.name for c in shipped_models()}
    assert all(use[0].isupper() and use.endswith(".") and len(use) <= 100 for use in lines.values())


def test_one_model(command: Command) -> None:
    """Would catch facts of a card that are not shown, and a file in place of a name that is refused."""
    done = command("models", DEFAULT_MODEL)
    assert done.code == 0
    for fact in ("4x", "10 blocks of 64 channels", "Apache-2.0", "Big Buck Bunny"):
        assert fact in done.out
    assert command("models", "none").code == 2
    card = ModelCard(name="a", spec=GeneratorSpec(scale=2), licence="CC0", scores={"psnr": 31.25}, data="films")
    text = details(card, "For tests.")
    for fact in ("2x", "CC0", "psnr 31.25", "films", "For tests."):
        assert fact in text
    assert "training" not in text


def test_list_of_models_is_aligned() -> None:
    """Would catch sentences that begin in different columns."""
    lines = listing((("a", "For one."), ("long-name", "For two.")), "a").splitlines()
    assert lines[0].index("For") == lines[1].index("For")
    assert lines[0].startswith("a* ")


def test_doctor(command: Command) -> None:
    """Would catch a report that forgets a part, or calls a working installation broken."""
    done = command("doctor")
    assert done.code == (0 if shipped_models() else 1)
    for subject in ("python", "torch", "vapoursynth", "bestsource", "ffmpeg", "native extension", "cupy", "would use"):
        assert subject in done.out, subject


def test_doctor_names_the_kernels(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a report that does not say which instruction set runs, or that calls a missing extension present."""
    if native.available():
        assert native.describe() in command("doctor").out
    monkeypatch.setattr(native, "available", lambda: False)
    monkeypatch.setattr(native, "describe", lambda: "not built (no such file)")
    done = command("doctor")
    line, fix = (line for line in done.out.splitlines() if "not built" in line or native.remedy() in line)
    assert line.startswith("- native extension") and "torch's operators" in line
    assert "pip install" in fix


@pytest.mark.parametrize(
    ("build", "nvidia", "amd", "fix"),
    [
        (None, True, False, "torch --index-url https://download.pytorch.org/whl/cu130"),
        (None, False, True, "torch --index-url https://download.pytorch.org/whl/rocm6.4"),
        ("cuda", False, True, "torch --index-url https://download.pytorch.org/whl/rocm6.4"),
        ("cuda", True, False, "update the NVIDIA driver"),
        ("hip", False, True, "update the AMD driver"),
        (None, False, False, ""),
    ],
)
def test_doctor_finds_the_torch_of_a_card(
    build: str | None, nvidia: bool, amd: bool, fix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch a card that stays idle without a word: a torch for the CPU, or for the other maker's cards."""
    monkeypatch.setattr(hardware, "count", lambda _kind: 0)
    for kind in ("cuda", "hip"):
        monkeypatch.setattr(torch.version, kind, "1" if build == kind else None)
    monkeypatch.setattr("shutil.which", lambda name: name if nvidia and name == "nvidia-smi" else None)
    monkeypatch.setattr(doctor, "_AMD_DRIVER", tmp_path if amd else tmp_path / "none")
    found = doctor._gpu()
    assert found.text.startswith("none (") and not found.fatal
    assert fix in found.fix and bool(fix) == bool(found.fix)


def test_doctor_names_options_that_exist(command: Command) -> None:
    """Would catch advice that the command refuses, such as --no-tensorboard."""
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    of_upscale = command("upscale", "--help").out
    for package in OPTIONAL:
        if package.use.startswith("upscale "):
            assert f"{package.use.removeprefix('upscale ')} " in of_upscale
            continue
        words = re.findall(r"--[a-z][a-z-]*(?: [a-z_]+=[a-z0-9]+)?", package.use)
        from_arguments(parser.parse_args([part for word in words for part in word.split()]))


def test_doctor_names_the_fix(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a missing part that goes unnoticed, or is named without its remedy."""
    monkeypatch.setattr("vs_tecogan.video.ffmpeg.candidates", list)
    done = command("doctor")
    assert done.code == 1
    assert "pip install imageio-ffmpeg" in done.out
    assert done.out.splitlines()[-1].startswith("not usable: ffmpeg")


@pytest.mark.parametrize("package", ["numpy", "tqdm", "safetensors"])
def test_a_missing_package_is_named(package: str) -> None:
    """Would catch an internal error of every command, doctor's too, where one package is missing."""
    words = (
        f"import sys; sys.modules[{package!r}] = None; from vs_tecogan.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    run = [sys.executable, "-W", "ignore", "-c", words]
    done = subprocess.run([*run, "doctor"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and f"pip install {package}" in done.stdout and "internal" not in done.stderr
    if package != "safetensors":  # which is asked for later, by the weights
        done = subprocess.run([*run, "evaluate", "a.mkv"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1) and package in done.stderr, done.stderr


def test_doctor_names_what_extras_lack() -> None:
    """Would catch a user without OpenCV sent to a report that finds nothing wrong."""
    words = "import sys; sys.modules['cv2'] = None; from vs_tecogan.cli import main; sys.exit(main(['doctor']))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    line, fix = (line for line in done.stdout.splitlines() if "opencv-python-headless" in line)
    assert line.startswith("- extras") and "prepare, train, evaluate" in line
    assert fix.strip() == "-> pip install opencv-python-headless"


def test_doctor_says_which_ffmpeg_does_what(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a broken ffmpeg on PATH passed over without a word."""
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\necho nonsense\nexit 1\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    done = command("doctor")
    assert done.code == 0
    (line,) = (line for line in done.out.splitlines() if "passed over" in line and "->" not in line)
    assert line.startswith("- ffmpeg") and f"passed over: {tmp_path / 'ffmpeg'} fails in a short test" in line
    assert "for reading, libx264, libx265, mpeg2video, exact delays" in line


def test_doctor_survives_a_broken_part(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a traceback from the very command that is for broken installations."""

    def broken() -> doctor.Finding:
        raise OSError("libcuda.so: wrong ELF class")

    monkeypatch.setattr(doctor, "_torch", broken)
    done = command("doctor")
    assert done.code == 1
    assert "wrong ELF class" in done.out


def test_progress_in_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch carriage returns and thousands of lines in a log file: no terminal, a line every half minute."""
    clock = iter(range(0, 100, 11))
    monkeypatch.setattr("vs_tecogan.cli.progress.time.monotonic", lambda: float(next(clock)))
    log = io.StringIO()
    with Progress(9, stream=log) as progress:
        for _ in range(6):
            progress.frame()
    assert log.getvalue() == "3/9 frames, 0.09 fps, 00:01:06 left\n6/9 frames, 0.09 fps, 00:00:33 left\n"


def test_progress_of_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch hours that begin again at 24: a film on a CPU takes days."""
    clock = iter((0.0, 40.0))
    monkeypatch.setattr("vs_tecogan.cli.progress.time.monotonic", lambda: next(clock))
    log = io.StringIO()
    with Progress(10_001, stream=log) as progress:
        progress.frame()
    assert log.getvalue() == "1/10001 frames, 0.03 fps, 111:06:40 left\n"


def test_progress_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a render that ends because the reader of its log has gone."""
    monkeypatch.setattr("vs_tecogan.cli.progress._SECONDS_BETWEEN_LINES", 0.0)
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as log, Progress(2, stream=log) as progress:
        progress.frame()
        progress.frame()
    assert progress.done == 2


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_no_interrupt_is_lost(
    name: str, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch Ctrl-C without effect, and a traceback, where it meets a callback of VapourSynth."""
    import vapoursynth as vs

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    once = logging.Filter()
    monkeypatch.setattr(once, "filter", lambda _: signal.raise_signal(getattr(signal, name)), raising=False)
    logger = logging.getLogger("vapoursynth")

    def work() -> int:
        logger.addFilter(once)
        vs.core.log_message(vs.MESSAGE_TYPE_WARNING, "a callback")
        logger.removeFilter(once)
        time.sleep(10)
        return 0

    try:
        assert guarded(work) == code
    finally:
        logger.removeFilter(once)
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "vs-tecogan: interrupted\n"


def test_lines_stand_above_the_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a message written onto the end of the progress bar's line."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress(2):
        say("a line")
    assert "\rvs-tecogan: a line\n" in capsys.readouterr().err


def test_a_missing_package_stops_only_its_own_commands(tmp_path: Path) -> None:
    """Would catch a command that dies, or shows a traceback, because a package of another command is missing."""
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('No module named torch', name='torch')")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(Path.cwd())))}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "vs_tecogan", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert run("--help").returncode == 0
    done = run("export", "run", "model.safetensors")
    assert done.returncode == 2
    assert done.stderr == ("vs-tecogan: the package torch is not installed; `vs-tecogan doctor` says what to do\n")
