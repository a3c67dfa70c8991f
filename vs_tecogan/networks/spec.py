"""What distinguishes one published generator from another."""

from dataclasses import dataclass
from enum import StrEnum

MOST_FLOW_ROUNDS = 8
"""Beyond two or three rounds nothing is gained; a limit keeps damaged files from working forever."""


class Dialect(StrEnum):
    """A family of published weights; graphs of different families are not interchangeable."""

    TF = "tf"
    """Official TensorFlow: legacy bilinear in FNet and for the flow, symmetric flow padding, SAME deconvolutions."""
    BD = "bd"
    """TecoGAN-PyTorch, blur-down degradation: legacy bicubic for flow and skip. The project's own models use it."""
    BI = "bi"
    """TecoGAN-PyTorch, bicubic degradation: half-pixel bilinear for flow and skip."""
    EGVSR = "egvsr"
    """EGVSR: pixel-shuffle tail, no skip; flow as BD."""


@dataclass(frozen=True, kw_only=True)
class GeneratorSpec:
    """Everything that the shape of a generator depends on; read off the weights, never asked of a user."""

    scale: int = 4
    """Spatial factor: 2 or 4."""
    blocks: int = 10
    """Residual blocks in SRNet: 10 (FRVSR, TecoGAN-PyTorch) or 16 (official TecoGAN)."""
    channels: int = 64
    """Feature channels in SRNet."""
    dialect: Dialect = Dialect.BD
    """Family of the graph."""
    flow_rounds: int = 0
    """Rounds of :func:`vs_tecogan.ops.refine.refine_flow` after FNet; none in everything published."""

    def __post_init__(self) -> None:
        if self.scale not in (2, 4):
            raise ValueError(f"scale {self.scale} is not supported; expected 2 or 4")
        if self.blocks < 0 or self.channels < 1:
            raise ValueError(f"blocks={self.blocks}, channels={self.channels}; expected blocks >= 0 and channels >= 1")
        if not 0 <= self.flow_rounds <= MOST_FLOW_ROUNDS:
            raise ValueError(f"flow_rounds={self.flow_rounds}; expected 0 to {MOST_FLOW_ROUNDS}")

    @property
    def phase(self) -> str:
        """Where LR pixel i sits on the HR grid: ``"corner"`` (on pixel scale * i) or ``"centred"``."""
        return "centred" if self.dialect is Dialect.BI else "corner"
