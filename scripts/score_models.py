#!/usr/bin/env python3
"""Score models on the clips of a folder: low resolution by the BD rule, a plain recursion, Y-PSNR, SSIM, tOF, T-diff.

    scripts/score_models.py --eval DIR [--models NAME|FILE ...] [--codec h264:CRF|mpeg2:KBITS] [--squeezenet FILE]
        [--json OUT.json]

Each clip is the reference. Its low-resolution version is cv2.GaussianBlur(uint8, (0, 0), sigmaX=1.5)[::s, ::s] with the
default border, the rule of the authors' published test frames. A model runs from a zero state, primed with the first
frames mirrored, never restarted; its output is rounded to 8 bits and cut to the reference's size. "bicubic" is the
models' own skip connection alone. --codec compresses the low-resolution version first, 4:2:0 at 25 frames a second:
h264:28 by x264 at that rate factor, mpeg2:4500 by MPEG-2 at the bits a pixel that so many kbit/s are for 720x480.
Everything but "PSNR plain" and "SSIM plain" follows the official protocol.
"""

import argparse
import itertools
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from vs_tecogan.degrade import blur_down_picture
from vs_tecogan.engine import Engine, create_engine
from vs_tecogan.errors import UserError
from vs_tecogan.metrics import Instruments, Picture, evaluate_pair, psnr_y, ssim_y
from vs_tecogan.metrics.bicubic import bicubic, quantised
from vs_tecogan.metrics.perceptual import squeeze_distance
from vs_tecogan.metrics.sources import Clip, open_clip
from vs_tecogan.recurrence.chains import warmup_frames
from vs_tecogan.video.names import is_video
from vs_tecogan.video.roundtrip import through_encoder
from vs_tecogan.weights import load_model, shipped_models

OFFICIAL = ("psnr", "ssim", "squeeze", "tof", "tdiff", "flicker", "grid")
COLUMNS = {
    "psnr_plain": "PSNR plain",
    "psnr": "PSNR official",
    "ssim_plain": "SSIM plain",
    "ssim": "SSIM official",
    "squeeze": "squeeze",
    "tof": "tOF",
    "tdiff": "T-diff",
    "flicker": "flicker",
    "grid": "grid",
}
type Upscaler = Callable[[Clip], Iterator[Picture]]
type Row = dict[str, float]


def main() -> int:
    """Score every model on every clip; 2 for unusable arguments."""
    args = parse_arguments()
    try:
        clips = [clip if args.frames is None else excerpt(clip, 0, args.frames) for clip in find_clips(args.eval)]
        upscalers = find_upscalers(args)
        instruments = Instruments(squeeze=squeeze_distance(args.squeezenet) if args.squeezenet else None)
        scores: dict[str, dict[str, Row]] = {"reference": {}}
        for name, upscaler in upscalers.items():
            scores[name] = {}
            for clip in clips:
                begin = time.monotonic()
                scores[name][clip.name], scores["reference"][clip.name] = score(upscaler, clip, instruments, args.jobs)
                seconds = time.monotonic() - begin
                print(f"{name} {clip.name}: {line(scores[name][clip.name])} ({seconds:.0f} s)", file=sys.stderr)
    except (UserError, FileNotFoundError) as error:
        print(f"score_models: {error}", file=sys.stderr)
        return 2
    for rows in scores.values():
        rows["mean"] = {key: float(np.mean([row[key] for row in rows.values()])) for key in next(iter(rows.values()))}
    print(table(scores))
    if args.json:
        degradation = "BD uint8, sigma 1.5" + (f", {args.codec}" if args.codec else "")
        settings = {
            "degradation": degradation,
            "warmup": args.warmup,
            "clips": {clip.name: clip.length for clip in clips},
        }
        args.json.write_text(json.dumps({"settings": settings, "scores": finite(scores)}, indent=1) + "\n")
    return 0


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, required=True, metavar="DIR", help="folder of clips, or one clip")
    parser.add_argument("--frames", type=int, metavar="N", help="only the first N frames of each clip")
    parser.add_argument("--models", nargs="*", metavar="NAME|FILE", help="default: every shipped model")
    parser.add_argument(
        "--warmup", type=int, default=None, help="mirrored frames before the first; default: the filter's"
    )
    parser.add_argument(
        "--codec", type=codec, metavar="h264:CRF|mpeg2:KBITS", help="compress the low-resolution clips first"
    )
    parser.add_argument("--device", default=None, help="as in the filter; default: CUDA where there is one")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--squeezenet", type=Path, metavar="FILE", help="squeezenet1.1_notop.h5 (Keras)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="threads of the metrics")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the scores there")
    parser.add_argument("--alone", action="store_true", help="each model also without its recurrence")
    parser.add_argument("--no-bicubic", action="store_true", help="leave the baseline out")
    args = parser.parse_args()
    if args.warmup is None:
        from vs_tecogan.filter import WARMUP

        args.warmup = WARMUP
    return args


def codec(text: str) -> str:
    """A valid --codec."""
    name, _, value = text.partition(":")
    if name not in ("h264", "mpeg2") or not value.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r}; give h264:CRF or mpeg2:KBITS, such as h264:28 or mpeg2:4500")
    return text


def find_clips(folder: Path) -> list[Clip]:
    """The clips of a folder, by name; a single clip stands for itself."""
    if not folder.is_dir():
        return [open_clip(folder)]
    paths = sorted(p for p in folder.iterdir() if p.is_dir() or is_video(p))
    return [open_clip(path) for path in paths] or [open_clip(folder)]


@dataclass(frozen=True, kw_only=True)
class Excerpt(Clip):
    """``length`` frames of a clip, from frame ``first`` on."""

    first: int

    def frames(self) -> Iterator[Picture]:
        """As those of the clip."""
        return itertools.islice(super().frames(), self.first, self.first + self.length)


def excerpt(clip: Clip, first: int, length: int) -> Clip:
    """So many frames of a clip, or as many as there are."""
    return Excerpt(**vars(clip) | {"first": first, "length": min(length, clip.length - first)})


def find_upscalers(args: argparse.Namespace) -> dict[str, Upscaler]:
    """What to score, by name; opens every model before the first frame is read."""
    upscalers: dict[str, Upscaler] = {}
    names = args.models if args.models is not None else [card.name for card in shipped_models()]
    engines = {name: create_engine(load_model(name), device=args.device, precision=args.precision) for name in names}
    if not args.no_bicubic:
        for scale in sorted({engine.scale for engine in engines.values()} or {4}):
            upscalers[f"bicubic x{scale}"] = lambda clip, s=scale: enlarged(clip, s, args.codec)
    for name, engine in engines.items():
        upscalers[Path(name).name] = lambda clip, e=engine: upscaled(e, clip, args.warmup, args.codec)
        if args.alone:
            upscalers[f"{Path(name).name} alone"] = lambda clip, e=engine: upscaled_alone(e, clip, args.codec)
    return upscalers


def low_resolution(clip: Clip, scale: int, codec: str | None) -> Iterator[Picture]:
    """The clip's low-resolution version, decoded again where it is compressed.

    :raises VideoError: ffmpeg fails.
    """
    low = (blur_down_picture(truth, scale) for truth in clip.frames())
    if codec is None:
        return low
    frames = np.stack(list(low))
    name, _, value = codec.partition(":")
    encoder = ["-c:v", "libx264", "-preset", "medium", "-crf", value]
    if name == "mpeg2":
        rate = str(int(value) * 1000 * frames.shape[1] * frames.shape[2] // (720 * 480))
        encoder = ["-c:v", "mpeg2video", "-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-bf", "2", "-g", "12"]
    return iter(through_encoder(frames, encoder, {"mpeg2": "mpeg2video"}.get(name, name)))


def enlarged(clip: Clip, scale: int, codec: str | None = None) -> Iterator[Picture]:
    """Bicubic enlargement of a clip's low-resolution version, at the clip's size."""
    return (bicubic(low, scale)[: clip.height, : clip.width] for low in low_resolution(clip, scale, codec))


def upscaled(engine: Engine, clip: Clip, warmup: int, codec: str | None = None) -> Iterator[Picture]:
    """The model's output for a clip's low-resolution version, rounded to 8 bits, at the clip's size."""
    order = warmup_frames(0, warmup, clip.length, lambda _: False).frames
    low = low_resolution(clip, engine.scale, codec)
    ahead = list(itertools.islice(low, max(order, default=-1) + 1))
    height, width = -(-clip.height // engine.scale), -(-clip.width // engine.scale)
    state = engine.zero_state(height, width)
    for index in order:
        state = engine.step(state, planes_of(ahead[index]))
    out = np.empty((3, height * engine.scale, width * engine.scale), np.float32)
    for frame in itertools.chain(ahead, low):
        state = engine.step(state, planes_of(frame))
        engine.read(state, list(out))
        yield quantised(out * 255)[: clip.height, : clip.width]


def upscaled_alone(engine: Engine, clip: Clip, codec: str | None = None) -> Iterator[Picture]:
    """The same of every frame by itself, from a zero state: what is missing then, the recurrence gives."""
    height, width = -(-clip.height // engine.scale), -(-clip.width // engine.scale)
    out = np.empty((3, height * engine.scale, width * engine.scale), np.float32)
    for frame in low_resolution(clip, engine.scale, codec):
        engine.read(engine.step(engine.zero_state(height, width), planes_of(frame)), list(out))
        yield quantised(out * 255)[: clip.height, : clip.width]


def planes_of(frame: Picture) -> list[np.ndarray]:
    """R, G, B as float32 planes in [0, 1]."""
    return list(np.ascontiguousarray(frame.transpose(2, 0, 1)).astype(np.float32) / np.float32(255))


def score(upscaler: Upscaler, clip: Clip, instruments: Instruments, jobs: int) -> tuple[Row, Row]:
    """One clip's row, and the reference's own values of what needs no reference."""
    plain: dict[str, list[float]] = {"psnr_plain": [], "ssim_plain": []}

    def results() -> Iterator[Picture]:
        for result, truth in zip(upscaler(clip), clip.frames(), strict=True):
            plain["psnr_plain"].append(psnr_y(result, truth))
            plain["ssim_plain"].append(ssim_y(result, truth))
            yield result

    official = evaluate_pair(
        results(), clip.frames(), protocol="official", metrics=OFFICIAL, instruments=instruments, jobs=jobs
    )
    row = official.means | {key: float(np.mean(values)) for key, values in plain.items()}
    return {key: row[key] for key in COLUMNS if key in row}, official.reference_means


def line(row: Row) -> str:
    """One row for the log."""
    return ", ".join(f"{COLUMNS[key]} {value:.4f}" for key, value in row.items())


def table(scores: dict[str, dict[str, Row]]) -> str:
    """All rows as a Markdown table."""
    keys = [key for key in COLUMNS if any(key in row for rows in scores.values() for row in rows.values())]
    lines = [f"| clip | model | {' | '.join(COLUMNS[key] for key in keys)} |", "|---|---|" + "---:|" * len(keys)]
    for clip in next(iter(scores.values())):
        for name, rows in scores.items():
            cells = (f"{rows[clip][key]:.{2 if 'psnr' in key else 4}f}" if key in rows[clip] else "" for key in keys)
            lines.append(f"| {clip} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def finite(value: object) -> object:
    """Infinities as text: JSON has none."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    sys.exit(main())
