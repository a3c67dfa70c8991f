"""The scan for scene cuts: the filter's own rule, and nothing done twice."""

from __future__ import annotations

from pathlib import Path

import pytest
import vapoursynth as vs

from vs_tecogan.jobs import scan
from vs_tecogan.jobs.scan import scan_cuts

CUTS = (7, 20, 21, 33)


class Marked:
    """A clip whose frames say where scenes start, and which remembers what was asked of it."""

    def __init__(self, length: int = 40) -> None:
        self.asked: set[int] = set()
        blank = vs.core.std.BlankClip(width=16, height=16, format=vs.GRAY8, length=length, keep=True)
        self.clip = blank.std.ModifyFrame(blank, self._mark)

    def _mark(self, n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        self.asked.add(n)
        frame = f.copy()
        frame.props["_SceneChangePrev"] = int(n in CUTS)
        return frame


def test_finds_what_the_filter_believes() -> None:
    """Would catch another rule than the filter's, frames counted from the wrong end, or a wrong range."""
    assert scan_cuts(Marked().clip, 0, 40) == list(CUTS)
    assert scan_cuts(Marked().clip, 7, 33) == [20, 21]
    assert scan_cuts(Marked().clip, 20, 21) == []


def test_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a scan that starts over after an interruption, or that loses the cuts it had found."""
    monkeypatch.setattr(scan, "_SECONDS_BETWEEN_NOTES", 0.0)
    kept, count = tmp_path / "scenes.json", 0

    def interrupt() -> None:
        nonlocal count
        count += 1
        if count == 24:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan_cuts(Marked().clip, 0, 40, kept=kept, source="a", on_frame=interrupt)
    again, frames = Marked(), []
    cuts = scan_cuts(again.clip, 0, 40, kept=kept, source="a", on_frame=lambda: frames.append(1))
    assert (cuts, len(frames)) == (list(CUTS), 40)
    assert min(again.asked) >= 20
    done = Marked()
    assert scan_cuts(done.clip, 0, 40, kept=kept, source="a") == list(CUTS)
    assert not done.asked


@pytest.mark.parametrize("other", [{"source": "b"}, {"end": 39}, {"first": 1}])
def test_what_is_kept_of_another_clip_counts_as_nothing(other: dict[str, object], tmp_path: Path) -> None:
    """Would catch cuts of another source, or of another part of it."""
    kept = tmp_path / "scenes.json"
    arguments = {"first": 0, "end": 40, "source": "a"}
    scan_cuts(Marked().clip, **arguments, kept=kept)  # type: ignore[arg-type]
    again = Marked()
    scan_cuts(again.clip, **{**arguments, **other}, kept=kept)  # type: ignore[arg-type]
    assert len(again.asked) > 30


def test_a_damaged_file_counts_as_nothing(tmp_path: Path) -> None:
    """Would catch a scan that stops for good because a file beside it lost its end."""
    kept = tmp_path / "scenes.json"
    scan_cuts(Marked().clip, 0, 40, kept=kept, source="a")
    kept.write_bytes(kept.read_bytes()[:-9])
    assert scan_cuts(Marked().clip, 0, 40, kept=kept, source="a") == list(CUTS)
