"""The networks, as plain torch modules shared by inference and training."""

from .fnet import FNet
from .generator import Generator
from .recurrent import Alignment, RecurrentSpec, RecurrentSR
from .spec import Dialect, GeneratorSpec
from .srnet import SRNet

__all__ = ["Alignment", "Dialect", "FNet", "Generator", "GeneratorSpec", "RecurrentSR", "RecurrentSpec", "SRNet"]
