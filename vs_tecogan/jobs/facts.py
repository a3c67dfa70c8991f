"""All that the pixels of a job depend on, in words that can be compared and shown."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path
from typing import Any

import torch
import vapoursynth as vs

from .. import hardware
from ..engine.select import resolve_device, resolve_precision
from ..errors import JobError
from ..ops import cuda, native
from ..version import __version__
from ..video.ffmpeg import find_ffmpeg
from ..video.ffmpeg import version as ffmpeg_version
from ..video.pictures import sequence_of
from ..video.source import Source
from ..weights.store import find_model
from .fingerprint import fingerprint, fingerprint_of_many
from .sealed import Json
from .spec import Placement, Spec

_MOST_BYTES_PER_PIXEL = 8192
_MOST_BYTES_BESIDES = 1 << 30
"""More than a step of any network takes; an engine tiles what would take half of the memory."""


def source_facts(spec: Spec) -> dict[str, Json]:
    """Fingerprints of the files that the job reads, and which part of them it shows.

    :raises JobError: one cannot be read.
    """
    try:
        files, _ = sequence_of(Path(spec.source))
        facts: dict[str, Json] = {"content": fingerprint_of_many(files) if files else fingerprint(Path(spec.source))}
        if spec.audio:
            facts["audio"] = fingerprint(Path(spec.audio))
    except OSError as error:
        raise JobError(f"cannot read {error.filename}: {error.strerror}") from None
    if spec.track is not None:
        facts["track"] = spec.track
    if spec.crop:
        facts["crop"] = " ".join(map(str, spec.crop))
    if spec.is_script:
        facts["arguments"] = " ".join(f"{key}={value}" for key, value in sorted(spec.arguments.items()))
    return facts


def clip_facts(spec: Spec, source: Source) -> dict[str, Json]:
    """What the source shows, and which of its frames the job takes."""
    clip = source.clip
    return {
        "size": f"{clip.width}x{clip.height}",
        "format": clip.format.name,
        "frames": clip.num_frames,
        "rate": str(source.timeline.frame_rate),
        "times": hashlib.sha256(repr(source.timeline).encode()).hexdigest()[:16],
        "start": spec.first,
        "end": spec.end,
    }


def model_facts(spec: Spec) -> dict[str, Json]:
    """The weights, by content: a file of another name or place may be the same.

    :raises WeightsError: there is no such model.
    """
    if not spec.model:
        return {}
    content = find_model(spec.model).read_bytes()
    return {"name": Path(spec.model).stem, "hash": hashlib.sha256(content).hexdigest()[:32]}


def version_facts(codec: str) -> dict[str, Json]:
    """Releases of what decodes, computes and encodes."""
    bestsource: Any = vs.core.bs.version if hasattr(vs.core, "bs") else "none"
    return {
        "vs_tecogan": __version__,
        "vapoursynth": importlib.metadata.version("vapoursynth"),
        "bestsource": f"{bestsource.major}.{bestsource.minor}" if hasattr(bestsource, "major") else str(bestsource),
        "torch": torch.__version__,
        "ffmpeg": ffmpeg_version(find_ffmpeg(codec)),
    }


def device_facts(spec: Spec, place: Placement, source: Source) -> dict[str, Json]:
    """The kind of device, and what it makes of the options that were left to it.

    :raises EngineError: there is no such device here.
    """
    if not spec.model:
        return {}
    device = resolve_device(place.device)
    precision, _ = resolve_precision(device, spec.precision)
    facts: dict[str, Json] = {"precision": precision, "tile": _tile(spec, source, device)}
    if device == "cpu":
        return {"kind": "cpu", **_cpu(), **facts}
    kind = device.partition(":")[0]
    if kind != "cuda":
        return {"kind": kind, "name": hardware.name(device), "kernels": "torch", **facts}
    properties = torch.cuda.get_device_properties(device)
    kernels = "own" if cuda.available() else "torch"
    return {
        "kind": "cuda",
        "name": properties.name,
        "capability": f"{properties.major}.{properties.minor}",
        "kernels": kernels,
        **facts,
    }


def _cpu() -> dict[str, Json]:
    """Instruction set and kernels; torch's own give other bits on another number of threads."""
    capability = torch.backends.cpu.get_cpu_capability()
    if native.available():
        return {"instructions": f"{native.levels()[0]}, {capability}", "kernels": "own"}
    return {"instructions": capability, "kernels": f"torch, {torch.get_num_threads()} threads"}


def _tile(spec: Spec, source: Source, device: str) -> str:
    """What tiles frames are computed in: where the memory decides, machines of another size count as another kind."""
    if spec.tile:
        return "x".join(map(str, spec.tile))
    memory = hardware.memory(device)
    most = source.clip.width * source.clip.height * _MOST_BYTES_PER_PIXEL + _MOST_BYTES_BESIDES
    return "none" if most <= memory // 2 else f"as {memory >> 20} MiB allow"
