"""Each loss against its formula written out in NumPy; catches wrong factors, axes and reductions."""

import numpy as np
import pytest
import torch

from vs_tecogan.training.objectives import losses

RNG = np.random.default_rng(0)


def frames(*shape: int) -> torch.Tensor:
    return torch.from_numpy(RNG.random(shape, dtype=np.float32))


def test_content_l2_is_the_published_sum_over_colours_in_signed_range() -> None:
    """Would catch a content weight that is off by the 12 between [0,1] MSE and the official term."""
    a, b = frames(2, 5, 3, 6, 7), frames(2, 5, 3, 6, 7)
    signed_a, signed_b = a.numpy() * 2 - 1, b.numpy() * 2 - 1
    expected = np.mean(np.sum((signed_a - signed_b) ** 2, axis=2))
    assert float(losses.content_loss(a, b, "l2")) == pytest.approx(expected, rel=1e-5)
    expected = np.mean(np.sqrt((a.numpy() - b.numpy()) ** 2 + 1e-6))
    assert float(losses.content_loss(a, b, "charbonnier")) == pytest.approx(expected, rel=1e-5)


def test_warp_l2_sums_over_colours_in_unit_range() -> None:
    """Would catch the content factor being applied to LR images, which are in [0,1] in the original."""
    a, b = frames(4, 3, 6, 7), frames(4, 3, 6, 7)
    expected = np.mean(np.sum((a.numpy() - b.numpy()) ** 2, axis=1))
    assert float(losses.warp_loss(a, b, "l2")) == pytest.approx(expected, rel=1e-5)


def test_ping_pong_pairs_frame_i_with_its_mirror_image() -> None:
    """Would catch an off-by-one in the pairing, or the turning frame being compared with itself."""
    outputs = frames(2, 19, 3, 4, 4)
    values = outputs.numpy() * 2 - 1
    expected = np.mean([np.abs(values[:, i] - values[:, 18 - i]).mean() for i in range(9)])
    assert float(losses.ping_pong_loss(outputs, "l2")) == pytest.approx(expected, rel=1e-5)


def test_ping_pong_is_zero_on_a_palindrome() -> None:
    """Would catch any asymmetry of the comparison."""
    half = frames(1, 5, 3, 4, 4)
    assert float(losses.ping_pong_loss(torch.cat((half, half[:, :-1].flip(1)), 1), "l2")) == 0


def grid(period: int, height: int = 64, width: int = 96) -> torch.Tensor:
    """A pattern of mean 0 that repeats with ``period``."""
    cell = torch.from_numpy(RNG.standard_normal((3, period, period), dtype=np.float32))
    cell -= cell.mean(dim=(1, 2), keepdim=True)
    return cell.repeat(1, height // period, width // period)


@pytest.mark.parametrize("period", [2, 4, 8])
def test_checkerboard_is_the_power_of_a_pattern_that_repeats_with_the_scale(period: int) -> None:
    """Would catch averaging over the wrong axes (rows of one phase with another's), or a mean left in."""
    pattern, target = grid(period) * 0.01, frames(2, 3, 3, 64, 96)
    assert float(losses.checkerboard_loss(target + pattern, target, period)) == pytest.approx(
        float(pattern.square().mean()), rel=1e-3
    )


def test_checkerboard_is_local() -> None:
    """Would catch an average over the whole frame, in which opposite patterns in two corners cancel."""
    pattern = torch.cat((grid(4, 64, 32), torch.zeros(3, 64, 32)), -1)
    pattern = pattern - pattern.roll(32, -1)
    assert float(losses.checkerboard_loss(pattern, torch.zeros(3, 64, 64), 4)) == pytest.approx(
        float(pattern.square().mean()), rel=1e-4
    )


def test_checkerboard_does_not_see_other_errors() -> None:
    """Would catch a term that fights colour offsets, noise or the sharpness of the scene."""
    target = frames(3, 64, 64)
    assert float(losses.checkerboard_loss(target + 0.1, target, 4)) == pytest.approx(0, abs=1e-9)
    noise = torch.from_numpy(RNG.standard_normal((8, 3, 256, 256), dtype=np.float32))
    # 64 pixels a phase and square: of white noise 1/64 of its power is left, less the mean of 16 phases.
    assert float(losses.checkerboard_loss(noise, torch.zeros_like(noise), 4)) == pytest.approx(15 / 1024, rel=0.1)


@pytest.mark.parametrize("period", [2, 4])
def test_lattice_sees_every_pattern_of_the_grid_wherever_it_lies(period: int) -> None:
    """Would catch a frequency that is left out or counted twice, a window that is not one, and a phase that matters."""
    rows, columns = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    flat = torch.full((2, 3, 48, 48), 0.5)
    for u in range(period):
        for v in range(period):
            if (u, v) == (0, 0):
                continue
            alone = 0.1 * torch.cos(2 * torch.pi / period * (u * rows + v * columns) + 0.3)
            waves = len(losses.lattice_kernels(period)) // 2
            # Half of a wave's power lies in its negative, which is left out; at half a cycle that is the wave itself.
            power = float(alone.square().mean()) * (1 if (2 * u) % period == (2 * v) % period == 0 else 0.5)
            found = float(losses.lattice_loss(flat + alone, flat, period))
            assert found == pytest.approx(power / waves, rel=0.02), (u, v)
            assert float(losses.lattice_loss(flat, flat + alone, period)) == pytest.approx(0, abs=1e-9)


def test_lattice_leaves_alone_what_the_target_has() -> None:
    """Would catch texture that costs something where it belongs, and gratis patterns where it does not."""
    target, output = torch.full((1, 3, 64, 64), 0.5), torch.full((1, 3, 64, 64), 0.5)
    target[..., ::4, :32] += 0.2
    output[..., 1::4, :32] += 0.2
    assert float(losses.lattice_loss(output, target, 4)) == pytest.approx(0, abs=1e-8)
    assert float(losses.lattice_loss(output.flip(-1), target, 4)) > 1e-5
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    assert float(losses.lattice_loss(ramp, torch.zeros_like(ramp), 4)) == pytest.approx(0, abs=1e-7)


def test_lattice_says_when_no_window_fits() -> None:
    """Would catch a crop of which nothing is looked at."""
    with pytest.raises(ValueError, match="sides of 16"):
        losses.lattice_loss(torch.zeros(3, 15, 40), torch.zeros(3, 15, 40), 4)


def test_checkerboard_leaves_out_what_fills_no_square_and_says_when_none_is_left() -> None:
    """Would catch a crash on sides that are no multiple of a square's, and a silent 0 (or NaN) on small ones."""
    output, target = frames(1, 3, 70, 45), frames(1, 3, 70, 45)
    whole = losses.checkerboard_loss(output[..., :64, :32], target[..., :64, :32], 4)
    assert float(losses.checkerboard_loss(output, target, 4)) == float(whole)
    with pytest.raises(ValueError, match="31x70 frames; expected sides of 32"):
        losses.checkerboard_loss(output[..., :31], target[..., :31], 4)


def test_temporal_loss_is_of_the_change_of_the_error() -> None:
    """Would catch a loss on the error itself, which the content loss already is."""
    errors = frames(2, 3, 8, 8)
    assert float(losses.temporal_loss(errors, errors)) == pytest.approx(1e-3)
    assert float(losses.temporal_loss(errors, errors - 0.5)) == pytest.approx(0.5, abs=1e-5)


def test_adversarial_losses() -> None:
    """Would catch swapped signs, or logits taken for probabilities."""
    real, fake = frames(6, 1, 2, 2) * 4 - 2, frames(6, 1, 2, 2) * 4 - 2
    p, q = (1 / (1 + np.exp(-x.numpy().astype(np.float64))) for x in (real, fake))
    d = -np.mean(np.log(p + 1e-12) + np.log(1 - q + 1e-12))
    assert float(losses.discriminator_adversarial(fake, real)) == pytest.approx(d, rel=1e-5)
    assert float(losses.generator_adversarial(fake)) == pytest.approx(-np.mean(np.log(q)), rel=1e-5)
    assert float(losses.balance(fake, real)) == pytest.approx(np.mean(np.log(p)) - np.mean(np.log(q)), abs=1e-6)


def test_confident_discriminator_gives_finite_losses() -> None:
    """Would catch log(0) for a discriminator that is certain."""
    extreme = torch.full((2, 1, 2, 2), 200.0)
    for fake, real in ((extreme, -extreme), (-extreme, extreme)):
        assert torch.isfinite(losses.discriminator_adversarial(fake, real))
        assert torch.isfinite(losses.generator_adversarial(fake))


def test_feature_loss_sums_channels_and_divides_by_the_published_norms() -> None:
    """Would catch a mean over channels in place of the sum."""
    fake = [frames(2, c, 3, 3) for c in (4, 5, 6, 7)]
    real = [frames(2, c, 3, 3) for c in (4, 5, 6, 7)]
    expected = sum(
        0.02 * np.abs(a.numpy() - b.numpy()).sum(axis=1).mean() / norm
        for a, b, norm in zip(fake, real, (12, 14, 24, 100), strict=True)
    )
    assert float(losses.feature_loss(fake, real)) == pytest.approx(expected, rel=1e-5)


def test_perceptual_loss_is_one_minus_cosine_per_position() -> None:
    """Would catch the cosine being taken over positions instead of channels."""
    fake, real = [frames(2, 5, 3, 3)], [frames(2, 5, 3, 3)]
    a, b = fake[0].numpy(), real[0].numpy()
    cosine = (a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1))
    assert float(losses.perceptual_loss(fake, real)) == pytest.approx(1 - cosine.mean(), rel=1e-4)
    assert float(losses.perceptual_loss(real, real)) == pytest.approx(0, abs=1e-6)


def test_gradient_penalty_of_a_linear_discriminator() -> None:
    """Would catch a missing square, half or sum: for logits w.x the penalty is |w|^2 / 2."""
    weight = frames(1, 3, 4, 4)
    image = frames(2, 3, 4, 4).requires_grad_()
    logits = (image * weight).sum(dim=(1, 2, 3))
    assert float(losses.gradient_penalty(logits, image)) == pytest.approx(0.5 * float(weight.square().sum()), rel=1e-5)
