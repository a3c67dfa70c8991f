"""Files that are whole or not there."""

import os
from pathlib import Path

import pytest

from vs_tecogan.files import PartialFile, partial_file, write_file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("content", [b"bytes", memoryview(b"bytes"), "bytes"])
def test_written_whole(content: bytes | memoryview | str, tmp_path: Path) -> None:
    """Would catch a temporary file left behind, also one of a crash that lies in the way, or text changed."""
    (tmp_path / "a.part").write_text("of a crash, and longer")
    write_file(tmp_path / "a", content)
    assert (tmp_path / "a").read_bytes() == b"bytes"
    assert names(tmp_path) == ["a"]


def test_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a full disk, or an error while writing, that costs the file that was whole."""
    write_file(tmp_path / "a", "old")
    with pytest.raises(ZeroDivisionError), partial_file(tmp_path / "a") as part:
        part.write_text("half")
        raise ZeroDivisionError

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_file(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a rename that reaches the disk before the content: after a loss of power, an empty file."""
    events: list[str] = []
    fsync, rename = os.fsync, Path.replace

    def watched_fsync(descriptor: int) -> None:
        events.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")  # noqa: PTH112
        fsync(descriptor)

    def watched_rename(part: Path, path: Path) -> Path:
        events.append("rename")
        return rename(part, path)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_rename)
    write_file(tmp_path / "a", "x")
    assert events == ["file", "rename", "folder"]


def test_claimed_part_of_another(tmp_path: Path) -> None:
    """Would catch the file of another run written over, or removed at the end."""
    (tmp_path / "a.part").write_text("of another")
    file = PartialFile(tmp_path / "a")
    with pytest.raises(FileExistsError):
        file.claim()
    file.discard()
    assert (tmp_path / "a.part").read_text() == "of another"
