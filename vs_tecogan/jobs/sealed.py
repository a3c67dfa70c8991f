"""JSON files that are whole or refused: a checksum tells a file that lost its end, or was changed by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from ..errors import JobError
from ..files import write_file

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None

SCHEMA = 1
"""The one version of everything in a job's folder that this release reads and writes."""


def write_sealed(path: Path, body: Mapping[str, Json]) -> None:
    """Write ``body`` with schema and checksum, at once and forced to the disk.

    :raises OSError: it cannot be written; a file that was there stays as it was.
    """
    write_file(path, seal(body))


def read_sealed(path: Path) -> dict[str, Json]:
    """What :func:`write_sealed` was given.

    :raises FileNotFoundError: there is no such file.
    :raises JobError: it is damaged, or of another schema, or cannot be read.
    """
    try:
        return unseal(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise JobError(f"cannot read {path}: {error.strerror}") from None
    except JobError as error:
        raise JobError(f"{path} {error}") from None


def seal(body: Mapping[str, Json]) -> bytes:
    """The bytes of a sealed file."""
    sealed = {"schema": SCHEMA, "checksum": _checksum(body), **body}
    return json.dumps(sealed, indent=1, ensure_ascii=True, allow_nan=False).encode()


def unseal(data: bytes) -> dict[str, Json]:
    """The body of a sealed file.

    :raises JobError: in half a sentence, which the name of the file completes.
    """
    try:
        body = json.loads(data)
        schema, checksum = body.pop("schema"), body.pop("checksum")
    except (ValueError, AttributeError, KeyError, TypeError):
        raise JobError("is damaged") from None
    if schema != SCHEMA:
        raise JobError(f"has schema {schema!r}, and this release reads {SCHEMA}")
    if checksum != _checksum(body):
        raise JobError("is damaged, or was changed by hand")
    return dict(body)


def _checksum(body: Mapping[str, Json]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
