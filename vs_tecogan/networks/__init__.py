"""The networks, as plain torch modules shared by inference and training."""

from .fnet import FNet
from .generator import Generator
from .recurrent import Alignment, RecurrentSpec, RecurrentSR
from .spec import Dialect, GeneratorSpec
from .srnet import SRNet
from .tempogan import FluidSpec, FluidSR

VideoNetwork = Generator | RecurrentSR
"""What enlarges video."""
Network = VideoNetwork | FluidSR
"""What a weight file can hold."""
Spec = GeneratorSpec | RecurrentSpec | FluidSpec
"""What distinguishes one network from another; its type tells the architecture."""

__all__ = [
    "Alignment",
    "Dialect",
    "FNet",
    "FluidSR",
    "FluidSpec",
    "Generator",
    "GeneratorSpec",
    "Network",
    "RecurrentSR",
    "RecurrentSpec",
    "SRNet",
    "Spec",
    "VideoNetwork",
]
