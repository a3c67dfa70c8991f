"""What can be said of videos from nothing: contents apart, motion that varies, colours that stay or go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...metrics.colour_similarity import colour_histogram, colour_similarity
from ...metrics.content_distance import mean_colour
from ...metrics.random_features import random_frechet_distance
from ...networks import VideoGenerator
from ...networks.walk import REACH, Walk

type Clip = npt.NDArray[np.uint8]
"""(T, H, W, 3) RGB."""

SHORTEST = 8
"""Frames of a clip below which the Fréchet distance's features have no motion."""


@dataclass(frozen=True, kw_only=True)
class MotionScores:
    """Of videos of every content with every motion."""

    between: float
    """Distance of the mean colours of videos of different contents, 100 is from black to red."""
    within: float
    """The same of videos of one content with different motions."""
    diversity: float
    """Standard deviation per pixel over motions of one content, 8-bit levels, without the first frame."""

    @property
    def ratio(self) -> float:
        """Part of the distance that motion makes."""
        return self.within / max(self.between, 1e-9)

    def named(self) -> dict[str, float]:
        """By the names under which they are logged."""
        return {"acd_within": self.within, "acd_between": self.between, "diversity": self.diversity}


def render(network: VideoGenerator, content: int, motion: int, frames: int, reach: float = REACH) -> Clip:
    """A video as :func:`mocogan_hd` makes it, in 8 bits."""
    pictures = Walk(network, content, motion, reach=reach).pictures(range(frames))
    bytes_ = (pictures * 255).round().byte().permute(0, 2, 3, 1)
    return np.ascontiguousarray(bytes_.cpu().numpy())


def motion_scores(videos: Sequence[Sequence[Clip]]) -> MotionScores:
    """Scores.

    :param videos: [content][motion], each (T, H, W, 3); at least two of both.
    """
    colours = np.array([[np.mean([mean_colour(f) for f in clip], axis=0) for clip in row] for row in videos])
    within = np.mean([_distances(row) for row in colours])
    between = np.mean([_distances(colours[:, motion]) for motion in range(colours.shape[1])])
    stacked = (np.stack(row).astype(np.float32) for row in videos)
    diversity = np.mean([row.std(axis=0)[1:].mean() for row in stacked])
    return MotionScores(between=float(between), within=float(within), diversity=float(diversity))


def _distances(colours: npt.NDArray[np.float64]) -> float:
    """100 times the mean distance of all pairs of (N, 3)."""
    first, second = np.triu_indices(len(colours), 1)
    return 100 * float(np.linalg.norm(colours[first] - colours[second], axis=1).mean())


def change_of_data(clips: Sequence[Clip]) -> float:
    """Diversity of footage: how differently clips change from their first frames.

    Standard deviation over clips of the change since frame 0, per pixel, averaged over the frames but the first.
    """
    changes = np.stack([clip.astype(np.float32) - clip[:1] for clip in clips])
    return float(changes.std(axis=0)[1:].mean())


def colour_curve(clips: Sequence[Clip], times: Sequence[int]) -> list[float]:
    """S(x, t) at the given frames, averaged over clips."""
    histograms = [(colour_histogram(clip[0]), clip) for clip in clips]
    return [float(np.mean([colour_similarity(h, colour_histogram(c[t])) for h, c in histograms])) for t in times]


def colour_drift(clips: Sequence[Clip], frame: int) -> float:
    """100 times the distance of the mean colour of all clips at a frame from that at their first one.

    Of footage without a trend it is near zero, however much single clips change.
    """
    first, later = (np.mean([mean_colour(clip[t]) for clip in clips], axis=0) for t in (0, frame))
    return 100 * float(np.linalg.norm(later - first))


def evaluate_motion(
    network: Callable[[], VideoGenerator], real: Sequence[Clip], *, contents: int, motions: int
) -> dict[str, float]:
    """Scores of a network beside those of held-out clips."""
    made = network()
    frames = len(real[0])
    videos = [[render(made, content, motion, frames) for motion in range(motions)] for content in range(contents)]
    scores = motion_scores(videos)
    apart = [render(made, 1000 + n, n, frames) for n in range(len(real))]
    distance = {"frechet": random_frechet_distance(apart, real)} if frames >= SHORTEST else {}
    return (
        scores.named()
        | distance
        | {
            "data_diversity": change_of_data(real),
            "s": colour_curve(apart, [frames - 1])[0],
            "data_s": colour_curve(real, [frames - 1])[0],
        }
    )
