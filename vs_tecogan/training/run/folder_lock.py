"""One run per folder at a time."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import TrainingError
from ...locks import lock_file

NAME = "run.lock"


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder that exists.

    The system lets the lock go when the process ends, in whatever way; the file stays and means nothing by itself.

    :raises TrainingError: another run is in it; names its process. Or the folder cannot be written.
    """
    path = folder / NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    except OSError as error:
        raise TrainingError(f"cannot write {path}: {error.strerror}; give another --out") from error
    try:
        if not lock_file(descriptor):
            owner = os.read(descriptor, 200).decode(errors="replace") or "another process"
            raise TrainingError(
                f"{folder} is in use by {owner}; two runs in it would mix: end that, or use another --out"
            )
        with suppress(OSError):  # a full disk: the lock holds all the same
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        os.close(descriptor)
