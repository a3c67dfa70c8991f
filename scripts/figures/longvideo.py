"""LongVideoGAN: how fast colours change beside the footage, exactness of chunks and loops, distances, and pictures."""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import vapoursynth as vs

from vs_tecogan import long_video_gan, tecogan
from vs_tecogan.degrade import blur_down_picture
from vs_tecogan.metrics import psnr_y
from vs_tecogan.metrics.fvd import frechet_distance
from vs_tecogan.metrics.random_features import random_features
from vs_tecogan.networks import LongVideo, LongVideoSR, VideoGenerator
from vs_tecogan.networks.walk import Walk
from vs_tecogan.sources.long_video_gan import Frames, open_long_video, open_upscaler
from vs_tecogan.training.data.skies import skies
from vs_tecogan.training.objectives.clip_scores import generated, levels, similarities
from vs_tecogan.weights import DEFAULT_MODEL

from . import longvideo_second, longvideo_variants
from .mocogan import MODEL as MOTION_MODEL
from .mocogan import network_of
from .record import Found
from .tables import Column, Table, Value

MODEL = "long-video-skies"
LARGE = DEFAULT_MODEL
"""Enlarges."""
PICTURES = "pictures"
TIMES = (16, 32, 63, 127)
CLIPS, FRAMES = 128, 64
FIXED = 8
"""Clips of the baseline with a latent that stays: all are alike."""
DRAWS = 1000
"""Latents of which the variance is taken."""
LOOPS = (256, 250)
ENLARGED, SHORT = 16, 12
"""Clips, and frames of each, that are enlarged four times."""
DRIFTING, APART, REACH = 32, 8, 5
SHOWN = (2, 5, 11)
"""Seeds in the pictures."""
EVERY, SPAN, FACTOR = 32, 256, 4

type Clip = npt.NDArray[np.uint8]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--tables", nargs="+", default=[], metavar="NAME", help=f"these alone; or {PICTURES}")
    for name, label in list(longvideo_variants.LABELS.items())[1:]:
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"weights of a run on {label}")
    parser.add_argument("--second", type=Path, metavar="FILE", help="weights of the paper's second stage, to compare")
    parser.add_argument("--clips", type=int, default=CLIPS, help=f"clips of S(x, t) and of distances (default {CLIPS})")


def measure(args: argparse.Namespace) -> Found:
    """Everything, of the shipped model."""
    network = open_long_video(MODEL).network
    given = getattr(args, "second", None)
    second = open_upscaler(given).network if given else None
    makers = {
        "similarity": lambda: similarity(network, args.clips),
        "exact": lambda: exact(network),
        "distance": lambda: distance(network, args.clips),
        "enlarged": lambda: enlarged(network, second),
        "drift": lambda: drift(network),
    }
    files = {name: getattr(args, name) for name in longvideo_variants.LABELS if getattr(args, name, None) is not None}
    if files:
        makers["variants"] = lambda: longvideo_variants.variants(
            files, partial(painted, network), clips=args.clips, frames=FRAMES, times=TIMES
        )
    wanted = args.tables or [*makers, PICTURES]
    tables = {name: maker() for name, maker in makers.items() if name in wanted}
    settings = {"clips": args.clips, "frames": FRAMES, "draws": DRAWS}
    plots = pictures(network, second) if PICTURES in wanted else {}
    models = [MODEL, *([MOTION_MODEL] if "similarity" in wanted else [])]
    models += [LARGE] if {"enlarged", PICTURES} & {*wanted} else []
    return Found(
        tables=tables,
        settings=settings,
        models=models,
        plots=plots,
        inputs=files | ({"second": given} if given else {}),
    )


def painted(network: LongVideo, seed: int, frames: Sequence[int], factor: int = 1) -> Clip:
    """Frames of a painted sky that no run has seen, of the network's size or a multiple."""
    return sky(seed, frames, network.spec.height * factor, network.spec.width * factor)


def sky(seed: int, frames: Sequence[int], height: int, width: int) -> Clip:
    """Frames of a painted sky that no run has seen, from a frame on that depends on the seed."""
    first = int(np.random.default_rng([seed, 5]).integers(1 << 20))
    return skies(seed, first + np.array(frames), height, width)


@torch.no_grad()
def fixed(network: LongVideo, seed: int, frames: int) -> Clip:
    """The video of a latent that stays as it is at frame 0."""
    latents = network.latents(seed, 0, frames)
    middle = latents[-network.window(0, frames).first]
    return levels(network(middle.expand(1, len(latents), -1), 0, frames)[0])


def walked(network: VideoGenerator, seed: int, frames: Sequence[int]) -> Clip:
    """Frames of a video of MoCoGAN-HD, of a content and a motion of its own for each seed."""
    walk = Walk(network, 2000 + seed, seed)
    return levels(torch.cat([walk.pictures(range(n, n + 1)) for n in frames]) * 2 - 1)


def similarity(network: LongVideo, clips: int) -> Table:
    """S(x, t) of footage and of every system: mean and deviation over clips."""
    sets = curves(network, clips)
    rows: dict[str, dict[str, Value]] = {
        name: {f"t{time}": f"{values[:, k].mean():.2f} ± {values[:, k].std():.2f}" for k, time in enumerate(TIMES)}
        for name, values in sets.items()
    }
    for gap, ours, theirs in (("gap", "model", "footage"), ("motion_gap", "motion", "square")):
        apart = sets[ours].mean(0) - sets[theirs].mean(0)
        rows[gap] = {f"t{time}": float(value) for time, value in zip(TIMES, apart, strict=True)}
    order = ("footage", "model", "gap", "square", "motion", "motion_gap", "fixed")
    labels = {
        "footage": "painted skies", "model": MODEL, "gap": f"{MODEL} − skies", "square": "painted skies, 64x64",
        "motion": MOTION_MODEL, "motion_gap": f"{MOTION_MODEL} − skies, 64x64", "fixed": "a latent that stays",
    }  # fmt: skip
    return Table(
        corner="",
        columns={f"t{time}": Column(label=f"t = {time}", signed=True) for time in TIMES},
        rows={name: rows[name] for name in order},
        labels=labels,
        note=f"S(x, t): the part of the first frame's colours that frame t still has, mean and deviation over {clips} "
        f"clips ({FIXED} of the latent that stays). {MODEL} was trained on clips of 64 frames, 32x24; {MOTION_MODEL} "
        "on clips of 12 frames, 64x64.",
    )


def curves(network: LongVideo, clips: int) -> dict[str, npt.NDArray[np.float64]]:
    """S(x, t) of every clip, (clips, times), by row."""
    length, places, moving = TIMES[-1] + 1, range(1, len(TIMES) + 1), network_of(MOTION_MODEL)
    side = moving.spec.image.size
    return {
        "footage": similarities((painted(network, seed, (0, *TIMES)) for seed in range(clips)), places),
        "model": similarities((generated(network, seed, 0, length) for seed in range(clips)), TIMES),
        "fixed": similarities((fixed(network, seed, length) for seed in range(FIXED)), TIMES),
        "square": similarities((sky(seed, (0, *TIMES), side, side) for seed in range(clips)), places),
        "motion": similarities((walked(moving, seed, (0, *TIMES)) for seed in range(clips)), places),
    }


def exact(network: LongVideo) -> Table:
    """Chunks against the whole, orders, loops and the variance of latents."""
    with torch.no_grad():
        whole = network(network.latents(1, 0, SPAN)[None], 0, SPAN)[0]
        parts = [network(network.latents(1, n, 64)[None], n, 64)[0] for n in range(0, SPAN, 64)]
    chunk = float((torch.cat(parts) - whole).abs().max())
    rng = np.random.default_rng(1)
    order = rng.permutation(SPAN)
    linear, jumps = Frames(network, 1, 0, 1 << 30), Frames(network, 1, 0, 1)
    straight = {n: linear.frame(n) for n in range(SPAN)}
    disorder = max(float(np.abs(jumps.frame(int(n)) - straight[int(n)]).max()) for n in order[:48])
    rows: dict[str, dict[str, Value]] = {
        "chunk": {"value": f"{chunk:.1e}"},
        "order": {"value": f"{disorder:g}"},
    }
    for loop in LOOPS:
        turning = Frames(network, 1, loop, 1 << 30)
        frames = np.stack([turning.frame(n) for n in range(loop)])
        again = Frames(network, 1, loop, 1)
        error = max(float(np.abs(again.frame(n + loop) - frames[n]).max()) for n in (0, 1, loop // 2, loop - 1))
        steps = np.abs(np.diff(frames, axis=0)).mean((1, 2, 3))
        seam = float(np.abs(frames[0] - frames[-1]).mean())
        rows[f"loop{loop}"] = {"value": f"{error:g}"}
        rows[f"seam{loop}"] = {"value": f"{seam / steps.mean():.2f}"}
    for name, period in (("variance", 0), ("circle", LOOPS[0])):
        draws = torch.stack([network.latents(seed, 0, 8, period=period)[0] for seed in range(DRAWS)])
        rows[name] = {"value": f"{float(draws.square().mean()):.4f}"}
    labels = {
        "chunk": "chunks of 64 frames against the whole of 256, largest difference",
        "order": "any order against linear, largest difference",
        "variance": "variance of the latents",
        "circle": f"variance of the latents of a loop of {LOOPS[0]}",
    }
    for loop in LOOPS:
        labels[f"loop{loop}"] = f"loop of {loop}: frame n + {loop} against frame n, largest difference"
        labels[f"seam{loop}"] = f"loop of {loop}: step over the seam, × the mean step"
    note = f"Pixels in [0, 1], of the chunks in [-1, 1]. Latents: mean over {DRAWS} seeds."
    return Table(corner="", columns={"value": Column(label="value")}, rows=rows, labels=labels, note=note)


def distance(network: LongVideo, clips: int) -> Table:
    """FD-random3d from painted skies."""
    truth = random_features(painted(network, seed, range(FRAMES)) for seed in range(clips))
    sets = {
        "footage": random_features(painted(network, 10_000 + seed, range(FRAMES)) for seed in range(clips)),
        "model": random_features(generated(network, seed, 0, FRAMES) for seed in range(clips)),
        "beyond": random_features(generated(network, seed, 1 << 19, FRAMES) for seed in range(clips)),
        "fixed": random_features(fixed(network, seed, FRAMES) for seed in range(clips)),
    }
    rows: dict[str, dict[str, Value]] = {name: {"fd": frechet_distance(f, truth)} for name, f in sets.items()}
    labels = {"footage": "other painted skies", "model": f"{MODEL}, frames 0 to {FRAMES - 1}",
              "beyond": f"{MODEL}, {FRAMES} frames from frame 524,288 on", "fixed": "a latent that stays"}  # fmt: skip
    note = (
        f"FD-random3d from {clips} clips of {FRAMES} frames of painted skies, each set of as many clips: Fréchet "
        "distance of features of a fixed network with random weights. It is not FVD."
    )
    return Table(corner="", columns={"fd": Column(label="FD-random3d")}, rows=rows, labels=labels, note=note)


def drift(network: LongVideo) -> Table:
    """How far pictures move to the right: the shift at which frames 8 apart are most alike."""
    sets = {
        "footage": [painted(network, seed, range(FRAMES)) for seed in range(DRIFTING)],
        "model": [generated(network, seed, 0, FRAMES) for seed in range(DRIFTING)],
    }
    rows: dict[str, dict[str, Value]] = {
        name: {"shift": float(np.mean([shift(c) for c in s]))} for name, s in sets.items()
    }
    note = (
        f"The shift by which the sky of a frame is most like that of the frame {APART} later, mean over {DRIFTING} "
        f"clips of {FRAMES} frames."
    )
    column = Column(label=f"pixels to the right in {APART} frames", digits=1)
    return Table(
        corner="", columns={"shift": column}, rows=rows, labels={"footage": "painted skies", "model": MODEL}, note=note
    )


def shift(clip: Clip) -> int:
    """Whole pixels, from -REACH to REACH."""
    sky = clip[:, : clip.shape[1] // 2].astype(float).mean(-1)
    sky -= sky.mean((1, 2), keepdims=True)
    later = sky[APART:, :, REACH:-REACH]

    def likeness(pixels: int) -> float:
        moved = np.roll(sky[:-APART], pixels, axis=2)[:, :, REACH:-REACH]
        return float((moved * later).sum() / np.sqrt(np.square(moved).sum() * np.square(later).sum() + 1e-9))

    return max(range(-REACH, REACH + 1), key=likeness)


def enlarged(network: LongVideo, second: LongVideoSR | None = None) -> Table:
    """The second stage: painted and generated clips, four times larger, by bicubic, the filter and the paper's network.

    :param second: that network; its small frames are means of 4x4 pixels, those of the others as by bd.
    """
    truth = [painted(network, seed, range(SHORT), FACTOR) for seed in range(2 * ENLARGED)]
    reference = random_features(truth[ENLARGED:])
    small = [np.stack([blur_down_picture(frame, FACTOR) for frame in clip]) for clip in truth[:ENLARGED]]
    made = [generated(network, seed, 0, SHORT) for seed in range(ENLARGED)]
    rows: dict[str, dict[str, Value]] = {}
    for name in ("bicubic", LARGE):
        real = [enlarge(clip, name) for clip in small]
        pairs = [(a, b) for ours, theirs in zip(real, truth, strict=False) for a, b in zip(ours, theirs, strict=True)]
        rows[name] = {
            "psnr": float(np.mean([psnr_y(a, b) for a, b in pairs])),
            "real": frechet_distance(random_features(real), reference),
            "made": frechet_distance(random_features([enlarge(clip, name) for clip in made]), reference),
        }
    if second is not None:
        clips = [longvideo_second.painted_pair(partial(painted, network), second, n, SHORT) for n in range(ENLARGED)]
        real = [clip for clip, _ in clips]
        pairs = [(a, b) for ours, theirs in clips for a, b in zip(ours, theirs, strict=True)]
        films = [longvideo_second.generated_large(network, second, seed, 0, SHORT) for seed in range(ENLARGED)]
        rows["second"] = {
            "psnr": float(np.mean([psnr_y(a, b) for a, b in pairs])),
            "real": frechet_distance(random_features(real), reference),
            "made": frechet_distance(random_features(films), reference),
        }
    columns = {"psnr": Column(label="PSNR of painted skies, dB"), "real": Column(label="FD-random3d, painted skies"),
               "made": Column(label="FD-random3d, generated")}  # fmt: skip
    size = f"{network.spec.width * FACTOR}x{network.spec.height * FACTOR}"
    note = f"{ENLARGED} clips of {SHORT} frames, enlarged to {size}. FD-random3d from other skies painted at that size."
    labels = {"second": "the paper's second stage"}
    return Table(corner="", columns=columns, rows=rows, labels=labels if second else {}, note=note)


def enlarge(clip: Clip, how: str) -> Clip:
    """Four times larger, by the name of a filter."""
    count, height, width, _ = clip.shape
    blank = vs.core.std.BlankClip(width=width, height=height, format=vs.RGB24, length=count, keep=True)

    def paint(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        out = f.copy()
        for plane in range(3):
            np.asarray(out[plane])[...] = clip[n, ..., plane]
        return out

    small = blank.std.ModifyFrame(blank, paint)
    if how == "bicubic":  # the filter's grid: corners coincide, as those of its models do
        shift = (1 - 1 / FACTOR) / 2
        large = small.resize.Bicubic(FACTOR * width, FACTOR * height, src_left=shift, src_top=shift)
    else:
        large = tecogan(small, model=how, device="cpu", scene_change=False)
    return np.stack([_pixels(large, n) for n in range(count)])


def _pixels(clip: vs.VideoNode, n: int) -> Clip:
    with clip.get_frame(n) as frame:
        return np.stack([np.asarray(frame[plane]) for plane in range(3)], axis=-1)


def pictures(network: LongVideo, second: LongVideoSR | None) -> dict[str, bytes]:
    """Rows of every 32nd frame beside the footage, a film of 256 frames, and a frame enlarged."""
    from PIL import Image  # optional: extra "train"

    videos = [generated(network, seed, 0, SPAN + 1) for seed in SHOWN]
    rows = [np.concatenate(list(video[::EVERY]), 1) for video in (*videos, painted(network, 3, range(SPAN + 1)))]
    still = np.concatenate(rows, 0).repeat(FACTOR, 0).repeat(FACTOR, 1)
    loop = generated(network, SHOWN[0], 0, SPAN, period=SPAN)
    size = (network.spec.width * 8, network.spec.height * 8)
    film = [Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC) for frame in loop]
    clip = long_video_gan(MODEL, seed=SHOWN[1], length=SPAN, device="cpu").resize.Bicubic(format=vs.RGB24)
    low = np.stack([_pixels(clip, n) for n in range(12)])
    shown = [enlarge(low, how)[-1] for how in ("bicubic", LARGE)]
    if second is not None:
        shown.append(longvideo_second.generated_large(network, second, SHOWN[1], len(low) - 1, 1)[0])
    pair = np.concatenate(shown, 1).repeat(3, 0).repeat(3, 1)
    return {
        "longvideo.png": _png(still),
        "longvideo.webp": _film(film),
        "longvideo-large.png": _png(pair),
    }


def _png(picture: Clip) -> bytes:
    from PIL import Image  # optional: extra "train"

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _film(frames: Sequence[Any]) -> bytes:
    buffer = io.BytesIO()
    first, *rest = frames
    first.save(buffer, "WEBP", save_all=True, append_images=rest, duration=40, loop=0, quality=55)
    return buffer.getvalue()
