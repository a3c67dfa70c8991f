"""Golden vectors: inputs and outputs of published networks, and the recipe of the seeded weights behind them."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from vs_tecogan.networks import Dialect, GeneratorSpec

Array = np.ndarray

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Variant:
    """One golden file: its name, the manifest entry of its state dict, and what must be read off the weights."""

    file: str
    family: str
    model: str
    spec: GeneratorSpec


PUBLISHED = (
    Variant("sky_BD_x4", "skycrapers:tecogan_nets", "FRNet_4x", GeneratorSpec()),
    Variant("sky_BI_x4", "skycrapers:tecogan_nets", "FRNet_4x", GeneratorSpec(dialect=Dialect.BI)),
    Variant("sky_BD_x2", "skycrapers:tecogan_nets", "FRNet_2x", GeneratorSpec(scale=2)),
    Variant("egvsr_BD_x4", "EGVSR:egvsr_nets", "FRNet_4x", GeneratorSpec(dialect=Dialect.EGVSR)),
)
OFFICIAL = "tf_official_x4_rb16"


def _uniform(index: int, shape: tuple[int, ...], fan: int) -> Array:
    limit = 0.05 if len(shape) == 1 else math.sqrt(3 / fan)
    return np.random.RandomState(1000 + index).uniform(-limit, limit, shape).astype(np.float32)


def vectors(name: str) -> dict[str, Array]:
    """The arrays of a golden file: ``lr`` (T, 3, H, W), ``out`` (T, 3, sH, sW) and ``flow`` (T, 2, h, w)."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return dict(arrays)


def state_dict(variant: Variant) -> dict[str, torch.Tensor]:
    """The variant's published state dict (keys and shapes of the manifest) filled by the recipe."""
    manifest = json.loads((FOLDER / "statedict_manifest.json").read_text())
    shapes: dict[str, list[int]] = manifest[variant.family][variant.model]
    state: dict[str, torch.Tensor] = {}
    index = 0
    for key, shape in shapes.items():
        if key.endswith(".kernels"):
            if variant.spec.dialect is not Dialect.BI:
                state[key] = torch.zeros(shape)
            continue
        state[key] = torch.from_numpy(_uniform(index, tuple(shape), math.prod(shape[1:])))
        index += 1
    return state


def tensorflow_variables() -> dict[str, Array]:
    """The official checkpoint's variables, filled by the recipe."""
    shapes = {}
    for line in (FOLDER / "tf_variable_names.txt").read_text().splitlines():
        name, _, shape = line.partition(" [")
        if shape:
            shapes[name] = tuple(int(size) for size in shape.rstrip("]").split(","))
    order = [str(name) for name in vectors(OFFICIAL)["order"]]
    return {name: _uniform(j, shapes[name], math.prod(shapes[name][:3])) for j, name in enumerate(order)}
