"""Video files that the command's tests use too."""

from ..cli.conftest import film, stream, uneven

__all__ = ["film", "stream", "uneven"]
