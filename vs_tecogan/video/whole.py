"""Whether a file has all its bytes, by what its header says; for formats whose announced length may be wrong."""

from __future__ import annotations

from pathlib import Path

_HEAD = 4096
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def has_all_bytes(path: Path) -> bool:
    """Whether an AVI, WMV or ASF file is as long as its header says; False where that is not known."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    size = path.stat().st_size
    if head[:4] == b"RIFF":
        told = int.from_bytes(head[4:8], "little")
        return 0 < told < 2**32 - 1 and size >= told + 8
    at = head.find(_ASF_FILE_PROPERTIES)
    if at < 0:
        return False
    told = int.from_bytes(head[at + 40 : at + 48], "little")  # after the object's name and size, and the file's name
    return 0 < told <= size
