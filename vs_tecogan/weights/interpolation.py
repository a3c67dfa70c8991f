"""A generator between two: the weights of both, averaged (network interpolation, ESRGAN, Wang et al. 2018)."""

from dataclasses import replace

import torch

from ..errors import WeightsError
from ..networks import Spec, VideoSpec
from .card import ModelCard
from .dialects import build
from .store import Model


def interpolate(first: Model, second: Model, share: float, *, name: str = "") -> Model:
    """Average the weights of two models of one architecture.

    Works well where one model was trained on from the other, or both from a third, as a perceptual one from its
    regression model: fidelity and texture then pass into each other. Flow is refined as often as by the model of the
    larger share, at equal shares by the second.

    :param share: part of the second model, from 0 (the first alone) to 1 (the second alone).
    :param name:  name on the card, which says of what and how the model was made, and carries no scores.
    :raises WeightsError: the architectures differ, or ``share`` lies outside 0 to 1.
    """
    if not 0 <= share <= 1:
        raise WeightsError(f"share {share:g} is outside 0 to 1; give the second model's part of the average")
    one, two = first.network.spec, second.network.spec
    spec = _spec_between(one, two, share)
    if spec is None:
        raise WeightsError(f"models of different architectures cannot be averaged: {one} and {two}")
    ours, theirs = first.network.state_dict(), second.network.state_dict()
    state = {key: torch.lerp(own.float(), theirs[key].float(), share) for key, own in ours.items()}
    network = build(spec, state)
    return Model(network, replace(_card(first.card, second.card, share, name), spec=network.spec))


def _spec_between(one: Spec, two: Spec, share: float) -> Spec | None:
    """One architecture with the rounds of the larger share; None where there are two."""
    if not isinstance(one, VideoSpec) or not isinstance(two, VideoSpec):
        return one if one == two else None
    rounds = (one if share < 0.5 else two).flow_rounds
    spec = replace(one, flow_rounds=rounds)
    return spec if spec == replace(two, flow_rounds=rounds) else None


def _card(first: ModelCard, second: ModelCard, share: float, name: str) -> ModelCard:
    def both(a: str, b: str) -> str:
        return a if a == b else "; ".join(text for text in (a, b) if text)

    parts = f"{1 - share:.3g} x {first.name} + {share:.3g} x {second.name}"
    return ModelCard(
        name=name,
        spec=first.spec,
        description=f"weights averaged: {parts}",
        degradation=both(first.degradation, second.degradation),
        data=both(first.data, second.data),
        licence=both(first.licence, second.licence),
        training=both(first.training, second.training),
    )
