"""Differentiable augmentation: alike for all frames of a clip, and open to gradients."""

import pytest
import torch

from vs_tecogan.training.data.diffaug import CHANGES, cutout, diffaug, translation


@pytest.mark.parametrize("policy", [(name,) for name in CHANGES] + [tuple(CHANGES)])
def test_frames_of_a_clip_are_changed_alike(policy: tuple[str, ...]) -> None:
    """Would catch a jump between frames that the discriminator would take for motion."""
    torch.manual_seed(1)
    still = torch.rand(4, 1, 3, 16, 16).expand(-1, 5, -1, -1, -1)
    changed = diffaug(still, policy)
    assert changed.shape == still.shape
    torch.testing.assert_close(changed, changed[:, :1].expand_as(changed))
    assert not torch.equal(changed[0], still[0]) or not torch.equal(changed[1], still[1])


def test_gradients_pass() -> None:
    """Would catch an augmentation that hides the generator from its discriminator."""
    torch.manual_seed(1)
    frames = torch.rand(2, 3, 16, 16, requires_grad=True)
    diffaug(frames, tuple(CHANGES)).sum().backward()
    assert frames.grad is not None and bool((frames.grad != 0).any())


def test_translation_moves_whole_pixels() -> None:
    """Would catch a picture that wraps around, or is moved further than an eighth."""
    torch.manual_seed(1)
    frames = torch.zeros(64, 1, 1, 16, 16)
    frames[..., 8, 8] = 1
    y, x = translation(frames)[:, 0, 0].nonzero()[:, 1:].T
    assert (int(y.min()), int(y.max()), int(x.min()), int(x.max())) == (6, 10, 6, 10)
    assert bool((translation(torch.ones(64, 1, 1, 16, 16)) == 0).any()), "zeros come in"


def test_cutout_has_half_the_side() -> None:
    """Would catch a hole of another size."""
    torch.manual_seed(1)
    holes = (cutout(torch.ones(256, 3, 16, 16)) == 0)[:, 0]
    assert int(holes.any(2).sum(1).max()) in (8, 9)


def test_unknown_change() -> None:
    """Would catch a policy that is silently ignored."""
    with pytest.raises(ValueError, match="rotation; expected some of colour"):
        diffaug(torch.zeros(1, 3, 8, 8), ("rotation",))
