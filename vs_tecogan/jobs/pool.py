"""A crew of several processes on this machine: one that dies is replaced, and its segment done again."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, cast

from ..errors import JobError
from ..signals import held_signals
from .crew import Watcher
from .encode import PictureTags
from .manifest import Facts, JobFolder, Manifest
from .plan import Segment
from .spec import Placement, Spec

COMMAND = (sys.executable, "-m", "vs_tecogan.jobs.worker")
"""What starts a worker."""
MOST_TRIES = 3
"""Times that a segment is begun before the job stops."""

type Report = dict[str, Any]


class Worker:
    """One process. Its reports go into a queue, beside itself; the last one of all is ``{"gone": EXIT_CODE}``."""

    def __init__(
        self, spec: Spec, place: Placement, folder: JobFolder, reports: queue.Queue[tuple[Worker, Report]]
    ) -> None:
        self.segment: Segment | None = None
        self.frames = 0
        """Of its segment, so far."""
        self._log: deque[str] = deque(maxlen=20)
        environment = dict(os.environ)
        if place.threads:
            environment["OMP_NUM_THREADS"] = str(place.threads)
        with held_signals():  # raised between fork and assignment, Ctrl-C would leave a process that nobody knows
            self.process = subprocess.Popen(
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=environment,
                start_new_session=True,
            )
        logs = threading.Thread(target=self._read_log, daemon=True)
        logs.start()
        threading.Thread(target=self._read_reports, args=(reports, logs), daemon=True).start()
        self.send(spec=spec.to_json(), folder=str(folder.path), place=asdict(place))

    def send(self, **order: object) -> None:
        """Give an order; one that is dead takes none, and reports so."""
        with suppress(OSError, ValueError):
            assert self.process.stdin is not None
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()

    def render(self, segment: Segment) -> None:
        """Begin a segment."""
        self.segment, self.frames = segment, 0
        self.send(render=segment.index)

    def cause(self, code: int) -> str:
        """Why it is dead, in a few words."""
        how = f"killed by signal {-code}" if code < 0 else f"ended with code {code}"
        return f"{how} ({self._log[-1]})" if self._log else how

    def end(self) -> None:
        """Kill it, and wait until it is gone."""
        with held_signals():  # an impatient second Ctrl-C must not leave it running
            self.process.kill()
            self.process.wait()
            with suppress(OSError):
                assert self.process.stdin is not None
                self.process.stdin.close()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.strip():
                self._log.append(" ".join(line.split())[:300])

    def _read_reports(self, reports: queue.Queue[tuple[Worker, Report]], logs: threading.Thread) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with suppress(ValueError):  # cut off by a kill
                reports.put((self, cast(Report, json.loads(line))))
        logs.join()
        reports.put((self, {"gone": self.process.wait()}))


class ProcessCrew:
    """A process for each place.

    :param places: where to compute; several may be the same.
    """

    def __init__(self, spec: Spec, places: Sequence[Placement], folder: JobFolder) -> None:
        self.size = len(places)
        self._spec, self._places, self._folder = spec, places, folder
        self._reports: queue.Queue[tuple[Worker, Report]] = queue.Queue()
        self._workers: dict[Worker, Placement] = {}
        self._said: dict[str, str] = {}

    def facts(self) -> Facts:
        """See :class:`~vs_tecogan.jobs.crew.Crew`."""
        return cast(Facts, self._ask("facts"))

    def tags(self) -> PictureTags:
        """See :class:`~vs_tecogan.jobs.crew.Crew`."""
        return PictureTags.from_json(self._ask("tags"))

    def render(self, manifest: Manifest, segments: Sequence[Segment], watcher: Watcher) -> None:
        """See :class:`~vs_tecogan.jobs.crew.Crew`."""
        for line in self._said.values():
            watcher.said(line)
        waiting, tries = deque(segments), Counter[int]()
        left = len(waiting)
        for place in self._places[len(self._workers) : left]:
            self._start(place)
        for worker in list(self._workers):
            self._give(worker, waiting, tries)
        while left:
            worker, report = self._reports.get()
            match report:
                case {"frame": int()}:
                    worker.frames += 1
                    watcher.frame()
                case {"done": int()}:
                    left -= 1
                    self._give(worker, waiting, tries)
                case {"say": str(line)} if self._is_news(line):
                    watcher.said(line)
                case {"refused": str(text)}:
                    raise JobError(text)
                case {"failed": str(text)}:
                    worker._log.append(text)
                case {"gone": int(code)}:
                    self._replace(worker, code, waiting, tries, watcher)

    def _give(self, worker: Worker, waiting: deque[Segment], tries: Counter[int]) -> None:
        """The next segment for a worker; one that nothing is left for waits for the fall of another."""
        worker.segment = None
        if waiting:
            segment = waiting.popleft()
            tries[segment.index] += 1
            worker.render(segment)

    def _replace(
        self, worker: Worker, code: int, waiting: deque[Segment], tries: Counter[int], watcher: Watcher
    ) -> None:
        place, segment = self._workers.pop(worker), worker.segment
        if segment is None:
            return
        watcher.lost(worker.frames)
        if tries[segment.index] >= MOST_TRIES:
            raise JobError(
                f"segment {segment.index} (frames {segment.first} to {segment.end - 1}) failed {MOST_TRIES} times, "
                f"last: worker {worker.cause(code)}"
            )
        waiting.appendleft(segment)
        watcher.said(f"a worker was {worker.cause(code)}; segment {segment.index} is done again")
        idle = next((other for other in self._workers if other.segment is None), None)
        self._give(idle or self._start(place), waiting, tries)

    def _start(self, place: Placement) -> Worker:
        worker = Worker(self._spec, place, self._folder, self._reports)
        self._workers[worker] = place
        return worker

    def _is_news(self, line: str) -> bool:
        """Whether no worker has said so yet, but for the number of a frame."""
        key = re.sub(r"\d+", "", line)
        return self._said.setdefault(key, line) is line

    def _ask(self, what: str) -> Any:
        """Ask the first worker, or the next one where it dies."""
        for last in (False,) * (MOST_TRIES - 1) + (True,):
            worker = next(iter(self._workers), None) or self._start(self._places[0])
            worker.send(ask=what)
            while worker in self._workers:
                _, report = self._reports.get()
                match report:
                    case {"refused": str(text)}:
                        raise JobError(text)
                    case {"failed": str(text)}:
                        worker._log.append(text)
                    case {"gone": int(code)}:
                        del self._workers[worker]
                        if last:
                            raise JobError(f"a worker was {worker.cause(code)} before it could begin")
                    case {"say": str(line)}:
                        self._is_news(line)
                    case _ if what in report:
                        return report[what]
        raise AssertionError("unreachable")

    def __enter__(self) -> ProcessCrew:
        """Nothing is started before it is needed."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Kill all workers."""
        for worker in self._workers:
            worker.end()
