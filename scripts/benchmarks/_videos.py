"""The videos that a benchmark runs over."""

from pathlib import Path

from vs_tecogan.metrics.sources import VIDEOS


def videos_in(path: Path) -> list[Path]:
    """The videos of a folder, by name; a single file stands for itself."""
    if path.is_file():
        return [path]
    found = sorted(p for p in path.glob("*") if p.suffix.lower() in VIDEOS)
    if not found:
        raise SystemExit(f"{path}: no video there; give a folder of videos, or one")
    return found
