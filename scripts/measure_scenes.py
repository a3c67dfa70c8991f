#!/usr/bin/env python3
"""Measure the built-in scene cut detector: recall and false alarms on real footage, and on effects laid over it.

    python scripts/measure_scenes.py FOLDER            # a folder of videos; writes a Markdown table

The reference is independent of the detector: corners tracked forth and back by pyramidal Lucas-Kanade (OpenCV) from
each frame to the next. A cut is where fewer than a tenth survive and the colour histogram changes too. What that rule
gets wrong on the project's footage was looked at frame by frame and is listed below. Time jumps inside one shot, at the
known window boundaries of two files, count neither for nor against: half of the picture goes on across them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import vapoursynth as vs

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from vs_tecogan.scenes import CUT_PROP, scene_cuts
from vs_tecogan.video.names import videos_in
from vs_tecogan.video.read import video_frames
from vs_tecogan.video.source import bestsource

NOT_CUTS = {  # looked at: a fade of a logo, fast motion after a cut, an iris wipe; a whip pan
    "bbb_360p": {4, 5, 6, 1153, 2852, 2853},
    "elephants_dream_360p": {736, 738, 740, 742, 745, 748},
}
WINDOWS = {"bbb_360p": 32, "highway_360p": 40}
SURVIVORS, HISTOGRAM = 0.1, 0.25


@dataclass
class Tally:
    """Frames counted over one or more clips."""

    frames: int = 0
    cuts: int = 0
    found: int = 0
    jumps: int = 0
    jumps_found: int = 0
    alarms: list[int] = field(default_factory=list)
    missed: list[int] = field(default_factory=list)

    def row(self, name: str) -> str:
        cells = [name, self.frames, f"{self.found} / {self.cuts}", f"{self.jumps_found} / {self.jumps}"]
        cells += [", ".join(map(str, self.missed)) or "-", ", ".join(map(str, self.alarms)) or "-"]
        return "| " + " | ".join(map(str, cells)) + " |"


def histogram(image: np.ndarray) -> np.ndarray:
    small = cv2.cvtColor(cv2.resize(image, (160, 90), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2HSV)
    counts = cv2.calcHist([small], [0, 1, 2], None, [8, 4, 8], [0, 180, 0, 256, 0, 256])
    return counts / counts.sum()


def survivors(previous: np.ndarray, current: np.ndarray) -> float:
    """Share of the corners of ``previous`` that are found in ``current`` and from there back at their place."""
    corners = cv2.goodFeaturesToTrack(previous, 200, 0.01, 7)
    if corners is None or len(corners) < 8:
        return 1.0
    there, ok_there, _ = cv2.calcOpticalFlowPyrLK(previous, current, corners, None, winSize=(21, 21), maxLevel=4)
    back, ok_back, _ = cv2.calcOpticalFlowPyrLK(current, previous, there, None, winSize=(21, 21), maxLevel=4)
    near = np.abs(back - corners).reshape(-1, 2).max(1) < 1
    return float(((ok_there.ravel() == 1) & (ok_back.ravel() == 1) & near).mean())


def reference(path: Path) -> set[int]:
    """Frames that start a scene, by tracked corners and histograms."""
    cuts, last = set(), None
    for n, frame in enumerate(video_frames(path)):
        grey, colours = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), histogram(frame)
        if (
            last is not None
            and np.abs(colours - last[1]).sum() / 2 >= HISTOGRAM
            and survivors(last[0], grey) < SURVIVORS
        ):
            cuts.add(n)
        last = grey, colours
    return cuts - NOT_CUTS.get(path.stem, set())


def detect(clip: vs.VideoNode) -> set[int]:
    """Frames after the first that the detector takes for cuts."""
    return {n for n, frame in enumerate(scene_cuts(clip).frames()) if frame.props[CUT_PROP]} - {0}


def cost(clip: vs.VideoNode) -> float:
    """CPU time of the detector in ms per frame: with it less without it, both with decoding, best of three each."""

    def processor_time(node: vs.VideoNode) -> float:
        vs.core.clear_cache()
        start = time.process_time()
        for _ in node.frames(close=True):
            pass
        return 1e3 * (time.process_time() - start) / node.num_frames

    short = clip[:240]
    plain = min(processor_time(short) for _ in range(3))
    return min(processor_time(scene_cuts(short)) for _ in range(3)) - plain


def judge(path: Path, found: set[int], frames: int) -> Tally:
    cuts = reference(path)
    step = WINDOWS.get(path.stem)
    jumps = set(range(step, frames, step)) - cuts if step else set()
    return Tally(
        frames=frames,
        cuts=len(cuts),
        found=len(found & cuts),
        jumps=len(jumps),
        jumps_found=len(found & jumps),
        alarms=sorted(found - cuts - jumps),
        missed=sorted(cuts - found),
    )


def effects(clip: vs.VideoNode) -> dict[str, vs.VideoNode]:
    """The first 100 frames of a single shot with something laid over that is no cut."""
    clip = clip[:100]
    white = clip.std.BlankClip(color=[235, 128, 128])
    black = clip.std.BlankClip(color=[16, 128, 128])

    def mixed(other: vs.VideoNode, weight: Callable[[int], float]) -> vs.VideoNode:
        return vs.core.std.Splice([clip[n].std.Merge(other[n], weight=weight(n)) for n in range(clip.num_frames)])

    return {
        "one white frame in 20": mixed(white, lambda n: float(n % 20 == 10)),
        "half-white frame in 20": mixed(white, lambda n: 0.5 * (n % 20 == 10)),
        "fade to black and back in 8 frames each": mixed(black, lambda n: abs((n / 8) % 2 - 1)),
        "brightness flickers by 10 %": mixed(black, lambda n: 0.1 * (n % 2)),
        "cross-fade to itself 50 frames on": mixed(clip[50:] + clip[:50], lambda n: min(n / 24, 1.0)),
        "turned upside down every 25 frames (3 cuts)": vs.core.std.Splice(
            [clip[:25], clip[25:50].std.FlipVertical(), clip[50:75], clip[75:].std.FlipVertical()]
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of videos")
    parser.add_argument("--effects-on", default="street_dog_360p", help="stem of a single-shot file in the folder")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    print("| clip | frames | cuts found | jumps in a shot found | missed | false alarms |\n|---|---|---|---|---|---|")
    whole, laid = Tally(), []
    for path in videos_in(arguments.folder):
        clip = bestsource(path)
        found = detect(clip)
        one = judge(path, found, clip.num_frames)
        print(one.row(path.stem), flush=True)
        for name in ("frames", "cuts", "found", "jumps", "jumps_found"):
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
        whole.alarms += one.alarms
        if path.stem == arguments.effects_on:
            laid = [(name, len(detect(effect))) for name, effect in effects(clip).items()]
            spent = cost(clip)
            laid.append((f"(none; {clip.width}x{clip.height}, {spent:.2f} ms of CPU time a frame)", len(found)))
    print(f"\n{whole.frames} frames, {whole.cuts} cuts, {whole.found} found, {len(whole.alarms)} false alarms")
    if whole.cuts:
        recall, precision = whole.found / whole.cuts, whole.found / (whole.found + len(whole.alarms))
        print(f"recall {recall:.3f}, precision {precision:.3f}")
    for name, count in laid:
        print(f"- {name}: {count} cuts")


if __name__ == "__main__":
    main()
