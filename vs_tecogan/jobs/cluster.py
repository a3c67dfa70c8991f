"""A crew on a Ray cluster: an actor for each GPU, or for a share of each machine's processors.

Ray starts an actor again where its process or machine dies, and repeats the segment that it was at. The job's folder
holds what is done, so that nothing depends on Ray's memory, nor on the command that leads.
"""

from __future__ import annotations

import logging
import signal
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import vapoursynth as vs

from ..errors import JobError, UserError
from ..packages import how_to_install, is_installed
from ..reasons import reason
from ..tracebacks import innermost
from .crew import Watcher
from .encode import PictureTags
from .manifest import Facts, JobFolder, Manifest
from .plan import Segment
from .pool import MOST_TRIES
from .render import Renderer
from .spec import Placement, Spec

BEAT = 1.0
"""Seconds between two questions how far an actor is."""
SILENCE = 30.0
"""Seconds without an answer after which another actor, that has nothing to do, takes a segment over."""
MOST_SILENCE = 300.0
"""Seconds without an answer from anybody after which the job stops."""

type Answer = tuple[str, Any]
"""("done", value), or ("refused", text) for what a user can put right, or ("failed", text)."""


class RenderActor:
    """Renders segments, in a process of Ray's. Answers are values, never exceptions: Ray would wrap those.

    :param spec: a job's, as JSON; :param folder: of the job, seen under this path here too.
    """

    def __init__(self, spec: dict[str, Any], folder: str, device: str | None, threads: int | None) -> None:
        self._spec, self._folder = Spec.from_json(spec), JobFolder(Path(folder))
        self._place = Placement(device=device, threads=threads)
        self._opened: Renderer | None = None
        self._checked = False
        self._frames = 0

    def facts(self) -> Answer:
        """All that the pixels depend on, here."""
        return _answer(lambda: self._renderer().facts())

    def tags(self) -> Answer:
        """How the picture is tagged, as JSON."""
        return _answer(lambda: self._renderer().tags().to_json())

    def render(self, index: int) -> Answer:
        """Render one segment; refused where this machine would give another picture."""
        return _answer(lambda: self._render(index))

    def frames(self) -> int:
        """How many frames of the present segment are done; answered while it is rendered."""
        return self._frames

    def _renderer(self) -> Renderer:
        if not self._folder.path.is_dir():
            raise JobError(f"{self._folder.path} is not there; source and job must lie where all machines see them")
        if self._opened is None:
            self._opened = Renderer(self._spec, self._place, index=self._folder.index)
        return self._opened

    def _render(self, index: int) -> None:
        self._frames = 0
        renderer, manifest = self._renderer(), self._folder.read()
        if not self._checked:
            renderer.check(manifest)
            self._checked = True
        tags = PictureTags.from_json(manifest.tags)
        renderer.render(manifest.segments[index], tags, self._folder, manifest.id, self._count)

    def _count(self) -> None:
        self._frames += 1


def _answer(task: Callable[[], object]) -> Answer:
    try:
        return "done", task()
    except Exception as error:  # of any kind: the one who asked says what is to be done
        kind, text = innermost(error)
        known = isinstance(error, UserError | vs.Error) and kind in ("", "vapoursynth.Error")
        host = socket.gethostname()
        line = " ".join((text if known else f"{kind or type(error).__name__}: {text}").split())
        return "refused" if known else "failed", line if line.startswith(host) else f"{host}: {line}"


@dataclass(kw_only=True)
class _Member:
    """An actor, and what it is at."""

    handle: Any
    node: str
    gpu: bool
    cpus: int
    segment: Segment | None = None
    task: Any = None
    beat: Any = None
    frames: int = 0
    """Of its segment, as far as the watcher was told."""
    heard: float = field(default_factory=time.monotonic)


class ClusterCrew:
    """A crew of actors. Source, model files and the job's folder lie where all machines see them under one path.

    :param address: of the cluster's head, or "auto" for one that runs on this machine.
    :param cpus:    processors for each actor on machines without a GPU; None = all of a machine's.
    :raises JobError: Ray is not installed, there is no cluster, or nothing in it that could work.
    """

    def __init__(self, spec: Spec, address: str, folder: JobFolder, *, cpus: int | None = None) -> None:
        if not is_installed("ray"):
            raise JobError(f"--cluster needs Ray, on all machines: {how_to_install('ray')}")
        self._spec, self._address, self._folder, self._cpus = spec, address, folder, cpus
        self._members: list[_Member] = []
        self._gone: list[_Member] = []
        """Given up; their machines may live."""
        self.size = 1

    def __enter__(self) -> ClusterCrew:
        """Connect, and start the actors."""
        ray = _ray()
        in_main = threading.current_thread() is threading.main_thread()
        before = signal.getsignal(signal.SIGTERM) if in_main else None
        try:
            _knock(self._address)
            ray.init(address=self._address, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # Ray raises many types
            raise JobError(
                f"no Ray cluster at {self._address} ({reason(error)}); start one: ray start --head"
            ) from None
        finally:
            if before is not None:
                signal.signal(signal.SIGTERM, before)  # Ray takes it for itself
        try:
            self._members = [self._start(node, gpu=gpu, cpus=cpus) for node, gpu, cpus in self._places(ray.nodes())]
            if not self._members:
                raise JobError(f"the Ray cluster at {self._address} has no free GPU, and no machine with enough CPUs")
        except BaseException:
            self.__exit__()
            raise
        self.size = len(self._members)
        return self

    def __exit__(self, *_error: object) -> None:
        """End all actors, and leave the cluster as it was."""
        ray = _ray()
        for member in self._members:
            ray.kill(member.handle, no_restart=True)
        ray.shutdown()

    def facts(self) -> Facts:
        """See :class:`~vs_tecogan.jobs.crew.Crew`."""
        return cast(Facts, self._ask("facts"))

    def tags(self) -> PictureTags:
        """See :class:`~vs_tecogan.jobs.crew.Crew`."""
        return PictureTags.from_json(self._ask("tags"))

    def render(self, manifest: Manifest, segments: Sequence[Segment], watcher: Watcher) -> None:
        """See :class:`~vs_tecogan.jobs.crew.Crew`."""
        ray, waiting, left = _ray(), deque(segments), len(segments)
        tries = Counter[int]()
        while left:
            self._bring_back()
            for member in self._members:
                if member.task is None and waiting:
                    self._give(member, waiting.popleft())
            tasks = [member.task for member in self._members if member.task is not None]
            if not tasks:
                time.sleep(BEAT)
                continue
            ready, _ = ray.wait(tasks, timeout=BEAT)
            self._listen(watcher)
            for member in [member for member in self._members if member.task in ready]:
                if lost := self._finish(member, tries, watcher):
                    waiting.appendleft(lost)
                else:
                    left -= 1
            if all(time.monotonic() - member.heard > MOST_SILENCE for member in (*self._members, *self._gone)):
                raise JobError("no machine of the cluster answers; what is done is kept: run the same command again")
            if not waiting:
                waiting.extend(self._take_over(watcher))

    def _places(self, nodes: Sequence[dict[str, Any]]) -> list[tuple[str, bool, int]]:
        """For each actor: machine, whether it has a GPU, processors. Machines without GPUs help only where none has."""
        alive = [node for node in nodes if node["Alive"]]
        gpus = [(str(node["NodeID"]), True, 1) for node in alive for _ in range(int(node["Resources"].get("GPU", 0)))]
        if gpus:
            return gpus
        places = []
        for node in alive:
            cpus = int(node["Resources"].get("CPU", 0))
            share = self._cpus or cpus
            places += [(str(node["NodeID"]), False, share)] * (cpus // share if share else 0)
        return places

    def _start(self, node: str, *, gpu: bool, cpus: int) -> _Member:
        ray = _ray()
        actor = ray.remote(
            num_cpus=cpus,
            num_gpus=int(gpu),
            max_restarts=-1,
            max_task_retries=1,
            max_concurrency=2,  # one renders, one tells how far it is
            scheduling_strategy=ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=True),
        )(RenderActor)
        place = ("cuda", None) if gpu else ("cpu", cpus)  # Ray shows an actor its own GPU alone
        return _Member(
            handle=actor.remote(self._spec.to_json(), str(self._folder.path), *place), node=node, gpu=gpu, cpus=cpus
        )

    def _ask(self, what: str) -> Any:
        ray = _ray()
        try:
            kind, value = ray.get(getattr(self._members[0].handle, what).remote())
        except ray.exceptions.RayError as error:
            raise JobError(f"a worker on the cluster could not begin: {reason(error)}") from None
        if kind != "done":
            raise JobError(value)
        return value

    def _give(self, member: _Member, segment: Segment) -> None:
        member.segment, member.frames, member.heard = segment, 0, time.monotonic()
        member.task = member.handle.render.remote(segment.index)
        member.beat = None

    def _listen(self, watcher: Watcher) -> None:
        """Tell what the actors have done since."""
        ray = _ray()
        for member in self._members:
            if member.task is None:
                continue
            if member.beat is None:
                member.beat = member.handle.frames.remote()
            elif ray.wait([member.beat], timeout=0)[0]:
                beat, member.beat, member.heard = member.beat, None, time.monotonic()
                with suppress(ray.exceptions.RayError):  # its task tells the same
                    self._tell(member, int(ray.get(beat)), watcher)

    def _tell(self, member: _Member, frames: int, watcher: Watcher) -> None:
        """Bring the watcher to ``frames`` of this member's segment; fewer than before: it was begun again."""
        if frames < member.frames:
            watcher.lost(member.frames - frames)
        for _ in range(frames - member.frames):
            watcher.frame()
        member.frames = frames

    def _finish(self, member: _Member, tries: Counter[int], watcher: Watcher) -> Segment | None:
        """Take a task's answer; its segment where that has to be done again.

        :raises JobError: it was refused, or has failed too often, or nobody is left.
        """
        ray, segment, task = _ray(), member.segment, member.task
        assert segment is not None
        try:
            kind, value = ray.get(task)
        except ray.exceptions.RayError as error:
            return self._replace(member, segment, tries, reason(error), watcher)
        if kind == "refused":
            raise JobError(value)
        if kind == "failed":
            return self._replace(member, segment, tries, value, watcher)
        self._tell(member, segment.frames, watcher)
        member.heard = time.monotonic()
        member.segment = member.task = member.beat = None
        return None

    def _replace(self, member: _Member, segment: Segment, tries: Counter[int], why: str, watcher: Watcher) -> Segment:
        """Give up an actor that Ray could not save."""
        tries[segment.index] += 1
        if tries[segment.index] >= MOST_TRIES:
            raise JobError(
                f"segment {segment.index} (frames {segment.first} to {segment.end - 1}) failed {MOST_TRIES} times, "
                f"last: {why}; all else is kept: run the same command again to go on"
            )
        self._give_up(member, watcher)
        watcher.said(f"a worker on machine {member.node[:8]} was lost; segment {segment.index} is done again")
        return segment

    def _give_up(self, member: _Member, watcher: Watcher) -> None:
        watcher.lost(member.frames)
        _ray().kill(member.handle, no_restart=True)
        self._members.remove(member)
        member.heard = time.monotonic()
        self._gone.append(member)

    def _bring_back(self) -> None:
        """Start actors again on machines that are still there some time after one was lost: who is dead shows late."""
        due = [member for member in self._gone if time.monotonic() - member.heard > SILENCE]
        if not due:
            return
        alive = {str(node["NodeID"]) for node in _ray().nodes() if node["Alive"]}
        for member in due:
            self._gone.remove(member)
            if member.node in alive:
                self._members.append(self._start(member.node, gpu=member.gpu, cpus=member.cpus))
        if not self._members and not self._gone:
            raise JobError("no machine of the cluster is left; what is done is kept: run the same command again")

    def _take_over(self, watcher: Watcher) -> list[Segment]:
        """Segments of actors that have gone silent, for those that have nothing to do; the silent ones are given up."""
        idle = sum(member.task is None for member in self._members)
        silent = [
            member for member in self._members if member.task is not None and time.monotonic() - member.heard > SILENCE
        ][:idle]
        for member in silent:
            assert member.segment is not None
            self._give_up(member, watcher)
            watcher.said(f"machine {member.node[:8]} does not answer; segment {member.segment.index} is done elsewhere")
        return [member.segment for member in silent if member.segment is not None]


def _knock(address: str) -> None:
    """Find out whether anybody listens: Ray itself would try for minutes.

    :raises OSError: nobody does.
    """
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _ray() -> Any:
    """Ray is an extra of its own, and slow to load."""
    import ray
    import ray.util.scheduling_strategies

    return ray
