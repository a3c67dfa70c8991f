"""The system's own lock on an open file: it dies with its owner, however that dies."""

import os
import sys

_BYTE = 1 << 20
"""Which byte is locked: far behind the name of the owner, which others must be able to read on Windows too."""

if sys.platform == "win32":
    import msvcrt

    def lock_file(descriptor: int, *, shared: bool = False) -> bool:  # noqa: ARG001 (there is no such lock)
        """Lock at once, or return False; ``shared`` with others who ask so, where the system has such a lock."""
        os.lseek(descriptor, _BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        os.lseek(descriptor, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def lock_file(descriptor: int, *, shared: bool = False) -> bool:
        """Lock at once, or return False; ``shared`` with others who ask so, where the system has such a lock."""
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
