"""Measuring many pairs: which instruments are to be had, and the averages over frames and over clips."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..errors import MetricsError
from .alignment import AlignmentObserver
from .bicubic import bicubic_of
from .catalogue import BY_KEY, WEIGHTLESS, select
from .drift import Drift, DriftObserver, choose_windows
from .evaluation import Curve, Instruments, Observer, Scores, evaluate_pair
from .faithfulness import MEAN, WITHIN, FaithfulnessObserver
from .features import FeatureDistance
from .fvd import LENGTHS, FvdObserver
from .lpips import lpips_distance
from .niqe import BLOCK, niqe_metric
from .not_measured import NotMeasured
from .protocol import ProtocolName, crop_of, kept_frames
from .sources import ClipPair, check_pair
from .squeeze import squeeze_distance
from .ssim import SSIM_WINDOW

NO_I3D = "no I3D network was given (--i3d FILE)"
NO_SOURCE = "no source was given (--source CLIP)"
OPTIONAL = {
    "squeeze": "no SqueezeNet weights were given (--squeezenet FILE)",
    "fvd": NO_I3D,
    "fvd128": NO_I3D,
    MEAN: NO_SOURCE,
    WITHIN: NO_SOURCE,
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure and how."""

    protocol: ProtocolName = "official"
    metrics: tuple[str, ...] = tuple(BY_KEY)
    """Keys of the metrics wanted."""
    jobs: int = 1
    """Threads."""
    lpips_weights: Path | None = None
    """torchvision's AlexNet or its features.* alone, for LPIPS and tLP; None = cached or downloaded."""
    squeezenet: Path | None = None
    """Keras SqueezeNet 1.1 without top."""
    niqe_parameters: Path | None = None
    """Published pristine parameters; None = those of an installed BasicSR."""
    i3d: Path | None = None
    """TorchScript I3D."""
    drift: int = 0
    """Random windows over which S(x, t) is averaged; 0 = none."""
    drift_frames: int = 128
    """Frames of each window."""
    source_phase: str = "corner"
    """Where pixels of the source lie on those of the result: "corner" as by BD, "centred" as by BI."""
    baseline_scale: int = 0
    """Factor of a bicubic enlargement that is measured too, once per truth; 0 = none."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One pair and its scores."""

    pair: ClipPair
    scores: Scores
    baseline: Scores | None = None
    """Those of bicubic enlargement, where they were asked for: once per truth."""


@dataclass(frozen=True, kw_only=True)
class Averages:
    """Means over several pairs, by metric key."""

    frames: Mapping[str, float]
    """All frames pooled (FrameAvg, the paper's figures); totals weigh each clip alike."""
    clips: Mapping[str, float]
    """Mean of the clips' means (FolderAvg)."""


@dataclass(frozen=True, kw_only=True)
class MethodAverages:
    """Means over the pairs of one method."""

    result: Averages
    reference: Averages
    """The references' own values of the metrics that need none."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Everything measured in one run."""

    protocol: ProtocolName
    keys: tuple[str, ...]
    """Metrics that were measured, in the order of the tables."""
    measured: tuple[Measured, ...]
    averages: Mapping[str, MethodAverages]
    """By method, in the order in which they came; of a single one by the empty name."""
    not_measured: Mapping[str, str] = field(default_factory=dict)
    """Reason for each metric that was wanted and could not be had."""
    drift: Mapping[str, Drift] = field(default_factory=dict)
    """S(x, t) over random windows, by method, where it was asked for."""
    misaligned: Mapping[str, str] = field(default_factory=dict)
    """By the label of a pair, how its result lies to the reference where it should not: late, mirrored, shifted."""

    @property
    def averages_differ(self) -> bool:
        """Whether the averages hold what no single pair has: distances of many clips."""
        return bool(LENGTHS.keys() & set(self.keys))


type Watch = Callable[[ClipPair], Sequence[Observer]]
"""Gives the observers of a pair, asked before its first frame."""


def measure(pairs: Sequence[ClipPair], options: Options, watch: Watch = lambda _: ()) -> Outcome:
    """Measure pairs one after the other, each on ``options.jobs`` threads.

    :raises MetricsError: a pair does not match, is too short, or a file is unusable; checked before the first frame.
    """
    for pair in pairs:
        check_pair(pair, options.protocol)
        _check_extent(pair, options.protocol)
    compared = any(pair.reference is not None for pair in pairs)
    keys = tuple(key for key in select(options.metrics) if compared or not BY_KEY[key].compares)
    if not keys:
        raise MetricsError(f"no reference was given, which {', '.join(options.metrics)} needs; give --reference TRUTH")
    instruments = find_instruments(keys, options)
    methods = list(dict.fromkeys(pair.method for pair in pairs))
    fvd = {
        (method, key): FvdObserver(options.i3d, length)
        for method in methods
        for key, length in LENGTHS.items()
        if options.i3d and key in keys
    }
    windows = _windows(pairs, options)
    drift = {method: DriftObserver(windows, options.drift_frames) for method in methods}
    measured, small, misaligned = list[Measured](), dict[str, str](), dict[str, str]()
    for pair in pairs:
        reasons = _too_small_for(pair, options.protocol)
        small |= reasons
        observers = [*watch(pair)]
        aligned = AlignmentObserver(len(kept_frames(pair.result.length, options.protocol)))
        observers.append(aligned)
        for (method, _), observer in fvd.items():
            if method == pair.method:
                observer.next_pair()
                observers.append(observer)
        drift[pair.method].next_pair(pair.name)
        observers.append(drift[pair.method])
        faithful = None
        if pair.source is not None and {MEAN, WITHIN} & set(keys):
            faithful = FaithfulnessObserver(pair.result, pair.source, options.source_phase)
            observers.append(faithful)
        scores = evaluate_pair(
            pair.result.frames(),
            None if pair.reference is None else pair.reference.frames(),
            protocol=options.protocol,
            metrics=_all_but(reasons, keys),
            instruments=instruments,
            jobs=options.jobs,
            observers=observers,
        )
        if faithful is not None:
            scores = replace(scores, curves={**scores.curves, **_only(keys, faithful.curves())})
        first = pair.name not in {entry.pair.name for entry in measured}
        baseline = _baseline(pair, options, keys) if first else None
        measured.append(Measured(pair=pair, scores=scores, baseline=baseline))
        if words := aligned.words():
            misaligned[pair.label] = words
    outcome = _outcome(options.protocol, keys, measured, {**small, **instruments.not_measured}, fvd)
    found = {method: curve for method, observer in drift.items() if (curve := observer.drift()) is not None}
    return replace(outcome, misaligned=misaligned, drift=found)


def _only(keys: Sequence[str], curves: Mapping[str, Curve]) -> dict[str, Curve]:
    return {key: curve for key, curve in curves.items() if key in keys}


def _windows(pairs: Sequence[ClipPair], options: Options) -> dict[str, tuple[int, ...]]:
    """The windows of S(x, t), by clip.

    :raises MetricsError: they were asked for, and no clip is long enough.
    """
    if not options.drift:
        return {}
    clips = {pair.name: kept_frames(pair.result.length, options.protocol) for pair in pairs}
    if windows := choose_windows(clips, options.drift, options.drift_frames):
        return windows
    longest = max(map(len, clips.values()))
    raise MetricsError(
        f"no clip has {options.drift_frames} frames that count, the longest has {longest}; give --drift-frames"
    )


def _baseline(pair: ClipPair, options: Options, keys: Sequence[str]) -> Scores | None:
    """Scores of bicubic enlargement, of the metrics without weights that the pair's pictures are large enough for."""
    wanted = [key for key in _all_but(_too_small_for(pair, options.protocol), keys) if key in WEIGHTLESS]
    if pair.reference is None or not options.baseline_scale or not wanted:
        return None
    enlarged = (bicubic_of(truth, options.baseline_scale) for truth in pair.reference.frames())
    truths = pair.reference.frames()
    return evaluate_pair(enlarged, truths, protocol=options.protocol, metrics=wanted, jobs=options.jobs)


def _outcome(
    protocol: ProtocolName,
    keys: tuple[str, ...],
    measured: list[Measured],
    missing: dict[str, str],
    fvd: Mapping[tuple[str, str], FvdObserver],
) -> Outcome:
    averages: dict[str, MethodAverages] = {}
    for entry in measured:
        missing |= entry.scores.not_measured
    for method in dict.fromkeys(entry.pair.method for entry in measured):
        scores = [entry.scores for entry in measured if entry.pair.method == method]
        averages[method] = MethodAverages(result=average(scores), reference=average(scores, reference=True))
    for (method, key), observer in fvd.items():
        if observer.clips < 2:
            missing[key] = f"{observer.clips} whole clips of {LENGTHS[key]} frames; a Fréchet distance needs two"
            continue
        value, mine = {key: observer.distance()}, averages[method].result
        with_it = Averages(frames={**mine.frames, **value}, clips={**mine.clips, **value})
        averages[method] = replace(averages[method], result=with_it)
    there = set().union(*(one.result.frames for one in averages.values()))
    return Outcome(
        protocol=protocol,
        keys=tuple(key for key in keys if key in there),
        measured=tuple(measured),
        averages=averages,
        not_measured={key: missing[key] for key in keys if key in missing and key not in there},
    )


def _check_extent(pair: ClipPair, protocol: ProtocolName) -> None:
    """:raises MetricsError: the protocol leaves no frame or no pixel of the pair."""
    clip = pair.reference or pair.result
    try:
        crop_of(protocol, clip.height, clip.width)
    except MetricsError as error:
        raise MetricsError(f"{clip.path}: {error}") from None
    if not kept_frames(clip.length, protocol):
        raise MetricsError(
            f"{clip.path} has {clip.length} frames; the official protocol skips two at each end, "
            "so use the plain protocol"
        )


def _too_small_for(pair: ClipPair, protocol: ProtocolName) -> dict[str, str]:
    """The metrics that a pair's pictures are too small for, and why."""
    clip = pair.reference or pair.result
    crop = crop_of(protocol, clip.height, clip.width)
    size, reasons = f"{pair.name}: {crop.width}x{crop.height}", {}
    if min(crop.height, crop.width) < SSIM_WINDOW:
        reasons["ssim"] = f"{size} holds no window of {SSIM_WINDOW}x{SSIM_WINDOW}"
    if (crop.height // BLOCK) * (crop.width // BLOCK) < 2:
        reasons["niqe"] = f"{size} holds fewer than two blocks of {BLOCK}x{BLOCK}"
    return reasons


def _all_but(reasons: Mapping[str, str], keys: Sequence[str]) -> tuple[str, ...]:
    """:raises MetricsError: nothing is left."""
    left = tuple(key for key in keys if key not in reasons)
    if not left:
        raise MetricsError(f"{'; '.join(reasons[key] for key in keys)}; choose other --metrics")
    return left


def find_instruments(keys: Iterable[str], options: Options) -> Instruments:
    """Open what the wanted metrics need, and say why where that is not possible.

    :raises MetricsError: a file that was given cannot be used.
    """
    wanted = set(keys)
    missing: dict[str, str] = {}
    lpips: FeatureDistance | None = None
    squeeze: FeatureDistance | None = None
    niqe = None
    if wanted & {"lpips", "tlp"}:
        try:
            lpips = lpips_distance(options.lpips_weights)
        except NotMeasured as reason:
            missing |= {"lpips": str(reason), "tlp": str(reason)}
    if "squeeze" in wanted and options.squeezenet is not None:
        squeeze = squeeze_distance(options.squeezenet)
    if "niqe" in wanted:
        try:
            niqe = niqe_metric(options.niqe_parameters)
        except NotMeasured as reason:
            missing["niqe"] = str(reason)
    given = {"squeeze": options.squeezenet, "fvd": options.i3d, "fvd128": options.i3d}
    # Of a source the pairs know: what is measured after all is not reported as missing.
    missing |= {key: reason for key, reason in OPTIONAL.items() if given.get(key) is None}
    return Instruments(
        lpips=lpips,
        squeeze=squeeze,
        niqe=niqe,
        not_measured={key: reason for key, reason in missing.items() if key in wanted},
    )


def average(scores: Sequence[Scores], *, reference: bool = False) -> Averages:
    """FrameAvg and FolderAvg of several clips' scores; metrics that only some clips have are averaged over those."""
    curves = [one.reference_curves if reference else one.curves for one in scores]
    totals = [one.reference_totals if reference else one.totals for one in scores]
    frames, clips = {}, {}
    for key in BY_KEY:
        values = [curve[key].values for curve in curves if key in curve]
        if values:
            frames[key] = float(np.mean(np.concatenate(values)))
            clips[key] = float(np.mean([np.mean(one) for one in values]))
        elif alone := [total[key] for total in totals if key in total]:
            frames[key] = clips[key] = float(np.mean(alone))
    return Averages(frames=frames, clips=clips)
