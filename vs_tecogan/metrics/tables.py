"""Scores as text, JSON and CSV."""

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TextIO

from .catalogue import BY_KEY
from .drift import Drift, DriftCurve
from .suite import Outcome

ARROWS = {"higher": "↑", "lower": "↓", "reference": "≈"}


def number(key: str, value: float | None) -> str:
    """A value at its metric's precision; ∞ for equal pictures, a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:.{BY_KEY[key].digits}f}" if math.isfinite(value) else "∞"


def heading(key: str) -> str:
    """A metric's label, unit, and the direction that is better."""
    metric = BY_KEY[key]
    return " ".join(part for part in (metric.label, metric.unit, ARROWS[metric.better]) if part)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table."""

    name: str
    method: str
    """Empty where there is a single one."""
    mine: Mapping[str, float]
    """The result's values."""
    theirs: Mapping[str, float]
    """The reference's own."""
    average: bool = False


def rows(outcome: Outcome) -> list[Row]:
    """Every pair, then the averages of several: of each method by itself."""
    table = [
        Row(name=m.pair.name, method=m.pair.method, mine=m.scores.means, theirs=m.scores.reference_means)
        for m in outcome.measured
    ]
    if len({row.name for row in table}) < 2 and not outcome.averages_differ:
        return table
    for name, of in (("average of frames", "frames"), ("average of clips", "clips")):
        for method, average in outcome.averages.items():
            mine, theirs = getattr(average.result, of), getattr(average.reference, of)
            table.append(Row(name=name, method=method, mine=mine, theirs=theirs, average=True))
    return table


def text_table(outcome: Outcome) -> str:
    """Columns of equal width; beside a metric without reference the reference's own value, after a slash."""
    named = 2 if len(outcome.averages) > 1 else 1
    cells = [[*(["", ""][:named]), *(heading(key) for key in outcome.keys)]]
    for row in rows(outcome):
        line = [row.name, row.method][:named]
        for key in outcome.keys:
            value = number(key, row.mine.get(key))
            line.append(f"{value} / {number(key, row.theirs[key])}" if key in row.theirs else value)
        cells.append(line)
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < named else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    ]
    notes = [
        f"{protocol_text(outcome)}; ↑ higher is better, ↓ lower, ≈ near the reference's own value (after the slash)"
    ]
    notes += [f"{label}: not measured: {reason}" for label, reason in missing(outcome)]
    notes += misaligned(outcome) + [drift_text(method, drift) for method, drift in outcome.drift.items()]
    return "\n".join([line.rstrip() for line in lines] + notes)


def missing(outcome: Outcome) -> list[tuple[str, str]]:
    """Labels of the metrics that were not measured, and why; metrics of one reason together."""
    grouped: dict[str, list[str]] = {}
    for key, reason in outcome.not_measured.items():
        grouped.setdefault(reason, []).append(BY_KEY[key].label)
    return [(", ".join(labels), reason) for reason, labels in grouped.items()]


def misaligned(outcome: Outcome) -> list[str]:
    """A line for each pair whose result does not lie on its reference."""
    return [
        f"{name}: the result looks {words}, compared with the reference; the scores mean little then"
        for name, words in outcome.misaligned.items()
    ]


def drift_text(method: str, drift: Drift) -> str:
    """S(x, t) at the end of the windows, in a line."""

    def end(curve: DriftCurve) -> str:
        return f"{curve.mean[-1]:.4f} ± {curve.deviation[-1]:.4f}"

    whose = f"{method}: " if method else ""
    beside = "" if drift.reference is None else f", reference {end(drift.reference)}"
    return (
        f"{whose}S(x, t) over {drift.windows} windows of {drift.frames} frames, at their end (mean ± standard "
        f"deviation): result {end(drift.result)}{beside}"
    )


def protocol_text(outcome: Outcome) -> str:
    """The protocol in a few words."""
    if outcome.protocol == "plain":
        return "Plain protocol (every frame, no crop)"
    return "Official protocol (two frames skipped at both ends, crop to multiples of 32)"


def finite(value: float) -> float | str:
    """JSON and CSV have no infinity: the text "inf" stands for it."""
    return value if math.isfinite(value) else str(value)


def as_json(outcome: Outcome) -> str:
    """Everything measured, as JSON text."""

    def plain(values: Mapping[str, float]) -> dict[str, float | str]:
        return {key: finite(value) for key, value in values.items()}

    pairs = [
        {
            "name": m.pair.name,
            "method": m.pair.method,
            "result": str(m.pair.result.path),
            "reference": None if m.pair.reference is None else str(m.pair.reference.path),
            "frames": m.scores.total,
            "crop": {"top": m.scores.crop.top, "left": m.scores.crop.left,
                     "height": m.scores.crop.height, "width": m.scores.crop.width},
            "means": plain(m.scores.means),
            "reference_means": plain(m.scores.reference_means),
            "curves": {
                side: {
                    key: {"frames": curve.frames, "values": [finite(v) for v in curve.values]}
                    for key, curve in curves.items()
                }
                for side, curves in (("result", m.scores.curves), ("reference", m.scores.reference_curves))
            },
        }
        for m in outcome.measured
    ]  # fmt: skip
    by_method = {
        method: {
            "frame_average": plain(average.result.frames),
            "clip_average": plain(average.result.clips),
            "reference_frame_average": plain(average.reference.frames),
            "reference_clip_average": plain(average.reference.clips),
        }
        for method, average in outcome.averages.items()
    }
    averages = {"methods": by_method} if len(by_method) > 1 else next(iter(by_method.values()))
    document = {
        "protocol": outcome.protocol,
        "metrics": {
            key: {"label": BY_KEY[key].label, "unit": BY_KEY[key].unit, "better": BY_KEY[key].better}
            for key in outcome.keys
        },
        **averages,
        "not_measured": dict(outcome.not_measured),
        "misaligned": dict(outcome.misaligned),
        "drift": {method: asdict(drift) for method, drift in outcome.drift.items()},
        "pairs": pairs,
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_csv(outcome: Outcome, file: TextIO) -> None:
    """One line a frame and pair: the result's values, and the reference's own as ``reference_...``."""
    curves = [(m.pair, m.scores.curves, m.scores.reference_curves) for m in outcome.measured]
    mine = [key for key in BY_KEY if any(key in c for _, c, _ in curves)]
    theirs = [key for key in BY_KEY if any(key in c for _, _, c in curves)]
    several = len(outcome.averages) > 1
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["clip", *(["method"] if several else []), "frame", *mine, *(f"reference_{key}" for key in theirs)])
    for pair, result, reference in curves:
        tables = [dict(zip(c[k].frames, c[k].values, strict=True)) if k in c else {}
                  for c, keys in ((result, mine), (reference, theirs)) for k in keys]  # fmt: skip
        names = [pair.name, pair.method] if several else [pair.name]
        for frame in sorted(set().union(*tables)):
            writer.writerow([*names, frame, *(finite(t[frame]) if frame in t else "" for t in tables)])
