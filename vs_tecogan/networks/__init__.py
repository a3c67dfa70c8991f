"""The networks, as plain torch modules shared by inference and training."""

from .fnet import FNet
from .generator import Generator
from .longvideo import LongVideo, LongVideoSpec
from .longvideo_sr import LongVideoSR, LongVideoSRSpec
from .motion import MotionSpec, VideoGenerator
from .recurrent import Alignment, RecurrentSpec, RecurrentSR
from .spec import Dialect, GeneratorSpec
from .srnet import SRNet
from .stylegan import StyleGenerator, StyleSpec
from .tempogan import FluidSpec, FluidSR

VideoNetwork = Generator | RecurrentSR
"""What enlarges video."""
SourceNetwork = StyleGenerator | VideoGenerator | LongVideo | LongVideoSR
"""What makes pictures or video from numbers, or a part of it."""
Network = VideoNetwork | FluidSR | SourceNetwork
"""What a weight file can hold."""
VideoSpec = GeneratorSpec | RecurrentSpec
SourceSpec = StyleSpec | MotionSpec | LongVideoSpec | LongVideoSRSpec
Spec = VideoSpec | FluidSpec | SourceSpec
"""What distinguishes one network from another; its type tells the architecture."""

__all__ = [
    "Alignment",
    "Dialect",
    "FNet",
    "FluidSR",
    "FluidSpec",
    "Generator",
    "GeneratorSpec",
    "LongVideo",
    "LongVideoSR",
    "LongVideoSRSpec",
    "LongVideoSpec",
    "MotionSpec",
    "Network",
    "RecurrentSR",
    "RecurrentSpec",
    "SRNet",
    "SourceNetwork",
    "SourceSpec",
    "Spec",
    "StyleGenerator",
    "StyleSpec",
    "VideoGenerator",
    "VideoNetwork",
    "VideoSpec",
]
