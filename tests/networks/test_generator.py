"""The recurrence of the generator, its sizes and its spec."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vs_tecogan.networks import Dialect, Generator, GeneratorSpec
from vs_tecogan.ops.flow_head import mirror_indices


def tiny(dialect: Dialect = Dialect.BD, scale: int = 4) -> Generator:
    torch.manual_seed(0)
    return Generator(GeneratorSpec(scale=scale, blocks=1, dialect=dialect)).eval()


@pytest.mark.parametrize(
    ("scale", "blocks", "parameters"), [(4, 16, 3_032_229), (4, 10, 2_589_093), (2, 10, 2_531_429)]
)
def test_parameter_counts(scale: int, blocks: int, parameters: int) -> None:
    """A layer too many, too few or too wide changes the published parameter count."""
    generator = Generator(GeneratorSpec(scale=scale, blocks=blocks))
    assert sum(p.numel() for p in generator.parameters()) == parameters


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("size", [(1, 1), (2, 9), (8, 8), (13, 22)])
@torch.inference_mode()
def test_any_size(dialect: Dialect, size: tuple[int, int]) -> None:
    """Sizes below and off FNet's 8-pixel grid give a finite output of exactly scale times the size."""
    frames = torch.rand(1, 3, 3, *size)
    out, flows = tiny(dialect)(frames)
    assert out.shape == (1, 3, 3, size[0] * 4, size[1] * 4)
    assert flows.shape == (1, 2, 2, *size)
    assert out.isfinite().all()


@pytest.mark.parametrize("scale", [2, 4])
@torch.inference_mode()
def test_sequence_equals_steps(scale: int) -> None:
    """The batched sequence form used in training and the single steps used in inference are one recurrence."""
    generator, lr = tiny(scale=scale), torch.rand(2, 4, 3, 16, 24)
    sequence, _ = generator(lr)
    previous = None
    for k in range(4):
        previous = generator.step(lr[:, k], lr[:, k - 1] if k else None, previous)
        torch.testing.assert_close(previous, sequence[:, k], atol=1e-5, rtol=0)


@torch.inference_mode()
def test_state_matters() -> None:
    """The second frame depends on the first: a recurrence that drops its state fails here."""
    generator, lr = tiny(), torch.rand(1, 2, 3, 16, 16)
    assert (generator(lr)[0][:, 1] - generator.step(lr[:, 1])).abs().max() > 1e-3


@given(size=st.integers(1, 12), extra=st.integers(0, 30), repeat=st.booleans())
@settings(max_examples=200, deadline=None)
def test_mirroring_equals_numpy(size: int, extra: int, repeat: bool) -> None:
    """Padding of the flow is numpy's ``symmetric`` (TF) and ``reflect`` (PyTorch), however far it reaches."""
    import numpy as np

    expected = np.pad(np.arange(size), (0, extra), mode="symmetric" if repeat else "reflect")
    assert mirror_indices(size, size + extra, repeat_edge=repeat) == expected.tolist()


def test_spec_refuses() -> None:
    """A scale that no published graph has is refused with its value."""
    with pytest.raises(ValueError, match="scale 3"):
        GeneratorSpec(scale=3)
    assert GeneratorSpec(dialect=Dialect.BI).phase == "centred"
    assert GeneratorSpec().phase == "corner"
