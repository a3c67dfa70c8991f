"""Running the generator over a training sequence, and the terms that need no other network."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ...networks import Generator
from ...networks.perceptual import FeatureNet
from ...ops.warp import backward_warp
from ..config import ObjectiveConfig
from .losses import (
    checkerboard_loss,
    content_loss,
    lattice_loss,
    perceptual_loss,
    ping_pong_loss,
    temporal_loss,
    warp_loss,
)
from .sequence import ping_pong


class Mover(Protocol):
    """A generator that knows what moved where; FRVSR's and RecurrentSR."""

    def estimate_flow(self, previous: Tensor, current: Tensor, /) -> Tensor:
        """(N, 3, h, w) each -> (N, 2, h, w), LR pixels: ``current(p) = previous(p + flow(p))``."""
        ...

    def upsample_flow(self, flow: Tensor, /) -> Tensor:
        """(N, 2, h, w) LR pixels -> (N, 2, sh, sw) HR pixels."""
        ...


@dataclass(frozen=True)
class SequenceBatch:
    """A batch of sequences on the device."""

    lr: Tensor
    """(N, T, 3, h, w) float32 in [0, 1]."""
    hr: Tensor
    """(N, T, 3, sh, sw) float32 in [0, 1]."""
    teacher_forcing: Tensor | None = None
    """(N,) float32 in [0, 1]: the original's part in the past of the second frame of a rollout; None is 0."""
    burn_in: int = 0
    """Frames among the T that only bring the recurrence under way: no gradient, not part of the rollout."""
    strength: Tensor | None = None
    """(N,) float32 in [0, 1], for a network that takes one."""


@dataclass(frozen=True)
class Rollout:
    """What the generator made of a batch; with ping-pong, T is the doubled length."""

    lr: Tensor
    """(N, T, 3, h, w)."""
    hr: Tensor
    """(N, T, 3, sh, sw), the targets."""
    outputs: Tensor
    """(N, T, 3, sh, sw), unclamped."""
    flows: Tensor
    """(N, T - 1, 2, h, w) LR pixels."""
    mirrored: bool
    """Whether this is a ping-pong sequence."""


def to_sequence_batch(items: tuple[Tensor, ...], device: torch.device, burn_in: int = 0) -> SequenceBatch:
    """From the loader's NTHWC tensors; the frames end up channels-last in memory without a copy.

    :param items: as :data:`~..data.samples.Sample`, stacked.
    """
    lr, hr = (x.to(device, non_blocking=True).permute(0, 1, 4, 2, 3) for x in items[:2])
    teacher_forcing, *strength = (x.to(device, non_blocking=True) for x in items[2:])
    return SequenceBatch(lr, hr.float() / 255, teacher_forcing, burn_in, *strength)


def roll_out(generator: Generator, batch: SequenceBatch, *, mirrored: bool) -> Rollout:
    """Run the recurrence from a zero state, over the ping-pong sequence if ``mirrored``.

    With a burn-in the rollout is what follows it, and its first output is the last one of the burn-in, without
    gradient: backpropagation through time, truncated (Williams and Peng 1990).
    """
    lead, state = batch.burn_in, None
    if lead:
        with torch.no_grad():
            state = generator(batch.lr[:, : lead + 1])[0][:, -1]
    lr, hr = (ping_pong(x[:, lead:]) if mirrored else x[:, lead:] for x in (batch.lr, batch.hr))
    outputs, flows = generator(lr, hr[:, 0], batch.teacher_forcing, state)
    return Rollout(lr=lr, hr=hr, outputs=outputs, flows=flows, mirrored=mirrored)


def warp_term(rollout: Rollout, objective: ObjectiveConfig) -> Tensor:
    """What teaches a flow network: each LR frame against the one before, moved."""
    current, previous = (x.flatten(0, 1) for x in (rollout.lr[:, 1:], rollout.lr[:, :-1]))
    return warp_loss(backward_warp(previous, rollout.flows.flatten(0, 1)), current, objective.penalty)


def regression_terms(rollout: Rollout, generator: Mover, objective: ObjectiveConfig) -> dict[str, Tensor]:
    """Weighted terms that need no other network: content, ping-pong, flicker, checkerboards.

    :param generator: whose rollout it is; only its upsampling of flow is used.
    """
    terms = {"content": content_loss(rollout.outputs, rollout.hr, objective.penalty)}
    if rollout.mirrored:
        terms["ping_pong"] = objective.ping_pong_weight * ping_pong_loss(rollout.outputs, objective.penalty)
    scale = rollout.hr.shape[-1] // rollout.lr.shape[-1]
    if objective.temporal_weight and rollout.flows.shape[1]:
        errors = rollout.outputs - rollout.hr
        # The flow is a given here: FNet must not learn to hide a flicker.
        flows = generator.upsample_flow(rollout.flows.detach().flatten(0, 1))
        moved = backward_warp(errors[:, :-1].flatten(0, 1), flows)
        terms["temporal"] = objective.temporal_weight * temporal_loss(errors[:, 1:].flatten(0, 1), moved)
    if objective.checkerboard_weight:
        # Two steps of the LR grid: what alternates from one LR pixel to the next is drawn as readily.
        loss = checkerboard_loss(rollout.outputs, rollout.hr, 2 * scale)
        terms["checkerboard"] = objective.checkerboard_weight * loss
    if objective.lattice_weight:
        terms["lattice"] = objective.lattice_weight * lattice_loss(rollout.outputs, rollout.hr, scale)
    return terms


@dataclass(frozen=True)
class Views:
    """What the perceptual network sees of some frames of a rollout: its layers, finest first, of n pictures."""

    real: list[Tensor]
    """Of the targets, each (n, C, h, w), without gradient."""
    fake: list[Tensor]
    """Of the outputs."""


def perceptual_views(net: FeatureNet, rollout: Rollout, frames: int, iteration: int, phases: int = 1) -> Views:
    """All frames, or ``frames`` of them, evenly spread and moving on with the iterations, as the network sees them.

    In a ping-pong sequence every target occurs twice; its features are computed once. The view begins up to
    ``phases - 1`` pixels further down and right, in turn: the network's first layers step by 2 and 4, and a generator
    that always meets them in the same place learns to please those pixels alone.

    :param frames: how many of the T frames are looked at; 0 for all.
    :param phases: beginnings of the view along each axis; 1 looks at whole frames.
    """
    row, column = iteration % phases, iteration // phases % phases
    count = rollout.outputs.shape[1]
    chosen = list(range(count))
    if 0 < frames < count:
        chosen = sorted({(iteration + round(k * count / frames)) % count for k in range(frames)})
    turning = count // 2
    targets = [count - 1 - t if rollout.mirrored and t > turning else t for t in chosen]
    unique = sorted(set(targets))
    with torch.no_grad():
        real = net.layers(rollout.hr[:, unique, :, row:, column:].flatten(0, 1))
    position = [unique.index(t) for t in targets]
    fake = net.layers(rollout.outputs[:, chosen, :, row:, column:].flatten(0, 1))
    samples = rollout.outputs.shape[0]
    return Views([f.view(samples, -1, *f.shape[1:])[:, position].flatten(0, 1) for f in real], fake)


def perceptual_term(net: FeatureNet, views: Views) -> Tensor:
    """Perceptual loss of the layers that are compared."""
    return perceptual_loss(views.fake[net.early :], views.real[net.early :])
