#!/usr/bin/env python3
"""Measure how many warm-up frames a model needs until a restarted chain shows the same picture as an endless one.

    python scripts/measure_warmup.py VIDEO [VIDEO ...] [--model NAME_OR_PATH]

For each video: the output at one frame of a chain that runs from the start of the clip, against chains that start from
the zero state a few frames before it. Differences in 8 bit levels. Beside them, how much the output changes from one
frame to the next anyway.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import vapoursynth as vs

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from vs_tecogan.engine import Engine, create_engine
from vs_tecogan.weights import DEFAULT_MODEL, load_model

LENGTH, WARMUPS = 36, (0, 1, 2, 3, 4, 6, 8, 12, 16)
WIDTH, HEIGHT = 96, 64

Frame = list[np.ndarray]


def centre(path: Path) -> list[Frame]:
    """The middle of the first frames, as RGB planes."""
    clip = vs.core.bs.VideoSource(str(path), cachemode=0, showprogress=False)[:LENGTH]
    left, top = (clip.width - WIDTH) // 4 * 2, (clip.height - HEIGHT) // 4 * 2
    clip = clip.std.CropAbs(WIDTH, HEIGHT, left, top).resize.Bicubic(format=vs.RGBS)
    return [[np.array(frame[plane]) for plane in range(3)] for frame in clip.frames()]


def last_outputs(engine: Engine, frames: list[Frame], count: int = 1) -> list[np.ndarray]:
    """The last ``count`` outputs of a chain over ``frames``."""
    state, outputs = engine.zero_state(HEIGHT, WIDTH), []
    for k, frame in enumerate(frames):
        state = engine.step(state, frame)
        if k >= len(frames) - count:
            planes = [np.empty((HEIGHT * engine.scale, WIDTH * engine.scale), np.float32) for _ in range(3)]
            engine.read(state, planes)
            outputs.append(np.stack(planes))
    return outputs


def rms(difference: np.ndarray) -> float:
    return 255 * float(np.sqrt(np.mean(np.square(difference))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    arguments = parser.parse_args()
    engine = create_engine(load_model(arguments.model), precision="fp32")
    print("| clip | frame to frame | " + " | ".join(f"W = {count}" for count in WARMUPS) + " |")
    print("|---" * (2 + len(WARMUPS)) + "|")
    for path in arguments.videos:
        frames = centre(path)
        before, target = last_outputs(engine, frames, 2)
        cells = [f"{rms(target - before):.2f}"]
        for count in WARMUPS:
            difference = last_outputs(engine, frames[LENGTH - 1 - count :])[0] - target
            cells.append(f"{rms(difference):.3f} ({255 * np.abs(difference).max():.2f})")
        print(f"| {path.stem} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
