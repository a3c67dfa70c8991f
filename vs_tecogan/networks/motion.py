"""MoCoGAN-HD: motion as a walk among the codes of an image generator that stays as it is (Tian et al. 2021).

A code w_1 is the content. An LSTM that began from it takes noise, frame by frame, and gives steps along the principal
components of the generator's codes. So every frame is a picture of the image generator.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .spec import MOST_CHANNELS
from .stylegan import StyleGenerator, StyleSpec

ALONE = 2.0
"""Standard deviations that a frame's code reaches in each direction where codes stand alone (not residual)."""

type State = tuple[Tensor, Tensor]
"""Of an LSTM: (N, hidden) each."""


@dataclass(frozen=True, kw_only=True)
class MotionSpec:
    """Everything that the shape of a video generator depends on; kept in its file's card."""

    image: StyleSpec = field(default_factory=StyleSpec)
    components: int = 48
    """Principal components of w that motion uses."""
    hidden: int = 48
    """Width of the LSTM."""
    residual: bool = True
    """Steps are added to the code before; the paper's ablation has codes that stand alone."""

    def __post_init__(self) -> None:
        if not 1 <= self.components <= self.image.latent:
            raise ValueError(f"components {self.components}; expected 1 to {self.image.latent}, the latent's")
        if not 1 <= self.hidden <= MOST_CHANNELS:
            raise ValueError(f"hidden {self.hidden}; expected 1 to {MOST_CHANNELS}")


class MotionGenerator(nn.Module):
    """From the first frame's code and noise to the codes of all frames."""

    basis: Tensor
    deviation: Tensor

    def __init__(self, spec: MotionSpec) -> None:
        super().__init__()
        latent, hidden = spec.image.latent, spec.hidden
        self.residual = spec.residual
        self.encoder, self.decoder = nn.LSTMCell(latent, hidden), nn.LSTMCell(latent, hidden)
        self.head = nn.Linear(hidden, spec.components)
        for name, parameter in self.named_parameters():
            if "bias" in name:
                nn.init.zeros_(parameter)
            else:
                nn.init.orthogonal_(parameter)
        nn.init.normal_(self.head.weight, std=0.02)
        self.register_buffer("basis", torch.zeros(spec.components, latent))
        """Principal components of w, one a row, of length 1."""
        self.register_buffer("deviation", torch.zeros(spec.components))
        """Standard deviation of w along each."""

    def forward(self, first: Tensor, noise: Tensor, step_size: float, centre: Tensor) -> tuple[Tensor, Tensor]:
        """Walk.

        :param first: (N, latent), the code of frame 0.
        :param noise: (N, T - 1, latent), normal: the motion.
        :param step_size: lambda, the longest step per frame along a component, in standard deviations.
        :param centre: (latent,), mean of w; codes that stand alone begin there.
        :return: codes (N, T, latent), and the LSTM's states (N, T - 1, 2 hidden), of which the noise can be read.
        """
        state: State = self.encoder(first)
        codes, states = [first], []
        for eps in noise.unbind(1):
            state, way = self.step(eps, state)
            codes.append(self.next(codes[-1], way, step_size, centre))
            states.append(torch.cat(state, dim=1))
        return torch.stack(codes, 1), torch.stack(states, 1)

    def step(self, eps: Tensor, state: State) -> tuple[State, Tensor]:
        """The state after noise (N, latent), and the way (N, latent) that it points to."""
        state = self.decoder(eps, state)
        return state, torch.tanh(self.head(state[0])) * self.deviation @ self.basis

    def next(self, code: Tensor, way: Tensor, step_size: float, centre: Tensor) -> Tensor:
        """The code after one, (N, latent)."""
        return code + step_size * way if self.residual else centre + ALONE * way


class VideoGenerator(nn.Module):
    """An image generator with motion."""

    def __init__(self, spec: MotionSpec) -> None:
        super().__init__()
        self.spec = spec
        self.image = StyleGenerator(spec.image)
        self.motion = MotionGenerator(spec)
        self.register_buffer("step_size", torch.tensor(0.2))
        """Lambda of the training."""

    step_size: Tensor

    def walk(self, first: Tensor, noise: Tensor, step_size: float | None = None) -> tuple[Tensor, Tensor]:
        """Codes and states, see :meth:`MotionGenerator.forward`; None is the lambda of the training."""
        used = float(self.step_size) if step_size is None else step_size
        codes: tuple[Tensor, Tensor] = self.motion(first, noise, used, self.image.centre)
        return codes


@torch.no_grad()
def principal_components(mean: Tensor, product: Tensor, components: int) -> tuple[Tensor, Tensor]:
    """Directions in which codes vary most, exactly, by eigendecomposition.

    :param mean: (C,) mean of the codes.
    :param product: (C, C) mean of their outer products, float64.
    :return: (components, C) of length 1, most important first, each with its largest entry positive; and their
        standard deviations.
    """
    covariance = product - mean[:, None] * mean[None]
    values, vectors = torch.linalg.eigh(covariance)
    order = values.argsort(descending=True)[:components]
    basis = vectors[:, order].T
    sign = basis.gather(1, basis.abs().argmax(1, keepdim=True)).sign()
    return basis * sign, values[order].clamp_min(0).sqrt()
