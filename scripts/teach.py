#!/usr/bin/env python3
"""Make a store whose targets follow a stronger network, from a store with low resolution made beforehand.

A codec takes away what cannot be told from its output any more: the mean of all that could have been there is soft, and
a network trained on originals learns that mean. What a stronger network makes of the same frames is one picture, which
can be learned. Each target here is that picture with its slow parts, colours and shading, from the original::

    target = teacher + blur(original - teacher)

It runs once; nothing of the teacher is needed afterwards. Name it and its licence on the card of what is trained so.

    scripts/teach.py STORE OUT --teacher realesrgan-x4plus --frames 8 --side 64
    vs-tecogan train --config real --store OUT ...
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from figures.peers import PEERS, SCALE, enlarged, environment
from figures.render import CACHE

from vs_tecogan.errors import TrainingError, UserError
from vs_tecogan.training.data.store import (
    ClipWriter,
    SourceRecord,
    Store,
    StoredClip,
    append_record,
    read_manifest,
    write_settings,
)

Pixels = npt.NDArray[np.uint8]
"""(T, H, W, 3)."""
SHIFT = (SCALE - 1) / 2
"""HR pixels between a low-resolution pixel's corner, where the store has it, and its middle, where teachers do."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is taken from each clip."""

    frames: int = 8
    side: int = 64
    """Of the part that is taken, LR pixels; less where a clip is smaller."""
    sigma: float = 4.0
    """Standard deviation of the blur below which the original rules, HR pixels."""
    holdout: bool = False
    """Take the clips of the split "val" too; they are needed for scores while training."""


Part = tuple[slice, slice, slice]
"""Frames, rows and columns, LR pixels."""


def part_of(clip: StoredClip, low: tuple[int, int], options: Options, rng: np.random.Generator) -> Part:
    """A part of a clip, anywhere in it.

    :param low: height and width of the LR frames.
    """
    lengths = (min(options.frames, clip.frames), min(options.side, low[0]), min(options.side, low[1]))
    begins = [
        int(rng.integers(0, whole - length + 1)) for whole, length in zip((clip.frames, *low), lengths, strict=True)
    ]
    one, two, three = (slice(begin, begin + length) for begin, length in zip(begins, lengths, strict=True))
    return one, two, three


def on_corner_grid(large: Pixels) -> Pixels:
    """A teacher's pictures as the store's grid has them: ``SHIFT`` pixels further up and left."""
    move = np.array([[1, 0, SHIFT], [0, 1, SHIFT]], np.float64)
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    size = (large.shape[2], large.shape[1])
    return np.stack([cv2.warpAffine(f, move, size, flags=flags, borderMode=cv2.BORDER_REFLECT_101) for f in large])


def target_of(teacher: Pixels, original: Pixels, sigma: float) -> Pixels:
    """The teacher's pictures over the slow part of the originals."""
    result = []
    for made, true in zip(teacher.astype(np.float32), original.astype(np.float32), strict=True):
        slow = cv2.GaussianBlur(true - made, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
        result.append(np.rint(np.clip(made + slow, 0, 255)).astype(np.uint8))
    return np.stack(result)


def teach(
    store: Store, out: Path, options: Options, teacher: str, enlarge: Callable[[Pixels], Pixels]
) -> Iterator[SourceRecord]:
    """Write a store of parts, a source at a time; sources that are there already are left out.

    :raises TrainingError: the store has no low resolution of this scale.
    """
    write_settings(out, store.settings | {"teacher": teacher} | asdict(options))
    done = {record.sha256 for record in read_manifest(out)}
    for number, record in enumerate(store.records):
        if record.sha256 in done:
            continue
        clips = [c for c in record.clips if c.split == "train" or options.holdout]
        taught = [taught_clip(store, clip, out, options, enlarge, (number, k)) for k, clip in enumerate(clips)]
        entry = replace(record, clips=taught)
        append_record(out, entry)
        yield entry


def taught_clip(
    store: Store,
    clip: StoredClip,
    out: Path,
    options: Options,
    enlarge: Callable[[Pixels], Pixels],
    number: tuple[int, int],
) -> StoredClip:
    """One clip's part, with the teacher's targets, of one version of its low resolution."""
    if not clip.lr_file:
        raise TrainingError(f"{store.folder}: holds no low resolution; make it by vs-tecogan prepare --degrade real")
    rng = np.random.default_rng(number)
    low = store.lr(clip, int(rng.integers(0, 1 + len(clip.more_lr))))
    if low.shape[1] * SCALE != clip.height:
        raise TrainingError(
            f"{store.folder}: low resolution {clip.height / low.shape[1]:g} times smaller; expected {SCALE}"
        )
    frames, rows, columns = part_of(clip, (low.shape[1], low.shape[2]), options, rng)
    given = np.ascontiguousarray(low[frames, rows, columns])
    wide = [slice(SCALE * s.start, SCALE * s.stop) for s in (rows, columns)]
    original = np.asarray(store.hr(clip)[frames, wide[0], wide[1]])
    target = target_of(on_corner_grid(enlarge(given)), original, options.sigma)
    stem = f"{Path(clip.file).stem.removesuffix('-hr')}-taught"
    for side, data in (("hr", target), ("lr0", given)):
        writer = ClipWriter(out / "clips" / f"{stem}-{side}.npy", len(data))
        for frame in data:
            writer.add(frame)
    return replace(
        clip, file=f"clips/{stem}-hr.npy", frames=len(target), height=target.shape[1], width=target.shape[2],
        start=clip.start + frames.start, lr_file=f"clips/{stem}-lr0.npy", more_lr=(),
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--teacher", choices=PEERS, default="realesrgan-x4plus")
    parser.add_argument("--frames", type=int, default=Options.frames)
    parser.add_argument("--side", type=int, default=Options.side)
    parser.add_argument("--sigma", type=float, default=Options.sigma)
    parser.add_argument("--holdout", action="store_true", help="held-out clips too")
    args = parser.parse_args()
    options = Options(frames=args.frames, side=args.side, sigma=args.sigma, holdout=args.holdout)
    try:
        packages = environment(CACHE)
        peer = PEERS[args.teacher]
        for record in teach(
            Store(args.store), args.out, options, args.teacher, lambda low: enlarged(low, peer, packages)
        ):
            print(f"{record.name}: {len(record.clips)} clips", file=sys.stderr)
    except UserError as error:
        print(f"teach.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
