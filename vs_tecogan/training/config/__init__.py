"""Settings of a run: tables of options with their ranges, TOML files, the command line, and what contradicts itself."""

from .check import check, check_options, frame_steps
from .command import add_options, from_arguments
from .files import load, merge, read_toml
from .long_video import LongVideoConfig
from .long_video_sr import LongVideoSrConfig
from .paths import absolute
from .smoke import SmokeConfig
from .style import MotionConfig, StyleConfig
from .tables import (
    FIXED,
    Config,
    DataConfig,
    DegradationConfig,
    FlowConfig,
    LoopConfig,
    ModelConfig,
    ObjectiveConfig,
    OptimiserConfig,
    options,
    to_dict,
)

__all__ = [
    "FIXED",
    "Config",
    "DataConfig",
    "DegradationConfig",
    "FlowConfig",
    "LongVideoConfig",
    "LongVideoSrConfig",
    "LoopConfig",
    "ModelConfig",
    "MotionConfig",
    "ObjectiveConfig",
    "OptimiserConfig",
    "SmokeConfig",
    "StyleConfig",
    "absolute",
    "add_options",
    "check",
    "check_options",
    "frame_steps",
    "from_arguments",
    "load",
    "merge",
    "options",
    "read_toml",
    "to_dict",
]
