"""Measuring video: the official TecoGAN protocol, a plain one, and curves that show drift and flicker.

Images are (H, W, 3) uint8 RGB arrays throughout. This room knows no filter and no command.
"""

from ..errors import MetricsError
from .catalogue import METRICS, WEIGHTLESS, Metric
from .drift import average_content_distance, colour_histogram, colour_similarity, mean_colour
from .errors import NotMeasured
from .evaluation import Curve, Instruments, Observer, Scores, evaluate_pair
from .motion import farneback, flicker, tdiff, tof
from .picture import Picture, psnr_y, ssim_y
from .protocol import Crop, ProtocolName, crop_of, kept_frames

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
