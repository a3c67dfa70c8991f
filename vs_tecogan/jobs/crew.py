"""Who renders the segments of a job: this process, or several of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..video.source import Source
from .encode import PictureTags
from .manifest import Facts, JobFolder, Manifest
from .plan import Segment
from .render import Renderer
from .spec import Placement, Spec


class Watcher(Protocol):
    """Is told how the work goes on."""

    def frame(self) -> None:
        """One frame more is done."""
        ...

    def lost(self, frames: int) -> None:
        """Frames that were done have to be done again."""
        ...

    def said(self, line: str) -> None:
        """Something that the user should know."""
        ...


class Crew(Protocol):
    """Renders segments. Used as a context: leaving it ends all work at once."""

    size: int
    """Segments that are rendered at the same time, at most."""

    def facts(self) -> Facts:
        """All that the pixels depend on where this crew works."""
        ...

    def tags(self) -> PictureTags:
        """How the picture is tagged."""
        ...

    def render(self, manifest: Manifest, segments: Sequence[Segment], watcher: Watcher) -> None:
        """Render segments of a job whose manifest is on the disk.

        :raises UserError: what is wrong, in one line; segments that were done stay done.
        """
        ...


class LocalCrew:
    """This process by itself."""

    size = 1

    def __init__(self, spec: Spec, place: Placement, folder: JobFolder, source: Source | None = None) -> None:
        self._folder = folder
        self._renderer = Renderer(spec, place, index=folder.index, source=source)

    def facts(self) -> Facts:
        """See :class:`Crew`."""
        return self._renderer.facts()

    def tags(self) -> PictureTags:
        """See :class:`Crew`."""
        return self._renderer.tags()

    def render(self, manifest: Manifest, segments: Sequence[Segment], watcher: Watcher) -> None:
        """See :class:`Crew`."""
        tags = PictureTags.from_json(manifest.tags)
        for segment in segments:
            self._renderer.render(segment, tags, self._folder, manifest.id, watcher.frame)

    def __enter__(self) -> LocalCrew:
        """Nothing has to be begun."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Nothing has to be ended."""
