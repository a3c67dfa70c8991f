"""The networks, as plain torch modules shared by inference and training."""

from .fnet import FNet
from .generator import Generator
from .recurrent import Alignment, RecurrentSpec, RecurrentSR
from .spec import Dialect, GeneratorSpec
from .srnet import SRNet

Network = Generator | RecurrentSR
"""What a weight file can hold."""
Spec = GeneratorSpec | RecurrentSpec
"""What distinguishes one network from another; its type tells the architecture."""

__all__ = [
    "Alignment",
    "Dialect",
    "FNet",
    "Generator",
    "GeneratorSpec",
    "Network",
    "RecurrentSR",
    "RecurrentSpec",
    "SRNet",
    "Spec",
]
