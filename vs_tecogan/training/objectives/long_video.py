"""LongVideoGAN's first stage: a video for every latent, against a discriminator of whole clips (Brooks et al. 2022).

Non-saturating losses and lazy R1. Real and generated clips are changed alike before the discriminator sees them:
DiffAug, the same for all frames of a clip, and a fractional stretch of time.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ...networks.longvideo import LongVideo, LongVideoDiscriminator
from ..config import Config
from ..config.long_video_check import clip_frames, long_video_spec, source_frames
from ..data.clips import ClipSize, Footage, VideoClips, sky_footage, smoke_footage, store_footage
from ..data.diffaug import diffaug, stretch_time
from ..data.store import Store
from .adversarial import non_saturating_g
from .base import Metrics, Preview, Validation, Validator
from .clip_scores import compare_clips, generated_clips
from .gan import JudgedObjective, begin_average, take_init

VALIDATION_CLIPS = 32
"""By which a run is watched; documents are measured on more."""
HELD_OUT_CLIP = 1 << 40
"""Clips of the footage from this number on are never trained on."""


@dataclass(frozen=True)
class LongVideoBatch:
    """Real clips and latents, on the device."""

    real: Tensor
    """(N, T, 3, H, W) in [-1, 1]."""
    latents: Tensor
    """(N, T', latent)."""


class LongVideoGan(JudgedObjective[LongVideo]):
    """Generator, discriminator, their optimisers, and a step of both. See :class:`~.base.Objective`.

    :param world: number of processes.
    :raises TrainingError: the weights of ``init`` cannot be used.
    """

    most_workers = 1

    def __init__(self, config: Config, device: torch.device, world: int = 1) -> None:
        self.frames, self.source = clip_frames(config), source_frames(config)
        super().__init__(config, device, world, frames=self.source)
        self.generator = build_long_video(config).to(device)
        self.average = begin_average(self.generator, config)
        own = config.long_video
        self.discriminator = LongVideoDiscriminator(self.frames, own.video_height, own.video_width, own.d_channels)
        self.discriminator.to(device)
        self.optimiser = self.optimiser_of(self.generator.parameters(), config.optimiser.lr)
        self.d_optimiser = self.optimiser_of(self.discriminator.parameters(), config.optimiser.d_lr)

    @staticmethod
    def title(config: Config) -> str:
        """The paper's name, and what it learned from."""
        return f"LongVideoGAN, first stage, on {config.long_video.footage}"

    @staticmethod
    def exported(config: Config, state: dict[str, Any]) -> LongVideo:
        """The network of a checkpoint, from what :meth:`state_dict` gave."""
        network = LongVideo(long_video_spec(config))
        network.load_state_dict(state["average"] or state["generator"])
        return network.eval()

    def dataset(self, store: Store) -> Dataset[tuple[Tensor, Tensor]]:
        """Clips of the footage, and latents."""
        config, own = self.config, self.config.long_video
        return VideoClips(
            footage_of(config, store, own.clip_length),
            lambda seed: self.generator.latents(seed, 0, self.source),
            seed=config.data.seed, frames=self.source, pool=own.clip_pool, refresh=own.clip_refresh,
        )  # fmt: skip

    def to_batch(self, items: tuple[Tensor, ...]) -> LongVideoBatch:
        """To the device."""
        real, latents = (item.to(self.device, non_blocking=True) for item in items)
        return LongVideoBatch(real.permute(0, 1, 4, 2, 3).float() / 127.5 - 1, latents)

    def step(self, batch: LongVideoBatch) -> Metrics:
        """A step of the discriminator, then one of the generator, on the same generated clips.

        :raises NotFiniteError: a term or gradient is NaN or infinite in some process; the weights that it would have
            changed stay.
        """
        self.generator.train()
        fake: Tensor = self.generator(batch.latents, 0, self.source)
        metrics = self.discriminate(self.discriminator, self.seen(batch.real), self.seen(fake.detach()))
        metrics |= self._generator_step(fake)
        self.update_average()
        self.iteration += 1
        return metrics

    def _generator_step(self, fake: Tensor) -> Metrics:
        self.optimiser.begin(self.iteration)
        return self.optimiser.descend({"generator": non_saturating_g(self.discriminator(self.seen(fake)))})

    def seen(self, clips: Tensor) -> Tensor:
        """(N, frames, 3, H, W): what the discriminator sees of clips."""
        own = self.config.long_video
        if own.time_stretch:
            slowest, fastest = own.time_stretch
            exponents = torch.rand(len(clips), device=clips.device)
            factors = slowest * (fastest / slowest) ** exponents
            clips = stretch_time(clips, self.frames, factors)
        return diffaug(clips, self.config.style.diffaug)

    def preview(self, batch: LongVideoBatch) -> Preview:
        """A real clip and a generated one, which have nothing to do with each other."""
        with torch.no_grad():
            output = self.network(batch.latents[:1], 0, self.source)[0] * 0.5 + 0.5
        real = batch.real[0] * 0.5 + 0.5
        return Preview(lr=real, output=output.clamp(0, 1), target=real)

    def validator(self, store: Store) -> Validator:
        """S(x, t) beside the footage's, and FD-random3d, on clips that no run sees."""
        config, frames = self.config, self.frames
        footage = footage_of(config, store, frames)
        real = [footage(HELD_OUT_CLIP + number) for number in range(VALIDATION_CLIPS)]

        def validate(_: int) -> Validation:
            made = generated_clips(self.network, range(VALIDATION_CLIPS), frames)
            scores = compare_clips(made, real)
            lr = torch.from_numpy(real[0]).permute(0, 3, 1, 2) / 255
            preview = Preview(lr=lr, output=torch.from_numpy(made[0]).permute(0, 3, 1, 2) / 255, target=lr)
            return Validation(values=scores.named(), motion={}, score=-scores.distance, preview=preview)

        return validate

    def standard(self) -> dict[str, Any]:
        """What scores depend on besides the weights."""
        own = self.config.long_video
        return {
            "footage": own.footage,
            "season": own.season,
            "frames": self.frames,
            "size": (own.video_height, own.video_width),
        }


def build_long_video(config: Config) -> LongVideo:
    """A fresh generator, or one that continues from the weights of ``init``.

    :raises TrainingError: those weights are of another architecture.
    """
    return take_init(LongVideo(long_video_spec(config)), config)


def footage_of(config: Config, store: Store, frames: int, *, factor: int = 1) -> Footage:
    """What a run learns from, as clips of so many frames.

    :param factor: on the sides that the settings say.
    :raises TrainingError: the store's clips are too short.
    """
    own, seed = config.long_video, config.data.seed
    size = ClipSize(frames=frames, height=own.video_height * factor, width=own.video_width * factor)
    if own.footage == "store":
        return store_footage(seed, size, store)
    if own.footage == "skies":
        return sky_footage(seed, size, own.season)
    return smoke_footage(seed, size)
