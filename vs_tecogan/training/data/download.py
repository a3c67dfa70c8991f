"""Fetching source videos with yt-dlp, where that is installed."""

import importlib.util
import logging
import shutil
import subprocess
import sys
from pathlib import Path

from ...errors import TrainingError

log = logging.getLogger(__name__)

FETCHED = "fetched.txt"
"""yt-dlp's list of what it has fetched: a video that was deleted after use is not fetched again."""


def downloaded_to(store: Path) -> Path:
    """Where the downloads of a store lie."""
    return store / "downloads"


def read_urls(path: Path) -> list[str]:
    """One address a line; blank lines and those that start with # are ignored.

    :raises TrainingError: the file cannot be read or holds no address.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path}: cannot be read as a list of addresses ({error})") from error
    urls = [line for line in lines if line and not line.startswith("#")]
    if not urls:
        raise TrainingError(f"{path}: holds no address; expected one a line")
    return urls


def downloader() -> list[str] | None:
    """Command that starts yt-dlp; ``None`` where it is not installed."""
    if found := shutil.which("yt-dlp"):
        return [found]
    return [sys.executable, "-m", "yt_dlp"] if importlib.util.find_spec("yt_dlp") else None


def download(urls: list[str], folder: Path, *, dry_run: bool) -> list[str]:
    """Download the best video stream of each address into ``folder``; a finished one is not fetched again.

    With ``dry_run`` the addresses are listed, and resolved where yt-dlp is installed. One that fails does not stop the
    others.

    :return: the addresses that failed.
    :raises TrainingError: yt-dlp is not installed, and something is to be fetched.
    """
    program = downloader()
    if dry_run:
        for url in urls:
            log.info("would fetch %s", url)
        if program is None:
            log.info("yt-dlp is not installed: the addresses were not tried")
            return []
    if program is None:
        raise TrainingError("--urls needs yt-dlp; 'pip install yt-dlp', or download the videos and give them as VIDEOS")
    command = [*program, "--no-playlist", "--format", "bestvideo/best", "--restrict-filenames"]
    if dry_run:
        command += ["--simulate"]
    else:
        command += ["--output", str(folder / "%(id)s.%(ext)s"), "--continue"]
        command += ["--download-archive", str(folder.parent / FETCHED)]
    # yt-dlp reports on stdout; standard output stays free for whoever pipes this command.
    return [url for url in urls if subprocess.run([*command, url], stdout=sys.stderr, check=False).returncode]
