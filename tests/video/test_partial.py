"""The partial file: whose it is."""

from pathlib import Path

import pytest

from vs_tecogan.errors import VideoError
from vs_tecogan.video.partial import partial_file


def test_of_the_next_run_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a file of the same name removed that another run made as soon as this one had its final name."""
    rename = Path.replace

    def rename_and_begin_again(part: Path, out: Path) -> None:
        rename(part, out)
        part.write_text("of the next run")

    monkeypatch.setattr(Path, "replace", rename_and_begin_again)
    with partial_file(tmp_path / "o.mkv") as part:
        part.write_text("whole")
    assert (tmp_path / "o.mkv").read_text() == "whole"
    assert part.read_text() == "of the next run"


def test_link_to_nowhere_stays(tmp_path: Path) -> None:
    """Would catch what a link names written to, where the link counts as no file."""
    (tmp_path / "o.part.mkv").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VideoError, match=r"o\.part\.mkv exists"), partial_file(tmp_path / "o.mkv"):
        pytest.fail("was taken")
    assert [path.name for path in tmp_path.iterdir()] == ["o.part.mkv"]
