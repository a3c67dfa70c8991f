"""Fetching source videos with yt-dlp, where that is installed."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from ...errors import TrainingError


def read_urls(path: Path) -> list[str]:
    """One address a line; blank lines and those that start with # are ignored.

    :raises TrainingError: the file cannot be read or holds no address.
    """
    try:
        lines = [line.strip() for line in path.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path}: cannot be read as a list of addresses ({error})") from error
    urls = [line for line in lines if line and not line.startswith("#")]
    if not urls:
        raise TrainingError(f"{path}: holds no address; expected one a line")
    return urls


def downloader() -> list[str]:
    """Command that starts yt-dlp.

    :raises TrainingError: it is not installed.
    """
    if found := shutil.which("yt-dlp"):
        return [found]
    if importlib.util.find_spec("yt_dlp"):
        return [sys.executable, "-m", "yt_dlp"]
    raise TrainingError("--urls needs yt-dlp; 'pip install yt-dlp', or download the videos and give them as VIDEOS")


def download(urls: list[str], folder: Path, *, dry_run: bool) -> list[str]:
    """Download the best video stream of each address into ``folder``; a finished one is not fetched again.

    With ``dry_run`` the addresses are only resolved. One that fails does not stop the others.

    :return: the addresses that failed.
    """
    command = [*downloader(), "--no-playlist", "--format", "bestvideo/best", "--restrict-filenames"]
    command += ["--simulate"] if dry_run else ["--output", str(folder / "%(id)s.%(ext)s"), "--continue"]
    # yt-dlp reports on stdout; standard output stays free for whoever pipes this command.
    return [url for url in urls if subprocess.run([*command, url], stdout=sys.stderr, check=False).returncode]
