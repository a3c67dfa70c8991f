#!/usr/bin/env python3
"""Draw the curves and write the table of the pilot that chose the recurrent network.

scripts/pilot.py      docs/research/recurrent-pilot.json -> its .svg, and the tables between the markers of its .md
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "research"
COLUMNS = {
    "kmac": ("kMAC per LR pixel", 0),
    "minutes": ("core-minutes", 1),
    "iterations": ("iterations", 0),
    "val": ("held-out split, Y-PSNR, dB", 2),
    "psnr": ("evaluation clips, Y-PSNR, dB", 2),
    "tof": ("tOF, px", 3),
    "lpips": ("LPIPS-Alex", 4),
    "ms": ("ms per 213x120 frame", 0),
}


def rows(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Each variant's numbers at the end of its run."""
    result: dict[str, dict[str, float]] = {}
    for name, variant in found["variants"].items():
        row: dict[str, float] = dict(variant.get("scores", {}))
        if curve := variant.get("curve"):
            row |= {"minutes": curve[-1]["minutes"], "iterations": curve[-1]["it"], "val": curve[-1]["psnr"]}
        result[name] = row | ({"kmac": variant["kmac"]} if variant.get("kmac") else {})
    return result


def final_table(found: dict[str, Any]) -> str:
    """Markdown: a line per variant."""
    lines = [f"| variant | {' | '.join(label for label, _ in COLUMNS.values())} |", f"|---|{'---:|' * len(COLUMNS)}"]
    for name, row in rows(found).items():
        cells = [f"{row[key]:.{digits}f}" if key in row else "–" for key, (_, digits) in COLUMNS.items()]
        lines.append(f"| {name}: {found['variants'][name]['label']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def curve_table(found: dict[str, Any]) -> str:
    """Markdown: Y-PSNR on the held-out split by core-minute."""
    curves = {name: variant["curve"] for name, variant in found["variants"].items() if variant.get("curve")}
    minutes = sorted({round(point["minutes"]) for curve in curves.values() for point in curve})
    lines = [f"| variant | {' | '.join(map(str, minutes))} |", f"|---|{'---:|' * len(minutes)}"]
    for name, curve in curves.items():
        at = {round(point["minutes"]): point["psnr"] for point in curve}
        cells = [f"{at[minute]:.2f}" if minute in at else "" for minute in minutes]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(found: dict[str, Any], path: Path) -> None:
    """Y-PSNR on the held-out split over core-minutes."""
    mpl.rcParams["svg.hashsalt"] = "pilot"
    figure, axes = plt.subplots(figsize=(7, 4))
    for name, variant in found["variants"].items():
        if curve := variant.get("curve"):
            axes.plot(
                [p["minutes"] for p in curve],
                [p["psnr"] for p in curve],
                marker=".",
                label=f"{name}: {variant['label']}",
            )
    axes.set_xlabel("core-minutes")
    axes.set_ylabel("Y-PSNR on held-out footage, dB")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    """Read the JSON, write plot and tables."""
    found = json.loads((FOLDER / "recurrent-pilot.json").read_text(encoding="utf-8"))
    plot(found, FOLDER / "recurrent-pilot.svg")
    page = FOLDER / "recurrent-pilot.md"
    text = page.read_text(encoding="utf-8")
    for name, table in (("final", final_table(found)), ("curves", curve_table(found))):
        text = re.sub(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", rf"\g<1>{table}\n\g<2>", text, flags=re.DOTALL)
    page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
