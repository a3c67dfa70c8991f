"""An image generator against a discriminator, for pictures from nothing (after Karras et al. 2020)."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ...networks import StyleGenerator
from ...networks.stylegan import StyleDiscriminator
from ..config import Config
from ..data.diffaug import diffaug
from ..data.footage import FootageClips, footage, shape_of, signed
from ..data.store import Store
from .adversarial import non_saturating_g
from .base import Metrics, Preview, Validator
from .gan import JudgedObjective, begin_average
from .source_networks import build_images, style_spec

CENTRE_DECAY = 0.995
"""Of the running mean of w."""
PATH_DECAY = 0.99
"""Of the running mean of path lengths."""
SHOWN = 16
"""Pictures of a preview, four in a row."""


@dataclass(frozen=True)
class PictureBatch:
    """Real pictures on the device."""

    real: Tensor
    """(N, 3, size, size) in [-1, 1]."""


class StyleGan(JudgedObjective[StyleGenerator]):
    """Generator, discriminator, their optimisers, and a step of both. See :class:`~.base.Objective`.

    :param world: number of processes.
    :raises TrainingError: the weights of ``init`` cannot be used.
    """

    most_workers = 64

    def __init__(self, config: Config, device: torch.device, world: int = 1) -> None:
        super().__init__(config, device, world, frames=1)
        # Narrow convolutions are faster with their channels last in memory.
        layout = torch.channels_last
        self.generator = build_images(config).to(device, memory_format=layout)  # type: ignore[call-overload]
        self.average = begin_average(self.generator, config)
        self.discriminator: StyleDiscriminator = StyleDiscriminator(3, config.style.widths).to(
            device, memory_format=layout
        )  # type: ignore[call-overload]
        self.optimiser = self.optimiser_of(self.generator.parameters(), config.optimiser.lr)
        self.d_optimiser = self.optimiser_of(self.discriminator.parameters(), config.optimiser.d_lr)
        self.path_mean = torch.zeros((), device=device)

    @staticmethod
    def title(config: Config) -> str:  # noqa: ARG004 - all that the loop knows have it
        """What kind of generator it is."""
        return "image generator after StyleGAN2"

    @staticmethod
    def exported(config: Config, state: dict[str, Any]) -> StyleGenerator:
        """The network of a checkpoint, from what :meth:`state_dict` gave."""
        network = StyleGenerator(style_spec(config))
        network.load_state_dict(state["average"] or state["generator"])
        return network.eval()

    def dataset(self, store: Store) -> Dataset[tuple[Tensor, ...]]:
        """Single pictures."""
        cut = footage(self.config, store, shape_of(self.config, self.config.style.size))
        return FootageClips(self.config.data.seed, cut)

    def to_batch(self, items: tuple[Tensor, ...]) -> PictureBatch:
        """To the device."""
        pixels = items[0][:, 0].to(self.device, non_blocking=True)
        return PictureBatch(signed(pixels).contiguous(memory_format=torch.channels_last))

    def step(self, batch: PictureBatch) -> Metrics:
        """A step of the discriminator, then one of the generator.

        :raises NotFiniteError: a term or gradient is NaN or infinite in some process; the weights that it would have
            changed stay.
        """
        metrics = self._discriminator_step(batch) | self._generator_step(len(batch.real))
        self.update_average()
        self.iteration += 1
        return metrics

    def generate(self, count: int) -> tuple[Tensor, Tensor]:
        """Pictures of random latents, and their codes."""
        z = torch.randn(count, self.generator.spec.latent, device=self.device)
        w = self.generator.mapping(z)
        return self.generator.synthesise(w, self.generator.noise(count)), w

    def judge(self, pictures: Tensor) -> Tensor:
        """Logits of pictures as the discriminator sees them."""
        logits: Tensor = self.discriminator(diffaug(pictures, self.config.style.diffaug))
        return logits

    def _discriminator_step(self, batch: PictureBatch) -> Metrics:
        with torch.no_grad():
            fake, w = self.generate(len(batch.real))
            self.generator.centre.lerp_(w.mean(0), 1 - CENTRE_DECAY)
        return self.discriminate(self.judge, batch.real, fake)

    def _generator_step(self, count: int) -> Metrics:
        self.optimiser.begin(self.iteration)
        fake, _ = self.generate(count)
        terms = {"adversarial": non_saturating_g(self.judge(fake))}
        style = self.config.style
        if style.path_weight and self.iteration % style.path_every == 0:
            terms["path"] = style.path_weight * style.path_every * self.path_penalty(max(count // 2, 1))
        return self.optimiser.descend(terms)

    def path_penalty(self, count: int) -> Tensor:
        """How unevenly pictures answer to steps of w: squared deviation of the lengths from their running mean."""
        fake, w = self.generate(count)
        noise = torch.randn_like(fake) / math.sqrt(fake.shape[-1] * fake.shape[-2])
        (gradient,) = torch.autograd.grad((fake * noise).sum(), w, create_graph=True)
        lengths = gradient.square().sum(1).sqrt()
        self.path_mean = self.path_mean.lerp(lengths.detach().mean(), 1 - PATH_DECAY)
        return (lengths - self.path_mean).square().mean()

    @contextmanager
    def _evaluating(self) -> Iterator[StyleGenerator]:
        with torch.no_grad():
            yield self.network

    def preview(self, batch: PictureBatch) -> Preview:
        """Real pictures, sixteen that are the same each time, and the same less varied by truncation."""
        with self._evaluating() as network:
            numbers = torch.Generator().manual_seed(self.config.data.seed)
            z = torch.randn(SHOWN, network.spec.latent, generator=numbers).to(self.device)
            noise, w = network.noise(SHOWN, numbers), network.mapping(z)
            plain, calm = (network.synthesise(network.truncated(w, t), noise) for t in (1.0, 0.7))
        return Preview(lr=sheet(batch.real), output=sheet(plain), target=sheet(calm))

    def validator(self, store: Store) -> Validator | None:
        """None: pictures of nothing have no truth; ``preview`` shows them."""
        return None

    def standard(self) -> dict[str, Any]:
        """What scores depend on besides the weights."""
        return {"size": self.config.style.size}

    def state_dict(self) -> dict[str, Any]:
        """All that a step depends on, as tensors and plain values."""
        return super().state_dict() | {"path_mean": self.path_mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state of the same architecture."""
        super().load_state_dict(state)
        self.path_mean = state["path_mean"].to(self.device)


def sheet(pictures: Tensor) -> Tensor:
    """Up to sixteen pictures (N, 3, s, s) in [-1, 1] as one of four rows (1, 3, 4 s, 4 s) in [0, 1]."""
    side = pictures.shape[-1]
    whole = pictures.new_zeros(SHOWN, 3, side, side)
    whole[: len(pictures)] = pictures[:SHOWN]
    rows = whole.reshape(4, 4, 3, side, side).permute(2, 0, 3, 1, 4).reshape(1, 3, 4 * side, 4 * side)
    return (rows / 2 + 0.5).clamp(0, 1)
