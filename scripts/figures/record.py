"""The JSON of a figure: its tables, and what they were made by."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import vs_tecogan
from vs_tecogan.weights import find_model

from .tables import Table

ROOT = Path(__file__).resolve().parents[2]


def folder_of(root: Path) -> Path:
    """Where the figures of a checkout lie."""
    return root / "docs" / "figures"


PACKAGES = ("torch", "numpy", "vapoursynth", "opencv-python-headless", "lpips", "imageio-ffmpeg")
GENERATIONS = {(25, 1): "Zen 3", (25, 17): "Zen 4", (26, 2): "Zen 5", (6, 143): "Sapphire Rapids", (6, 106): "Ice Lake"}
"""Of processors whose name does not say it, by family and model number."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """What made a figure."""

    command: str
    date: str
    version: str
    machine: str
    cores: int
    features: str
    """Instruction sets that the speed depends on."""
    python: str
    packages: Mapping[str, str]
    models: Mapping[str, str]
    """SHA-256 of the weights of each model, by name."""
    graphs: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the shape of each network of which nothing but time and memory was measured, by name."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of files that came from outside, by name."""
    settings: Mapping[str, object] = field(default_factory=dict)
    load: float = 0.0
    """Processes that ran or waited for a core, this one among them, over the last minute of the run."""

    def line(self) -> str:
        """What stands under a table."""
        kind = "core" if self.cores == 1 else "cores"
        return f"Made by `{self.command}` on {self.machine}, {self.cores} {kind}, at v{self.version}, {self.date}."


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a figure's module measured."""

    tables: Mapping[str, Table]
    settings: Mapping[str, object]
    models: Sequence[str] = ()
    """Names of the shipped models that it was measured with."""
    graphs: Sequence[str] = ()
    """Likewise, where only time and memory were measured: these are the same for other weights."""
    inputs: Mapping[str, Path] = field(default_factory=dict)
    """Files from outside, by name."""
    plots: Mapping[str, bytes] = field(default_factory=dict)
    """Pictures, by file name."""
    outside: str = ""
    """What it needs that not everybody can get, and where from."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Everything that ``scripts/figures.py NAME`` found out, in one run or several."""

    name: str
    tables: Mapping[str, Table]
    made: Mapping[str, Made]
    """What made each table and plot; one that has none is not measured yet."""
    plots: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the pictures beside the JSON, by file name."""
    outside: str = ""
    """What it needs that not everybody can get, and where from."""

    def save(self, folder: Path) -> Path:
        """Write ``NAME.json``."""
        data = asdict(self) | {"tables": {key: table.to_json() for key, table in self.tables.items()}}
        path = folder / f"{self.name}.json"
        path.write_text(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        return path


def record(name: str, command: str, found: Found, folder: Path) -> Figure:
    """Write a figure's plots and JSON; tables of earlier runs that this one did not measure stay, with their origin."""
    for file, data in found.plots.items():
        (folder / file).write_bytes(data)
    path = folder / f"{name}.json"
    before = load(path) if path.is_file() else Figure(name=name, tables={}, made={})
    made = made_by(command, found.models, found.inputs, found.settings, found.graphs)
    hashes = {file: hashlib.sha256(data).hexdigest() for file, data in found.plots.items()}
    figure = Figure(
        name=name,
        tables={**before.tables, **found.tables},
        made={**before.made, **dict.fromkeys((*found.tables, *found.plots), made)},
        plots={**before.plots, **hashes},
        outside=found.outside,
    )
    figure.save(folder)
    return figure


def load(path: Path) -> Figure:
    """Read a figure's JSON."""
    data = json.loads(path.read_text(encoding="utf-8"))
    made = {key: Made(**one) for key, one in data["made"].items()}
    tables = {key: Table.from_json(table) for key, table in data["tables"].items()}
    return Figure(**{**data, "made": made, "tables": tables})


def load_all(folder: Path) -> dict[str, Figure]:
    """Every figure of a folder, by name."""
    return {path.stem: load(path) for path in sorted(folder.glob("*.json"))}


def made_by(
    command: str,
    models: Iterable[str] = (),
    inputs: Mapping[str, Path] | None = None,
    settings: Mapping[str, object] | None = None,
    graphs: Iterable[str] = (),
) -> Made:
    """This machine, these versions, today.

    :param models: names of shipped models, or paths.
    :param inputs: files from outside.
    :param graphs: as ``models``, where their weights do not matter.
    """
    name, features = processor()
    return Made(
        command=command,
        date=datetime.now(UTC).date().isoformat(),
        version=vs_tecogan.__version__,
        machine=name,
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        features=features,
        python=platform.python_version(),
        packages={package: found for package in PACKAGES if (found := _version(package))},
        models={model: weights_hash(find_model(model)) for model in models},
        graphs={model: graph_hash(find_model(model)) for model in graphs},
        inputs={key: file_hash(path) for key, path in (inputs or {}).items()},
        settings=settings or {},
        load=round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else 0.0,
    )


def weights_hash(path: Path) -> str:
    """SHA-256 of the tensors of a safetensors file and of what its card says of the network, not of its prose."""
    end, _, network = _header(path)
    return hashlib.sha256(path.read_bytes()[end:] + network.encode()).hexdigest()


def graph_hash(path: Path) -> str:
    """SHA-256 of the names, types and shapes of the tensors, and of what the card says of the network."""
    _, tensors, network = _header(path)
    shapes = {name: (one["dtype"], one["shape"]) for name, one in sorted(tensors.items())}
    return hashlib.sha256(f"{shapes}{network}".encode()).hexdigest()


def _header(path: Path) -> tuple[int, dict[str, dict[str, object]], str]:
    """Where the tensors begin, what is said of each, and what the card says of the network."""
    with path.open("rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        tensors = json.loads(file.read(length))
    card = tensors.pop("__metadata__", {})
    network = repr([card.get(key) for key in ("architecture", "scale", "dialect", "flow_rounds")])
    return 8 + length, tensors, network


def file_hash(path: Path) -> str:
    """SHA-256 of a file; of a folder, that of its files' own, by name."""
    if path.is_dir():
        parts = "".join(f"{file.name} {file_hash(file)}\n" for file in sorted(path.iterdir()) if file.is_file())
        return hashlib.sha256(parts.encode()).hexdigest()
    return hashlib.sha256(path.read_bytes()).hexdigest()


def processor() -> tuple[str, str]:
    """Name of the processor with its generation, and the instruction sets that matter."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        return platform.processor() or platform.machine(), ""
    facts = _facts(text)
    key = int(facts.get("cpu family", 0)), int(facts.get("model", 0))
    generation = GENERATIONS.get(key)
    name = facts.get("model name", platform.machine())
    flags = facts.get("flags", "").split()
    wanted = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_tile") if flag in flags]
    return f"{name} ({generation})" if generation else name, " ".join(wanted)


def _facts(text: str) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
