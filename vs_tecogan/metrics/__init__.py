"""Measuring video: the official TecoGAN protocol, a plain one, and curves that show drift and flicker.

Images are (H, W, 3) uint8 RGB arrays throughout. This room knows no filter and no command.
"""

from ..errors import MetricsError
from .catalogue import METRICS, WEIGHTLESS, Metric
from .colour_similarity import colour_histogram, colour_similarity
from .content_distance import average_content_distance, mean_colour
from .evaluation import Curve, Instruments, Observer, Scores, evaluate_pair
from .flicker import flicker
from .flow import farneback
from .not_measured import NotMeasured
from .picture import Picture
from .protocol import Crop, ProtocolName, crop_of, kept_frames
from .psnr import psnr_y
from .ssim import ssim_y
from .tdiff import tdiff
from .tof import tof

__all__ = [
    "METRICS",
    "WEIGHTLESS",
    "Crop",
    "Curve",
    "Instruments",
    "Metric",
    "MetricsError",
    "NotMeasured",
    "Observer",
    "Picture",
    "ProtocolName",
    "Scores",
    "average_content_distance",
    "colour_histogram",
    "colour_similarity",
    "crop_of",
    "evaluate_pair",
    "farneback",
    "flicker",
    "kept_frames",
    "mean_colour",
    "psnr_y",
    "ssim_y",
    "tdiff",
    "tof",
]
