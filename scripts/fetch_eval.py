#!/usr/bin/env python3
"""Get the six evaluation clips: 40 frames each of DAVIS 2017, 480p, the very JPEG files of the archive in Matroska.

    scripts/fetch_eval.py DIR [--archive FILE]

Downloads the archive (833 MB), checks its SHA-256, and writes DIR/NAME.mkv; a file that is there already is looked at,
not made again. Each clip's JPEG data has a known SHA-256 of its own, so that everybody measures on the same pixels.
DAVIS: Perazzi et al., CVPR 2016; Pont-Tuset et al., 2017, https://davischallenge.org. Look at its terms of use; never
train on these clips.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from vs_tecogan.errors import UsageError, UserError
from vs_tecogan.files import partial_file
from vs_tecogan.video.ffmpeg import find_ffmpeg

ADDRESS = "https://data.vision.ee.ethz.ch/csergi/share/davis/DAVIS-2017-trainval-480p.zip"
ARCHIVE = "e3d0b5b77c3d031b000a19e0e25e3e2cac65d183755601bc2cf066df1a2aa492"
"""SHA-256 of the archive, as TensorFlow Datasets has it."""
FRAMES = 40
CLIPS = {
    "blackswan": "f7853e569fda6daf0520d92d27c1691569ebf3b930f3afb6b3fe1f6cd516c27f",
    "bmx-trees": "8a98b499ef1387f56504bdc13200d7af2b4f9e38148717ecb34aa02a54fe8f32",
    "camel": "5006bc48ce05b885d7fb5cab8036dc049116ea63e8cae7b726e08b9ac2927766",
    "car-roundabout": "6511dd1b9813db7aa4213754e8b23b213c324b583abb0d2abcfe6ca37164fe61",
    "dance-twirl": "da4d0a4360357727165b167ee6943284ee773e0894b721369d92160bb44115b4",
    "parkour": "e66b94468a29a4ed38c7bf9d8ca087a62ff34a6c22a06555a6e40eba0f896834",
}
"""SHA-256 of the JPEG files of each clip, one after the other."""
BLOCK = 1 << 20


def main(argv: Sequence[str] | None = None) -> int:
    """Make the clips that are missing; 2 where that cannot be done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--archive", type=Path, metavar="FILE", help="the archive, where it is there already")
    args = parser.parse_args(argv)
    try:
        args.folder.mkdir(parents=True, exist_ok=True)
        missing = [name for name in CLIPS if not is_whole(args.folder / f"{name}.mkv", CLIPS[name])]
        if missing:
            archive = args.archive or download(args.folder / ADDRESS.rpartition("/")[2])
            for name in missing:
                make_clip(archive, name, CLIPS[name], args.folder / f"{name}.mkv")
    except (UserError, OSError, zipfile.BadZipFile) as error:
        print(f"fetch_eval: {error}", file=sys.stderr)
        return 2
    print(f"{args.folder}: {len(CLIPS)} clips of {FRAMES} frames")
    return 0


def is_whole(path: Path, wanted: str) -> bool:
    """Whether a clip is there, with the right frames.

    :raises UsageError: it is another.
    """
    if not path.is_file():
        return False
    if hashlib.sha256(jpegs(path)).hexdigest() != wanted:
        raise UsageError(f"{path} holds other frames; remove it, or give another folder")
    return True


def jpegs(path: Path) -> bytes:
    """The JPEG files in a clip, one after the other."""
    command = [find_ffmpeg(), "-nostdin", "-v", "error", "-i", path, "-map", "0:v", "-c", "copy", "-f", "mjpeg", "-"]
    return subprocess.run(command, capture_output=True, check=False).stdout


def download(path: Path) -> Path:
    """The archive, checked.

    :raises UsageError: it is not the one that is known.
    :raises OSError: it cannot be had.
    """
    if not path.is_file():
        print(f"downloading {ADDRESS}", file=sys.stderr)
        with partial_file(path) as partial, partial.open("wb") as file, urllib.request.urlopen(ADDRESS) as answer:
            while block := answer.read(BLOCK):
                file.write(block)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    if digest.hexdigest() != ARCHIVE:
        raise UsageError(f"{path} has the SHA-256 {digest.hexdigest()}, expected {ARCHIVE}; remove it and try again")
    return path


def make_clip(archive: Path, name: str, wanted: str, out: Path) -> None:
    """The first frames of a sequence, as they are in the archive.

    :raises UsageError: the archive lacks them, or has others.
    """
    with zipfile.ZipFile(archive) as files:
        try:
            data = b"".join(files.read(f"DAVIS/JPEGImages/480p/{name}/{k:05}.jpg") for k in range(FRAMES))
        except KeyError as error:
            raise UsageError(f"{archive}: {error.args[0]}; give {ADDRESS}") from None
    if hashlib.sha256(data).hexdigest() != wanted:
        raise UsageError(f"{archive} has other frames of {name} than the figures were measured on")
    with partial_file(out) as partial:
        read = [find_ffmpeg(), "-nostdin", "-v", "error", "-y", "-f", "mjpeg", "-framerate", "24", "-i", "-"]
        subprocess.run([*read, "-c", "copy", "-f", "matroska", f"file:{partial}"], input=data, check=True)


if __name__ == "__main__":
    sys.exit(main())
