"""MoCoGAN-HD: motion learned over an image generator that stays as it is (Tian et al. 2021).

In-domain, clips and pictures are of one kind: D_V and D_I see each frame beside the first one. Across domains the
motion comes from other footage than the pictures: D_V sees clips alone, and D_I learns by contrast what a picture's
content is, and holds every frame to that of the first.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset

from ...networks import VideoGenerator
from ...networks.patches import InformationHead
from ..config import Config
from ..data.footage import ClipShape, Cut, FootageClips, footage, from_skies, from_store, shape_of, signed
from ..data.store import Store
from .base import Metrics, Preview, Validation, Validator
from .gan import GanObjective, begin_average, move_average
from .judges import ContrastJudge, PairJudge, VideoJudge
from .motion_scores import evaluate_motion
from .source_networks import build_video, motion_spec
from .stylegan import sheet

SHOWN = 8
"""Frames of a preview."""
CONTENTS, MOTIONS = 4, 4
"""Of an evaluation: each with each."""


@dataclass(frozen=True)
class MotionBatch:
    """On the device, in [-1, 1]."""

    clips: Tensor
    """(N, T, 3, s, s): how things move."""
    pictures: Tensor
    """(N, 3, s, s): what pictures look like; in-domain the clips' first frames."""


@dataclass(frozen=True)
class Walked:
    """Generated clips, and what they were made of."""

    clips: Tensor
    """(N, T, 3, s, s) in [-1, 1]."""
    codes: Tensor
    """(N, T, latent)."""
    eps: Tensor
    """(N, T - 1, latent): the motion's noise."""
    states: Tensor
    """(N, T - 1, 2 hidden) of the LSTM."""


class MocoGanHd(GanObjective):
    """Motion generator, D_V, D_I, their optimisers, and a step. See :class:`~.base.Objective`.

    :param world: number of processes.
    :raises TrainingError: the weights of ``init`` are no model of architecture pca or mocogan-hd with these settings.
    """

    most_workers = 64

    def __init__(self, config: Config, device: torch.device, world: int = 1) -> None:
        super().__init__(config, device, world, frames=config.motion.video_frames)
        self.video: VideoGenerator = build_video(config).to(device)
        self.video.image.requires_grad_(False)
        self.video.image.to(memory_format=torch.channels_last)
        motion, spec = config.motion, self.video.spec
        self.average = begin_average(self.video.motion, config)
        self.information = InformationHead(spec.hidden, spec.image.latent).to(device)
        across = motion.domain == "cross"
        self.clip_judge = VideoJudge(config).to(device) if motion.video_weight else None
        self.pair_judge = PairJudge(config).to(device) if motion.image_weight and not across else None
        self.contrast = ContrastJudge(config).to(device) if motion.image_weight and across else None
        judges = {"video": self.clip_judge, "pair": self.pair_judge, "contrast": self.contrast}
        self.judges = nn.ModuleDict({name: judge for name, judge in judges.items() if judge is not None})
        own = [*self.video.motion.parameters(), *self.information.parameters()]
        self.optimiser = self.optimiser_of(own, config.optimiser.lr)
        self.d_optimiser = self.optimiser_of(self.judges.parameters(), config.optimiser.d_lr)

    @staticmethod
    def title(config: Config) -> str:
        """The paper's name of the variant."""
        return f"MoCoGAN-HD, {'in-domain' if config.motion.domain == 'in' else 'cross-domain'}"

    @staticmethod
    def exported(config: Config, state: dict[str, Any]) -> VideoGenerator:
        """The network of a checkpoint, from what :meth:`state_dict` gave."""
        network = VideoGenerator(motion_spec(config))
        network.load_state_dict(state["video"])
        if state["average"]:
            network.motion.load_state_dict(state["average"])
        return network.eval()

    def dataset(self, store: Store) -> Dataset[tuple[Tensor, ...]]:
        """Clips, and across domains pictures of the other kind."""
        return FootageClips(self.config.data.seed, *cuts(self.config, store))

    def to_batch(self, items: tuple[Tensor, ...]) -> MotionBatch:
        """To the device."""
        clips, *pictures = (signed(item.to(self.device, non_blocking=True)) for item in items)
        return MotionBatch(clips, pictures[0][:, 0] if pictures else clips[:, 0])

    def step(self, batch: MotionBatch) -> Metrics:
        """A step of the motion generator, and before every few of them one of the discriminators.

        :raises NotFiniteError: a term or gradient is NaN or infinite in some process; the weights that it would have
            changed stay.
        """
        metrics: Metrics = {}
        if self.iteration % self.config.motion.g_steps == 0:
            metrics = self._discriminator_step(batch)
        metrics |= self._generator_step(batch)
        move_average(self.average, self.video.motion, self.config, self.iteration)
        self.iteration += 1
        return metrics

    def generate(self, count: int) -> Walked:
        """Clips of random contents and motions."""
        image, frames = self.video.image, self.config.motion.video_frames
        with torch.no_grad():
            first = image.mapping(torch.randn(count, image.spec.latent, device=self.device))
            # The noise of a video is that of its first frame: it belongs to the content.
            noise = [layer.repeat_interleave(frames, 0) for layer in image.noise(count)]
        eps = torch.randn(count, frames - 1, image.spec.latent, device=self.device)
        codes, states = self.video.walk(first, eps, self.config.motion.step_size)
        pictures = image.synthesise(codes.flatten(0, 1), noise)
        return Walked(pictures.reshape(count, frames, *pictures.shape[1:]), codes, eps, states)

    def _discriminator_step(self, batch: MotionBatch) -> Metrics:
        self.d_optimiser.begin(self.iteration)
        with torch.no_grad():
            fake = self.generate(len(batch.clips)).clips
        terms: dict[str, Tensor] = {}
        if self.clip_judge is not None:
            terms |= self.clip_judge.d_loss(batch.clips, fake)
        if self.pair_judge is not None:
            terms |= self.pair_judge.d_loss(batch.clips, fake)
        if self.contrast is not None:
            terms |= self.contrast.d_loss(batch.pictures, fake)
        metrics = self.d_optimiser.descend(terms, norm="d_gradient")
        if self.contrast is not None:
            self.contrast.after_step()
        return metrics

    def _generator_step(self, batch: MotionBatch) -> Metrics:
        self.optimiser.begin(self.iteration)
        walked = self.generate(len(batch.clips))
        fake = walked.clips
        motion, terms = self.config.motion, dict[str, Tensor]()
        if self.clip_judge is not None:
            terms["video"] = motion.video_weight * self.clip_judge.g_loss(batch.clips, fake)
        if self.pair_judge is not None:
            terms["image"] = motion.image_weight * self.pair_judge.g_loss(batch.clips, fake)
        if self.contrast is not None:
            found = self.contrast.g_loss(fake)
            terms |= found | {"image": motion.image_weight * found["image"]}
        if motion.information_weight:
            read = F.cosine_similarity(self.information(walked.states), walked.eps, dim=-1)
            terms["information"] = -motion.information_weight * read.mean()
        if motion.diversity_weight:
            terms["diversity"] = -motion.diversity_weight * self.spread(walked.codes)
        return self.optimiser.descend(terms)

    def spread(self, codes: Tensor) -> Tensor:
        """How far other motions of the same contents lead away, 1 is as far as a walk can go (Mao et al. 2019).

        A motion generator that pays no heed to its noise moves all contents alike, to and fro between what the
        discriminators know least: the published losses ask for noise that can be read, not for noise that is seen.

        :param codes: (N, T, latent).
        """
        motion, motions = self.video.motion, self.config.motion
        eps = torch.randn(len(codes), codes.shape[1] - 1, codes.shape[2], device=self.device)
        other, _ = self.video.walk(codes[:, 0], eps, motions.step_size)
        apart = ((codes - other)[:, 1:] @ motion.basis.T).abs().sum(-1)
        farthest = motions.step_size * torch.arange(1, codes.shape[1], device=self.device) * motion.deviation.sum()
        return (apart / farthest).clamp(max=motions.diversity_reach).mean()

    @property
    def network(self) -> VideoGenerator:
        """With the averaged motion where there is one."""
        if self.average is None:
            return self.video
        return self.exported(self.config, self.state_dict()).to(self.device)

    @torch.no_grad()
    def preview(self, batch: MotionBatch) -> Preview:
        """Eight frames each of sixteen clips: real, generated, and generated of one content."""
        network, torch_state = self.network, torch.get_rng_state()
        torch.manual_seed(self.config.data.seed)
        image, times = network.image, torch.linspace(0, self.config.motion.video_frames - 1, SHOWN).long()
        first = image.mapping(torch.randn(16, image.spec.latent, device=self.device))
        eps = torch.randn(16, self.config.motion.video_frames - 1, image.spec.latent, device=self.device)
        noise = image.noise(1)
        torch.set_rng_state(torch_state)
        films = [network.walk(w, eps)[0][:, times] for w in (first, first[:1].expand(16, -1))]
        shown = [torch.cat([sheet(image.synthesise(codes[:, t], noise)) for t in range(SHOWN)]) for codes in films]
        real = torch.cat([sheet(batch.clips[:, int(t)]) for t in times])
        return Preview(lr=real, output=shown[0], target=shown[1])

    def validator(self, store: Store) -> Validator | None:
        """How far contents lie apart, how much motion varies, and what colours do over time."""
        shape = cuts(self.config, store, held_out=True)[0]
        rngs = (np.random.default_rng([n, 5]) for n in range(self.config.loop.eval_clips))
        real = [shape(rng) for rng in rngs]

        def validate(_: int) -> Validation:
            values = evaluate_motion(lambda: self.network, real, contents=CONTENTS, motions=MOTIONS)
            return Validation(values=values, motion={}, score=None, preview=None)

        return validate

    def standard(self) -> dict[str, Any]:
        """What scores depend on besides the weights."""
        return {"size": self.config.style.size, "frames": self.config.motion.video_frames}

    def state_dict(self) -> dict[str, Any]:
        """All that a step depends on, as tensors and plain values."""
        return {
            "iteration": self.iteration,
            "video": self.video.state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "information": self.information.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "judges": self.judges.state_dict(),
            "contrast": self.contrast.contrast.state_dict() if self.contrast else None,
            "d_optimiser": self.d_optimiser.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state of the same architecture and variant."""
        self.iteration = state["iteration"]
        self.video.load_state_dict(state["video"])
        if self.average is not None:
            self.average.load_state_dict(state["average"] or self.video.motion.state_dict())
        self.information.load_state_dict(state["information"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.judges.load_state_dict(state["judges"])
        if self.contrast is not None:
            self.contrast.contrast.load_state_dict(state["contrast"])
        self.d_optimiser.load_state_dict(state["d_optimiser"])


def cuts(config: Config, store: Store, *, held_out: bool = False) -> list[Cut]:
    """What makes the samples: clips whose motion is learned; across domains pictures too.

    :raises TrainingError: a store has no clip that serves.
    """
    motion = config.motion
    shape = shape_of(config, config.style.size, frames=motion.video_frames, step=motion.frame_step)
    if motion.domain == "in":
        return [footage(config, store, shape, held_out=held_out)]
    pictures = footage(config, store, shape_of(config, config.style.size), held_out=held_out)
    return [moving_footage(config, shape, held_out=held_out), pictures]


def moving_footage(config: Config, shape: ClipShape, *, held_out: bool = False) -> Cut:
    """Clips of the other kind.

    :raises TrainingError: no store is named, or it has no clip that serves.
    """
    if config.motion.motion_from == "skies":
        return from_skies(shape, held_out=held_out)
    return from_store(Store(Path(config.motion.motion_store)), shape, "val" if held_out else "train")
