"""Muon: momentum whose every matrix is made orthogonal before the step (Jordan et al. 2024, Liu et al. 2025).

Adam divides each weight's step by that weight's own past gradients and so leaves a convolution's step dominated by the
few directions in which its gradient is large. Muon gives all directions the same length. PyTorch's own takes matrices
alone and computes in bfloat16, which a CPU without instructions for it does eleven times more slowly than float32; here
a convolution's kernel counts as the matrix (first channels, other channels x window), and float32 is used.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the odd polynomial that drives singular values towards 1, fast rather than exactly (Jordan)."""
STEPS = 5
RMS = 0.2
"""Root mean square of a step as a multiple of the learning rate: about Adam's, so that rates carry over (Liu et al.)"""
SMALLEST = 8
"""Matrices with a smaller side are left to Adam: the layer that makes colours has three rows, biases have one."""


def orthogonalised(matrix: Tensor) -> Tensor:
    """Singular values of about 0.7 to 1.2, the same singular vectors.

    :param matrix: (R, C) float, not all zero.
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / (wide.norm() + 1e-7)
    a, b, c = NEWTON_SCHULZ
    for _ in range(STEPS):
        gram = wide @ wide.T
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.T


def is_matrix(weight: Tensor) -> bool:
    """Whether Muon takes this parameter; Adam gets the others."""
    return weight.ndim >= 2 and min(weight.shape[0], weight[0].numel()) >= SMALLEST


class Muon(Optimizer):
    """Muon for parameters of which :func:`is_matrix` holds, without weight decay; Nesterov momentum."""

    def __init__(self, groups: Iterable[dict[str, Any]], *, momentum: float = 0.95) -> None:
        super().__init__(groups, {"lr": 1e-3, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step along the parameters' gradients; those without one stay."""
        if closure is not None:
            raise ValueError("Muon takes no closure; call backward before step")
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, weight.grad, group["lr"], group["momentum"])

    def _move(self, weight: Tensor, gradient: Tensor, rate: float, momentum: float) -> None:
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        mean = state["momentum"].lerp_(gradient, 1 - momentum)
        ahead = gradient.lerp(mean, momentum).flatten(1).float()
        change = orthogonalised(ahead).reshape(weight.shape)
        weight.add_(change.to(weight.dtype), alpha=-rate * RMS * max(ahead.shape) ** 0.5)
