"""The realistic degradation of a clip, and words for any degradation.

The published ones are in :mod:`vs_tecogan.degrade`; :func:`describe` puts names and parameters into checkpoints and
model cards.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..degrade import BlurDown, Degradation, Frames, rounded
from .stages import Blur, Codec, Jpeg, Noise, Rescale, Stage


@dataclass(frozen=True, kw_only=True)
class Realistic:
    """What cameras, scalers and codecs do: blur, sample, then rescale, noise, JPEG and video compression.

    Every stage draws its strength once per clip and lets it drift slowly; stages are skipped at random, and a share of
    the clips gets plain BD, so that clean input stays sharp. The pixel grid stays that of BD. All of it is rounded to 8
    bits, as the files are that it stands for. Ranges after RealBasicVSR, narrowed to what broadcast and web video show.
    """

    clean_share: float = 0.15
    """Share of clips that get BD only."""
    clean: BlurDown = field(default_factory=BlurDown)
    """That BD."""
    blur: Blur = field(default_factory=Blur)
    """On HR, before every ``scale``-th pixel is taken."""
    stages: tuple[Stage, ...] = (Rescale(), Noise(), Jpeg(), Codec())
    """On LR, in this order."""
    border: int = 8
    """LR pixels computed beyond the crop and cut off at the end, so that block grids and filters see neighbours."""

    def margin(self, scale: int) -> int:
        """The LR border and the blur's reach; at least that of the clean share."""
        return max(self.border * scale + -(-self.blur.radius // scale) * scale, self.clean.margin(scale))

    def __call__(self, hr: Frames, scale: int, rng: np.random.Generator) -> Frames:
        """Degrade one clip."""
        if rng.random() < self.clean_share:
            spare = self.margin(scale) - self.clean.margin(scale)
            inner = slice(spare, -spare or None)
            return rounded(self.clean(hr[:, inner, inner], scale, rng))
        reach = self.margin(scale) - self.border * scale
        inner = slice(reach, -reach, scale)
        frames = np.ascontiguousarray(self.blur(hr, rng)[:, inner, inner])
        for stage in self.stages:
            frames = stage(frames, rng)
        cut = slice(self.border, -self.border)
        return rounded(np.clip(frames, 0, 1)[:, cut, cut])


def describe(degradation: Degradation | None) -> dict[str, Any]:
    """Name and parameters, for checkpoints and model cards; ``None`` stands for given LR/HR pairs."""
    if degradation is None:
        return {"name": "pairs"}
    values: dict[str, Any] = asdict(degradation)  # type: ignore[call-overload]
    if isinstance(degradation, Realistic):
        values["stages"] = [
            {"name": type(stage).__name__, **asdict(stage)}  # type: ignore[call-overload]
            for stage in degradation.stages
        ]
    return {"name": type(degradation).__name__, **values}
