"""Principal components of an image generator's codes: the directions in which motion will go.

Exact: means of w and of its outer products over many random latents, then an eigendecomposition.
"""

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from ...errors import TrainingError
from ...networks import VideoGenerator
from ...networks.motion import principal_components
from ..config import Config
from ..data.loader import FrameCurriculum, IndexSampler, Shard
from ..data.samples import SampleIndex
from ..data.store import Store
from ..run.parallel import Processes
from .base import Metrics, Phase, Validator
from .source_networks import build_images, motion_spec


class Numbers(Dataset[tuple[Tensor, ...]]):
    """Normal numbers (count, latent), a pure function of the seed and the iteration."""

    def __init__(self, seed: int, count: int, latent: int) -> None:
        self._seed, self._shape = seed, (count, latent)

    def __getitem__(self, index: SampleIndex) -> tuple[Tensor, ...]:
        """One sample."""
        numbers = torch.Generator().manual_seed(self._seed * 1_000_003 + index.iteration)
        return (torch.randn(self._shape, generator=numbers),)


class CodePca:
    """Sums over codes, batch by batch. See :class:`~.base.Objective`. Its model has motion that is not trained yet.

    :raises TrainingError: ``init`` is no image generator of these settings.
    """

    name = "metrics"
    most_workers = 0

    def __init__(self, config: Config, device: torch.device, world: int = 1) -> None:
        if world > 1:
            raise TrainingError("architecture pca needs seconds; run it in one process")
        self.config, self.device = config, device
        self.iteration, self.iterations = 0, config.loop.iterations
        torch.manual_seed(config.data.seed)
        self.image = build_images(config).to(device)
        latent = self.image.spec.latent
        self.total = torch.zeros(latent, dtype=torch.float64)
        self.product = torch.zeros(latent, latent, dtype=torch.float64)

    @staticmethod
    def title(config: Config) -> str:  # noqa: ARG004 - all that the loop knows have it
        """What is made."""
        return "principal components of an image generator's codes"

    @staticmethod
    def exported(config: Config, state: dict[str, Any]) -> VideoGenerator:
        """The image generator with its components, and motion that is not trained.

        :raises TrainingError: the run has not begun.
        """
        if not state["count"]:
            raise TrainingError("no code has been counted yet; let the run go on")
        with torch.random.fork_rng(devices=[]):  # a look at the network changes nothing
            torch.manual_seed(config.data.seed)
            network = VideoGenerator(motion_spec(config))
        network.image.load_state_dict(state["image"])
        mean = state["total"] / state["count"]
        basis, deviation = principal_components(mean, state["product"] / state["count"], network.spec.components)
        network.image.centre.copy_(mean)
        network.motion.basis.copy_(basis)
        network.motion.deviation.copy_(deviation)
        network.step_size.fill_(config.motion.step_size)
        return network.eval()

    def first(self) -> Phase | None:
        """Nothing is done before."""
        return None

    def dataset(self, store: Store) -> Dataset[tuple[Tensor, ...]]:
        """Latents."""
        return Numbers(self.config.data.seed, self.config.motion.codes, self.image.spec.latent)

    def indices(self, own: Processes) -> Sampler[list[SampleIndex]]:
        """From the present iteration on."""
        return IndexSampler(self.iteration, Shard(batch=1), FrameCurriculum(((0, 1),)))

    def to_batch(self, items: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """To the device."""
        return tuple(item.to(self.device) for item in items)

    @torch.no_grad()
    def step(self, batch: tuple[Tensor, ...]) -> Metrics:
        """Count a batch of codes."""
        codes = self.image.mapping(batch[0][0]).double().cpu()
        self.total += codes.sum(0)
        self.product += codes.T @ codes
        self.iteration += 1
        return {"codes": float(self.iteration * len(codes))}

    def summary(self, metrics: Metrics) -> Metrics:
        """How many codes."""
        return metrics

    def finish(self) -> None:
        """Nothing is left to do."""

    def preview(self, batch: Any) -> None:
        """Nothing to look at."""
        return

    def validator(self, store: Store) -> Validator | None:
        """Nothing to evaluate."""
        return None

    def standard(self) -> dict[str, Any]:
        """There are no scores."""
        return {}

    @property
    def network(self) -> VideoGenerator:
        """What would be exported now."""
        return self.exported(self.config, self.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """Sums, and the image generator."""
        return {
            "iteration": self.iteration,
            "count": self.iteration * self.config.motion.codes,
            "total": self.total,
            "product": self.product,
            "image": self.image.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on counting."""
        self.iteration, self.total, self.product = state["iteration"], state["total"], state["product"]
        self.image.load_state_dict(state["image"])
