"""What distinguishes one published generator from another."""

from dataclasses import dataclass
from enum import StrEnum

MOST_FLOW_ROUNDS = 8
"""Beyond two or three rounds nothing is gained; a limit keeps damaged files from working forever."""
MOST_CHANNELS = 1024
MOST_BLOCKS = 1000
"""Far beyond any published network; limits that keep damaged files from taking all memory."""


def check_size(*, blocks: int, channels: int, flow_rounds: int = 0) -> None:
    """:raises ValueError: numbers that no network has."""
    if not (0 <= blocks <= MOST_BLOCKS and 1 <= channels <= MOST_CHANNELS):
        raise ValueError(f"blocks={blocks}, channels={channels}; expected 0 to {MOST_BLOCKS} and 1 to {MOST_CHANNELS}")
    if not 0 <= flow_rounds <= MOST_FLOW_ROUNDS:
        raise ValueError(f"flow_rounds={flow_rounds}; expected 0 to {MOST_FLOW_ROUNDS}")


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
        check_size(blocks=self.blocks, channels=self.channels, flow_rounds=self.flow_rounds)

    @property
    def phase(self) -> str:
        """Where LR pixel i sits on the HR grid: ``"corner"`` (on pixel scale * i) or ``"centred"``."""
        return "centred" if self.dialect is Dialect.BI else "corner"
