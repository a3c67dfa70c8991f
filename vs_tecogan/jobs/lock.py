"""A lock on a job's folder that dies with its owner, however it dies: the system's own, on an open file."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import JobError
from ..locks import lock_file


class InUseError(JobError):
    """Another process holds the lock."""


class JobLock:
    """Held from entering the context to leaving it. No process started meanwhile inherits it.

    :param path: the lock's file, made where it is missing, as is the folder around it.
    :param shared: share it with others who ask so; on Windows, which has no such lock, nobody shares.
    :raises InUseError: on entering, where another process holds it; names that process.
    :raises JobError: the file cannot be locked.
    """

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        self._path = path
        self._shared = shared
        self._descriptor = -1

    def __enter__(self) -> Self:
        """Take the lock, or say who has it."""
        try:
            return self._take()
        except OSError as error:
            raise JobError(f"cannot lock {self._path}: {error.strerror}; choose a folder that can be written") from None

    def _take(self) -> Self:
        while True:
            self._path.parent.mkdir(exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            try:
                if not lock_file(self._descriptor, shared=self._shared):
                    raise InUseError(
                        f"{self._path.parent} is in use by {self._owner()}; wait for it or end it, then try again"
                    )
                if self._is_current():
                    self._sign()
                    return self
            except BaseException:
                self._close()
                raise
            self._close()  # whoever held it has removed the folder, and this file with it

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        """Let it go."""
        self._close()

    def _is_current(self) -> bool:
        """Whether the open file is still the one of that name."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self._descriptor))

    def _sign(self) -> None:
        with suppress(OSError):  # a full disk: the lock holds all the same
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())

    def _owner(self) -> str:
        with suppress(OSError):
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            if name := os.read(self._descriptor, 200).decode(errors="replace"):
                return name
        return "another process"

    def _close(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1
