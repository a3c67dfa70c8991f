"""What the realistic chain must and must not do."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from vs_tecogan.degrade import BlurDown
from vs_tecogan.training.data.amounts import drift
from vs_tecogan.training.data.codecs import Codec, compress
from vs_tecogan.training.data.degrade import Blur, Jpeg, Noise, Realistic, Rescale, describe, gaussian_kernel

from ..conftest import pan, texture

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("scale", [2, 4])
def test_realistic_chain(scale: int) -> None:
    """Right size and range, repeatable from its seed, different for another, and still a picture of the same scene."""
    rule = Realistic(clean_prob=0.0, stages=(Rescale(prob=1), Noise(prob=1), Jpeg(prob=1), Codec(prob=1)))
    margin = rule.margin(scale)
    side = 32 * scale + 2 * margin
    assert margin % scale == 0
    hr = pan(4, side, side).astype(np.float32) / 255
    first, again, other = (rule(hr, scale, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (4, 32, 32, 3)
    assert first.dtype == np.float32
    assert 0 <= first.min() <= first.max() <= 1
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    spare = margin - 4 if scale == 4 else margin - BlurDown().margin(scale)
    clean = BlurDown()(hr[:, spare:-spare, spare:-spare], scale, RNG)
    assert np.corrcoef(first.ravel(), clean.ravel())[0, 1] > 0.8


@pytest.mark.parametrize("sigma", [1.0, 1.5, 14.0])
def test_realistic_clean_clips_are_plain_bd(sigma: float) -> None:
    """Would catch a shifted grid between clean and degraded clips, or a blur other than the settings say."""
    rule, plain = Realistic(clean_prob=1.0, clean=BlurDown(sigma=sigma)), BlurDown(sigma=sigma, quantise=True)
    margin = rule.margin(4)
    hr = pan(2, 64 + 2 * margin, 64 + 2 * margin).astype(np.float32) / 255
    spare = margin - plain.margin(4)
    inner = slice(spare, spare + 64 + 2 * plain.margin(4))
    assert np.array_equal(rule(hr, 4, RNG), plain(hr[:, inner, inner], 4, RNG))


def test_realistic_output_is_of_eight_bits() -> None:
    """Would catch samples that no file can hold, where neither JPEG nor a codec has come over them."""
    rule = Realistic(clean_prob=0.0, stages=(Noise(prob=1),))
    side = 32 + 2 * rule.margin(4)
    levels = rule(pan(2, side, side).astype(np.float32) / 255, 4, np.random.default_rng(0)) * 255
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)


def test_a_blur_of_nothing_is_no_nan() -> None:
    """Would catch 0 / 0 in the middle of the kernel, which spreads over a whole run."""
    kernel = gaussian_kernel(0.0, 0.0, 0.3, 2)
    assert kernel[2, 2] == kernel.sum() == 1


def test_realistic_grid_does_not_move() -> None:
    """Would catch stages that shift the picture: with blur alone the best match to BD is at zero displacement."""
    rule = Realistic(clean_prob=0.0, blur=Blur(sigma=(1.5, 1.5)), stages=(Rescale(prob=1, factor=(0.7, 0.7)),))
    margin = rule.margin(4)
    hr = texture(256 + 2 * margin, 256 + 2 * margin, 3)[None].astype(np.float32) / 255
    out = rule(hr, 4, np.random.default_rng(0))[0].mean(2)
    spare = margin - 4
    clean = BlurDown()(hr[:, spare:-spare, spare:-spare], 4, RNG)[0].mean(2)
    shift, _ = cv2.phaseCorrelate(clean, out)
    assert max(abs(s) for s in shift) < 0.1


@pytest.mark.parametrize("form", ["h264", "mpeg2video"])
def test_codec_is_real_and_coarser_with_a_higher_setting(form: str) -> None:
    """Would catch frames lost or reordered by the codec, or a setting without effect."""
    frames = pan(6, 48, 48).astype(np.float32) / 255
    flags = {"h264": ["-c:v", "libx264", "-crf"], "mpeg2video": ["-c:v", "mpeg2video", "-bf", "2", "-q:v"]}[form]
    errors = []
    for strength in {"h264": ("10", "40"), "mpeg2video": ("2", "20")}[form]:
        decoded = compress(frames, [*flags, strength], form)
        assert decoded.shape == frames.shape
        nearest = [int(np.argmin([np.abs(d - f).mean() for f in frames])) for d in decoded]
        assert nearest == list(range(6))
        errors.append(np.abs(decoded - frames).mean())
    assert 0 < errors[0] < errors[1]


def test_parameters_drift_slowly() -> None:
    """Would catch independent draws per frame, which would flicker."""
    for seed in range(20):
        values = drift(np.random.default_rng(seed), (2.0, 6.0), 10)
        assert ((values >= 2) & (values <= 6)).all()
        assert np.abs(np.diff(values)).max() <= 0.15 * 4 / 9 + 1e-9


def test_description_holds_every_parameter() -> None:
    """Would catch a checkpoint that does not say how its data was made."""
    words = describe(Realistic(stages=(Noise(sigma=(1.0, 2.0)),)))
    assert words["name"] == "Realistic"
    assert words["stages"] == [
        {"name": "Noise", "prob": 0.6, "sigma": (1.0, 2.0), "photon_prob": 0.5, "grey_prob": 0.4}
    ]
    assert describe(BlurDown()) == {"name": "BlurDown", "sigma": 1.5, "quantise": False}
    assert describe(None) == {"name": "pairs"}


def test_missing_encoder_is_named(tmp_path: Path) -> None:
    """Would catch an ffmpeg failure that only shows as a wrong array size."""
    from vs_tecogan.errors import VideoError

    with pytest.raises(VideoError, match="no_such_encoder"):
        compress(pan(2, 32, 32).astype(np.float32) / 255, ["-c:v", "no_such_encoder"], "h264")
