"""The shipped model for smoke: better than bicubic on a scene it never saw, silent where there is no smoke."""

import pytest
import torch
import vapoursynth as vs

from vs_tecogan import tecogan, tempogan
from vs_tecogan.fluids.filter import MODEL, open_fluid
from vs_tecogan.networks import FluidSR
from vs_tecogan.training.objectives.smoke_scores import compare, enlarged, held_out_smoke, plain

from .test_clip import plane


def test_better_than_bicubic() -> None:
    """Would catch weights of other inputs or units, or damaged by fp16: all fall below plain bicubic."""
    network = open_fluid(MODEL).network
    assert isinstance(network, FluidSR)
    smokes = held_out_smoke([11], grid=96, dimensions=2, scale=4, frames=3, start=30)
    ours, bicubic = compare(enlarged(network, smokes), smokes, 4), compare(plain(smokes, 4), smokes, 4)
    assert ours.psnr > bicubic.psnr + 1.5
    assert 3 * bicubic.detail < ours.detail < 1.1


def test_air_stays_empty() -> None:
    """Would catch smoke that is made out of nothing, where tiles are nearly empty."""
    blank = vs.core.std.BlankClip(format=vs.GRAYS, width=32, height=32, length=1)
    still = vs.core.std.BlankClip(format=vs.RGBS, width=32, height=32, length=1)
    result = torch.from_numpy(plane(tempogan(blank, still), 0))
    assert float(result.max()) == pytest.approx(0, abs=0.01)


def test_it_is_no_model_for_video() -> None:
    """Would catch a script with the wrong one of two similar names that ends in a traceback."""
    with pytest.raises(vs.Error, match=r"simulated smoke; use tempogan\(\)"):
        tecogan(vs.core.std.BlankClip(format=vs.RGBS, width=32, height=32), MODEL)
