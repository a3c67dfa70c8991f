"""A run as one HTML file that needs no network, no second file and no program but a browser."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from string import Template

from ..config import Config, options

MOST_POINTS = 300
"""Points of a curve; a longer one is averaged in groups."""
WIDTH, HEIGHT = 340, 170
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 10, 30
TOGETHER = {"eval_psnr": ("eval_bicubic",), "flow_epe": ("flow_epe_zero",), "warp": ("warp_zero",)}
"""Curves that are drawn with another's."""
TIMES = ("iteration", "seconds")
FIRST = ("eval_psnr", "eval_flicker", "content", "total", "lr")
"""Curves in this order before all others."""

Rows = Sequence[Mapping[str, str]]
"""Of metrics.csv."""


@dataclass(frozen=True, kw_only=True)
class RunState:
    """What the page tells of a run."""

    name: str
    phase: str
    """What is trained now."""
    iteration: int
    iterations: int
    seconds: float
    """Of training, in all sessions."""
    speed: float
    """Iterations per second in the last minutes; 0 where unknown."""
    device: str
    ended: bool
    """Whether the session is over."""
    written: str
    """When the page was written."""
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """PNG files by what they show."""


def run_page(state: RunState, config: Config, rows: Rows) -> str:
    """The whole page."""
    pictures = "".join(
        f'<figure><figcaption>{escape(name)}</figcaption><img alt="{escape(name)}" '
        f'src="data:image/png;base64,{base64.b64encode(data).decode()}"></figure>'
        for name, data in state.pictures.items()
    )
    template = resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        title=escape(state.name),
        refresh="" if state.ended else '<meta http-equiv="refresh" content="60">',
        progress=f"{100 * state.iteration / max(state.iterations, 1):.1f}",
        facts="".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts(state).items()),
        pictures=pictures or "<p>No picture yet.</p>",
        curves="".join(charts(rows)) or "<p>No row in metrics.csv yet.</p>",
        changed=_settings(config, changed=True),
        others=_settings(config, changed=False),
    )


def facts(state: RunState) -> dict[str, str]:
    """A few words each on how far the run is."""
    left = (state.iterations - state.iteration) / state.speed if state.speed else None
    return {
        "Now": "this session has ended" if state.ended else f"{state.phase}, on {state.device}",
        "Iteration": f"{state.iteration} of {state.iterations}",
        "Time left": "unknown yet" if left is None else duration(left),
        "Trained": duration(state.seconds),
        "Speed": f"{state.speed:.3g} iterations per second" if state.speed else "unknown yet",
        "Page of": state.written,
    }


def duration(seconds: float) -> str:
    """Hours and minutes, or days and hours."""
    minutes = round(seconds / 60)
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // (24 * 60)} days {minutes // 60 % 24} h"


def charts(rows: Rows) -> list[str]:
    """One drawing per column of the table, the telling ones first."""
    names = list(dict.fromkeys(name for row in rows for name in row if name and name not in TIMES))
    beside = {other for others in TOGETHER.values() for other in others}
    order = [name for name in FIRST if name in names] + [n for n in names if n not in FIRST and n not in beside]
    drawn = [chart([(n, series(rows, n)) for n in (name, *TOGETHER.get(name, ()))]) for name in order]
    return [one for one in drawn if one]


def series(rows: Rows, name: str) -> list[tuple[float, float]]:
    """(iteration, value) of a column, thinned by averaging."""
    points = [(float(row["iteration"]), float(row[name])) for row in rows if row.get(name)]
    group = -(-len(points) // MOST_POINTS) or 1
    parts = (points[k : k + group] for k in range(0, len(points), group))
    return [(part[-1][0], sum(value for _, value in part) / len(part)) for part in parts]


def chart(lines: Sequence[tuple[str, Sequence[tuple[float, float]]]]) -> str:
    """Curves over iterations as SVG; empty where there is no point."""
    lines = [(name, points) for name, points in lines if points]
    values = [value for _, points in lines for _, value in points]
    if not values:
        return ""
    first, last = (pick(x for _, points in lines for x, _ in points) for pick in (min, max))
    low, high = min(values), max(values)
    pad = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
    low, high = low - pad, high + pad

    def place(x: float, y: float) -> str:
        across = (x - first) / (last - first) if last > first else 0.5
        down = (high - y) / (high - low)
        return f"{LEFT + across * (WIDTH - LEFT - RIGHT):.1f},{TOP + down * (HEIGHT - TOP - BOTTOM):.1f}"

    parts = []
    for share in (0.0, 0.5, 1.0):
        value, y = high - share * (high - low), TOP + share * (HEIGHT - TOP - BOTTOM)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{value:.4g}</text>')
    for x, anchor, shown in ((LEFT, "start", first), (WIDTH - RIGHT, "end", last)):
        parts.append(f'<text x="{x}" y="{HEIGHT - 14}" text-anchor="{anchor}">{shown:.0f}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH) / 2:.0f}" y="{HEIGHT - 3}" text-anchor="middle">iteration</text>')
    for number, (_, points) in enumerate(lines):
        path = " ".join(place(x, y) for x, y in points)
        dot = place(*points[-1]).split(",")
        parts.append(f'<polyline class="c{number}" points="{path}"/>')
        parts.append(f'<circle class="c{number}" cx="{dot[0]}" cy="{dot[1]}" r="2.5"/>')
    words = ", ".join(f"{name} {points[-1][1]:.4g}" for name, points in lines)
    return (
        f'<figure><figcaption>{escape(words)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(words)}">{"".join(parts)}</svg></figure>'
    )


def _settings(config: Config, *, changed: bool) -> str:
    """Settings that are not the default ones, or those that are, in the words of a file."""
    tables: dict[str, list[str]] = {}
    for table, item in options():
        value = getattr(getattr(config, table), item.name)
        if (value != item.default) == changed:
            tables.setdefault(table, []).append(f"{item.name} = {_toml(value)}")
    return escape("\n\n".join("\n".join([f"[{table}]", *lines]) for table, lines in tables.items()))


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(one) for one in value)}]"
    return f"'{value}'" if isinstance(value, str) else str(value)
