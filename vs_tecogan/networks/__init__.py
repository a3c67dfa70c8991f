"""The networks, as plain torch modules shared by inference and training."""

from .fnet import FNet
from .generator import Generator
from .spec import Dialect, GeneratorSpec
from .srnet import SRNet

__all__ = ["Dialect", "FNet", "Generator", "GeneratorSpec", "SRNet"]
