"""The probe of cuDNN's fused convolution, with stand-ins for what drivers have been seen to do."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vs_tecogan.engine.cuda import network
from vs_tecogan.engine.cuda.network import gives_what_its_parts_give

CPU = torch.device("cpu")
Fused = Callable[..., Tensor]


def right(features: Tensor, weight: Tensor, other: Tensor, alpha: float, bias: Tensor, *_: object) -> Tensor:
    """What cuDNN computes."""
    return F.relu(F.conv2d(features, weight, bias, padding=1) + alpha * other)


def never_twice_the_same(*arguments: object) -> Tensor:
    """Another algorithm each time, whose sums round differently."""
    return right(*arguments) + torch.rand(1) * 1e-2  # type: ignore[arg-type]


def with_nan(*arguments: object) -> Tensor:
    """Memory that was read before it was written."""
    result = right(*arguments)  # type: ignore[arg-type]
    result[0, 3, 2, 1] = torch.nan
    return result


def other_layout(*arguments: object) -> Tensor:
    """Right numbers in an order that the next layer would copy."""
    return right(*arguments).contiguous()  # type: ignore[arg-type]


def refused(*_: object) -> Tensor:
    """A card or cuDNN without it."""
    raise RuntimeError("CUDNN_STATUS_NOT_SUPPORTED")


@pytest.mark.parametrize(
    ("fused", "works"),
    [(right, True), (never_twice_the_same, False), (with_nan, False), (other_layout, False), (refused, False)],
)
def test_probe(fused: Fused, works: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a probe that lets one of these into the picture."""
    monkeypatch.setattr(torch, "cudnn_convolution_add_relu", fused)
    assert gives_what_its_parts_give(CPU, torch.bfloat16, (16, 16)) is works


def test_what_is_added_has_been_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch zero times memory that nobody wrote, which is NaN where it held NaN."""
    added: list[tuple[Tensor, float]] = []

    def spy(features: Tensor, weight: Tensor, other: Tensor, alpha: float, bias: Tensor, *rest: object) -> Tensor:
        added.append((other, alpha))
        return right(features, weight, other, alpha, bias, *rest)

    monkeypatch.setattr(torch, "cudnn_convolution_add_relu", spy)
    features = torch.rand(1, 8, 5, 6)
    network.fused_relu(features, torch.rand(8, 8, 3, 3), torch.rand(8), [1, 1])
    assert added == [(features, 0.0)]


def test_elsewhere_and_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a probe on a device that has no cuDNN, and TF32 in what is asked for as fp32."""
    monkeypatch.setattr(torch, "cudnn_convolution_add_relu", right)
    assert not network.fused_relu_works(CPU, torch.float16)
    assert not network.fused_relu_works(torch.device("cuda:0"), torch.float32)
