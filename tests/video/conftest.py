"""Video files, and the command, that its own tests use too."""

from ..cli.conftest import command, film, stream, uneven

__all__ = ["command", "film", "stream", "uneven"]
