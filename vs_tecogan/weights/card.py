"""The model card: what a weight file says of itself."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import get_args

from ..errors import WeightsError, one_line
from ..networks import Alignment, Dialect, FluidSpec, GeneratorSpec, RecurrentSpec, SourceSpec, Spec
from ..networks.tempogan import Design, FieldNames
from .source_specs import KINDS, source_spec, source_words

FORMAT = "vs_tecogan/1"
"""Value of the ``format`` entry in the metadata of the project's own safetensors files."""
LONGEST_SCORES = 100_000
"""Characters of the scores' JSON; the shipped models take a thousand."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """Provenance of a model, kept in the metadata of its safetensors file."""

    name: str
    """Short name: the file's stem for shipped models."""
    spec: Spec
    """Everything that the shape of the network depends on; its phase follows from it."""
    description: str = ""
    """One sentence for ``vs-tecogan models``."""
    degradation: str = ""
    """How the low-resolution side was made in training."""
    data: str = ""
    """Training video with its authors."""
    licence: str = ""
    """Licence of the weights and of the training data."""
    training: str = ""
    """Preset, iterations, hardware and hours."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Measured scores by name, as written by the command that measured them."""

    def metadata(self) -> dict[str, str]:
        """The card as safetensors metadata (string to string)."""
        return {
            "format": FORMAT,
            **_spec_words(self.spec),
            "name": self.name,
            "description": self.description,
            "degradation": self.degradation,
            "data": self.data,
            "licence": self.licence,
            "training": self.training,
            "scores": json.dumps(dict(self.scores)),
        }

    @staticmethod
    def from_metadata(metadata: Mapping[str, str]) -> "ModelCard":
        """Read a card written by :meth:`metadata`.

        :raises WeightsError: an entry is missing or does not parse, or the file was written by a newer format.
        """
        if metadata.get("format") != FORMAT:
            raise WeightsError(
                f"format {metadata.get('format')!r} is not known; expected {FORMAT!r}: update vs_tecogan"
            )
        try:
            spec = _spec(metadata)
            scores = _scores(metadata.get("scores", "{}"))
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise WeightsError(f"its model card is damaged ({error!r}); export the model again") from error
        words = {
            key: " ".join(map(one_line, metadata.get(key, "").split()))
            for key in ("name", "description", "degradation", "data", "licence", "training")
        }
        return ModelCard(spec=spec, scores=scores, **words)


def _scores(text: str) -> dict[str, float]:
    """:raises ValueError, TypeError, AttributeError, OverflowError, RecursionError: no plain table of numbers."""
    if len(text) > LONGEST_SCORES:
        raise ValueError(f"scores of {len(text)} characters")
    return {one_line(key): float(value) for key, value in json.loads(text).items()}


def _spec_words(spec: Spec) -> dict[str, str]:
    """What :func:`_spec` reads."""
    if isinstance(spec, FluidSpec):
        words = {key: str(value) for key, value in asdict(spec).items()}
        return {"architecture": "tempogan", **words, "phase": spec.phase}
    if isinstance(spec, SourceSpec):
        return source_words(spec)
    shared = {
        "scale": str(spec.scale),
        "blocks": str(spec.blocks),
        "channels": str(spec.channels),
        "flow_rounds": str(spec.flow_rounds),
        "phase": spec.phase,
    }
    if isinstance(spec, GeneratorSpec):
        return {"architecture": "frnet", "dialect": spec.dialect.value, **shared}
    trunk = "residual" if spec.residual else "plain"
    own = {"trunk": trunk, "ahead": str(spec.ahead), "alignment": spec.alignment.value}
    own |= {"strength": "1"} if spec.strength else {}
    return {"architecture": "recurrent", **own, **shared}


def _spec(metadata: Mapping[str, str]) -> Spec:
    """:raises KeyError, ValueError: an entry is missing or makes no sense."""
    # Files from before there was a choice of architecture or rounds say nothing.
    architecture, rounds = metadata.get("architecture", "frnet"), int(metadata.get("flow_rounds", "0"))
    if architecture in KINDS:
        return source_spec(metadata)
    scale, blocks, channels = (int(metadata[key]) for key in ("scale", "blocks", "channels"))
    if architecture == "frnet":
        dialect = Dialect(metadata["dialect"])
        return GeneratorSpec(scale=scale, blocks=blocks, channels=channels, dialect=dialect, flow_rounds=rounds)
    if architecture == "tempogan":
        return _fluid_spec(metadata)
    if architecture != "recurrent":
        raise ValueError(
            f"architecture {architecture!r}; this version knows frnet, recurrent, tempogan, {', '.join(KINDS)}"
        )
    return RecurrentSpec(
        scale=scale,
        blocks=blocks,
        channels=channels,
        residual={"residual": True, "plain": False}[metadata["trunk"]],
        ahead=int(metadata["ahead"]),
        alignment=Alignment(metadata["alignment"]),
        flow_rounds=rounds,
        strength={"0": False, "1": True}[metadata.get("strength", "0")],
    )


def _fluid_spec(metadata: Mapping[str, str]) -> FluidSpec:
    """:raises KeyError, ValueError: an entry is missing or makes no sense."""
    numbers = {key: int(metadata[key]) for key in ("scale", "dimensions", "blocks", "channels")}
    inputs: dict[str, FieldNames] = {key: key for key in get_args(FieldNames)}
    design: dict[str, Design] = {key: key for key in get_args(Design)}
    return FluidSpec(**numbers, inputs=inputs[metadata["inputs"]], design=design[metadata["design"]])
