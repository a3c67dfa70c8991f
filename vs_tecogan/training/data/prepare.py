"""From videos to a store: find scenes, drop what teaches nothing, downscale, write, and note it all down."""

import logging
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from ...errors import TrainingError, VideoError
from ...video.names import Footage, find_footage, find_stills
from ...video.read import Frame, frame_rate, read_frames
from .cuts import Analyser, CutThresholds, find_cuts, is_cut
from .store import ClipWriter, SourceRecord, Split, StoredClip, append_record, read_manifest, write_settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """Settings of a preparation; a store holds clips of one setting only."""

    downscale: int = 2
    """Area downscale of the HR frames, as published; 1 keeps their size."""
    min_frames: int = 10
    """Shorter scenes are dropped; at least the sequence length of the training to come."""
    max_frames: int = 60
    """Longer scenes are divided evenly into clips of at most this length."""
    min_size: int = 136
    """Least height and width after downscaling: the published HR crop of 128 with its blur margin."""
    still: float = 0.3
    """Clips whose mean luma difference between frames is below this (8-bit levels) are dropped."""
    black: float = 20.0
    """Clips whose mean luma is below this (0 to 255) are dropped."""
    holdout: float = 0.05
    """Share of shots set aside as ``val``, chosen by a hash of source and first frame."""
    cut_rule: CutThresholds = field(default_factory=CutThresholds)


@dataclass(frozen=True, kw_only=True)
class ClipPlan:
    """What to keep of a source."""

    frames: int
    fps: float
    cuts: list[int]
    dropped: dict[str, int]
    spans: list[tuple[int, int, Split]]
    """First frame, number of frames, split."""


@dataclass(frozen=True, kw_only=True)
class PrepareReport:
    """Totals of a preparation."""

    sources: int
    skipped: dict[str, str]
    """Sources that could not be read, with the reason."""
    clips: int
    frames: int
    dropped: dict[str, int]


def plan_source(source: Footage, digest: str, options: PrepareOptions) -> ClipPlan:
    """Decode a source once and decide which frames become clips; nothing is written.

    :raises VideoError: it cannot be read to its end.
    """
    analyser = Analyser()
    size = (0, 0)
    for frame in read_frames(source):
        size = frame.shape[:2]
        analyser.add(frame)
    count = len(analyser.luma)
    if not count:
        raise TrainingError(f"{source.path.name}: holds no frame")
    cuts = find_cuts(analyser.pairs, options.cut_rule)
    dropped: Counter[str] = Counter()
    spans: list[tuple[int, int, Split]] = []
    if min(size) // options.downscale < options.min_size:
        dropped["too small"] = count
    elif source.still:
        # Evaluation needs frames that follow each other: a still is never held out.
        if reason := reason_to_drop(analyser, 0, 1, options, still=True):
            dropped[reason] = 1
        else:
            spans.append((0, 1, "train"))
    else:
        shot = 0
        for begin, end in pairwise([0, *cuts, count]):
            if begin and is_cut(analyser.pairs[begin - 1], options.cut_rule):
                shot = begin
            # What a jump divides is still one shot: both sides of it show the same things.
            split: Split = "val" if in_holdout(f"{digest}:{shot}", options.holdout) else "train"
            for start, length in divide(begin, end, options.max_frames):
                if reason := reason_to_drop(analyser, start, length, options):
                    dropped[reason] += length
                else:
                    spans.append((start, length, split))
    return ClipPlan(frames=count, fps=frame_rate(source), cuts=cuts, dropped=dict(dropped), spans=spans)


def divide(begin: int, end: int, longest: int) -> list[tuple[int, int]]:
    """Split [begin, end) into the fewest spans of at most ``longest`` frames, as even as possible."""
    parts = -(-(end - begin) // longest)
    edges = [begin + (end - begin) * k // parts for k in range(parts + 1)]
    return [(a, b - a) for a, b in pairwise(edges)]


def reason_to_drop(analyser: Analyser, start: int, length: int, options: PrepareOptions, *, still: bool = False) -> str:
    """Why a span is no use for training; empty if it is. A still may be short and need not move."""
    if length < options.min_frames and not still:
        return "short scene"
    if sum(analyser.luma[start : start + length]) / length < options.black:
        return "black"
    if still:
        return ""
    motion = [p.difference for p in analyser.pairs[start : start + length - 1]]
    return "still" if sum(motion) / max(len(motion), 1) < options.still else ""


def in_holdout(key: str, share: float) -> bool:
    """Whether a scene is set aside; depends on its key alone, so adding sources never moves a scene."""
    return zlib.crc32(key.encode()) < share * 2**32


def write_clips(
    source: Footage, lr_source: Footage | None, digest: str, plan: ClipPlan, options: PrepareOptions, folder: Path
) -> list[StoredClip]:
    """Decode a source again and write its clips.

    :raises TrainingError: an LR source does not match, or the disk is full; nothing of the source is left behind then.
    """
    writers: list[ClipWriter] = []
    try:
        shape = _write_spans(read_frames(source), plan, folder, digest, "hr", options.downscale, writers)
        if lr_source is not None:
            lr_shape = _write_spans(read_frames(lr_source), plan, folder, digest, "lr", 1, writers)
            if plan.spans and (
                lr_shape[0] == 0 or shape[0] % lr_shape[0] or shape[0] * lr_shape[1] != shape[1] * lr_shape[0]
            ):
                raise TrainingError(
                    f"{source.path.name}: HR frames are {shape[1]}x{shape[0]}, LR {lr_shape[1]}x{lr_shape[0]}; "
                    "expected an integer factor"
                )
    except OSError as error:
        _discard(writers)
        raise TrainingError(f"cannot write to {folder}: {error.strerror}; finished sources are kept") from error
    except BaseException:
        _discard(writers)
        raise
    return [
        StoredClip(
            file=f"clips/{clip_name(digest, start, 'hr')}",
            frames=length,
            height=shape[0],
            width=shape[1],
            start=start,
            seconds=round(start / plan.fps, 3),
            split=split,
            lr_file=f"clips/{clip_name(digest, start, 'lr')}" if lr_source else "",
        )
        for start, length, split in plan.spans
    ]


def clip_name(digest: str, start: int, side: str) -> str:
    """File name of a clip; a repeated preparation overwrites leftovers of a broken one instead of adding to them."""
    return f"{digest[:12]}-{start:06d}-{side}.npy"


def _discard(writers: list[ClipWriter]) -> None:
    for writer in writers:
        writer.discard()


def _write_spans(
    frames: Iterator[Frame],
    plan: ClipPlan,
    folder: Path,
    digest: str,
    side: str,
    downscale: int,
    writers: list[ClipWriter],
) -> tuple[int, int]:
    spans = iter(plan.spans)
    span = next(spans, None)
    shape = (0, 0)
    count = 0
    for count, frame in enumerate(frames, 1):
        number = count - 1
        if span is None or number < span[0]:
            continue
        if number == span[0]:
            writers.append(ClipWriter(folder / "clips" / clip_name(digest, span[0], side), span[1]))
        small = shrink(frame, downscale)
        shape = (small.shape[0], small.shape[1])
        writers[-1].add(small)
        if number == span[0] + span[1] - 1:
            span = next(spans, None)
    if count != plan.frames:
        raise TrainingError(
            f"{side.upper()} frames: {count} decoded, {plan.frames} expected; both sides must have the same"
        )
    return shape


def shrink(frame: Frame, factor: int) -> Frame:
    """Area downscale by an integer factor, after cropping bottom and right to a multiple of it."""
    if factor == 1:
        return frame
    height, width = (side // factor for side in frame.shape[:2])
    cropped = frame[: height * factor, : width * factor]
    return np.asarray(cv2.resize(cropped, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def pair_sources(hr: list[Footage], lr: list[Footage]) -> list[tuple[Footage, Footage | None]]:
    """Match LR sources to HR ones by the names of their files, without endings, or folders.

    :raises TrainingError: an HR source has no LR partner, or two of a side have one name.
    """
    if not lr:
        return [(source, None) for source in hr]
    high, low = by_name(hr, "HR"), by_name(lr, "LR")
    if missing := [name for name in high if name not in low]:
        raise TrainingError(f"no LR partner for {', '.join(missing)}; both sides must use the same names")
    return [(source, low[name]) for name, source in high.items()]


def by_name(sources: list[Footage], side: str) -> dict[str, Footage]:
    """Sources by what pairs them.

    :raises TrainingError: two have the same name.
    """
    named: dict[str, Footage] = {}
    for source in sources:
        first = named.setdefault(source.name, source)
        if first is not source:
            raise TrainingError(
                f"{side} sources {first.path} and {source.path} are both named {source.name}; "
                "pairs are matched by name, rename one on both sides"
            )
    return named


def prepare(
    videos: list[Path],
    folder: Path,
    options: PrepareOptions,
    *,
    stills: list[Path] | None = None,
    lr: list[Path] | None = None,
    dry_run: bool = False,
) -> PrepareReport:
    """Prepare every source that the store does not hold yet.

    An unreadable source is skipped with its name and counted. With ``dry_run`` all is analysed and nothing written.

    :param stills: pictures, or folders of them, each of which becomes a clip of one frame.
    :raises TrainingError: no usable source, other settings than the store's, LR and HR that do not match, stills along
        with LR, a full disk.
    """
    if stills and lr:
        raise TrainingError("stills have no LR partner; prepare them without --lr, in another store")
    pairs = pair_sources(find_footage(videos) if videos else [], find_footage(lr) if lr else [])
    pairs += [(source, None) for source in find_stills(stills or [])]
    settings = asdict(options) | {"pairs": bool(lr)}
    done = {record.sha256 for record in read_manifest(folder)} if folder.exists() else set()
    if not dry_run:
        write_settings(folder, settings)
    skipped: dict[str, str] = {}
    dropped: Counter[str] = Counter()
    clips = frames = 0
    for source, lr_source in pairs:
        try:
            digest = source.digest()
            if digest in done:
                log.info("%s: already prepared", source.path.name)
                continue
            plan = plan_source(source, digest, options)
        except (TrainingError, VideoError, OSError) as error:
            skipped[str(source.path)] = str(error)
            log.warning("skipped %s: %s", source.path, error)
            continue
        done.add(digest)
        kept = sum(length for _, length, _ in plan.spans)
        log.info("%s: %s", source.path.name, describe(plan))
        dropped.update(plan.dropped)
        clips, frames = clips + len(plan.spans), frames + kept
        if not dry_run:
            written = write_clips(source, lr_source, digest, plan, options, folder)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            record = SourceRecord(
                source=str(source.path), sha256=digest, prepared_at=now, frames=plan.frames, fps=plan.fps,
                cuts=plan.cuts, dropped=plan.dropped, clips=written,
            )  # fmt: skip
            append_record(folder, record)
    if len(skipped) == len(pairs):
        raise TrainingError(f"none of {len(pairs)} sources could be read; the first: {next(iter(skipped.values()))}")
    return PrepareReport(sources=len(pairs), skipped=skipped, clips=clips, frames=frames, dropped=dict(dropped))


def describe(plan: ClipPlan) -> str:
    """One line on a plan, for the user."""
    kept = sum(length for _, length, _ in plan.spans)
    held = sum(1 for *_, split in plan.spans if split == "val")
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(plan.dropped.items())) or "none"
    return (
        f"{plan.frames} frames, {len(plan.cuts)} cuts or jumps, {len(plan.spans)} clips of {kept} frames kept "
        f"({held} clips held out), frames dropped: {reasons}"
    )
