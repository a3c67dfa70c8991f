"""Cosine similarity of feature vectors, whose autograd in torch costs as much as the network that made them."""

from typing import Any

import torch
from torch import Tensor

EPSILON = 1e-6
"""Shorter vectors count as this long."""


class _Cosine(torch.autograd.Function):
    """Three reductions forward and two passes over the features backward; the second vector is a given."""

    @staticmethod
    def forward(ctx: Any, ours: Tensor, theirs: Tensor) -> Tensor:
        length, inverse = _length(ours)
        _, other = _length(theirs)
        cosine = (ours * theirs).sum(1, keepdim=True) * inverse * other
        ctx.save_for_backward(ours, theirs, length, inverse, other, cosine)
        return cosine.squeeze(1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        ours, theirs, length, inverse, other, cosine = ctx.saved_tensors
        gradient = gradient.unsqueeze(1) * inverse
        # A length that counts as EPSILON does not change with the vector.
        along = gradient * cosine * inverse * (length > EPSILON)
        return torch.addcmul(theirs * (gradient * other), ours, along, value=-1), None


def _length(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """(N, C, ...) -> (N, 1, ...), and its reciprocal as it counts."""
    length: Tensor = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    return length, length.clamp(min=EPSILON).reciprocal()


def cosine_similarity(ours: Tensor, theirs: Tensor) -> Tensor:
    """Cosine of the angle between the vectors along dimension 1.

    As ``torch.nn.functional``'s, but with the true gradient where a vector is shorter than ``EPSILON``.

    :param ours:   (N, C, ...) float32.
    :param theirs: same shape; gets no gradient.
    :return:       (N, ...) float32 in [-1, 1].
    """
    cosine: Tensor = _Cosine.apply(ours, theirs.detach())
    return cosine
