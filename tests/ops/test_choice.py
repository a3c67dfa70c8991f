"""The choice of who computes an operator."""

import shutil

import pytest
import torch

from vs_tecogan.ops import backward_warp, native


def test_the_extension_is_there_wherever_it_can_be_built() -> None:
    """Would catch a build that broke: it only warns then, and all tests of the extension would be skipped."""
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        pytest.skip("no C++ compiler on PATH to build the extension with")
    assert native.available(), native.describe()


@pytest.mark.skipif(not native.available(), reason="the extension is not built")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_backward_warp(dtype: torch.dtype) -> None:
    """Would catch training on another warp than the reference's, in its values or its gradients."""
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(2, 3, 17, 23, generator=generator).to(dtype)
    flow = torch.randn(2, 2, 17, 23, generator=generator) * 4
    weight = torch.rand(2, 3, 17, 23, generator=generator)
    results = []
    for impl in ("auto", "torch"):
        leaves = [image.clone().requires_grad_(), flow.clone().requires_grad_()]
        with torch.autocast("cpu", torch.bfloat16):
            output = backward_warp(*leaves, impl=impl)
        (output * weight).sum().backward()
        results.append((output.detach(), leaves[0].grad, leaves[1].grad))
    ours, theirs = results
    for name, a, b in zip(("output", "image gradient", "flow gradient"), ours, theirs, strict=True):
        assert a is not None and b is not None
        assert a.dtype == b.dtype, name
        tolerance = 1e-2 if a.dtype == torch.bfloat16 else 5e-5
        torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance, msg=name)


def test_an_unknown_choice_is_refused() -> None:
    """Would catch a misspelt choice that silently means torch."""
    with pytest.raises(ValueError, match="impl 'fast' is not known"):
        backward_warp(torch.zeros(1, 1, 2, 2), torch.zeros(1, 2, 2, 2), impl="fast")  # type: ignore[arg-type]
