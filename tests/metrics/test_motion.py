"""tOF, T-diff and flicker against cases whose answer is known, and OpenCV's own resampling."""

import numpy as np
import pytest

from vs_tecogan.metrics import farneback, flicker, tdiff, tof
from vs_tecogan.metrics.flow import warp

from .conftest import Frames, moving, texture

cv2 = pytest.importorskip("cv2")


def test_flow_direction_and_parameters() -> None:
    """A swapped axis or direction, or other parameters than the official script's."""
    first, second = moving(2, 128, 160, step=(3, 1))
    greys = [cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) for x in (first, second)]
    flow = farneback(*greys)
    # The window moves right and down, so the content moves left and up.
    np.testing.assert_allclose(np.median(flow, axis=(0, 1)), [-3, -1], atol=0.15)
    np.testing.assert_array_equal(
        flow, cv2.calcOpticalFlowFarneback(*greys, np.zeros_like(flow), 0.5, 3, 15, 3, 5, 1.2, 0)
    )


def test_tof_written_out() -> None:
    """An L1 norm or a squared one: motions of (3, 0) and (0, 4) are 5 pixels apart."""
    a, b = moving(2, 160, 160, step=(3, 0)), moving(2, 160, 160, step=(0, 4))
    flows = [farneback(*(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) for x in pair)) for pair in (a, b)]
    expected = np.sqrt(((flows[0] - flows[1]) ** 2).sum(axis=2)).mean()
    assert tof(a[0], a[1], b[0], b[1]) == pytest.approx(expected, rel=1e-5)
    assert tof(a[0], a[1], b[0], b[1]) == pytest.approx(5, abs=0.5)


def test_tof_of_equal_clips_is_zero(truth: Frames) -> None:
    """Flow that depends on anything but the pictures."""
    assert tof(truth[0], truth[1], truth[0], truth[1]) == 0


def test_warp_against_opencv() -> None:
    """Another sampling position or border than p + flow(p), bilinear, clamped."""
    picture = texture(40, 50)
    flow = np.random.default_rng(2).uniform(-6, 6, (40, 50, 2)).astype(np.float32)
    y, x = np.mgrid[:40, :50].astype(np.float32)
    # remap rounds positions to 1/32 pixel, so give it such positions.
    flow = np.rint(flow * 32) / np.float32(32)
    expected = cv2.remap(
        picture.astype(np.float32),
        x + flow[..., 0],
        y + flow[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    np.testing.assert_allclose(warp(picture, flow), expected, atol=0.01)


def test_tdiff_against_opencv(result: Frames) -> None:
    """Another flow, direction, norm or scale than the documented one."""
    greys = [cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) for x in result[:2]]
    flow = cv2.calcOpticalFlowFarneback(greys[1], greys[0], None, 0.5, 3, 15, 3, 5, 1.2, 0)
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    moved = cv2.remap(
        result[0].astype(np.float32),
        x + flow[..., 0],
        y + flow[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    expected = 100 * np.abs(result[1] - moved).mean() / 255
    assert tdiff(result[0], result[1]) == pytest.approx(expected, rel=2e-3)


def test_tdiff_of_a_still_clip(truth: Frames) -> None:
    """A residual where nothing changes, but for the hundredths of a pixel of Farneback's flow on equal pictures."""
    assert tdiff(truth[0], truth[0]) < 0.02


def test_tdiff_falls_when_motion_explains_the_change(truth: Frames) -> None:
    """A warp in the wrong direction, which doubles the error instead of removing it."""
    plain = 100 * np.abs(truth[1].astype(float) - truth[0]).mean() / 255
    assert tdiff(truth[0], truth[1]) < 0.15 * plain


def test_flicker_measures_the_amplitude() -> None:
    """Another scale: brightness of +8 and -8 levels in turn on a still flat picture is 100 * 8 / 255."""
    low, high = np.full((32, 32, 3), 120, np.uint8), np.full((32, 32, 3), 136, np.uint8)
    assert flicker(low, high, low) == pytest.approx(100 * 8 / 255, rel=1e-4)


def test_flicker_ignores_a_steady_fade() -> None:
    """A first difference in place of the second: a linear fade is no flicker."""
    frames = [np.full((32, 32, 3), 100 + 10 * n, np.uint8) for n in range(3)]
    assert flicker(*frames) == pytest.approx(0, abs=1e-6)


def test_flicker_follows_the_motion(truth: Frames) -> None:
    """A difference in place instead of along the motion."""
    still = 100 * np.sqrt(np.mean(((2.0 * truth[1] - truth[0] - truth[2]) / 4 / 255) ** 2))
    assert flicker(*truth[:3]) < 0.2 * still
