"""What a worker has to know to render any segment of a job: written into its manifest, read by every process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from ..errors import JobError
from .sealed import Json


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A job: which frames of which source, by which model and options, encoded how. Paths are absolute."""

    source: str
    """A video file, or a VapourSynth script (``.vpy``)."""
    out: str
    audio: str = ""
    """File that sound, subtitles and all else of a script's output come from; empty = none."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """Variables that a script is given."""
    first: int
    end: int
    """Frames ``first`` to ``end - 1`` of the source."""
    track: int | None = None
    """Number of the stream; None = the first video."""
    fps: str = ""
    """Frames a second of pictures; empty = 25."""
    crop: tuple[int, int, int, int] | None = None
    """Left, top, width and height, in pixels of the source, of what is upscaled; None = all."""

    model: str
    """Name of a shipped model, or the path of a weight file; empty for a script that upscales by itself."""
    precision: str = "auto"
    strength: float | None = None
    """Of a model that takes one; None = the model's own."""
    faithful: bool = False
    scene_change: bool = True
    restart: int
    warmup: int
    tile: tuple[int, int] | None = None
    duplicates: str = "hold"
    matrix: str = ""
    """Instead of what the source says; empty = by the source."""
    field_order: str = ""
    """Instead of what the source says: "progressive", "tff" or "bff"; empty = by the source."""
    deinterlace: bool = False
    size: str = ""
    """Of the new picture, as :func:`~vs_tecogan.video.geometry.parse_size` reads it; empty = what the network gives."""
    square_pixels: bool = False

    codec: str
    crf: float | None = None
    preset: str = ""
    """Empty = the encoder's own."""
    encoder: tuple[str, ...] = ()
    """Further options of ffmpeg for each part."""
    muxer: tuple[str, ...] = ()
    """Further options of ffmpeg for the join."""

    @property
    def is_script(self) -> bool:
        """Whether the source is a VapourSynth script."""
        return Path(self.source).suffix.lower() == ".vpy"

    def to_json(self) -> dict[str, Json]:
        """As JSON has it: lists for tuples."""
        return {
            key: list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
            for key, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, body: object) -> Self:
        """Read what :meth:`to_json` gave.

        :raises JobError: it is not that.
        """
        if not isinstance(body, dict) or set(body) != {entry.name for entry in fields(cls)}:
            raise JobError("does not say what to render")
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in body.items()
        }
        return cls(**values)

    def picture(self) -> dict[str, Json]:
        """The options that shape the picture, without the model."""
        tile = "x".join(map(str, self.tile)) if self.tile else ""
        return {
            "precision": self.precision,
            "strength": self.strength,
            "faithful": self.faithful,
            "scene_change": self.scene_change,
            "restart": self.restart,
            "warmup": self.warmup,
            "tile": tile,
            "duplicates": self.duplicates,
            "matrix": self.matrix,
            "size": self.size,
            "square_pixels": self.square_pixels,
            "field_order": self.field_order,
            "deinterlace": self.deinterlace,
        }

    def encoding(self) -> dict[str, Json]:
        """The options that shape a part."""
        return {
            "codec": self.codec,
            "crf": self.crf,
            "preset": self.preset,
            "options": " ".join(self.encoder),
            "container": Path(self.out).suffix.lower(),
        }


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a worker computes. Other places of the same kind give the same pixels."""

    device: str | None = None
    """As the filter's; None = the first GPU that works, else the CPU."""
    threads: int | None = None
    """Of the arithmetic and of VapourSynth each; None = as many as they take."""
    memory: int | None = None
    """MiB for states and recent frames; None = the filter's own choice. Changes no pixel."""
