"""MoCoGAN-HD: the training pictures nearest to generated frames, and how near they are."""

from __future__ import annotations

import argparse
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from vs_tecogan.errors import UsageError
from vs_tecogan.networks import VideoGenerator
from vs_tecogan.networks.walk import Walk
from vs_tecogan.training.config import Config
from vs_tecogan.training.data.footage import ClipShape, FootageClips, from_skies, shape_of
from vs_tecogan.training.data.samples import SampleIndex
from vs_tecogan.training.recipe import find_recipe, settings

from .mocogan import FRAMES, MODEL, SHOWN, large, network_of
from .record import Found
from .tables import Column, Table, Value

VIDEOS = 32
"""Of whose first and last frames the nearest training pictures are looked for."""
MOMENTS = (0, FRAMES - 1)
FACTOR = 4
"""By which pictures are made smaller before they are compared, so that grain and small shifts count little."""
NEAREST = 3
GAP = 8
"""Black pixels between the halves of the picture."""

type Pictures = npt.NDArray[np.uint8]
"""(N, side, side, 3) RGB."""
type Codes = npt.NDArray[np.float32]
"""(N, numbers): small pictures."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Pictures that the image generator was trained on."""

    samples: FootageClips
    indices: Sequence[SampleIndex]
    total: int
    """Of which the indices are some."""

    def picture(self, index: int) -> Pictures:
        """(1, side, side, 3): one of them, painted once more."""
        (clip,) = self.samples[self.indices[index]]
        return np.ascontiguousarray(clip.numpy().transpose(0, 2, 3, 1))

    def codes(self) -> Codes:
        """All of them, small."""
        return np.concatenate([small(self.picture(index)) for index in range(len(self.indices))])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument(
        "--every", type=int, default=1, help="look at the training pictures of every so many-th iteration (default 1)"
    )


def measure(args: argparse.Namespace) -> Found:
    """Distances to the nearest training pictures, of generated frames and of skies that no run has seen."""
    if args.every < 1:
        raise UsageError(f"--every {args.every}; give a number of iterations from 1 on")
    network = network_of(MODEL)
    trained = training_pictures(args.every)
    known = trained.codes()
    unseen = from_skies(ClipShape(size=network.spec.image.size), held_out=True)
    sets = {
        "model": np.concatenate([generated(network, 3000 + n, n) for n in range(VIDEOS)]),
        "data": np.concatenate([unseen(np.random.default_rng([n, 7])) for n in range(VIDEOS * len(MOMENTS))]),
    }
    distances = {name: nearest(pictures, known)[1][:, 0] for name, pictures in sets.items()}
    return Found(
        tables={"distance": table(distances, trained)},
        settings={"every": args.every, "videos": VIDEOS, "factor": FACTOR},
        models=[MODEL],
        plots={"mocogan-neighbours.png": plot(network, trained, known)},
    )


def training_pictures(every: int) -> Trained:
    """What the first stage of the recipe paints in every so many-th iteration."""
    config: Config = settings(find_recipe(MODEL).stages[0], {})
    samples = FootageClips(config.data.seed, from_skies(shape_of(config, config.style.size)))
    batch, iterations = config.data.batch, config.loop.iterations
    indices = [SampleIndex(n, position, 1) for n in range(0, iterations, every) for position in range(batch)]
    return Trained(samples=samples, indices=indices, total=iterations * batch)


def generated(network: VideoGenerator, content: int, motion: int) -> Pictures:
    """The first and the last frame of a video."""
    walk = Walk(network, content, motion)
    pictures = torch.cat([walk.pictures(range(n, n + 1)) for n in MOMENTS])
    return np.ascontiguousarray((pictures * 255).round().byte().permute(0, 2, 3, 1).numpy())


def small(pictures: Pictures) -> Codes:
    """Means over squares of pixels."""
    count, height, width, _ = pictures.shape
    blocks = pictures.reshape(count, height // FACTOR, FACTOR, width // FACTOR, FACTOR, 3)
    return np.asarray(blocks.mean((2, 4), dtype=np.float32).reshape(count, -1))


def nearest(pictures: Pictures, known: Codes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Numbers of the nearest training pictures (N, NEAREST), and their distances: root mean square, 8-bit levels."""
    rows = [np.sqrt(np.square(known - code).mean(1, dtype=np.float64)) for code in small(pictures)]
    order = np.array([np.argsort(row, kind="stable")[:NEAREST] for row in rows])
    return order, np.take_along_axis(np.array(rows), order, 1)


def table(distances: Mapping[str, npt.NDArray[np.float64]], trained: Trained) -> Table:
    """A row for each set of pictures."""
    rows: dict[str, dict[str, Value]] = {
        name: {"mean": float(found.mean()), "least": float(found.min())} for name, found in distances.items()
    }
    note = (
        f"Root mean square difference, in 8-bit levels, from the nearest of {len(trained.indices):,} of the "
        f"{trained.total:,} training pictures; all were made {FACTOR} times smaller first. Generated: frames "
        f"{' and '.join(map(str, MOMENTS))} of {VIDEOS} videos. Skies: as many pictures that no run has seen."
    )
    return Table(
        corner="",
        columns={"mean": Column(label="mean", digits=1), "least": Column(label="smallest", digits=1)},
        rows=rows,
        labels={"model": MODEL, "data": "painted skies that no run has seen"},
        note=note,
    )


def plot(network: VideoGenerator, trained: Trained, known: Codes) -> bytes:
    """A row for each content, a half for each moment: the generated frame, then the nearest training pictures."""
    from PIL import Image  # optional: extra "train"

    rows = []
    for content in SHOWN:
        frames = generated(network, content, 1)
        halves = [
            np.concatenate([frame, *(trained.picture(int(number))[0] for number in numbers)], 1)
            for frame, numbers in zip(frames, nearest(frames, known)[0], strict=True)
        ]
        rows.append(np.concatenate([np.pad(half, ((0, 0), (0, GAP), (0, 0))) for half in halves], 1)[:, :-GAP])
    buffer = io.BytesIO()
    Image.fromarray(large(np.concatenate(rows, 0))).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
