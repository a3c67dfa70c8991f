"""The HTML page, put together from scores and pictures; it needs no network and no second file."""

import base64
import json
from collections.abc import Mapping
from html import escape
from importlib import resources
from string import Template

import numpy as np

from ..catalogue import BY_KEY, METRICS
from ..evaluation import Scores
from ..picture import Picture
from ..protocol import Crop
from ..suite import Measured, Outcome
from ..tables import ARROWS, finite, heading, misaligned, missing, number, protocol_text, rows
from .pictures import Exhibit, Still

GAIN = 4
"""Factor of the difference view."""
JPEG_QUALITY = 92
NAMES = {"result": "Result", "reference": "Reference", "bicubic": "Bicubic", "difference": f"Difference ×{GAIN}"}


def report_page(outcome: Outcome, exhibits: Mapping[str, Exhibit], title: str) -> str:
    """The whole page.

    :param exhibits: pictures by the name of their pair.
    :param title:    heading and window title.
    """
    sections = "\n".join(
        _pair_section(measured, exhibits.get(measured.pair.name), first=index == 0)
        for index, measured in enumerate(outcome.measured)
    )
    return Template(asset("page.html")).substitute(
        title=escape(title),
        style=asset("style.css"),
        protocol=escape(protocol_text(outcome)),
        summary=_summary(outcome),
        sections=sections,
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
    body = []
    for index, (name, mine, theirs) in enumerate(rows(outcome)):
        cells = "".join(f"<td>{_cell(key, mine, theirs)}</td>" for key in outcome.keys)
        kind = "" if index < len(outcome.measured) else ' class="average"'
        body.append(f'<tr{kind}><th scope="row">{escape(name)}</th>{cells}</tr>')
    notes = "".join(f"<li><b>{escape(label)}</b>: not measured: {escape(why)}</li>" for label, why in missing(outcome))
    notes += "".join(f"<li><b>{escape(line)}</b></li>" for line in misaligned(outcome))
    return f"""<section>
<h2>Scores</h2>
<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Clip</th>{head}</tr></thead>
<tbody>{"".join(body)}</tbody></table></div>
<p class="note">↑ higher is better, ↓ lower is better, ≈ good where it is near the reference's own value (in grey).</p>
{f'<ul class="missing">{notes}</ul>' if notes else ""}
</section>"""


def _cell(key: str, mine: Mapping[str, float], theirs: Mapping[str, float]) -> str:
    own = f' <span class="own">{number(key, theirs[key])}</span>' if key in theirs else ""
    return number(key, mine.get(key)) + own


def _definitions(outcome: Outcome) -> str:
    items = "".join(
        f"<dt>{escape(metric.label)}</dt><dd>{escape(metric.about)}</dd>"
        for metric in METRICS
        if metric.key in outcome.keys
    )
    return f"<section><h2>What the metrics say</h2><dl>{items}</dl></section>"


def _pair_section(measured: Measured, exhibit: Exhibit | None, *, first: bool) -> str:
    parts = [_curves(measured.scores)]
    if exhibit is not None:
        parts += [_still(still) for still in exhibit.stills]
        parts.append(_profile(exhibit))
    clip = measured.pair.reference or measured.pair.result
    facts = f"{clip.width}×{clip.height}, {measured.scores.total} frames"
    return f"""<details class="pair"{" open" if first else ""}>
<summary><h2>{escape(measured.pair.name)}</h2> <span class="note">{facts}</span></summary>
{"".join(parts)}
</details>"""


def _curves(scores: Scores) -> str:
    figures = []
    for key, curve in scores.curves.items():
        theirs = scores.reference_curves.get(key)
        lines = {"result": curve} | ({} if theirs is None else {"reference": theirs})
        data = {
            name: [[frame, finite(value)] for frame, value in zip(line.frames, line.values, strict=True)]
            for name, line in lines.items()
        }
        means = ", ".join(f"{name} {number(key, line.mean)}" for name, line in lines.items())
        label = escape(f"{heading(key)} over time; mean: {means}")
        figures.append(
            f'<figure class="curve"><figcaption><b>{escape(heading(key))}</b> <span class="note">mean: {means}</span>'
            f'</figcaption><div class="chart" role="img" aria-label="{label}" data-digits="{BY_KEY[key].digits}">'
            f'<script type="application/json">{_script_json(data)}</script></div></figure>'
        )
    legend = ""
    if scores.reference_curves:
        legend = (
            '<p class="legend"><span class="key result"></span>result <span class="key reference"></span>reference</p>'
        )
    return f'<h3>Over time</h3>{legend}<div class="curves">{"".join(figures)}</div>'


def _still(still: Still) -> str:
    pictures = {name: _jpeg(picture) for name, picture in still.pictures.items()}
    if "reference" in still.pictures:
        pictures["difference"] = _jpeg(difference(still.pictures["result"], still.pictures["reference"]))
    crops = "".join(_crop_row(still, crop) for crop in still.crops)
    return f"""<h3>Frame {still.index} <span class="note">{escape(still.why)}</span></h3>
{_slider(pictures, still)}
<h4>Crops <span class="note">pixel for pixel, enlarged</span></h4><div class="crops">{crops}</div>"""


def difference(result: Picture, truth: Picture) -> Picture:
    """|result - truth|, times :data:`GAIN`, black where they are equal."""
    return np.asarray(np.minimum(np.abs(result.astype(np.int16) - truth) * GAIN, 255), np.uint8)


def _slider(pictures: Mapping[str, str], still: Still) -> str:
    height, width = still.pictures["result"].shape[:2]
    size = f'width="{width}" height="{height}"'
    if len(pictures) == 1:
        return f'<img class="whole" src="{pictures["result"]}" {size} alt="Result, frame {still.index}">'
    images = "".join(
        f'<img data-name="{name}" src="{uri}" {size} alt="{NAMES[name]}, frame {still.index}">'
        for name, uri in pictures.items()
    )

    def choice(side: str, chosen: str) -> str:
        options = "".join(
            f'<option value="{name}"{" selected" if name == chosen else ""}>{NAMES[name]}</option>' for name in pictures
        )
        return f'<label>{side.capitalize()} <select data-side="{side}">{options}</select></label>'

    return f"""<div class="compare">
<div class="choices">{choice("left", "result")}{choice("right", "reference")}</div>
<div class="stage" style="aspect-ratio:{width}/{height}">{images}<span class="edge"></span></div>
<input type="range" min="0" max="100" step="0.1" value="50" aria-label="Share of the left picture, percent">
</div>"""


def _crop_row(still: Still, crop: Crop) -> str:
    cells = "".join(
        f'<figure><img src="{_png(picture[crop.window])}" width="{crop.width}" height="{crop.height}" '
        f'alt="{NAMES[name]} at {crop.left}, {crop.top}"><figcaption>{NAMES[name]}</figcaption></figure>'
        for name, picture in still.pictures.items()
    )
    return f'<div class="row"><p class="note">at {crop.left}, {crop.top}</p><div class="cells">{cells}</div></div>'


def _profile(exhibit: Exhibit) -> str:
    row = exhibit.line.along == "row"
    figures = []
    for name, picture in exhibit.profiles.items():
        length, breadth = (picture.shape[0], picture.shape[1]) if row else (picture.shape[1], picture.shape[0])
        # A short clip is stretched along time, so that each frame's line can be seen.
        stretch = max(1, min(4, 240 // length))
        size = (breadth, length * stretch) if row else (length * stretch, breadth)
        shape = f'width="{size[0]}" height="{size[1]}" style="aspect-ratio:{size[0]}/{size[1]}"'
        image = f'<img src="{_png(picture)}" {shape} alt="Temporal profile of the {name}">'
        figures.append(f"<figure><figcaption>{NAMES[name]}</figcaption>{image}</figure>")
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
