"""LongVideoGAN trained on short clips, or without its slow filters, beside the same run as it should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vs_tecogan.metrics.fvd import frechet_distance
from vs_tecogan.metrics.random_features import random_features
from vs_tecogan.sources.long_video_gan import open_long_video
from vs_tecogan.training.objectives.clip_scores import generated, similarities

from .tables import Column, Table, Value

LABELS = {
    "footage": "painted skies",
    "long": "clips of 64 frames",
    "short": "clips of 16 frames, four times as many",
    "narrow": "clips of 64 frames, filters of at most 50 frames",
}

type Clip = npt.NDArray[np.uint8]


def variants(
    files: Mapping[str, Path],
    footage: Callable[[int, range], Clip],
    *,
    clips: int,
    frames: int,
    times: tuple[int, ...],
) -> Table:
    """S(x, t) and FD-random3d of runs of equal length.

    :param files:   weights by name, of :data:`LABELS`.
    :param footage: held-out footage by seed and frames.
    """
    shown = range(max(times) + 1)
    truth = [footage(seed, shown) for seed in range(clips)]
    features = random_features(clip[:frames] for clip in truth)
    others = random_features(footage(10_000 + seed, range(frames)) for seed in range(clips))
    rows = {"footage": _row(similarities(iter(truth), times), times, frechet_distance(others, features))}
    for name, path in files.items():
        network = open_long_video(path).network
        made = [generated(network, seed, 0, len(shown)) for seed in range(clips)]
        found = frechet_distance(random_features(clip[:frames] for clip in made), features)
        rows[name] = _row(similarities(iter(made), times), times, found)
    columns = {f"t{time}": Column(label=f"S at {time}") for time in times} | {"fd": Column(label="FD-random3d")}
    note = (
        f"Runs of the same number of iterations, each of which saw as many frames; {clips} clips a row. S(x, t): the "
        f"part of the first frame's colours that frame t still has. FD-random3d of {frames} frames; that of painted "
        "skies is from other painted skies."
    )
    return Table(corner="trained on", columns=columns, rows=rows, labels=LABELS, note=note)


def _row(curves: npt.NDArray[np.float64], times: tuple[int, ...], distance: float) -> dict[str, Value]:
    values: dict[str, Value] = {f"t{time}": float(curves[:, k].mean()) for k, time in enumerate(times)}
    return values | {"fd": distance}
