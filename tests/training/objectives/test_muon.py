"""Muon against its definition by singular values, and against PyTorch's where that exists."""

import pytest
import torch
from torch import nn

from vs_tecogan.training.objectives.muon import RMS, Muon, is_matrix, orthogonalised


@pytest.mark.parametrize("shape", [(64, 576), (576, 64), (48, 48)])
def test_all_directions_become_alike(shape: tuple[int, int]) -> None:
    """Would catch a wrong coefficient, too few steps, or a tall matrix taken for a wide one."""
    torch.manual_seed(0)
    left, _, right = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    matrix = 7 * left @ torch.diag(torch.logspace(-1, 0, min(shape))) @ right
    found = orthogonalised(matrix)
    values = torch.linalg.svdvals(found)
    assert found.shape == matrix.shape
    assert 0.5 < float(values.min()) <= float(values.max()) < 1.3
    assert float(torch.cosine_similarity(found.flatten(), (left @ right).flatten(), dim=0)) > 0.97


def test_step_is_as_long_as_the_rate_says() -> None:
    """Would catch a length that grows with the matrix, or a kernel laid out along the wrong channels."""
    torch.manual_seed(0)
    for weight in (torch.zeros(64, 64, 3, 3), torch.zeros(32, 16, 3, 3), torch.zeros(64, 64)):
        parameter = nn.Parameter(weight)
        parameter.grad = torch.randn_like(parameter)
        Muon([{"params": [parameter], "lr": 0.5}]).step()
        assert float(parameter.detach().square().mean().sqrt()) == pytest.approx(0.5 * RMS, rel=0.25)
        assert float((parameter.detach() * parameter.grad).sum()) < 0


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this PyTorch has no Muon")
def test_as_pytorch_on_matrices() -> None:
    """Would catch another momentum, another Nesterov step or another scale; PyTorch's rounds to bfloat16 inside."""
    torch.manual_seed(0)
    start, gradients = torch.randn(32, 48), torch.randn(4, 32, 48)
    ours, theirs = (nn.Parameter(start.clone()) for _ in range(2))
    optimisers = (
        Muon([{"params": [ours], "lr": 0.1}]),
        torch.optim.Muon([theirs], lr=0.1, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"),
    )
    for gradient in gradients:
        for parameter, optimiser in zip((ours, theirs), optimisers, strict=True):
            parameter.grad = gradient.clone()
            optimiser.step()
    moved, expected = ours.detach() - start, theirs.detach() - start
    assert float((moved - expected).norm() / expected.norm()) < 0.05


def test_which_parameters_it_takes() -> None:
    """Would catch biases or the layer that makes colours given to it."""
    assert is_matrix(nn.Conv2d(51, 64, 3).weight)
    assert is_matrix(nn.ConvTranspose2d(64, 64, 3).weight)
    assert not is_matrix(nn.Conv2d(64, 3, 3).weight)
    assert not is_matrix(nn.Conv2d(64, 64, 3).bias)  # type: ignore[arg-type]


def test_takes_no_closure() -> None:
    """Would catch a closure silently ignored."""
    with pytest.raises(ValueError, match="no closure"):
        Muon([{"params": [nn.Parameter(torch.zeros(16, 16))], "lr": 1.0}]).step(lambda: 0.0)
