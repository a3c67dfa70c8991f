"""The wheel: what is in it, that it works where the checkout is not, and what a build says that could not compile."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from vs_tecogan.ops import native
from vs_tecogan.video.ffmpeg import find_ffmpeg

REPOSITORY = Path(__file__).resolve().parents[1]
MOST_BYTES = 30e6
needs_terminal = pytest.mark.skipif(os.name == "nt", reason="a terminal of this kind is POSIX's")

FIRST_FRAME = """
import sys
from pathlib import Path
import vs_tecogan
from vs_tecogan.cli import main
from vs_tecogan.ops import native
code = main(["upscale", "in.png", "out.png", "-q"])
maps = Path("/proc/self/maps")
runtimes = {line.split()[-1] for line in maps.read_text().splitlines() if "libgomp" in line} if maps.exists() else ()
print(code, len(runtimes), native.describe(), vs_tecogan.__file__, sep="|")
"""
WITHOUT_COMPILER = """
import fcntl, runpy, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
sys.argv = ["setup.py", "build_ext", "--build-temp", "temp", "--build-lib", "lib"]
runpy.run_path("setup.py", run_name="__main__")
"""


@pytest.fixture
def copied(tmp_path: Path) -> Callable[..., Path]:
    """Copy what the build takes, without what was built: ``copied("models")`` with these folders beside the rest."""

    def copy(*folders: str) -> Path:
        root = tmp_path / "source"
        for folder in ("vs_tecogan", "csrc", *folders):
            built = shutil.ignore_patterns("__pycache__", "_native*")
            shutil.copytree(REPOSITORY / folder, root / folder, ignore=built)
        for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
            shutil.copy(REPOSITORY / name, root)
        return root

    return copy


@pytest.mark.slow
def test_from_the_wheel_to_a_first_frame(copied: Callable[..., Path], tmp_path: Path) -> None:
    """A wheel that is too large, lacks models, recipes or kernels, finds them in the checkout alone, or brings threads
    beside torch's.
    """
    if not native.available():
        pytest.skip(f"native extension {native.describe()}")
    root = copied("models", "recipes")
    # as the build would leave it: compiling takes minutes, and is tested by every other test
    version = f"{sys.version_info.major}{sys.version_info.minor}"
    lib = root / "build" / f"lib.{sysconfig.get_platform()}-{sys.implementation.cache_tag}" / "vs_tecogan"
    assert version in lib.parent.name
    lib.mkdir(parents=True)
    shutil.copyfile(native.location(), lib / Path(native.location()).name)
    run([sys.executable, "setup.py", "-q", "bdist_wheel"], root)
    (wheel,) = (root / "dist").glob("*.whl")
    assert wheel.stat().st_size < MOST_BYTES and f"cp{version}" in wheel.name
    names = set(zipfile.ZipFile(wheel).namelist())
    models = {f"vs_tecogan/_models/{path.name}" for path in (REPOSITORY / "models").iterdir()}
    recipes = {f"vs_tecogan/_recipes/{path.name}" for path in (REPOSITORY / "recipes").glob("*.toml")}
    wanted = {"vs_tecogan/_csrc/cuda/kernels.cu", "vs_tecogan/_csrc/warp.h", "vs_tecogan/py.typed"}
    assert names > models | recipes | wanted and not any("test" in name for name in names)

    # an environment that holds the wheel; what it depends on comes from this one's folder, after it
    place = tmp_path / "env"
    run([sys.executable, "-m", "venv", "--without-pip", place], tmp_path)
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    install = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel]
    run(install, tmp_path, environment)
    (site,) = place.rglob("site-packages")
    (site / "beside.pth").write_text(f"{Path(sysconfig.get_path('purelib'))}\n")
    run([find_ffmpeg(), "-v", "error", "-f", "lavfi", "-i", "testsrc=32x24", "-frames:v", "1", "in.png"], tmp_path)
    said = run([python, "-c", FIRST_FRAME], tmp_path, environment).splitlines()[-1].split("|")
    assert said == ["0", said[1], native.describe(), str(site / "vs_tecogan" / "__init__.py")] and int(said[1]) <= 1
    assert (tmp_path / "out.png").stat().st_size > 1000


@needs_terminal
def test_a_failed_build_is_loud(copied: Callable[..., Path]) -> None:
    """A build without a compiler that looks as if it had worked, as pip shows nothing; wheels without the code."""
    root = copied()
    near, far = os.openpty()
    compilers = {"CC": "false", "CXX": "false"}
    command = [sys.executable, "-c", WITHOUT_COMPILER]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    with os.fdopen(near, "rb", buffering=0) as terminal:
        done = subprocess.run(command, cwd=root, env=os.environ | compilers, stdin=far, check=False, **quiet)  # type: ignore[call-overload]
        said = terminal.read(1000).decode()
    assert done.returncode == 0
    assert "WITHOUT its native code" in said and f"about {native.SLOWDOWN} times slower" in said
    assert "g++ or clang++" in said or "xcode-select" in said
    strict = os.environ | compilers | {"VS_TECOGAN_REQUIRE_NATIVE": "1"}
    with pytest.raises(subprocess.CalledProcessError):
        run([sys.executable, "setup.py", "-q", "build_ext", "--build-temp", "t", "--build-lib", "l"], root, strict)
    os.close(far)


def run(command: list[object], folder: Path, env: dict[str, str] | None = None) -> str:
    """What a program prints."""
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True, env=env).stdout
