"""A worker's process: takes orders on standard input and reports on standard output, a line of JSON each.

Orders: ``{"spec": ..., "folder": ..., "place": ...}`` first, then ``{"ask": "facts"}``,
``{"ask": "tags"}`` or ``{"render": INDEX}``. Reports: ``{"facts": ...}``, ``{"tags": ...}``, ``{"frame": INDEX}`` for
each frame, ``{"done": INDEX}``, ``{"say": TEXT}``, and last ``{"refused": TEXT}`` for what a user can put right or
``{"failed": TEXT}``.

The process ends with the one that started it: the end of its standard input ends it at once.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn, TextIO

import vapoursynth as vs

from ..errors import UserError
from ..tracebacks import innermost
from ..video.encoder import EncoderKilledError
from .encode import PictureTags
from .manifest import JobFolder, Manifest
from .render import Renderer
from .spec import Placement, Spec


class _Reports(logging.Handler):
    """Writes reports, and what the package and VapourSynth log."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def send(self, **report: object) -> None:
        """Write one report."""
        self._stream.write(json.dumps(report) + "\n")
        self._stream.flush()

    def emit(self, record: logging.LogRecord) -> None:
        """Report a line of the log."""
        self.send(say=record.getMessage())


def main() -> NoReturn:
    """Work until standard input ends, or something fails."""
    reports = _Reports(_take_stdout())
    for name in ("vapoursynth", "vs_tecogan"):
        logging.getLogger(name).addHandler(reports)
    orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read_orders, args=(orders,), daemon=True).start()
    try:
        _work(orders, reports)
    except Exception as error:
        kind, text = innermost(error)
        known = isinstance(error, UserError | vs.Error) and kind in ("", "vapoursynth.Error")
        known = known and not isinstance(error, EncoderKilledError)
        line = text if known else f"{kind or type(error).__name__}: {text}"
        reports.send(**{"refused" if known else "failed": " ".join(line.split())})
    os._exit(2)  # a usual end would wait for the thread that reads orders


def _take_stdout() -> TextIO:
    """Standard output for reports alone: what a script prints goes to standard error."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return stream


def _read_orders(orders: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    os._exit(3)  # whoever gave orders is gone: so is the encoder, whose input ends with this process


def _work(orders: queue.SimpleQueue[dict[str, Any]], reports: _Reports) -> None:
    first = orders.get()
    folder = JobFolder(Path(first["folder"]))
    place = Placement(**first["place"])
    renderer = Renderer(Spec.from_json(first["spec"]), place, index=folder.index)
    manifest: Manifest | None = None
    while True:
        match orders.get():
            case {"ask": "facts"}:
                reports.send(facts=renderer.facts())
            case {"ask": "tags"}:
                reports.send(tags=renderer.tags().to_json())
            case {"render": int(index)}:
                if manifest is None:
                    manifest = folder.read()
                    renderer.check(manifest)
                segment, tags = manifest.segments[index], PictureTags.from_json(manifest.tags)
                renderer.render(segment, tags, folder, manifest.id, lambda: reports.send(frame=index))
                reports.send(done=index)


if __name__ == "__main__":
    main()
