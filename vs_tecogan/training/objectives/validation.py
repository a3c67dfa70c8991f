"""A generator's scores on held-out clips during training.

The full protocol with tOF, drift and reports belongs to ``vs_tecogan.metrics``; this is the short form that a run can
afford every few thousand iterations.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...degrade import Frames
from ...errors import TrainingError
from ...luma import luma
from ...networks import Generator, RecurrentSR, VideoNetwork
from ...networks.perceptual import FeatureNet
from ...networks.srnet import image_upsampler
from ...ops import upsample_bicubic
from ...video.names import find_footage
from ...video.read import Frame, read_frames
from ..config import Config
from ..data.build import build_degradation, build_samples
from ..data.degrade import describe
from ..data.known_motion import FlowSamples
from ..data.samples import SampleOptions
from ..data.store import Store
from .base import Preview, Validation, Validator
from .flow import FlowCheck
from .losses import perceptual_loss

log = logging.getLogger(__name__)

EDGE = 2
"""Frames at both ends that are left out, as in the published protocol."""
SHOWN = 10
"""Frames of the first clip in the animated picture."""


@dataclass(frozen=True)
class HeldOutClip:
    """One clip of an evaluation, on the CPU."""

    name: str
    lr: Tensor
    """(T, 3, h, w) float32 in [0, 1]."""
    hr: Tensor
    """(T, 3, sh, sw) uint8."""


@dataclass(frozen=True)
class ValidationScores:
    """Means over the frames of all clips."""

    psnr: float
    """Y-PSNR in dB, averaged over frames."""
    bicubic: float
    """That of the plain enlargement that the generator adds to."""
    flicker: float
    """Mean absolute difference between the temporal differences of output and target, 8-bit levels."""
    perceptual: float | None
    """Distance in the perceptual network's features, ``None`` without one."""


def video_validator(
    config: Config,
    store: Store,
    device: torch.device,
    features: FeatureNet | None,
    network: Callable[[], VideoNetwork],
    precision: Callable[[], AbstractContextManager[None]],
) -> Validator | None:
    """Scores on held-out clips and the flow's error on known motion; says what of both the store does not allow.

    :param network: gives the network to evaluate.
    :param precision: context in which it runs.
    :raises TrainingError: ``eval_store`` has no clip that can be used.
    """
    samples = build_samples(config)
    clips = held_out(config, samples, store)
    flow_check = _flow_check(config, store, samples, device)
    if clips:
        log.info("evaluation on held-out clips: %d", len(clips))
    else:
        log.warning("the store holds out no clip that can be evaluated: no scores and no best checkpoint")
        if flow_check is None:
            return None

    def validate(iteration: int) -> Validation:
        generator = network()
        motion = {}
        if flow_check is not None and isinstance(generator, Generator):
            motion = flow_check(generator.estimate_unrefined, iteration)
        if not clips:
            return Validation(values={}, motion=motion, score=None, preview=None)
        with precision():
            scores, shown = evaluate(generator, clips, device, features)
        values = {"psnr": scores.psnr, "bicubic": scores.bicubic, "flicker": scores.flicker}
        if scores.perceptual is not None:
            values[perceptual_name(features)] = scores.perceptual
        output = torch.stack(shown[:SHOWN]).float() / 255
        preview = Preview(lr=clips[0].lr[:SHOWN], output=output, target=clips[0].hr[:SHOWN].float() / 255)
        return Validation(values=values, motion=motion, score=rank(scores, by_perception(config)), preview=preview)

    return validate


def _flow_check(config: Config, store: Store, samples: SampleOptions, device: torch.device) -> FlowCheck | None:
    """The flow network's error on known motion, where there is a flow network and the store allows it."""
    if config.model.architecture == "recurrent":
        return None
    try:
        return FlowCheck(FlowSamples(store, samples), device)
    except TrainingError as error:
        log.warning("evaluation goes without the flow's error on known motion: %s", error)
        return None


def held_out(config: Config, samples: SampleOptions, store: Store) -> list[HeldOutClip]:
    """Clips to evaluate on: those of ``eval_store``, else the ``val`` clips of the training store.

    :raises TrainingError: ``eval_store`` has none that can be used. An empty hold-out is the caller's to report.
    """
    loop, rng = config.loop, np.random.default_rng(config.data.seed)
    clips: list[HeldOutClip] = []
    for name, frames, low in _raw_clips(config, store):
        stride = loop.eval_stride
        hr = np.stack(list(islice(iter(frames), 0, stride * loop.eval_frames, stride)))
        if len(hr) <= 2 * EDGE:
            continue
        if samples.degradation is None:
            if low is None:
                raise TrainingError(f"{name}: no LR frames for an evaluation of a run on pairs")
            scale = config.model.scale
            height, width = (s // 8 * 8 for s in low.shape[1:3])
            lr = low[: stride * len(hr) : stride, :height, :width].astype(np.float32) / np.float32(255)
            hr = hr[:, : height * scale, : width * scale]
        else:
            lr, hr = _degrade(hr, samples, rng)
        clips.append(HeldOutClip(name, _nchw(lr), _nchw(hr)))
        if loop.eval_clips and len(clips) == loop.eval_clips:
            break
    if config.data.eval_store and not clips:
        raise TrainingError(
            f"--eval-store {config.data.eval_store}: no clip to evaluate on; each needs more than {2 * EDGE} frames, "
            f"of which eval_frames {loop.eval_frames} are taken"
        )
    return clips


def _nchw(frames: Any) -> Tensor:
    return torch.from_numpy(frames).permute(0, 3, 1, 2)


def _raw_clips(config: Config, store: Store) -> Iterator[tuple[str, Iterator[Frame] | Frame, Frame | None]]:
    place = Path(config.data.eval_store)
    if config.data.eval_store and not (place / "store.json").exists():
        for footage in find_footage([place]):
            yield footage.path.name, read_frames(footage), None
        return
    other = Store(place) if config.data.eval_store else store
    clips = other.clips(None if config.data.eval_store else "val")
    chosen = config.loop.eval_clips or len(clips)
    # Spread over the store instead of its first source only.
    for clip in clips[:: max(1, len(clips) // max(1, chosen))]:
        yield clip.file, other.hr(clip), other.lr(clip) if clip.lr_file else None


def _degrade(hr: Frame, samples: SampleOptions, rng: np.random.Generator) -> tuple[Frames, Frame]:
    assert samples.degradation is not None
    margin, scale = samples.degradation.margin(samples.scale), samples.scale
    height, width = ((side - 2 * margin) // (8 * scale) * 8 * scale for side in hr.shape[1:3])
    if height <= 0 or width <= 0:
        raise TrainingError(
            f"an evaluation clip is {hr.shape[2]}x{hr.shape[1]}; too small for the degradation's margin"
        )
    window = np.ascontiguousarray(hr[:, : height + 2 * margin, : width + 2 * margin])
    lr = samples.degradation(window.astype(np.float32) / np.float32(255), scale, rng)
    inner = window[:, margin : margin + height, margin : margin + width]
    return np.ascontiguousarray(lr), np.ascontiguousarray(inner)


@torch.no_grad()
def evaluate(
    network: VideoNetwork, clips: list[HeldOutClip], device: torch.device, features: FeatureNet | None
) -> tuple[ValidationScores, list[Tensor]]:
    """Run the network over each clip from a zero state.

    :return: the scores, and the output frames (T, 3, H, W) uint8 of the first clip.
    """
    psnr: list[float] = []
    bicubic: list[float] = []
    flicker: list[float] = []
    perceptual: list[float] = []
    shown: list[Tensor] = []
    upsample = image_upsampler(network.spec.dialect) if isinstance(network, Generator) else upsample_bicubic
    for number, clip in enumerate(clips):
        previous = None
        for t, (lr, output) in enumerate(_outputs(network, clip.lr, device)):
            hr = clip.hr[t : t + 1].to(device).float() / 255
            rounded = torch.round(output.clamp(0, 1) * 255) / 255
            if number == 0:
                shown.append((rounded[0] * 255).to(torch.uint8).cpu())
            if EDGE <= t < len(clip.lr) - EDGE:
                psnr.append(luma_psnr(rounded, hr))
                bicubic.append(luma_psnr(upsample(lr, network.spec.scale).clamp(0, 1), hr))
                if previous is not None:
                    flicker.append(float(((rounded - previous[0]) - (hr - previous[1])).abs().mean()) * 255)
                if features is not None:
                    perceptual.append(float(perceptual_loss(features.features(rounded), features.features(hr))))
            previous = rounded, hr
    scores = ValidationScores(_mean(psnr), _mean(bicubic), _mean(flicker), _mean(perceptual) if perceptual else None)
    return scores, shown


def _outputs(network: VideoNetwork, clip: Tensor, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Each frame of a clip (T, 3, h, w) on the device, (1, 3, h, w), and the output for it, from a zero state."""
    frames = [clip[t : t + 1].to(device).contiguous(memory_format=torch.channels_last) for t in range(len(clip))]
    if isinstance(network, RecurrentSR):
        state = network.initial_state(1, *clip.shape[2:])
        for t, lr in enumerate(frames):
            around = [frames[min(max(t + k, 0), len(frames) - 1)] for k in range(-1, network.spec.window - 1)]
            output, state = network(torch.cat(around, dim=1), state)
            yield lr, output
        return
    past = previous = None
    for lr in frames:
        past = network.step(lr, previous, past).float()
        previous = lr
        yield lr, past


def luma_psnr(output: Tensor, target: Tensor) -> float:
    """Y-PSNR in dB of (1, 3, H, W) images in [0, 1]."""
    error = (luma(output, channels=-3, peak=1) - luma(target, channels=-3, peak=1)).square().mean()
    return float(10 * torch.log10(255**2 / error.clamp_min(1e-10)))


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def perceptual_name(features: FeatureNet | None) -> str:
    """What the network's distance is called among the scores; empty without one."""
    return f"perceptual_{features.label}" if features is not None else ""


def by_perception(config: Config) -> bool:
    """Whether the best checkpoint is not simply that of the highest Y-PSNR."""
    return config.objective.discriminator != "none" or config.objective.perceptual_weight > 0


def standard(config: Config, features: FeatureNet | None) -> dict[str, Any]:
    """All that :func:`rank` depends on besides the weights: ranks by different standards cannot be compared."""
    data, loop = config.data, config.loop
    return {
        "rule": (perceptual_name(features) or "psnr and flicker") if by_perception(config) else "psnr",
        "clips": [data.eval_store or data.store, loop.eval_clips, loop.eval_frames, loop.eval_stride, data.seed],
        "degradation": describe(build_degradation(config.degradation)),
    }


def rank(scores: ValidationScores, adversarial: bool) -> float:
    """The rule by which the best checkpoint is kept; higher is better.

    A regression run keeps the highest Y-PSNR. An adversarial or perceptual run keeps the lowest perceptual distance;
    without a perceptual network, the highest Y-PSNR less the flicker (both in units of their own, a stop-gap that is
    said to be one in the documentation).
    """
    if not adversarial:
        return scores.psnr
    return -scores.perceptual if scores.perceptual is not None else scores.psnr - scores.flicker
