"""The figure of peers: where their pixels lie, and what is kept of them; their packages are not installed here."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")

from figures import peers, render
from figures.footage import Degradation, low_resolution
from figures.render import BICUBIC, ORIGINAL

from vs_tecogan.degrade import BlurDown

from .test_measured import cache, clips  # noqa: F401 - fixtures


@pytest.mark.parametrize("scale", [2, 4])
def test_peers_get_pixels_in_the_middle(scale: int) -> None:
    """Would catch peers that are shifted against the truth: half a pixel of the source costs a decibel."""
    ramp = np.repeat(np.arange(0, 240, 3, dtype=np.uint8)[None, :, None], 48, axis=0).repeat(3, axis=2)[None]
    low = peers.centred_low_resolution(ramp, scale, Degradation())
    assert low.shape == (1, 48 // scale, 80 // scale, 3)
    expected = 3 * (scale * np.arange(80 // scale) + (scale - 1) / 2)
    inner = slice(3, -3)
    np.testing.assert_allclose(low[0, 5, inner, 0], expected[inner], atol=0.5)
    upright = peers.centred_low_resolution(ramp.transpose(0, 2, 1, 3), scale, Degradation())
    np.testing.assert_allclose(upright[0, inner, 5, 0], expected[inner], atol=0.5)


def test_peers_get_the_same_blur() -> None:
    """Would catch a sharper or softer source than that of the project's own models."""
    truth = np.random.default_rng(0).integers(0, 256, (1, 96, 96, 3), np.uint8)
    ours, theirs = low_resolution(truth, 4, Degradation()), peers.centred_low_resolution(truth, 4, Degradation())
    assert abs(ours[:, 3:-3, 3:-3].std() / theirs[:, 3:-3, 3:-3].std() - 1) < 0.06
    assert BlurDown().sigma == 1.5


def test_the_table_holds_peers_beside_models(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """Would catch peers that are measured on other frames, and a sheet without them."""
    for module in (peers.render, render):
        monkeypatch.setattr(module, "CACHE", clips.parent / "kept")
    monkeypatch.setattr(peers, "environment", lambda folder: folder)
    monkeypatch.setattr(peers, "enlarged", lambda low, *_: peers.lanczos(low, 4))
    monkeypatch.setattr(peers, "steadied", lambda large, *_: large)
    chosen = [peers.LANCZOS, "span-x4", "span-x4" + peers.STEADY]
    args = argparse.Namespace(
        clips=clips, lpips_weights=None, niqe_params=None, jobs=1, codecs=["h264"], peers=chosen, frames=6, models=[]
    )
    found = peers.measure(args)
    rows = found.tables["h264"].rows
    assert list(rows) == [BICUBIC, *chosen, ORIGINAL]
    assert rows["span-x4"] == rows[peers.LANCZOS] == rows["span-x4" + peers.STEADY]
    # The sheet shows frames of the clips, which may not be given away: not among what goes beside the documents.
    assert not found.plots and (render.CACHE / "peers-h264.png").read_bytes().startswith(b"\x89PNG")
