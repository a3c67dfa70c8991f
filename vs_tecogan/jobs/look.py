"""Frames that cannot be upscaled are found before the work begins, not in the middle of the night."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import vapoursynth as vs

from ..colour.matrices import MATRICES, guess_matrix
from ..colour.tags import FrameError, check_needs, read_tags
from ..errors import VideoError
from ..tracebacks import innermost
from ..video.fields import look_at_fields, refusal
from ..video.source import Source
from .scan import scan_cuts
from .spec import Spec


class FrameCheck:
    """Looks at what frames say of their colour and fields, and names the option of the command that takes them."""

    reads: tuple[str, ...] = ("_FieldBased", "_Field", "_Matrix", "_Transfer", "_Primaries")

    def __init__(self, spec: Spec, source: Source) -> None:
        self._path = Path(spec.source)
        self._first = spec.first
        self._source = source
        clip = source.clip
        self._form = clip.format
        self._guess = guess_matrix(clip.width, clip.height) if clip.format.color_family == vs.YUV else None

    def look(self, n: int, props: Mapping[str, object]) -> None:
        """See :class:`~vs_tecogan.jobs.scan.Check`."""
        try:
            tags = read_tags(props, self._form)
            check_needs(tags.matrix or self._guess, props)
        except FrameError as error:
            raise self._refused(n, error, props) from None

    def unreadable(self, n: int, error: vs.Error) -> VideoError:
        """See :class:`~vs_tecogan.jobs.scan.Check`."""
        way = f"give --end {n} for what is before it" if n > self._first else f"give --start {n + 1} for what follows"
        return VideoError(f"{self._path}: frame {n} cannot be read ({innermost(error)[1]}); {way}")

    def _refused(self, n: int, error: FrameError, props: Mapping[str, object]) -> VideoError:
        if error.kind == "fields":
            return refusal(self._path, n, props.get("_FieldBased"), self._whole(n))
        names = ", ".join(name for name in MATRICES if name in ("709", "170m", "470bg", "2020ncl"))
        return VideoError(f"{self._path}: frame {n} says {error.what}; give the right one by --matrix, one of {names}")

    def _whole(self, n: int) -> float | None:
        number = self._source.video.index
        return None if number < 0 else look_at_fields(self._path, number, self._source.seconds(n)).share


def look_through(spec: Spec, source: Source, on_frame: Callable[[], None] = lambda: None) -> None:
    """Look at all frames of a job.

    :raises VideoError: one cannot be upscaled.
    """
    check = FrameCheck(spec, source)
    scan_cuts(source.clip, spec.first, spec.end, check=check, scenes=False, on_frame=on_frame)
