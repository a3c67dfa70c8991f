"""The model card: what a weight file says of itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import WeightsError
from ..networks import Dialect, GeneratorSpec

FORMAT = "vs_tecogan/1"
"""Value of the ``format`` entry in the metadata of the project's own safetensors files."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """Provenance of a model, kept in the metadata of its safetensors file."""

    name: str
    """Short name: the file's stem for shipped models."""
    spec: GeneratorSpec
    """Architecture, scale, dialect, block count; the phase follows from them."""
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
            "architecture": "frnet",
            "scale": str(self.spec.scale),
            "blocks": str(self.spec.blocks),
            "channels": str(self.spec.channels),
            "dialect": self.spec.dialect.value,
            "flow_rounds": str(self.spec.flow_rounds),
            "phase": self.spec.phase,
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
            spec = GeneratorSpec(
                scale=int(metadata["scale"]),
                blocks=int(metadata["blocks"]),
                channels=int(metadata["channels"]),
                dialect=Dialect(metadata["dialect"]),
                # Files from before there was a choice say nothing.
                flow_rounds=int(metadata.get("flow_rounds", "0")),
            )
            scores = {str(key): float(value) for key, value in json.loads(metadata.get("scores", "{}")).items()}
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise WeightsError(f"its model card is damaged ({error!r}); export the model again") from error
        words = {
            key: metadata.get(key, "") for key in ("name", "description", "degradation", "data", "licence", "training")
        }
        return ModelCard(spec=spec, scores=scores, **words)
