"""What is measured: one entry a metric, in the order of the tables."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..errors import MetricsError


@dataclass(frozen=True, kw_only=True)
class Metric:
    """How a metric is named and read."""

    key: str
    label: str
    unit: str
    better: Literal["higher", "lower", "reference"]
    """"reference": good where it is near the reference's own value."""
    digits: int
    compares: bool
    """Needs a reference."""
    about: str


METRICS: tuple[Metric, ...] = (
    Metric(key="psnr", label="Y-PSNR", unit="dB", better="higher", digits=3, compares=True,
           about="fidelity of the luma, 20 log10(255 / RMSE)"),
    Metric(key="ssim", label="SSIM", unit="", better="higher", digits=4, compares=True,
           about="structural similarity of the luma"),
    Metric(key="lpips", label="LPIPS", unit="", better="lower", digits=4, compares=True,
           about="perceptual distance, lpips package, v0.1 AlexNet"),
    Metric(key="squeeze", label="Squeeze distance", unit="", better="lower", digits=4, compares=True,
           about="distance of SqueezeNet 1.1 features; uncalibrated, not LPIPS"),
    Metric(key="tof", label="tOF", unit="px", better="lower", digits=4, compares=True,
           about="distance of the optical flows of result and reference"),
    Metric(key="tlp", label="tLP", unit="×100", better="lower", digits=4, compares=True,
           about="difference of the LPIPS steps of result and reference"),
    Metric(key="fvd", label="FVD", unit="", better="lower", digits=2, compares=True,
           about="Fréchet distance of I3D features over 16-frame clips"),
    Metric(key="fvd128", label="FVD 128", unit="", better="lower", digits=2, compares=True,
           about="the same over 128-frame clips, as LongVideoGAN reports it"),
    Metric(key="tdiff", label="T-diff", unit="×100", better="reference", digits=4, compares=False,
           about="mean change that motion does not explain (own definition)"),
    Metric(key="flicker", label="Flicker", unit="×100", better="reference", digits=4, compares=False,
           about="RMS of what alternates along the motion (own definition)"),
    Metric(key="grid", label="Grid", unit="levels", better="reference", digits=3, compares=False,
           about="amplitude of fine detail that repeats every 4 pixels (own definition)"),
    Metric(key="niqe", label="NIQE", unit="", better="lower", digits=4, compares=False,
           about="naturalness of single pictures, no reference"),
    Metric(key="faithful", label="Source error", unit="levels", better="lower", digits=3, compares=False,
           about="mean difference from the source when made smaller again"),
    Metric(key="within", label="99 % within", unit="levels", better="lower", digits=2, compares=False,
           about="that difference, for 99 % of the samples"),
    Metric(key="colour_similarity", label="S(x, t)", unit="", better="reference", digits=4, compares=False,
           about="colour histogram shared with the first frame, N = 20"),
    Metric(key="content_distance", label="Colour shift", unit="×100", better="reference", digits=4, compares=False,
           about="distance of the mean colour from the first frame's"),
    Metric(key="acd", label="ACD (colour)", unit="×100", better="reference", digits=4, compares=False,
           about="mean distance of mean colours over all pairs of frames"),
)  # fmt: skip

BY_KEY = {metric.key: metric for metric in METRICS}
WEIGHTLESS = ("psnr", "ssim", "tof", "tdiff", "flicker", "grid", "colour_similarity", "content_distance", "acd")
"""Metrics that need no file of weights or parameters."""


def select(keys: Iterable[str]) -> tuple[str, ...]:
    """The given metrics, once each, in the order of the tables.

    :raises MetricsError: a key is unknown.
    """
    wanted = set(keys)
    if unknown := sorted(wanted - BY_KEY.keys()):
        raise MetricsError(f"no metric is called '{unknown[0]}'; known: {', '.join(BY_KEY)}")
    return tuple(key for key in BY_KEY if key in wanted)
