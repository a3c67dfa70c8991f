"""From videos to a store: choose what teaches something, downscale, write, and note it all down."""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from ...errors import TrainingError, VideoError
from ...video.names import Footage, find_footage, find_stills, passed_over
from ...video.read import Frame, read_frames
from .holdout import hold_one_out
from .pairs import PairCheck, check_pair, factor_of, pair_sources
from .partners import PartnerOptions, film_still, make_partners, whole_cells
from .picture_faults import Bars
from .selection import ClipPlan, PrepareOptions, plan_source
from .store import ClipWriter, SourceRecord, StoredClip, append_record, read_manifest, write_settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PrepareReport:
    """Totals of a preparation."""

    sources: int
    skipped: dict[str, str]
    """Sources that could not be used, with the reason."""
    clips: int
    frames: int
    dropped: dict[str, int]
    cropped: int
    """Frames whose black bars were cut off."""

    def words(self) -> str:
        """One line for the user."""
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.dropped.items())) or "none"
        bars = f"; black bars cut off {self.cropped} frames" if self.cropped else ""
        return (
            f"{self.clips} clips, {self.frames} frames in all; frames dropped: {reasons}{bars}; "
            f"sources skipped: {len(self.skipped)} of {self.sources}"
        )


@dataclass(frozen=True, kw_only=True)
class _Side:
    """One side of a source on its way into the store."""

    frames: Iterator[Frame]
    name: str
    """"hr" or "lr"."""
    downscale: int = 1
    factor: int = 1
    """How many times smaller its frames are than those that the plan speaks of."""
    multiple: int = 1
    """What its sides in the store are multiples of."""

    def stored(self, frame: Frame, bars: Bars) -> Frame:
        """A frame as the store keeps it."""
        (small,) = whole_cells(iter([shrink(bars.cut(frame, self.factor), self.downscale)]), self.multiple)
        return small


def write_clips(
    source: Footage, lr_source: Footage | None, digest: str, plan: ClipPlan, options: PrepareOptions, folder: Path,
    multiple: int = 1,
) -> list[StoredClip]:  # fmt: skip
    """Decode a source again and write its clips.

    :param multiple: sides are cut to multiples of it.
    :raises TrainingError: an LR source does not match; nothing of the source is left behind then.
    :raises VideoError: a side cannot be read; the same.
    :raises OSError: the disk is full; the same.
    """
    writers: list[ClipWriter] = []
    try:
        hr = _Side(frames=read_frames(source), name="hr", downscale=options.downscale, multiple=multiple)
        shapes = _write_spans(hr, plan, folder, digest, writers)
        if lr_source is not None:
            low = read_frames(lr_source)
            first = next(low, None)
            if first is None:
                raise TrainingError(f"{lr_source.path.name}: holds no frame")
            bars = plan.spans[0].bars if plan.spans else Bars()
            whole = (shapes[0][0] + bars.top + bars.bottom, shapes[0][1] + bars.left + bars.right) if shapes else (0, 0)
            factor = factor_of(whole, (first.shape[0], first.shape[1])) if shapes else 1
            _write_spans(_Side(frames=_again(first, low), name="lr", factor=factor), plan, folder, digest, writers)
    except BaseException:
        for writer in writers:
            writer.discard()
        raise
    return [
        StoredClip(
            file=f"clips/{clip_name(digest, span.start, 'hr')}",
            frames=span.length,
            height=shape[0],
            width=shape[1],
            start=span.start,
            seconds=round(span.start / plan.fps, 3),
            split=span.split,
            shot=span.shot,
            lr_file=f"clips/{clip_name(digest, span.start, 'lr')}" if lr_source else "",
        )
        for span, shape in zip(plan.spans, shapes, strict=True)
    ]


def clip_name(digest: str, start: int, side: str) -> str:
    """File name of a clip; a repeated preparation overwrites leftovers of a broken one instead of adding to them."""
    return f"{digest[:12]}-{start:06d}-{side}.npy"


def _again(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest


def _write_spans(
    side: _Side, plan: ClipPlan, folder: Path, digest: str, writers: list[ClipWriter]
) -> list[tuple[int, int]]:
    """Write the clips of one side.

    :return: height and width of each.
    """
    spans = iter(plan.spans)
    span = next(spans, None)
    shapes: list[tuple[int, int]] = []
    count = 0
    for count, frame in enumerate(side.frames, 1):
        number = count - 1
        if span is None or number < span.start:
            continue
        small = side.stored(frame, span.bars)
        if number == span.start:
            writers.append(ClipWriter(folder / "clips" / clip_name(digest, span.start, side.name), span.length))
            shapes.append((small.shape[0], small.shape[1]))
        writers[-1].add(small)
        if number == span.start + span.length - 1:
            span = next(spans, None)
    if count != plan.frames:
        raise TrainingError(f"{side.name.upper()} has {count} frames, {plan.frames} expected; both sides need the same")
    return shapes


def shrink(frame: Frame, factor: int) -> Frame:
    """Area downscale by an integer factor, after cropping bottom and right to a multiple of it."""
    if factor == 1:
        return frame
    height, width = (side // factor for side in frame.shape[:2])
    cropped = frame[: height * factor, : width * factor]
    return np.asarray(cv2.resize(cropped, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def prepare(
    videos: list[Path],
    folder: Path,
    options: PrepareOptions,
    *,
    stills: list[Path] | None = None,
    lr: list[Path] | None = None,
    partners: PartnerOptions | None = None,
    dry_run: bool = False,
    remove_below: Path | None = None,
) -> PrepareReport:
    """Prepare every source that the store does not hold yet.

    A source that cannot be used is skipped with its name and counted; so is one whose LR partner does not serve. With
    ``dry_run`` all is analysed and nothing written.

    :param stills: pictures, or folders of them, each of which becomes a clip of one frame.
    :param partners: make low-resolution versions beforehand; stills are filmed by a simulated camera then.
    :param remove_below: delete sources below this folder once the store holds them.
    :raises TrainingError: no usable source, other settings than the store's, no LR for any HR, a downscale, stills or
        partners along with LR, a full disk.
    """
    if partners and lr:
        raise TrainingError("--degrade makes the low resolution that --lr gives; leave one of them out")
    if stills and lr:
        raise TrainingError("stills have no LR partner; prepare them without --lr, in another store")
    if lr and options.downscale != 1:
        raise TrainingError(f"downscale {options.downscale} with LR partners would change their factor; use 1")
    pairs, missing = pair_sources(find_footage(videos) if videos else [], find_footage(lr) if lr else [])
    pairs += [(source, None) for source in find_stills(stills or [])]
    _say_passed_over([*videos, *(lr or [])])
    done = {record.sha256 for record in read_manifest(folder)} if folder.exists() else set()
    if not dry_run:
        made = {"degradation": partners.settings() if partners else None}
        write_settings(folder, asdict(options) | {"pairs": bool(lr)} | made)
    job = _Preparation(folder, options, partners, done, dry_run=dry_run)
    for source, reason in missing.items():
        job.skip(source, reason)
    for source, lr_source in pairs:
        stored = job.take(source, lr_source)
        if stored and remove_below is not None and source.path.is_relative_to(remove_below):
            source.path.unlink(missing_ok=True)
    if len(job.skipped) == len(pairs) + len(missing):
        raise TrainingError(f"none of {len(job.skipped)} sources could be used; {next(iter(job.skipped.values()))}")
    if not dry_run and options.holdout and (text := hold_one_out(folder)):
        log.info("%s", text)
    return job.report(len(pairs) + len(missing))


def _say_passed_over(paths: list[Path]) -> None:
    if others := passed_over(paths):
        listed = ", ".join(f"{count} {ending}" for ending, count in sorted(others.items()))
        log.info("passed over, as no ending of a video or image that is known: %s; name such a file to read it", listed)


class _Preparation:
    """Sources on their way into a store, and what became of them."""

    def __init__(
        self, folder: Path, options: PrepareOptions, partners: PartnerOptions | None, done: set[str], *, dry_run: bool
    ) -> None:
        self._folder, self._options, self._done, self._dry_run = folder, options, done, dry_run
        self._partners = partners
        self.skipped: dict[str, str] = {}
        self._dropped: Counter[str] = Counter()
        self._clips = self._frames = self._cropped = 0

    def skip(self, source: Footage, reason: object) -> None:
        """Note a source that cannot be used."""
        self.skipped[str(source.path)] = f"{source.path.name}: {reason}"
        log.warning("skipped %s: %s", source.path, reason)

    def take(self, source: Footage, lr_source: Footage | None) -> bool:
        """Prepare a source; whether the store holds it now.

        :raises TrainingError: the disk is full.
        """
        try:
            digest = source.digest()
            if digest in self._done:
                log.info("%s: already prepared", source.path.name)
                return True
            plan = plan_source(source, digest, self._options)
        except (TrainingError, VideoError, OSError) as error:
            self.skip(source, error)
            return False
        if not self._dry_run:
            try:
                record = self._written(source, lr_source, digest, plan)
            except (TrainingError, VideoError) as error:
                self.skip(source, f"{error}{f' (partner {lr_source.path})' if lr_source else ''}")
                return False
            except OSError as error:
                raise TrainingError(
                    f"cannot write to {self._folder}: {error.strerror}; finished sources are kept"
                ) from error
            append_record(self._folder, record)
        self._done.add(digest)
        log.info("%s: %s", source.path.name, plan.words())
        self._dropped.update(plan.dropped)
        self._clips, self._frames = self._clips + len(plan.spans), self._frames + plan.kept
        self._cropped += plan.cropped
        return not self._dry_run

    def _written(self, source: Footage, lr_source: Footage | None, digest: str, plan: ClipPlan) -> SourceRecord:
        if self._partners is not None:
            clips = self._with_partners(source, digest, plan, self._partners)
        else:
            clips = write_clips(source, lr_source, digest, plan, self._options, self._folder)
        if lr_source is not None and clips:
            check = self._check(clips)
            if check.wrong:
                for clip in clips:
                    for file in (clip.file, clip.lr_file):
                        (self._folder / file).unlink(missing_ok=True)
                raise TrainingError(f"{check.wrong}; a network that learns from such a pair stays blurred")
            if check.grid:
                log.info("%s: its LR pixels lie as --degradation %s expects", source.path.name, check.grid)
        return SourceRecord(
            source=str(source.path), sha256=digest, prepared_at=datetime.now(UTC).isoformat(timespec="seconds"),
            frames=plan.frames, fps=plan.fps, cuts=plan.cuts, dropped=plan.dropped, clips=clips, cropped=plan.cropped,
        )  # fmt: skip

    def _with_partners(
        self, source: Footage, digest: str, plan: ClipPlan, partners: PartnerOptions
    ) -> list[StoredClip]:
        clips = write_clips(source, None, digest, plan, self._options, self._folder, partners.scale)
        try:
            if source.still:
                clips = [_filmed(self._folder, clip, digest, partners) for clip in clips]
            return [make_partners(self._folder, clip, digest, partners) for clip in clips]
        except BaseException:
            for file in (self._folder / "clips").glob(f"{digest[:12]}-*"):
                file.unlink(missing_ok=True)
            raise

    def _check(self, clips: list[StoredClip]) -> PairCheck:
        sides = [tuple(np.load(self._folder / file, mmap_mode="r") for file in (c.file, c.lr_file)) for c in clips]
        return check_pair([(hr, lr) for hr, lr in sides])

    def report(self, sources: int) -> PrepareReport:
        """The totals."""
        return PrepareReport(
            sources=sources, skipped=self.skipped, clips=self._clips, frames=self._frames, dropped=dict(self._dropped),
            cropped=self._cropped,
        )  # fmt: skip


def _filmed(folder: Path, clip: StoredClip, digest: str, partners: PartnerOptions) -> StoredClip:
    """The clip of a still, replaced by one that a simulated camera took."""
    frames = film_still(np.load(folder / clip.file)[0], digest, partners)
    writer = ClipWriter(folder / clip.file, len(frames))
    for frame in frames:
        writer.add(frame)
    return replace(clip, frames=len(frames), height=frames.shape[1], width=frames.shape[2])
