"""Fingerprints of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from vs_tecogan.jobs import fingerprint as module
from vs_tecogan.jobs.fingerprint import fingerprint


def test_each_byte_of_a_small_file_counts(tmp_path: Path) -> None:
    """Would catch a source changed in place that goes unnoticed."""
    path, content = tmp_path / "a", bytearray(range(256)) * 3000
    path.write_bytes(content)
    first = fingerprint(path)
    (tmp_path / "b").write_bytes(content)
    assert fingerprint(tmp_path / "b") == first
    content[500_001] ^= 1
    path.write_bytes(content)
    assert fingerprint(path) != first
    path.write_bytes(content[:-1])
    assert fingerprint(path) != first


def test_pieces_of_a_large_file_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a large file told from another by its length or beginning alone."""
    monkeypatch.setattr(module, "_WHOLE", 1 << 20)
    monkeypatch.setattr(module, "_PIECES", 4)
    path, content = tmp_path / "a", bytearray(5 << 20)
    path.write_bytes(content)
    seen = {fingerprint(path)}
    for at in (0, len(content) - 1, len(content) // 3 + 9):
        changed = bytearray(content)
        changed[at] = 1
        path.write_bytes(changed)
        seen.add(fingerprint(path))
    path.write_bytes(content + b"\0")
    seen.add(fingerprint(path))
    assert len(seen) == 5
