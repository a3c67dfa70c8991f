"""LongVideoGAN's second stage: frames enlarged one by one, against a discriminator of short segments (Brooks et al.).

The discriminator sees large frames beside the small ones they belong to, which are left out nine times of ten: so it
looks for what is not real rather than for what differs. The network sees small frames that are changed at random, as
those of a first stage are never quite like footage. Nothing compares pixels, unless ``pixel_weight`` asks for it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset

from ...metrics import psnr_y
from ...metrics.random_features import random_frechet_distance
from ...networks.longvideo_sr import LongVideoSR, enlarge_bicubic
from ...networks.stylegan import StyleDiscriminator
from ..config import Config
from ..config.long_video_check import clip_frames
from ..config.long_video_sr_check import long_video_sr_spec, sample_frames
from ..data.clips import VideoClips
from ..data.diffaug import diffaug
from ..data.store import Store
from .adversarial import non_saturating_g
from .base import Metrics, Preview, Validation, Validator
from .clip_scores import levels
from .gan import JudgedObjective, begin_average, take_init
from .long_video import HELD_OUT_CLIP, footage_of

VALIDATION_CLIPS, VALIDATION_FRAMES = 12, 6
"""By which a run is watched; documents are measured on more."""


@dataclass(frozen=True)
class SegmentBatch:
    """Real segments and latents, on the device."""

    real: Tensor
    """(N, T + 2 reach, 3, H, W) in [-1, 1]."""
    z: Tensor
    """(N, latent)."""


class LongVideoSrGan(JudgedObjective[LongVideoSR]):
    """Generator, discriminator, their optimisers, and a step of both. See :class:`~.base.Objective`.

    :param world: number of processes.
    :raises TrainingError: the weights of ``init`` cannot be used.
    """

    most_workers = 1

    def __init__(self, config: Config, device: torch.device, world: int = 1) -> None:
        self.frames, self.source = clip_frames(config), sample_frames(config)
        super().__init__(config, device, world, frames=self.source)
        self.scale, self.reach = config.model.scale, config.long_video_sr.reach
        self.generator = build_long_video_sr(config).to(device)
        self.average = begin_average(self.generator, config)
        self.discriminator = StyleDiscriminator(6 * self.frames, config.style.widths, deviation=False).to(device)
        self.optimiser = self.optimiser_of(self.generator.parameters(), config.optimiser.lr)
        self.d_optimiser = self.optimiser_of(self.discriminator.parameters(), config.optimiser.d_lr)

    @staticmethod
    def title(config: Config) -> str:
        """The paper's name, and what it learned from."""
        return f"LongVideoGAN, second stage, on {config.long_video.footage}"

    @staticmethod
    def exported(config: Config, state: dict[str, Any]) -> LongVideoSR:
        """The network of a checkpoint, from what :meth:`state_dict` gave."""
        network = LongVideoSR(long_video_sr_spec(config))
        network.load_state_dict(state["average"] or state["generator"])
        return network.eval()

    def dataset(self, store: Store) -> Dataset[tuple[Tensor, Tensor]]:
        """Crops of large footage, and latents."""
        config, own = self.config, self.config.long_video
        return VideoClips(
            footage_of(config, store, own.clip_length, factor=self.scale), self.generator.latent,
            seed=config.data.seed, frames=self.source, pool=own.clip_pool, refresh=own.clip_refresh,
            crop=config.data.crop * self.scale,
        )  # fmt: skip

    def to_batch(self, items: tuple[Tensor, ...]) -> SegmentBatch:
        """To the device."""
        real, z = (item.to(self.device, non_blocking=True) for item in items)
        return SegmentBatch(real.permute(0, 1, 4, 2, 3).float() / 127.5 - 1, z)

    def step(self, batch: SegmentBatch) -> Metrics:
        """A step of the discriminator, then one of the generator, on the same frames.

        :raises NotFiniteError: a term or gradient is NaN or infinite in some process; the weights that it would have
            changed stay.
        """
        self.generator.train()
        small, real = reduced(batch.real, self.scale), self.inner(batch.real)
        fake: Tensor = self.generator(self.changed(small), batch.z)
        condition = self.inner(small)
        seen = (self.seen(condition, frames) for frames in (real, fake.detach()))
        metrics = self.discriminate(self.discriminator, *seen)
        metrics |= self._generator_step(condition, real, fake)
        self.update_average()
        self.iteration += 1
        return metrics

    def _generator_step(self, condition: Tensor, real: Tensor, fake: Tensor) -> Metrics:
        self.optimiser.begin(self.iteration)
        terms = {"generator": non_saturating_g(self.discriminator(self.seen(condition, fake)))}
        if weight := self.config.long_video_sr.pixel_weight:
            terms["pixel"] = weight * F.l1_loss(fake, real)
        return self.optimiser.descend(terms)

    def inner(self, frames: Tensor) -> Tensor:
        """Those of a sample that are enlarged."""
        return frames[:, self.reach : self.reach + self.frames]

    def changed(self, small: Tensor) -> Tensor:
        """What the generator sees of small frames."""
        own = self.config.long_video_sr
        return change_condition(small, own.condition_change_prob, own.condition_noise, own.condition_scale)

    def seen(self, condition: Tensor, large: Tensor) -> Tensor:
        """What the discriminator sees: small frames enlarged, or nothing, beside large ones, all changed alike.

        :param condition: (N, T, 3, y, x). :param large: (N, T, 3, scale y, scale x).
        :return: (N, 6 T, scale y, scale x).
        """
        enlarged = enlarge_bicubic(condition.flatten(0, 1), self.scale).reshape(large.shape)
        both = diffaug(torch.cat((enlarged, large), 1), self.config.style.diffaug)
        kept = torch.rand(len(both), 1, 1, 1, 1, device=both.device) < self.config.long_video_sr.condition_prob
        return torch.cat((both[:, : self.frames] * kept, both[:, self.frames :]), 1).flatten(1, 2)

    def preview(self, batch: SegmentBatch) -> Preview:
        """Small frames, enlarged ones and real ones."""
        small = reduced(batch.real[:1], self.scale)
        with torch.no_grad():
            output = self.network(small, batch.z[:1])[0]
        shown = (self.inner(small)[0], output, self.inner(batch.real)[0])
        lr, output, target = ((frames * 0.5 + 0.5).clamp(0, 1) for frames in shown)
        return Preview(lr=lr, output=output, target=target)

    def validator(self, store: Store) -> Validator:
        """PSNR and FD-random3d on whole frames of clips that no run sees."""
        length = VALIDATION_FRAMES + 2 * self.reach
        footage = footage_of(self.config, store, length, factor=self.scale)
        real = [footage(HELD_OUT_CLIP + number) for number in range(VALIDATION_CLIPS)]
        inner = [clip[self.reach : self.reach + VALIDATION_FRAMES] for clip in real]

        def validate(_: int) -> Validation:
            smalls = [reduced(torch.from_numpy(c).permute(0, 3, 1, 2)[None] / 127.5 - 1, self.scale) for c in real]
            made = [enlarged_clip(self.network, small, seed) for seed, small in enumerate(smalls)]
            psnr = [psnr_y(a, b) for x, y in zip(made, inner, strict=True) for a, b in zip(x, y, strict=True)]
            distance = random_frechet_distance(made, inner)
            output, target = (torch.from_numpy(clips[0]).permute(0, 3, 1, 2) / 255 for clips in (made, inner))
            lr = smalls[0][0, self.reach : self.reach + VALIDATION_FRAMES] * 0.5 + 0.5
            preview = Preview(lr=lr, output=output, target=target)
            values = {"psnr": float(np.mean(psnr)), "distance": distance}
            return Validation(values=values, motion={}, score=-distance, preview=preview)

        return validate

    def standard(self) -> dict[str, Any]:
        """What scores depend on besides the weights."""
        own = self.config.long_video
        size = (own.video_height * self.scale, own.video_width * self.scale)
        return {"footage": own.footage, "season": own.season, "size": size}


def build_long_video_sr(config: Config) -> LongVideoSR:
    """A fresh generator, or one that continues from the weights of ``init``.

    :raises TrainingError: those weights are of another architecture.
    """
    return take_init(LongVideoSR(long_video_sr_spec(config)), config)


def reduced(frames: Tensor, scale: int) -> Tensor:
    """(N, T, 3, y, x) by the mean of each square of pixels."""
    small = F.avg_pool2d(frames.flatten(0, 1), scale)
    return small.reshape(*frames.shape[:2], *small.shape[1:])


def change_condition(small: Tensor, probability: float, noise: float, scale: float) -> Tensor:
    """Change segments (N, T, 3, y, x) at random, all frames of a segment alike, but for the noise.

    :param probability: of a noise, and of a scale and shift, for each segment.
    :param noise: deviation of the noise's own deviation.
    :param scale: deviation of the exponent of 2, and of the shift in sides.
    """
    count, device = len(small), small.device
    chosen = (torch.rand(2, count, device=device) < probability).float()
    exponent, right, down = torch.randn(3, count, device=device) * scale * chosen[0]
    zoom, nothing = 2**exponent, torch.zeros_like(exponent)
    rows = torch.stack((zoom, nothing, 2 * right, nothing, zoom, 2 * down), 1).reshape(count, 2, 3)
    flat = small.flatten(1, 2)
    grid = F.affine_grid(rows, list(flat.shape), align_corners=False)
    moved = F.grid_sample(flat, grid, "bilinear", "reflection", align_corners=False).reshape(small.shape)
    deviation = torch.randn(count, device=device) * noise * chosen[1]
    return moved + deviation.reshape(-1, 1, 1, 1, 1) * torch.randn_like(moved)


@torch.no_grad()
def enlarged_clip(network: LongVideoSR, small: Tensor, seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(T, H, W, 3) uint8 of small frames (1, T + 2 reach, 3, y, x) in [-1, 1], one by one."""
    window, z = network.spec.window, network.latent(seed)[None].to(small)
    network = network.eval()
    parts = [network(small[:, n : n + window], z)[0] for n in range(small.shape[1] - window + 1)]
    return levels(torch.cat(parts))
