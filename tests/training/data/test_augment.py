"""Where samples are cut, and how they are turned."""

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch

from vs_tecogan.degrade import BicubicDown, BlurDown
from vs_tecogan.errors import TrainingError
from vs_tecogan.training.data.augment import (
    Augmentation,
    crop,
    detail,
    flip_and_rotate,
    gaussian,
    moving_path,
    random_blur,
    random_position,
    resize_area,
)
from vs_tecogan.training.data.loader import FrameCurriculum, IndexSampler, Shard, batches
from vs_tecogan.training.data.samples import SampleIndex, SampleOptions, Samples
from vs_tecogan.training.data.shapes import moving_shapes
from vs_tecogan.training.data.store import Store

from ..conftest import make_store, pan


def steps(mode: str, unit: int = 1) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.concatenate([np.diff(moving_path(rng, 10, mode, unit), axis=0) for _ in range(4000)]).ravel()


def test_official_steps() -> None:
    """-4..4 pixels, both ends at half weight, as floor(U[-3.5, 4.5)) gives."""
    values, counts = np.unique(steps("official"), return_counts=True)
    assert values.tolist() == list(range(-4, 5))
    np.testing.assert_allclose(counts / counts.sum(), [1 / 16, *[1 / 8] * 7, 1 / 16], atol=0.006)


@pytest.mark.parametrize("unit", [1, 2, 4])
def test_unbiased_steps_have_equal_weights_and_no_drift(unit: int) -> None:
    """Would catch the half-pixel drift of floor(U[-1.5, 1.5)), and steps off the LR grid."""
    drawn = steps("unbiased", unit)
    values, counts = np.unique(drawn, return_counts=True)
    assert (values % unit == 0).all()
    np.testing.assert_allclose(counts / counts.sum(), 1 / len(values), atol=0.006)
    assert abs(drawn.mean()) < 0.05 * unit


def test_moving_first_frame_is_an_exact_translation() -> None:
    """Would catch a path that is not the crop's: neighbouring frames must agree after undoing the step."""
    rng = np.random.default_rng(3)
    frames = pan(3, 200, 200)
    path = random_position(rng, moving_path(rng, 6, "official"), (200 - 64, 200 - 64))
    clip = crop(frames, np.zeros(6, np.int64), path, 64)
    assert ((path >= 0) & (path <= 136)).all()
    for k in range(5):
        dy, dx = path[k + 1] - path[k]
        a = clip[k][max(dy, 0) : 64 + min(dy, 0), max(dx, 0) : 64 + min(dx, 0)]
        b = clip[k + 1][max(-dy, 0) : 64 + min(-dy, 0), max(-dx, 0) : 64 + min(-dx, 0)]
        assert np.array_equal(a, b)


def test_path_wider_than_the_picture_is_clamped() -> None:
    """Would catch crops that reach outside a small clip."""
    path = np.array([[0, 0], [40, -40], [80, -80]])
    placed = random_position(np.random.default_rng(0), path, (30, 30))
    assert ((placed >= 0) & (placed <= 30)).all()


def test_turning_is_common_to_both_sides_and_covers_all_cases() -> None:
    """Would catch LR and HR being flipped differently, and a transformation that never occurs."""
    clip = pan(3, 8, 8)
    seen = set()
    for seed in range(200):
        options = Augmentation(flip="axis", time_flip=True, rotate=True)
        a, b = flip_and_rotate(np.random.default_rng(seed), options, clip, clip)
        assert np.array_equal(a, b)
        seen.add(a.tobytes())
    assert len(seen) == 16  # the eight of the square, each forwards and backwards


def samples(store: Path, **changes: object) -> Samples:
    plain = {"scale": 4, "crop": 16, "seed": 1, "augmentation": Augmentation(), "degradation": BlurDown()}
    return Samples(Store(store), SampleOptions(**(plain | changes)), 3)


def test_a_sample_depends_on_seed_iteration_and_place_alone(store: Path) -> None:
    """Would catch hidden state in the data: then no resume and no second process could see the same samples."""
    one, two = samples(store), samples(store)
    two[SampleIndex(9, 0, 3)]
    for ticket in (SampleIndex(0, 0, 3), SampleIndex(5, 3, 3)):
        for a, b in zip(one[ticket], two[ticket], strict=True):
            assert a.equal(b)
    assert not one[SampleIndex(0, 0, 3)][1].equal(one[SampleIndex(1, 0, 3)][1])
    assert not one[SampleIndex(0, 0, 3)][1].equal(one[SampleIndex(0, 1, 3)][1])
    assert not one[SampleIndex(0, 0, 3)][1].equal(samples(store, seed=2)[SampleIndex(0, 0, 3)][1])


def test_shares_of_drawn_and_permuted_samples(store: Path) -> None:
    """Would catch shares that are not kept, and ones that change the other samples: a run could not be resumed."""
    plain, tickets = samples(store), [SampleIndex(k, 0, 3) for k in range(300)]
    drawn = samples(store, augmentation=Augmentation(synthetic_prob=0.25))
    same = [plain[t][1].equal(drawn[t][1]) for t in tickets]
    assert 0.17 < 1 - sum(same) / len(same) < 0.33
    permuted = samples(store, augmentation=Augmentation(channel_shuffle_prob=1.0))
    orders = set()
    for ticket in tickets[:60]:
        (lr, hr, _), (low, high, _) = plain[ticket], permuted[ticket]
        (order,) = [o for o in permutations(range(3)) if hr[..., list(o)].equal(high)]
        torch.testing.assert_close(lr[..., list(order)], low, atol=1e-6, rtol=0)
        orders.add(order)
    assert len(orders) == 6


def test_share_of_forced_samples(store: Path) -> None:
    """Would catch a share that is not kept, strengths that are not spread from 0 to 1, and changed pictures."""
    plain, forced = samples(store), samples(store, teacher_forcing_prob=0.4)
    drawn = [(plain[t], forced[t]) for t in (SampleIndex(k, 0, 3) for k in range(300))]
    assert all(p[0].equal(f[0]) and p[1].equal(f[1]) and not p[2] for p, f in drawn)
    strengths = sorted(float(f[2]) for _, f in drawn if f[2])
    assert 0.3 < len(strengths) / len(drawn) < 0.5
    assert strengths[0] < 0.1 < 0.9 < strengths[-1] <= 1
    assert 0.4 < sum(strengths) / len(strengths) < 0.6


def test_share_of_samples_from_stills(tmp_path: Path) -> None:
    """Would catch stills drawn at another share or at rest, filmed samples that change with it, and stills as films."""
    film = np.full((6, 96, 96, 3), 200, np.uint8)
    picture = np.random.default_rng(0).integers(0, 100, (1, 120, 150, 3), np.uint8)
    make_store(tmp_path, {"film": film, "picture": picture})
    data = samples(tmp_path, augmentation=Augmentation(still_prob=0.4, moving_first_frame_prob=0))
    drawn = [data[SampleIndex(k, 0, 3)][1].numpy() for k in range(200)]
    stills = [hr for hr in drawn if hr.max() < 100]
    assert 0.3 < len(stills) / len(drawn) < 0.5
    assert all((hr == 200).all() for hr in drawn if hr.max() >= 100)
    assert np.mean([np.array_equal(hr[0], hr[1]) for hr in stills]) < 0.1  # of 81 steps one is none
    make_store(tmp_path / "alone", {"picture": picture})
    assert samples(tmp_path / "alone", augmentation=Augmentation(still_prob=1.0))[SampleIndex(0, 0, 9)][1].shape[0] == 9
    never = samples(tmp_path, augmentation=Augmentation(moving_first_frame_prob=0))
    assert all((never[SampleIndex(k, 0, 3)][1] == 200).all() for k in range(50))


def test_share_of_samples_at_double_speed(tmp_path: Path) -> None:
    """Would catch a share that is not kept, a last frame beyond the clip, and one speed for LR, another for HR."""
    frames = np.repeat(np.arange(9, dtype=np.uint8), 96 * 96 * 3).reshape(9, 96, 96, 3)
    make_store(tmp_path, {"film": frames})
    data = samples(tmp_path, augmentation=Augmentation(double_speed_prob=0.5, moving_first_frame_prob=0))
    shown = [data[SampleIndex(k, 0, 5)] for k in range(200)]
    steps = [int(hr[1, 0, 0, 0]) - int(hr[0, 0, 0, 0]) for _, hr, _ in shown]
    assert set(steps) == {1, 2}
    assert 0.4 < steps.count(2) / len(steps) < 0.6
    for (lr, hr, _), step in zip(shown, steps, strict=True):
        assert np.ptp(np.diff(hr[:, 0, 0, 0].numpy().astype(int))) == 0
        assert round(255 * float(lr[4, 0, 0, 0] - lr[0, 0, 0, 0])) == 4 * step


def test_clips_too_short_for_double_speed_play_as_they_are(tmp_path: Path) -> None:
    """Would catch an index beyond the end where no clip is long enough."""
    make_store(tmp_path, {"film": pan(6, 96, 96)})
    data = samples(tmp_path, augmentation=Augmentation(double_speed_prob=1))
    assert data[SampleIndex(0, 0, 5)][1].shape[0] == 5


def test_a_share_of_the_moving_crops_stands_still(tmp_path: Path) -> None:
    """A network that never saw a picture stand still goes on sharpening one. Would catch any other number changing."""
    make_store(tmp_path, {"film": pan(6, 160, 160)})
    moving = Augmentation(moving_first_frame_prob=1)
    data = samples(tmp_path, augmentation=replace(moving, standing_prob=0.5))
    other = samples(tmp_path, augmentation=moving)
    standing = []
    for k in range(60):
        index = SampleIndex(k, 0, 3)
        _, hr, _ = data[index]
        standing.append(bool(torch.equal(hr[0], hr[1]) and torch.equal(hr[0], hr[2])))
        if not standing[-1]:
            assert torch.equal(hr, other[index][1])
    assert 15 < sum(standing) < 45


def test_stills_that_cannot_serve_are_refused(tmp_path: Path) -> None:
    """Would catch a share that is ignored where the store has no still, none large enough, or LR of its own."""
    films = {"film": pan(4, 96, 96), "small": pan(1, 40, 40)}
    make_store(tmp_path / "none", films)
    with pytest.raises(TrainingError, match=r"still_prob 0\.5.* holds no still of \d+x\d+ .*prepare --stills"):
        samples(tmp_path / "none", augmentation=Augmentation(still_prob=0.5))
    make_store(tmp_path / "pairs", {"film": pan(4, 96, 96), "picture": pan(1, 96, 96)})
    with pytest.raises(TrainingError, match="stills have no LR partner"):
        samples(tmp_path / "pairs", augmentation=Augmentation(still_prob=0.5), degradation=None)


def test_detail_is_the_mean_step_between_neighbours() -> None:
    """Would catch one axis or the channels' colours being counted for detail."""
    columns = np.tile(np.array([10, 30], np.uint8)[None, :, None], (6, 3, 3))
    assert detail(columns) == pytest.approx(10)
    assert detail(columns.transpose(1, 0, 2)) == pytest.approx(10)
    assert detail(np.full((6, 6, 3), (255, 0, 30), np.uint8)) == 0


def test_share_of_samples_with_detail(tmp_path: Path) -> None:
    """Would catch a threshold that is not kept, is kept for all, or changes the samples that it is not for."""
    frames = np.random.default_rng(0).integers(0, 256, (3, 96, 480, 3), np.uint8)
    frames[:, :, 240:] = 128  # noise on the left, nothing on the right
    make_store(tmp_path, {"half": frames})
    tickets = [SampleIndex(k, 0, 3) for k in range(150)]
    plain = samples(tmp_path, augmentation=Augmentation(moving_first_frame_prob=0))
    share = Augmentation(moving_first_frame_prob=0, detail_prob=0.5)
    chosen = samples(tmp_path, augmentation=share)
    poor = [t for t in tickets if detail(plain[t][1].numpy()[0]) < 5.0]
    rich = [t for t in tickets if detail(plain[t][1].numpy()[0]) > 20.0]
    assert len(poor) > 40 < len(rich)
    assert all(plain[t][1].equal(chosen[t][1]) for t in rich)
    kept = [plain[t][1].equal(chosen[t][1]) for t in poor]
    assert 0.3 < sum(kept) / len(kept) < 0.7
    changed = [detail(chosen[t][1].numpy()[0]) for t, same in zip(poor, kept, strict=True) if not same]
    assert min(changed) >= 5.0


def test_detail_that_no_clip_has_ends(tmp_path: Path) -> None:
    """Would catch an endless search in footage without any detail."""
    make_store(tmp_path, {"grey": np.full((3, 96, 96, 3), 90, np.uint8)})
    data = samples(tmp_path, augmentation=Augmentation(moving_first_frame_prob=0, detail_prob=1.0))
    assert (data[SampleIndex(0, 0, 3)][1] == 90).all()


def test_gaussian_has_its_axes_and_its_angle() -> None:
    """Would catch a kernel that brightens, is cut short, or blurs along the wrong axis."""
    kernel = gaussian((2.0, 0.5), 0.0)
    y, x = np.mgrid[-(len(kernel) // 2) : len(kernel) // 2 + 1, -(len(kernel) // 2) : len(kernel) // 2 + 1]
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert (kernel * x**2).sum() == pytest.approx(4.0, rel=0.05)
    assert (kernel * y**2).sum() == pytest.approx(0.25, rel=0.2)
    np.testing.assert_allclose(gaussian((2.0, 0.5), np.pi / 2), kernel.T, atol=1e-6)
    turned = gaussian((2.0, 0.5), np.pi / 4)
    assert (turned * x * y).sum() == pytest.approx((4.0 - 0.25) / 2, rel=0.1)


def test_softening_is_one_blur_for_all_frames() -> None:
    """Would catch a blur that changes from frame to frame, moves the picture, or darkens its edges."""
    frames = np.repeat(np.random.default_rng(1).integers(0, 256, (1, 40, 50, 3), np.uint8), 3, axis=0)
    soft = random_blur(np.random.default_rng(2), frames, (1.0, 1.5))
    assert soft.dtype == np.uint8 and soft.shape == frames.shape
    assert np.array_equal(soft[0], soft[1]) and np.array_equal(soft[0], soft[2])
    assert detail(soft[0]) < 0.5 * detail(frames[0])
    dot = np.zeros((1, 41, 41, 3), np.uint8)
    dot[0, 20, 20] = 255
    spread = random_blur(np.random.default_rng(2), dot, (1.0, 1.5))[0].astype(float).mean(axis=2)
    y, x = np.mgrid[0:41, 0:41]
    assert (spread * y).sum() / spread.sum() == pytest.approx(20, abs=0.1)
    assert (spread * x).sum() / spread.sum() == pytest.approx(20, abs=0.1)
    assert (random_blur(np.random.default_rng(3), np.full_like(frames, 200), (1.0, 1.5)) >= 199).all()


def test_share_of_soft_samples(tmp_path: Path) -> None:
    """Would catch a share that is not kept, other samples that change with it, and LR of the sharp picture."""
    make_store(tmp_path, {"noise": np.random.default_rng(0).integers(0, 256, (4, 96, 96, 3), np.uint8)})
    plain = samples(tmp_path, augmentation=Augmentation(moving_first_frame_prob=0))
    share = samples(
        tmp_path,
        augmentation=Augmentation(moving_first_frame_prob=0, random_blur_prob=0.4, random_blur_sigma=(1.0, 1.0)),
    )
    drawn = [(plain[t], share[t]) for t in (SampleIndex(k, 0, 3) for k in range(150))]
    soft = [(p, s) for p, s in drawn if not p[1].equal(s[1])]
    assert 0.3 < len(soft) / len(drawn) < 0.5
    assert all(p[0].equal(s[0]) for p, s in drawn if p[1].equal(s[1]))
    assert all(s[0].std() < 0.95 * p[0].std() and s[1].float().std() < 0.5 * p[1].float().std() for p, s in soft)


def test_shrinking_takes_the_mean_of_areas() -> None:
    """Would catch aliasing: every second pixel instead of the mean of four."""
    frames = pan(2, 32, 32).astype(np.float64)
    mean = frames.reshape(2, 16, 2, 16, 2, 3).mean((2, 4))
    assert np.abs(resize_area(frames.astype(np.uint8), 16) - mean).max() <= 0.5
    assert resize_area(frames.astype(np.uint8), 32).dtype == np.uint8


def test_zoom_makes_samples_smaller_by_factors_of_the_range(tmp_path: Path) -> None:
    """Would catch a zoom the wrong way round, outside its range, or of the crop's size instead of its content."""
    # A ramp, whose slope tells the factor.
    ramp = np.broadcast_to(np.arange(250, dtype=np.uint8)[None, None, :, None], (3, 250, 250, 3))
    make_store(tmp_path, {"ramp": np.ascontiguousarray(ramp)})
    data = samples(tmp_path, augmentation=Augmentation(flip="none", moving_first_frame_prob=0, random_scale=(0.5, 0.8)))
    slopes = []
    for k in range(40):
        _, hr, _ = data[SampleIndex(k, 0, 3)]
        assert hr.shape == (3, 64, 64, 3)
        slopes.append(float(hr[0, :, -1, 0].float().mean() - hr[0, :, 0, 0].float().mean()) / 63)
    assert min(slopes) > 1 / 0.8 - 0.03
    assert max(slopes) < 1 / 0.5 + 0.03
    assert max(slopes) - min(slopes) > 0.5


def test_zoom_reaches_no_further_than_the_clip(tmp_path: Path) -> None:
    """Would catch crops larger than a small clip."""
    make_store(tmp_path, {"small": pan(3, 100, 120)})
    data = samples(tmp_path, augmentation=Augmentation(random_scale=(0.1, 0.1)))
    assert data[SampleIndex(0, 0, 3)][1].shape == (3, 64, 64, 3)


def test_drawn_clips_hold_flat_and_saturated_colours_in_motion() -> None:
    """Would catch what the drawn samples are for going missing: flat clips, pure colours, shapes that slide."""
    clips = [moving_shapes(np.random.default_rng(seed), 4, 64) for seed in range(150)]
    flat = [clip for clip in clips if clip.std(axis=(1, 2)).max() == 0]
    assert 0.25 < len(flat) / len(clips) < 0.6
    assert sum(set(clip[0, 0, 0].tolist()) <= {0, 255} for clip in flat) >= 5
    assert sum(not np.array_equal(clip[0], clip[3]) for clip in clips) > 40
    assert all(clip.shape == (4, 64, 64, 3) and clip.dtype == np.uint8 for clip in clips)


def test_drawn_shapes_slide_evenly() -> None:
    """Would catch jitter or a jump: what moved by v from one frame to the next moves by v to the next but one."""
    for seed in range(40):
        clip = moving_shapes(np.random.default_rng(seed), 3, 64).astype(float)
        steps = [np.abs(clip[k + 1] - clip[k]).mean() for k in range(2)]
        assert steps[1] < 2.5 * steps[0] + 1


@pytest.mark.parametrize("rule", [BlurDown(), BicubicDown()])
def test_lr_and_hr_of_a_sample_belong_together(store: Path, rule: BlurDown | BicubicDown) -> None:
    """Would catch a margin cut off on one side only: HR degraded again must be LR, away from its edge."""
    data = samples(store, degradation=rule)
    for k in range(6):
        lr, hr, _ = data[SampleIndex(k, 0, 3)]
        assert lr.shape == (3, 16, 16, 3)
        assert hr.shape == (3, 64, 64, 3)
        again = rule(hr.numpy().astype(np.float32) / np.float32(255), 4, np.random.default_rng(0))
        cells = rule.margin(4) // 4
        np.testing.assert_allclose(lr.numpy()[:, cells:-cells, cells:-cells], again, atol=1e-6)


def test_given_pairs_stay_aligned(tmp_path: Path) -> None:
    """Would catch flips or odd steps that move a corner-aligned pair: LR must be every fourth HR pixel."""
    make_store(tmp_path, {"p": pan(6, 96, 128)}, lr=4)
    options = Augmentation(flip="axis", time_flip=True, rotate=True, moving_first_frame_prob=0.5)
    data = samples(tmp_path, degradation=None, augmentation=options)
    for k in range(20):
        lr, hr, _ = data[SampleIndex(k, 0, 3)]
        np.testing.assert_allclose(lr.numpy() * 255, hr.numpy()[:, ::4, ::4], atol=1e-4)


@pytest.mark.parametrize("scale", [2, 4])
def test_given_pairs_are_mirrored_and_turned_too(tmp_path: Path, scale: int) -> None:
    """Would catch pairs on the corner grid that come in one orientation alone, though flips are asked for."""
    ramp = np.zeros((3, 96, 96, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = 2 * np.arange(96)[:, None], 2 * np.arange(96)
    make_store(tmp_path, {"p": ramp}, lr=scale)
    options = Augmentation(flip="axis", rotate=True, moving_first_frame_prob=0)
    data, seen = samples(tmp_path, scale=scale, degradation=None, augmentation=options), set()
    for k in range(40):
        lr, hr, _ = data[SampleIndex(k, 0, 2)]
        np.testing.assert_allclose(lr.numpy() * 255, hr.numpy()[:, ::scale, ::scale], atol=1e-4)
        steps = (
            np.diff(hr.numpy()[0].astype(int), axis=0)[0, 0, :2],
            np.diff(hr.numpy()[0].astype(int), axis=1)[0, 0, :2],
        )
        seen.add(tuple(np.concatenate(steps).tolist()))
    assert len(seen) == 8


def test_strength_keeps_faults_in_the_target(tmp_path: Path) -> None:
    """Would catch a target that does not follow the strength, and faults that lie beside those of the source."""
    clean = pan(3, 128, 128)
    rng = np.random.default_rng(0)
    low = BlurDown(quantise=True)(np.pad(clean, ((0, 0), (4, 4), (4, 4), (0, 0)), "reflect") / np.float32(255), 4, rng)
    noisy = np.clip(np.rint(low * 255) + rng.integers(-20, 21, low.shape), 0, 255).astype(np.uint8)
    store = make_store(tmp_path, {"p": clean}, made=(noisy,))
    flips = Augmentation(flip="axis", rotate=True, moving_first_frame_prob=0)
    data = samples(store, degradation=None, augmentation=flips, full_strength_prob=0.3)
    strengths = []
    for k in range(12):
        lr, hr, _, strength = data[SampleIndex(k, 0, 2)]
        strengths.append(float(strength))
        again = BlurDown()(hr.numpy().astype(np.float32) / 255, 4, rng)[:, 1:-1, 1:-1]
        left = float(np.abs(again - lr.numpy()[:, 2:-2, 2:-2]).mean()) * 255
        # Noise of 10 levels on average, half of which survives enlarging and making smaller.
        assert abs(left - (5 + 5 * strengths[-1])) < 1.5, strengths[-1]
    assert 1.0 in strengths
    assert min(strengths) < 0.6


def test_versions_of_low_resolution_take_turns(tmp_path: Path) -> None:
    """Would catch versions that are made and never used."""
    clean = pan(3, 96, 96)
    plain, dark = clean[:, ::4, ::4], clean[:, ::4, ::4] // 2
    data = samples(make_store(tmp_path, {"p": clean}, made=(plain, dark)), degradation=None)
    seen = {
        bool((lr * 255 < hr[:, ::4, ::4] - 1).any()) for lr, hr, _ in (data[SampleIndex(k, 0, 2)] for k in range(12))
    }
    assert seen == {True, False}


def test_pairs_of_another_scale_or_none_are_refused(tmp_path: Path, store: Path) -> None:
    """Would catch LR of the wrong size being cropped without complaint."""
    make_store(tmp_path, {"p": pan(6, 96, 128)}, lr=2)
    with pytest.raises(TrainingError, match="2 times smaller, scale is 4"):
        samples(tmp_path, degradation=None)
    with pytest.raises(TrainingError, match="no LR frames"):
        samples(store, degradation=None)


def test_clips_that_cannot_serve_are_named(store: Path) -> None:
    """Clips smaller than the crop or shorter than the window must be an error, not an endless search."""
    with pytest.raises(TrainingError, match="none of 3 training clips has 3 frames of at least 264x264"):
        samples(store, crop=64)
    with pytest.raises(TrainingError, match="has 9 frames"):
        Samples(Store(store), SampleOptions(scale=4, crop=16, seed=1, augmentation=Augmentation(), degradation=None), 9)


class Broken:
    """A degradation that fails as a missing ffmpeg would."""

    def margin(self, scale: int) -> int:
        return 0

    def __call__(self, hr: np.ndarray, scale: int, rng: np.random.Generator) -> np.ndarray:
        raise TrainingError("ffmpeg is gone")


@pytest.mark.parametrize("workers", [0, 1])
def test_error_in_a_worker_is_one_line(store: Path, workers: int) -> None:
    """Would catch a worker's traceback being shown to the user as the message."""
    tickets = IndexSampler(0, Shard(batch=1), FrameCurriculum(((0, 3),)))
    with pytest.raises(TrainingError) as caught:
        next(batches(samples(store, degradation=Broken()), tickets, workers, pin=False))
    assert str(caught.value) == "ffmpeg is gone"


def test_burn_in_is_drawn_by_every_other_iteration() -> None:
    """Would catch samples without the frames of their burn-in, chains that never start from nothing, or a fixed one."""
    lengths = FrameCurriculum(((0, 4), (40, 6)), longest_burn_in=5, seed=3)
    tickets = iter(IndexSampler(0, Shard(batch=1), lengths))
    drawn = [next(tickets)[0].frames for _ in range(80)]
    burn_ins = [frames - (6 if k >= 40 else 4) for k, frames in enumerate(drawn)]
    assert burn_ins == [lengths.burn_in(k) for k in range(80)]
    assert set(burn_ins[::2]) == {0}
    assert set(burn_ins[1::2]) == {1, 2, 3, 4, 5}
    assert lengths.longest == 11
    assert FrameCurriculum(((0, 4),)).longest == 4
    assert {FrameCurriculum(((0, 4),)).total(k) for k in range(9)} == {4}


def test_processes_share_one_global_batch() -> None:
    """Would catch processes that make the same samples, or a batch that changes with their number."""

    def made(world: int) -> list[SampleIndex]:
        result = []
        for rank in range(world):
            shard = Shard(batch=8, rank=rank, world=world)
            stream = iter(IndexSampler(5, shard, FrameCurriculum(((0, 4), (6, 7)))))
            result += [index for _ in range(2) for index in next(stream)]
        return sorted(result, key=lambda index: (index.iteration, index.position))

    single = made(1)
    assert [(i.iteration, i.position, i.frames) for i in single] == [
        (k, p, 4 + 3 * (k == 6)) for k in (5, 6) for p in range(8)
    ]
    assert made(2) == made(4) == single
