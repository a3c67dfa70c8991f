"""A run to look at while it goes on: one picture and one page, written every few minutes."""

import logging
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from ...files import write_file
from ..config import Config
from ..objectives.base import Preview
from .logs import read_table
from .page import RunState, run_page
from .picture import one_picture, png

log = logging.getLogger(__name__)

PAGE, PICTURE, HELD_OUT = "run.html", "now.png", "held-out.png"


class Watch:
    """Writes ``run.html``, ``now.png`` and ``held-out.png`` into a run's folder.

    A full disk ends that with one warning, and nothing else.

    :param active: False writes nothing, as in processes other than the first.
    """

    def __init__(self, folder: Path, config: Config, device: str, *, active: bool) -> None:
        self._folder, self._config, self._device = folder, config, device
        self._seconds = 60 * config.loop.watch_minutes
        self._active = active and self._seconds > 0
        self._written = float("-inf")
        self._pictures: dict[str, bytes] = {}
        with suppress(OSError):
            self._pictures["Held-out clip, of an earlier session"] = (folder / HELD_OUT).read_bytes()

    def due(self) -> bool:
        """Whether it is time for a picture and a page."""
        return self._active and time.monotonic() - self._written >= self._seconds

    def held_out(self, iteration: int, preview: Preview) -> None:
        """Keep what the last evaluation showed."""
        if self._active:
            data = png(one_picture(preview))
            self._pictures = {f"Held-out clip, iteration {iteration}": data}
            self._write(self._folder / HELD_OUT, data)

    def write(
        self, phase: str, at: tuple[int, int], seconds: float, speed: float, preview: Preview | None, *,
        ended: bool = False,
    ) -> None:  # fmt: skip
        """Write the picture of the present batch, and the page.

        :param phase: what is trained; the name of its table.
        :param at: iteration, and how many there are.
        :param preview: of the present batch, where there is one.
        """
        if not self._active:
            return
        pictures = dict(self._pictures)
        if preview is not None:
            data = png(one_picture(preview))
            pictures[f"Training sample, iteration {at[0]}"] = data
            self._write(self._folder / PICTURE, data)
        state = RunState(
            name=f"Run {self._folder.resolve().name}", phase=phase.replace("metrics", "training"), iteration=at[0],
            iterations=at[1], seconds=seconds, speed=speed, device=self._device, ended=ended,
            written=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"), pictures=pictures,
        )  # fmt: skip
        rows = read_table(self._folder / f"{phase}.csv")
        if self._write(self._folder / PAGE, run_page(state, self._config, rows)) and self._written == float("-inf"):
            log.info(
                "to watch the run, open %s (written anew every %g minutes)", self._folder / PAGE, self._seconds / 60
            )
        self._written = time.monotonic()

    def _write(self, path: Path, content: bytes | str) -> bool:
        if not self._active:
            return False
        try:
            write_file(path, content)
        except OSError as error:
            self._active = False
            log.warning("cannot write %s (%s); the run goes on without it", path, error.strerror or error)
        return self._active
