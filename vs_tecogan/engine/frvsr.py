"""What the steps of FRVSR's and TecoGAN's generator share: grids of each dialect, and what a step takes.

The choices are those of :mod:`vs_tecogan.networks`.
"""

import torch

from ..networks import Dialect, GeneratorSpec
from ..networks.generator import FNET_STRIDE
from ..ops.refine import REFINE_PLANES
from ..ops.resample import Grid

FLOW_GRIDS = {
    Dialect.TF: Grid.BILINEAR_LEGACY,
    Dialect.BD: Grid.BICUBIC_LEGACY,
    Dialect.BI: Grid.BILINEAR_CENTRED,
    Dialect.EGVSR: Grid.BICUBIC_LEGACY,
}
"""Of the flow, to the output's size."""

SKIP_GRIDS = {
    Dialect.TF: Grid.BICUBIC_LEGACY,
    Dialect.BD: Grid.BICUBIC_LEGACY,
    Dialect.BI: Grid.BILINEAR_CENTRED,
}
"""Of the frame that is added to the residual; EGVSR adds none."""

FNET_GRIDS = {dialect: Grid.BILINEAR_LEGACY if dialect is Dialect.TF else Grid.BILINEAR_CENTRED for dialect in Dialect}
"""Of features within FNet, by two."""

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
FEATURE_TENSORS = 6
"""Feature maps at LR size that live at once in the widest place, the residual body, with what torch keeps besides."""
FEATURES = 64
FLOW_FEATURES = 96
"""Channels that live at once at LR size in the flow network's widest place, its last two convolutions."""
BESIDE_FLOW = 16
"""Planes of two frames, as given and as the flow network takes them, and of the flow."""
BESIDES = 600 << 20
"""Bands, workspaces and weights, bytes."""


class FrvsrStep:
    """The part of a :class:`~vs_tecogan.engine.base.NetworkStep` that is the same on every device.

    The guide is the flow, estimated on whole frames: the flow network sees far, and at a tile's border, with half of
    what moves out of sight, it would see another motion. The memory is the output alone.
    """

    grid = FNET_STRIDE
    """FNet pools: on another grid it would see another flow in the whole of a tile."""

    ahead = 0

    def __init__(self, spec: GeneratorSpec, precision: str) -> None:
        self.scale = spec.scale
        self.widest = max(FEATURES, spec.channels)
        self._spec = spec
        self._dtype = DTYPES[precision]

    def step_bytes(self, height: int, width: int) -> int:
        """Feature maps at LR size, the old and new output, and bands beside them."""
        features = FEATURE_TENSORS * FEATURES * self._dtype.itemsize
        return height * width * (features + 2 * 3 * self.scale * self.scale * 4) + BESIDES

    def guide_bytes(self, height: int, width: int) -> int:
        """The flow network's features, then the planes of a refinement: one after the other. The frames beside them."""
        refined = 4 * REFINE_PLANES if self._spec.flow_rounds else 0
        return height * width * (max(FLOW_FEATURES * self._dtype.itemsize, refined) + 4 * BESIDE_FLOW)

    def release(self) -> None:
        """See :class:`~vs_tecogan.engine.base.NetworkStep`."""
