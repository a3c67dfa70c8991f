"""Faults of sources, and real encoders: each does what its name says, and nothing else."""

import cv2
import numpy as np
import pytest

from vs_tecogan.errors import TrainingError
from vs_tecogan.training.config import DegradationConfig
from vs_tecogan.training.data.build import build_realistic
from vs_tecogan.training.data.codecs import ENCODERS, Codec, compress, parse_kinds
from vs_tecogan.training.data.degrade import DegradationStage
from vs_tecogan.training.data.faults import Banding, ChromaShift, Grain, Interlacing, Ringing, Tape, join, split

from ..conftest import pan, texture

Clip = np.ndarray


def clip(count: int = 3, side: int = 48) -> Clip:
    """Frames (count, side, side, 3) in [0, 1] that pan over a texture."""
    return pan(count, side, side).astype(np.float32) / 255


STAGES: list[DegradationStage] = [
    Grain(prob=1), Tape(prob=1), Interlacing(prob=1), ChromaShift(prob=1), Ringing(prob=1), Banding(prob=1),
]  # fmt: skip


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: type(stage).__name__)
def test_a_stage_is_repeatable_and_keeps_the_picture(stage: DegradationStage) -> None:
    """Would catch random numbers from elsewhere, a stage that does nothing, and one that leaves [0, 1] or the scene."""
    frames = clip()
    first, again, other = (stage(frames, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == frames.shape
    assert first.dtype == np.float32
    assert 0 <= first.min() <= first.max() <= 1
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.abs(first - frames).max() > 0
    assert np.corrcoef(first.ravel(), frames.ravel())[0, 1] > 0.7
    off = type(stage)(prob=0.0)  # type: ignore[call-arg]
    assert off(frames, np.random.default_rng(1)) is frames


def test_grain_moves_and_spares_black_and_white() -> None:
    """Would catch grain that stands still, which no film has, and grain of another strength than asked for."""
    grey = np.full((2, 64, 64, 3), 0.5, np.float32)
    grain = Grain(prob=1, sigma=(5, 5))(grey, np.random.default_rng(0)) - grey
    assert abs(grain.std() * 255 - 5) < 0.5
    assert abs(np.corrcoef(grain[0].ravel(), grain[1].ravel())[0, 1]) < 0.1
    black = np.zeros((1, 8, 8, 3), np.float32)
    assert np.array_equal(Grain(prob=1)(black, np.random.default_rng(0)), black)


def test_tape_bleeds_colour_to_the_right_and_leaves_brightness_sharper() -> None:
    """Would catch a delay to the wrong side, and brightness as soft as colour."""
    frame = np.full((1, 16, 64, 3), 0.5, np.float32)
    frame[:, :, 32:] = (0.8, 0.3, 0.3)
    stage = Tape(prob=1, jitter=(0, 0), noise=(0, 0), delay=(3, 3), chroma=(2, 2), luma=(0.4, 0.4))
    before, after = (split(image[0])[1][8] for image in (frame, stage(frame, np.random.default_rng(0))))
    edge = [int(np.argmax(line > (line[0] + line[-1]) / 2)) for line in (before, after)]
    assert edge[0] == 32
    assert 34 <= edge[1] <= 36


def test_fields_show_the_next_moment_on_every_second_line() -> None:
    """Would catch lines of the frame itself that change, and residue where nothing moves."""
    moving = clip(3, 32)
    woven = Interlacing(prob=1, bob_prob=0)(moving, np.random.default_rng(3))
    changed = [np.abs(woven[:2, rows] - moving[:2, rows]).max() > 0 for rows in (slice(0, None, 2), slice(1, None, 2))]
    assert sorted(changed) == [False, True]
    still = np.repeat(moving[:1], 3, axis=0)
    assert np.array_equal(Interlacing(prob=1, bob_prob=0)(still, np.random.default_rng(3)), still)


def test_chroma_shift_leaves_brightness() -> None:
    """Would catch a picture that moves as a whole, which would teach a shifted output."""
    frame = texture(48, 48, 5)[None].astype(np.float32) / 255 * 0.5 + 0.25
    moved = ChromaShift(prob=1, shift=(1, 1))(frame, np.random.default_rng(0))
    before, after = split(frame[0]), split(moved[0])
    np.testing.assert_allclose(after[0], before[0], atol=2e-3)
    soft = cv2.GaussianBlur(before[1], (0, 0), 1.0)
    shift, _ = cv2.phaseCorrelate(soft, after[1])
    assert all(0.6 < s < 1.4 for s in shift)


def test_ringing_overshoots_beside_edges() -> None:
    """Would catch blur in place of halos."""
    frame = np.full((1, 16, 32, 3), 0.3, np.float32)
    frame[:, :, 16:] = 0.7
    sharp = Ringing(prob=1, amount=(1, 1))(frame, np.random.default_rng(0))
    assert sharp.min() < 0.28
    assert sharp.max() > 0.72


def test_banding_leaves_few_levels() -> None:
    """Would catch steps that are dithered or too many."""
    ramp = np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[None, None, :, None], 3, axis=3).repeat(4, axis=1)
    levels = np.unique(np.rint(Banding(prob=1, levels=(40, 40))(ramp, np.random.default_rng(0)) * 255))
    assert len(levels) == 40


def test_split_and_join_are_inverse() -> None:
    """Would catch swapped colours."""
    frame = clip(1)[0]
    np.testing.assert_allclose(join(split(frame)), frame, atol=2e-3)


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders_keep_every_frame_in_its_place(name: str) -> None:
    """Would catch a stream that cannot be read back, lost or reordered frames, and a harshness without effect."""
    frames = pan(5, 64, 64, step=3).astype(np.float32) / 255
    encoder, errors = ENCODERS[name], []
    for loss in (0.0, 1.0):
        decoded = compress(frames, encoder.at_quality(loss), encoder.form)
        nearest = [int(np.argmin([np.abs(d - f).mean() for f in frames])) for d in decoded]
        assert nearest == list(range(5))
        errors.append(float(np.abs(decoded - frames).mean()))
    assert 0 < errors[0] < errors[1]


def test_rates_are_per_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a rate of a whole DVD for a crop of it."""
    seen: list[list[str]] = []

    def spy(frames: Clip, options: list[str], form: str) -> Clip:
        seen.append(options)
        return frames

    monkeypatch.setattr("vs_tecogan.training.data.codecs.compress", spy)
    stage = Codec(prob=1, kinds=(("mpeg2", 1.0),), rate_prob=1, bits_per_pixel=(0.4, 0.4))
    stage(clip(2, 40), np.random.default_rng(0))
    assert seen[0][-2:] == ["-b:v", str(round(0.4 * 40 * 40 * 25))]


def test_shares_of_encoders() -> None:
    """Would catch shares that are ignored."""
    stage = Codec(kinds=parse_kinds(("av1:3", "vp9")))
    taken = [stage._kind(chance) for chance in np.linspace(0, 0.999, 100)]
    assert 74 <= taken.count("av1") <= 76


@pytest.mark.parametrize("words", [("h265",), ("h264:0",), ("h264:x",), ()])
def test_unknown_encoders_are_refused(words: tuple[str, ...]) -> None:
    """Would catch a slip that trains on nothing but the other encoders."""
    with pytest.raises(TrainingError, match="codecs"):
        parse_kinds(words)


def test_settings_reach_their_stages() -> None:
    """Would catch an option that is accepted and does nothing."""
    usual = [type(stage).__name__ for stage in build_realistic(DegradationConfig()).stages]
    assert usual == ["Rescale", "Noise", "Jpeg", "Codec"]
    every = DegradationConfig(
        upscaled_prob=0.1, grain_prob=0.1, tape_prob=0.1, fields_prob=0.1, chroma_shift_prob=0.1, ringing_prob=0.1,
        banding_prob=0.1, second_codec_prob=0.5, codecs=("vp9",), codec_prob=0.8, codec_loss=(0.2, 0.4),
        rate_prob=0.3, bits_per_pixel=(0.1, 0.2),
    )  # fmt: skip
    stages = build_realistic(every).stages
    assert [type(stage).__name__ for stage in stages] == [
        "Rescale", "Rescale", "Noise", "Grain", "Tape", "Interlacing", "ChromaShift", "Ringing", "Banding", "Jpeg",
        "Codec", "Codec",
    ]  # fmt: skip
    first, second = stages[-2:]
    assert first == Codec(prob=0.8, kinds=(("vp9", 1.0),), loss=(0.2, 0.4), rate_prob=0.3, bits_per_pixel=(0.1, 0.2))
    assert isinstance(second, Codec)
    assert second.prob == pytest.approx(0.4)
