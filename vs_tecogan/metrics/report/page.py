"""The HTML page, put together from scores and pictures; it needs no network and no second file."""

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from string import Template

import numpy as np

from ..catalogue import BY_KEY, METRICS
from ..drift import DriftCurve
from ..evaluation import Curve
from ..picture import Picture
from ..protocol import Crop
from ..suite import Measured, Outcome
from ..tables import ARROWS, Row, drift_text, finite, heading, misaligned, missing, number, protocol_text, rows
from .pictures import Exhibit, Still

GAIN = 4
"""Factor of the difference view."""
JPEG_QUALITY = 92
COLOURS = 6
"""Methods that have a colour of their own; the next one begins again."""


def report_page(outcome: Outcome, exhibits: Mapping[str, Exhibit], title: str) -> str:
    """The whole page.

    :param exhibits: pictures by the label of their pair.
    :param title:    heading and window title.
    """
    clips: dict[str, list[Measured]] = {}
    for measured in outcome.measured:
        clips.setdefault(measured.pair.name, []).append(measured)
    sections = "\n".join(_clip_section(some, exhibits, first=index == 0) for index, some in enumerate(clips.values()))
    return Template(asset("page.html")).substitute(
        title=escape(title),
        style=asset("style.css"),
        protocol=escape(protocol_text(outcome)),
        summary=_summary(outcome),
        sections=_drift(outcome) + sections,
        definitions=_definitions(outcome),
        script=asset("script.js"),
    )


def asset(name: str) -> str:
    """Text of a file beside this module."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _summary(outcome: Outcome) -> str:
    head = "".join(
        f'<th scope="col" title="{escape(BY_KEY[key].about)}">{escape(BY_KEY[key].label)}'
        f"<span>{BY_KEY[key].unit} {ARROWS[BY_KEY[key].better]}</span></th>"
        for key in outcome.keys
    )
    several = len(outcome.averages) > 1
    body = []
    for row in [*rows(outcome), *_baseline_rows(outcome)]:
        cells = "".join(f"<td>{_cell(key, row.mine, row.theirs)}</td>" for key in outcome.keys)
        kind = ' class="average"' if row.average else ""
        method = f"<td class=method>{escape(row.method)}</td>" if several else ""
        body.append(f'<tr{kind}><th scope="row">{escape(row.name)}</th>{method}{cells}</tr>')
    if several:
        head = f'<th scope="col" class=method>Method</th>{head}'
    notes = "".join(f"<li><b>{escape(label)}</b>: not measured: {escape(why)}</li>" for label, why in missing(outcome))
    notes += "".join(f"<li><b>{escape(line)}</b></li>" for line in misaligned(outcome))
    return f"""<section>
<h2>Scores</h2>
<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Clip</th>{head}</tr></thead>
<tbody>{"".join(body)}</tbody></table></div>
<p class="note">↑ higher is better, ↓ lower is better, ≈ good where it is near the reference's own value (in grey).</p>
{f'<ul class="missing">{notes}</ul>' if notes else ""}
</section>"""


def _baseline_rows(outcome: Outcome) -> list[Row]:
    """The means of bicubic enlargement, where it was measured."""
    found = [m for m in outcome.measured if m.baseline is not None]
    several = len(outcome.averages) > 1
    return [
        Row(
            name=m.pair.name if several else f"{m.pair.name}, bicubic",
            method="bicubic",
            mine=m.baseline.means if m.baseline else {},
            theirs={},
        )
        for m in found
    ]


def _cell(key: str, mine: Mapping[str, float], theirs: Mapping[str, float]) -> str:
    own = f' <span class="own">{number(key, theirs[key])}</span>' if key in theirs else ""
    return number(key, mine.get(key)) + own


def _drift(outcome: Outcome) -> str:
    """S(x, t) over random windows: mean, and the band of one standard deviation, of each method and of the data."""
    if not outcome.drift:
        return ""
    lines: list[tuple[str, str, DriftCurve]] = [
        (method or "result", f"m{number % COLOURS}", drift.result)
        for number, (method, drift) in enumerate(outcome.drift.items())
    ]
    first = next(iter(outcome.drift.values()))
    if first.reference is not None:
        lines.append(("reference", "reference", first.reference))
    data = [
        {
            "name": name,
            "kind": kind,
            "points": [[t, value] for t, value in enumerate(curve.mean)],
            "band": list(curve.deviation),
        }
        for name, kind, curve in lines
    ]
    legend = "".join(f'<span class="key {kind}"></span>{escape(name)}' for name, kind, _ in lines)
    notes = "".join(f"<li>{escape(drift_text(method, drift))}</li>" for method, drift in outcome.drift.items())
    return f"""<section><h2>Colours over time, over many windows</h2>
<p class="legend">{legend}</p>
<figure class="curve"><div class="chart" role="img" aria-label="S(x, t) over t" data-digits="4" data-x="t"
data-y="S(x, t)"><script type="application/json">{_script_json(data)}</script></div></figure>
<p class="note">S(x, t): the part of the first picture's colours that picture t still has. Line: mean over the windows;
band: one standard deviation.</p><ul class="note">{notes}</ul></section>"""


def _definitions(outcome: Outcome) -> str:
    items = "".join(
        f"<dt>{escape(metric.label)}</dt><dd>{escape(metric.about)}</dd>"
        for metric in METRICS
        if metric.key in outcome.keys
    )
    return f"<section><h2>What the metrics say</h2><dl>{items}</dl></section>"


def _clip_section(some: Sequence[Measured], exhibits: Mapping[str, Exhibit], *, first: bool) -> str:
    """One truth, and what the methods made of it."""
    names = [measured.pair.method or "result" for measured in some]
    shown = {name: exhibits[m.pair.label] for name, m in zip(names, some, strict=True) if m.pair.label in exhibits}
    parts = [_curves(some, names)]
    if shown:
        leader = next(iter(shown.values()))
        for still in leader.stills:
            others = {name: _at(exhibit, still.index) for name, exhibit in shown.items()}
            parts.append(_still(still, {name: picture for name, picture in others.items() if picture is not None}))
        parts.append(_profile(leader, {name: exhibit.profiles["result"] for name, exhibit in shown.items()}))
    clip = some[0].pair.reference or some[0].pair.result
    facts = f"{clip.width}×{clip.height}, {some[0].scores.total} frames"
    return f"""<details class="pair"{" open" if first else ""}>
<summary><h2>{escape(some[0].pair.name)}</h2> <span class="note">{facts}</span></summary>
{"".join(parts)}
</details>"""


def _at(exhibit: Exhibit, index: int) -> Picture | None:
    return next((still.pictures["result"] for still in exhibit.stills if still.index == index), None)


def _curves(some: Sequence[Measured], names: Sequence[str]) -> str:
    """One chart per metric: all methods, the reference's own values, and bicubic."""
    reference = some[0].scores.reference_curves
    baseline = next((m.baseline.curves for m in some if m.baseline is not None), {})
    figures = []
    for key in dict.fromkeys(key for measured in some for key in measured.scores.curves):
        lines = [
            (name, f"m{number % COLOURS}", measured.scores.curves.get(key))
            for number, (name, measured) in enumerate(zip(names, some, strict=True))
        ]
        lines += [("reference", "reference", reference.get(key)), ("bicubic", "bicubic", baseline.get(key))]
        figures.append(_chart(key, [(name, kind, curve) for name, kind, curve in lines if curve is not None]))
    kinds = [(name, f"m{number % COLOURS}") for number, name in enumerate(names)]
    kinds += [("reference", "reference")] * bool(reference) + [("bicubic", "bicubic")] * bool(baseline)
    legend = "".join(f'<span class="key {kind}"></span>{escape(name)}' for name, kind in kinds)
    legend = f'<p class="legend">{legend}</p>' if len(kinds) > 1 else ""
    return f'<h3>Over time</h3>{legend}<div class="curves">{"".join(figures)}</div>'


def _chart(key: str, lines: Sequence[tuple[str, str, Curve]]) -> str:
    metric = BY_KEY[key]
    data = [
        {
            "name": name,
            "kind": kind,
            "points": [[frame, finite(value)] for frame, value in zip(curve.frames, curve.values, strict=True)],
        }
        for name, kind, curve in lines
    ]
    means = escape(", ".join(f"{name} {number(key, curve.mean)}" for name, _, curve in lines))
    label = f"{escape(heading(key))} over time; mean: {means}"
    return (
        f'<figure class="curve"><figcaption><b>{escape(heading(key))}</b> <span class="note">mean: {means}</span>'
        f'</figcaption><div class="chart" role="img" aria-label="{label}" data-digits="{metric.digits}" '
        f'data-x="frame" data-y="{escape(" ".join(part for part in (metric.label, metric.unit) if part))}">'
        f'<script type="application/json">{_script_json(data)}</script></div></figure>'
    )


def _still(still: Still, results: Mapping[str, Picture]) -> str:
    """A frame: a slider between any two of the pictures, and crops of all.

    :param results: by method.
    """
    pictures = {name: ("" if name != "result" else "Result", picture) for name, picture in results.items()}
    for name in ("reference", "bicubic"):
        if name in still.pictures:
            pictures[name] = (name.capitalize(), still.pictures[name])
    shown = {name: (label or name, _jpeg(picture)) for name, (label, picture) in pictures.items()}
    if "reference" in still.pictures:
        for name, result in results.items():
            what = "Difference" if name == "result" else f"Difference, {name},"
            picture = difference(result, still.pictures["reference"])
            shown["difference" if name == "result" else f"difference {name}"] = (f"{what} ×{GAIN}", _jpeg(picture))
    crops = "".join(
        _crop_row({label or name: picture for name, (label, picture) in pictures.items()}, crop) for crop in still.crops
    )
    return f"""<h3>Frame {still.index} <span class="note">{escape(still.why)}</span></h3>
{_slider(shown, still)}
<h4>Crops <span class="note">pixel for pixel, enlarged</span></h4><div class="crops">{crops}</div>"""


def difference(result: Picture, truth: Picture) -> Picture:
    """|result - truth|, times :data:`GAIN`, black where they are equal."""
    return np.asarray(np.minimum(np.abs(result.astype(np.int16) - truth) * GAIN, 255), np.uint8)


def _slider(pictures: Mapping[str, tuple[str, str]], still: Still) -> str:
    """:param pictures: what each is called, and the picture as a data URI."""
    height, width = still.pictures["result"].shape[:2]
    size = f'width="{width}" height="{height}"'
    names = list(pictures)
    if len(names) == 1:
        label, uri = pictures[names[0]]
        return f'<img class="whole" src="{uri}" {size} alt="{escape(label)}, frame {still.index}">'
    images = "".join(
        f'<img data-name="{escape(name)}" src="{uri}" {size} alt="{escape(label)}, frame {still.index}">'
        for name, (label, uri) in pictures.items()
    )

    def choice(side: str, chosen: str) -> str:
        options = "".join(
            f'<option value="{escape(name)}"{" selected" if name == chosen else ""}>{escape(label)}</option>'
            for name, (label, _) in pictures.items()
        )
        return f'<label>{side.capitalize()} <select data-side="{side}">{options}</select></label>'

    right = "reference" if "reference" in names else names[1]
    return f"""<div class="compare">
<div class="choices">{choice("left", names[0])}{choice("right", right)}</div>
<div class="stage" style="aspect-ratio:{width}/{height}">{images}<span class="edge"></span></div>
<input type="range" min="0" max="100" step="0.1" value="50" aria-label="Share of the left picture, percent">
</div>"""


def _crop_row(pictures: Mapping[str, Picture], crop: Crop) -> str:
    cells = "".join(
        f'<figure><img src="{_png(picture[crop.window])}" width="{crop.width}" height="{crop.height}" '
        f'alt="{escape(label)} at {crop.left}, {crop.top}"><figcaption>{escape(label)}</figcaption></figure>'
        for label, picture in pictures.items()
    )
    return f'<div class="row"><p class="note">at {crop.left}, {crop.top}</p><div class="cells">{cells}</div></div>'


def _profile(exhibit: Exhibit, results: Mapping[str, Picture]) -> str:
    row = exhibit.line.along == "row"
    figures = []
    others = {name.capitalize(): picture for name, picture in exhibit.profiles.items() if name != "result"}
    for name, picture in ({"Result" if k == "result" else k: v for k, v in results.items()} | others).items():
        length, breadth = (picture.shape[0], picture.shape[1]) if row else (picture.shape[1], picture.shape[0])
        # A short clip is stretched along time, so that each frame's line can be seen.
        stretch = max(1, min(4, 240 // length))
        size = (breadth, length * stretch) if row else (length * stretch, breadth)
        shape = f'width="{size[0]}" height="{size[1]}" style="aspect-ratio:{size[0]}/{size[1]}"'
        image = f'<img src="{_png(picture)}" {shape} alt="Temporal profile, {escape(name)}">'
        figures.append(f"<figure><figcaption>{escape(name)}</figcaption>{image}</figure>")
    where = "middle" if exhibit.line.at is None else str(exhibit.line.at)
    way = "time runs down" if row else "time runs to the right"
    what = f"{exhibit.line.along} {where} of every frame from {exhibit.first} on"
    return f"""<h3>Temporal profile <span class="note">{what};
{way}; smooth streaks are steady motion, fringes and grain are flicker</span></h3>
<div class="profiles {exhibit.line.along}">{"".join(figures)}</div>"""


def _script_json(data: object) -> str:
    """JSON that may stand inside a script element."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _jpeg(picture: Picture) -> str:
    import cv2  # of the extra metrics

    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return _uri("jpeg", cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)[1].tobytes())


def _png(picture: Picture) -> str:
    import cv2  # of the extra metrics

    bgr = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2BGR)
    return _uri("png", cv2.imencode(".png", bgr)[1].tobytes())


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
