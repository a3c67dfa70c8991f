"""Cosine similarity with a gradient of its own, against the one that autograd finds."""

import pytest
import torch
from torch import Tensor

from vs_tecogan.training.objectives.cosine import EPSILON, cosine_similarity


def vectors(seed: int, layout: torch.memory_format) -> Tensor:
    """Features as a ReLU leaves them: much of it zero, some vectors zero and some shorter than EPSILON."""
    values = torch.randn(3, 7, 5, 6, generator=torch.Generator().manual_seed(seed)).relu()
    values[0, :, 1, 2:4] = 0
    values[1, :, 2] *= EPSILON / 100
    return values.contiguous(memory_format=layout)


def written_out(ours: Tensor, theirs: Tensor) -> Tensor:
    """The slow twin."""
    ours, theirs = (x / x.square().sum(1, keepdim=True).clamp(min=EPSILON**2).sqrt() for x in (ours, theirs))
    return (ours * theirs).sum(1)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["planar", "interleaved"])
def test_similarity_and_its_gradient_are_those_written_out(layout: torch.memory_format) -> None:
    """Would catch a wrong sign or factor in the gradient, and a length below EPSILON that is taken as it is."""
    ours, theirs = vectors(1, layout).double().requires_grad_(), vectors(2, layout).double()
    weights = torch.rand(3, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    results = []
    for function in (cosine_similarity, written_out):
        similarity = function(ours, theirs)
        (gradient,) = torch.autograd.grad((similarity * weights).sum(), ours)
        results.append((similarity.detach(), gradient))
    (similarity, gradient), (expected, expected_gradient) = results
    torch.testing.assert_close(similarity, expected)
    torch.testing.assert_close(gradient, expected_gradient)
    assert gradient.is_contiguous(memory_format=layout)
    assert torch.equal(similarity[0, 1, 2:4], torch.zeros(2, dtype=torch.float64))


def test_the_target_gets_no_gradient() -> None:
    """Would catch half a gradient given to a target in silence: asking for it must be an error."""
    ours, theirs = vectors(1, torch.channels_last).requires_grad_(), vectors(2, torch.channels_last).requires_grad_()
    similarity = cosine_similarity(ours, theirs).sum()
    with pytest.raises(RuntimeError, match="not have been used"):
        torch.autograd.grad(similarity, theirs)
