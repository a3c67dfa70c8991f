"""``vs-tecogan doctor``: what is installed, what would be used and why, and how to get what is missing."""

import argparse
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..packages import missing

_AMD_DRIVER = Path("/dev/kfd")
_CUPY_NAMES = ("cupy-cuda13x", "cupy-cuda12x", "cupy")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report."""

    subject: str
    text: str
    fix: str = ""
    """What to do about it, in one line; empty where nothing is wrong."""
    fatal: bool = False
    """True where nothing works without it."""


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser(
        "doctor",
        description="Report the installation. Exit code: 0 usable, 1 something needed is missing.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)


def run(_args: argparse.Namespace) -> int:
    """Print the report to stdout."""
    findings = list(examine())
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        mark = " " if not finding.fix else "!" if finding.fatal else "-"
        print(f"{mark} {finding.subject.ljust(width)}  {finding.text}")  # noqa: T201
        if finding.fix:
            print(f"  {' ' * width}  -> {finding.fix}")  # noqa: T201
    broken = [finding.subject for finding in findings if finding.fatal and finding.fix]
    print(f"not usable: {', '.join(broken)}" if broken else "usable")  # noqa: T201
    return 1 if broken else 0


def examine() -> Iterator[Finding]:
    """Look at each part in turn; a part that fails to load is a finding, never an exception."""
    yield _python()
    yield Finding(subject="processor", text=_processor())
    for look in (
        *(_packages, _torch, _vapoursynth, _bestsource, _deinterlacer, _ffmpeg, _ffprobe, _extras),
        *(_native, _gpu, _cupy, _device, _models),
    ):
        try:
            yield look()
        except Exception as error:  # whatever is broken is what the report is for
            yield Finding(subject=look.__name__[1:], text=f"fails: {_line(error)}", fix="install it again", fatal=True)


def _line(error: object) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _python() -> Finding:
    old = sys.version_info < (3, 12)
    return Finding(
        subject="python",
        text=f"{platform.python_version()} ({sys.executable})",
        fix="use Python 3.12 or newer" if old else "",
        fatal=True,
    )


def _processor() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        import torch

        level = f", torch kernels for {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads"
    except Exception:  # torch has a finding of its own
        level = ""
    features = " ".join(_features())
    return f"{platform.machine()}, {cores} cores{level}{f', {features}' if features else ''}"


def _features() -> list[str]:
    """Instruction sets that matter here, where Linux lists them."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:  # noqa: PTH123
            flags = next((line.split(":", 1)[1].split() for line in file if line.startswith(("flags", "Features"))), [])
    except OSError:
        return []
    wanted = ("avx", "avx2", "fma", "f16c", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16", "sve")
    return [flag for flag in wanted if flag in flags]


def _packages() -> Finding:
    """What has no finding of its own and is needed all the same."""
    missing = [name for name in ("numpy", "safetensors", "tqdm") if find_spec(name) is None]
    return Finding(
        subject="packages",
        text=f"missing: {', '.join(missing)}" if missing else "numpy, safetensors, tqdm",
        fix=f"pip install {' '.join(missing)}" if missing else "",
        fatal=True,
    )


def _torch() -> Finding:
    try:
        import torch
    except ImportError as error:
        return Finding(subject="torch", text=f"missing ({_line(error)})", fix="pip install torch", fatal=True)
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU build"
    return Finding(subject="torch", text=f"{torch.__version__} ({build})")


def _vapoursynth() -> Finding:
    try:
        import vapoursynth as vs
    except ImportError as error:
        text = f"missing ({_line(error)})"
        return Finding(subject="vapoursynth", text=text, fix="pip install 'vapoursynth>=78'", fatal=True)
    release = vs.core.core_version.release_major
    fix = "pip install -U 'vapoursynth>=78'" if release < 78 else ""
    return Finding(subject="vapoursynth", text=f"R{release}, {vs.core.num_threads} threads", fix=fix, fatal=True)


def _bestsource() -> Finding:
    import vapoursynth as vs

    installed = _version("vapoursynth-bestsource")
    loaded = hasattr(vs.core, "bs")
    return Finding(
        subject="bestsource",
        text=(installed or "loaded from a plugin folder") if loaded else "missing: the command cannot open files",
        fix="" if loaded else "pip install vapoursynth-bestsource",
        fatal=True,
    )


def _deinterlacer() -> Finding:
    from ..video.fields import has_deinterlacer

    text = "bwdif" if has_deinterlacer() else "none, and only --deinterlace needs it: pip install vapoursynth-bwdif"
    return Finding(subject="deinterlacer", text=text)


def _ffmpeg() -> Finding:
    """Which ffmpeg is used for what, and why others are not."""
    from ..errors import VideoError
    from ..video import ffmpeg as ff

    found = ff.candidates()
    if not found:
        return Finding(subject="ffmpeg", text="missing", fix="pip install imageio-ffmpeg", fatal=True)
    passed_over = [f"{path} {fault}" for path in found if (fault := ff.fault_of(path))]
    uses: dict[str, list[str]] = {}
    for use, codec, needs in _FFMPEG_USES:
        try:
            uses.setdefault(ff.find_ffmpeg(codec, packet_filter=needs), []).append(use)
        except VideoError:
            uses.setdefault("", []).append(use)
    unused = uses.pop("", [])
    parts = [f"{ff.version(path)} ({path}) for {', '.join(names)}" for path, names in uses.items()]
    parts += [f"none for {', '.join(unused)}"] * bool(unused)
    parts += [f"passed over: {'; '.join(passed_over)}"] * bool(passed_over)
    fix = "pip install imageio-ffmpeg" if unused else "remove or renew what is passed over" if passed_over else ""
    return Finding(subject="ffmpeg", text="; ".join(parts), fix=fix, fatal=not uses)


_FFMPEG_USES = (
    ("reading", None, None),
    ("libx264", "libx264", None),
    ("libx265", "libx265", None),
    ("mpeg2video", "mpeg2video", None),
    ("exact delays", "libx264", ("setts", "prescale")),
)
"""What it is called here, the encoder, and the option of a packet filter."""


def _ffprobe() -> Finding:
    from ..video.ffmpeg import find_ffprobe

    return Finding(subject="ffprobe", text=find_ffprobe() or "none that works, and not needed: ffmpeg is asked instead")


def _extras() -> Finding:
    """Packages that only some commands need."""
    absent = missing()
    return Finding(
        subject="extras",
        text="; ".join(f"missing: {one.pip} ({one.use})" for one in absent) or "all that train and evaluate may need",
        fix=f"pip install {' '.join(one.pip for one in absent)}" if absent else "",
    )


def _native() -> Finding:
    """The compiled operators and what they run on; without them torch's own are used."""
    from ..ops import native

    if not native.available():
        return Finding(
            subject="native extension",
            text=f"torch's operators are used instead: {native.describe()}",
            fix=native.remedy(),
        )
    return Finding(subject="native extension", text=f"{native.describe()} ({native.location()})")


def _gpu() -> Finding:
    import torch

    from .. import hardware

    listed = [
        "mps" if kind == "mps" else f"{kind}:{index}"
        for kind in hardware.KINDS
        for index in range(hardware.count(kind))
    ]
    if not listed:
        reason = "no device" if torch.version.cuda or torch.version.hip else "this torch is a CPU build"
        return Finding(subject="gpu", text=f"none ({reason})", fix=_fix_without_gpu())
    states = {place: hardware.trouble(place) for place in listed}
    texts = [
        f"{place} {hardware.name(place)}" + (f" does not work ({why})" if why else "") for place, why in states.items()
    ]
    fix = "update the driver, or install the torch that pytorch.org names for it" if any(states.values()) else ""
    return Finding(subject="gpu", text=", ".join(texts), fix=fix)


def _fix_without_gpu() -> str:
    """What makes a card visible whose driver is there, whatever torch sees; empty where there is none."""
    import torch

    for there, fits, driver, index in (
        (shutil.which("nvidia-smi") is not None, torch.version.cuda, "the NVIDIA driver", "cu130"),
        (_AMD_DRIVER.exists(), torch.version.hip, "the AMD driver, or join the groups render and video", "rocm6.4"),
    ):
        if there:
            line = f"pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/{index}"
            return f"update {driver}" if fits else line
    return ""


def _cupy() -> Finding:
    import torch

    installed = next((f"{name} {found}" for name in _CUPY_NAMES if (found := _version(name))), None)
    if torch.version.hip is not None or not torch.cuda.is_available():
        return Finding(subject="cupy", text=f"{installed or 'not installed'}, not needed without an NVIDIA GPU")
    major = (torch.version.cuda or "13").split(".")[0]
    fix = f"pip install cupy-cuda{major}x"
    if installed is None:
        return Finding(subject="cupy", text="missing: the GPU runs slower without it", fix=fix)
    try:
        import_module("cupy")
    except Exception as error:  # a CuPy for another CUDA raises many types
        return Finding(subject="cupy", text=f"{installed} does not load ({_line(error)})", fix=fix)
    return Finding(subject="cupy", text=installed)


def _device() -> Finding:
    """Device and precision that the defaults stand for."""
    from ..engine import resolve_device, resolve_precision

    device = resolve_device(None)
    precision, reason = resolve_precision(device, "auto")
    why = "no GPU that works" if device == "cpu" else "the first GPU that works"
    return Finding(subject="would use", text=f"{device} ({why}), {precision} ({reason})")


def _models() -> Finding:
    from ..weights import DEFAULT_MODEL, models_folder, shipped_models

    names = [card.name for card in shipped_models()]
    missing = DEFAULT_MODEL not in names
    return Finding(
        subject="models",
        text=f"{', '.join(names) or 'none'} ({models_folder()})",
        fix="install the package again" if missing else "",
        fatal=True,
    )
