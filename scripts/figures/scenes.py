"""The built-in scene cut detector: recall and false alarms on real footage, and on effects laid over a single shot.

The reference is independent of the detector: corners tracked forth and back by pyramidal Lucas-Kanade (OpenCV) from
each frame to the next. A cut is where fewer than a tenth survive and the colour histogram changes too. What that rule
gets wrong on the project's footage was looked at frame by frame and is listed below. Time jumps inside one shot, at the
known window boundaries of two files, count neither for nor against: half of the picture goes on across them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import vapoursynth as vs

from vs_tecogan.scenes import CUT_PROP, CutRule, scene_cuts

from .footage import videos
from .record import Found, file_hash
from .render import kept_values
from .tables import Column, Table, Value

NOT_CUTS = {  # looked at: a fade of a logo, fast motion after a cut, an iris wipe; a whip pan
    "bbb_360p": {4, 5, 6, 1153, 2852, 2853},
    "elephants_dream_360p": {736, 738, 740, 742, 745, 748},
}
WINDOWS = {"bbb_360p": 32, "highway_360p": 40}
SURVIVORS, HISTOGRAM = 0.1, 0.25
COUNTS = {
    "frames": Column(label="frames", digits=0),
    "cuts": Column(label="cuts", digits=0),
    "found": Column(label="found", digits=0),
    "alarms": Column(label="false alarms", digits=0),
    "jumps": Column(label="jumps in a shot", digits=0),
    "jumps_found": Column(label="found", digits=0),
    "missed_at": Column(label="missed at"),
    "alarms_at": Column(label="false alarms at"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--footage", type=Path, required=True, metavar="DIR", help="the training footage at 640x360")
    parser.add_argument("--clips", type=Path, required=True, metavar="DIR", help="folder of evaluation clips")
    parser.add_argument("--effects-on", default="street_dog_360p", help="stem of a video of a single shot")


def measure(args: argparse.Namespace) -> Found:
    """Counts by clip and together, and by effect."""
    cv2.setNumThreads(1)
    rows: dict[str, dict[str, Value]] = {}
    laid: dict[str, dict[str, Value]] = {}
    paths = [path for folder in (args.footage, args.clips) for path in videos(folder)]
    for path in paths:
        clip = vs.core.bs.VideoSource(str(path), cachemode=0, showprogress=False)
        found = kept_values(("cuts", repr(CutRule()), file_hash(path)), lambda clip=clip: sorted(detect(clip)))
        cuts = kept_values(("reference", file_hash(path)), lambda path=path: sorted(reference(path)))
        rows[path.stem] = judge(path, set(found), set(cuts) - NOT_CUTS.get(path.stem, set()), clip.num_frames)
        if path.stem == args.effects_on:
            laid = {key: {"cuts": cuts, "found": len(detect(node))} for key, (node, cuts) in effects(clip).items()}
    sums = {key: sum(float(row[key] or 0) for row in rows.values()) for key in list(COUNTS)[:6]}
    recall, precision = sums["found"] / sums["cuts"], sums["found"] / (sums["found"] + sums["alarms"])
    rows["all"] = dict(sums)
    counted = "Cuts by tracked corners and histograms; jumps in time inside one shot count neither way."
    effect_columns = {"cuts": Column(label="cuts in it", digits=0), "found": Column(label="cuts found", digits=0)}
    rates = {"recall": Column(label="recall", digits=3), "precision": Column(label="precision", digits=3)}
    note = f"Laid over the first 100 frames of {args.effects_on}, a single shot."
    return Found(
        tables={
            "footage": Table(corner="clip", columns=COUNTS, rows=rows, labels={"all": "**all**"}, note=counted),
            "effects": Table(corner="effect", columns=effect_columns, rows=laid, labels=EFFECTS, note=note),
            "rates": Table(
                corner="",
                columns=rates,
                rows={"all": {"recall": recall, "precision": precision}},
                labels={},
                note=counted,
            ),
        },
        settings={"survivors": SURVIVORS, "histogram": HISTOGRAM},
        inputs={path.stem: path for path in paths},
        outside="The clips: the 360p training footage that the model cards name, and scripts/fetch_eval.py.",
    )


def judge(path: Path, found: set[int], cuts: set[int], frames: int) -> dict[str, Value]:
    """One clip's counts."""
    step = WINDOWS.get(path.stem)
    jumps = set(range(step, frames, step)) - cuts if step else set()
    alarms, missed = sorted(found - cuts - jumps), sorted(cuts - found)
    return {
        "frames": frames,
        "cuts": len(cuts),
        "found": len(found & cuts),
        "alarms": len(alarms),
        "jumps": len(jumps),
        "jumps_found": len(found & jumps),
        "missed_at": ", ".join(map(str, missed)) or None,
        "alarms_at": ", ".join(map(str, alarms)) or None,
    }


def detect(clip: vs.VideoNode) -> set[int]:
    """Frames after the first that the detector takes for cuts."""
    return {n for n, frame in enumerate(scene_cuts(clip).frames(close=True)) if frame.props[CUT_PROP]} - {0}


def reference(path: Path) -> set[int]:
    """Frames that start a scene, by tracked corners and histograms."""
    video, cuts, last, n = cv2.VideoCapture(str(path)), set(), None, 0
    while (read := video.read())[0]:
        grey, colours = cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY), histogram(read[1])
        if (
            last is not None
            and np.abs(colours - last[1]).sum() / 2 >= HISTOGRAM
            and survivors(last[0], grey) < SURVIVORS
        ):
            cuts.add(n)
        last, n = (grey, colours), n + 1
    return cuts


def histogram(image: np.ndarray) -> np.ndarray:
    """Normalised HSV histogram of a small version."""
    small = cv2.cvtColor(cv2.resize(image, (160, 90), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2HSV)
    counts = cv2.calcHist([small], [0, 1, 2], None, [8, 4, 8], [0, 180, 0, 256, 0, 256])
    return np.asarray(counts / counts.sum())


def survivors(previous: np.ndarray, current: np.ndarray) -> float:
    """Share of the corners of ``previous`` that are found in ``current`` and from there back at their place."""
    corners = cv2.goodFeaturesToTrack(previous, 200, 0.01, 7)
    if corners is None or len(corners) < 8:
        return 1.0
    there, ok_there, _ = cv2.calcOpticalFlowPyrLK(previous, current, corners, None, winSize=(21, 21), maxLevel=4)
    back, ok_back, _ = cv2.calcOpticalFlowPyrLK(current, previous, there, None, winSize=(21, 21), maxLevel=4)
    near = np.abs(back - corners).reshape(-1, 2).max(1) < 1
    return float(((ok_there.ravel() == 1) & (ok_back.ravel() == 1) & near).mean())


EFFECTS = {
    "white": "one white frame in 20",
    "half-white": "half-white frame in 20",
    "fade": "fade to black and back in 8 frames each",
    "brightness": "brightness flickers by 10 %",
    "cross-fade": "cross-fade to itself 50 frames on",
    "upside-down": "turned upside down every 25 frames",
}


def effects(clip: vs.VideoNode) -> dict[str, tuple[vs.VideoNode, int]]:
    """The first 100 frames of a single shot with something laid over, and the cuts in that."""
    clip = clip[:100]
    white = clip.std.BlankClip(color=[235, 128, 128])
    black = clip.std.BlankClip(color=[16, 128, 128])

    def mixed(other: vs.VideoNode, weight: Callable[[int], float]) -> vs.VideoNode:
        return vs.core.std.Splice([clip[n].std.Merge(other[n], weight=weight(n)) for n in range(clip.num_frames)])

    turned = [clip[:25], clip[25:50].std.FlipVertical(), clip[50:75], clip[75:].std.FlipVertical()]
    return {
        "white": (mixed(white, lambda n: float(n % 20 == 10)), 10),
        "half-white": (mixed(white, lambda n: 0.5 * (n % 20 == 10)), 10),
        "fade": (mixed(black, lambda n: abs((n / 8) % 2 - 1)), 0),
        "brightness": (mixed(black, lambda n: 0.1 * (n % 2)), 0),
        "cross-fade": (mixed(clip[50:] + clip[:50], lambda n: min(n / 24, 1.0)), 0),
        "upside-down": (vs.core.std.Splice(turned), 3),
    }
