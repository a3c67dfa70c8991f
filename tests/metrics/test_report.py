"""The report, in a real browser; tables, JSON and CSV."""

import csv
import io
import json
import math
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from vs_tecogan.metrics.protocol import kept_frames
from vs_tecogan.metrics.report import PictureCollector, ProfileLine, report_page
from vs_tecogan.metrics.report.page import asset
from vs_tecogan.metrics.sources import pair_up
from vs_tecogan.metrics.suite import Options, Outcome, measure
from vs_tecogan.metrics.tables import as_json, text_table, write_csv

from .conftest import Write, moving, noisy

cv2 = pytest.importorskip("cv2")

METRICS = ("psnr", "tof", "tdiff", "colour_similarity", "squeeze")

PROBE = """<script>
addEventListener("error", event => document.body.dataset.error = event.message);
addEventListener("load", () => setTimeout(() => {
  const stage = document.querySelector(".stage"), range = document.querySelector(".compare input");
  const pick = document.querySelector("select[data-side=right]");
  range.value = 25; range.dispatchEvent(new Event("input"));
  pick.value = "difference"; pick.dispatchEvent(new Event("change"));
  const chart = document.querySelector(".chart svg");
  chart.dispatchEvent(new PointerEvent("pointermove", {clientX: chart.getBoundingClientRect().right - 9}));
  document.body.dataset.seen = JSON.stringify({
    paths: [...document.querySelectorAll("details[open] .chart")].map(c => c.querySelectorAll("svg path").length),
    left: getComputedStyle(stage.querySelector("img.left")).clipPath,
    right: stage.querySelector("img.right").dataset.name,
    edge: getComputedStyle(stage.querySelector(".edge")).left,
    width: stage.clientWidth,
    broken: [...document.images].filter(i => !i.naturalWidth).length,
    images: document.images.length,
    readout: document.querySelector(".chart output").textContent,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    background: getComputedStyle(document.body).backgroundColor,
    loads: performance.getEntriesByType("resource").filter(e => !e.name.startsWith("data:")).length,
  });
}, 300));
</script>"""


@pytest.fixture
def outcome(write: Write) -> tuple[Outcome, str]:
    """Two pairs under the plain protocol, one with an equal frame, and their report."""
    truth = moving(6, 144, 176)
    result = noisy(truth)
    result[3] = truth[3]
    write("r/<b>walk", result)
    write("t/<b>walk", truth)
    write("r/still", noisy(truth[:1] * 6))
    root = write("t/still", truth[:1] * 6).parents[1]
    collectors: dict[str, PictureCollector] = {}

    def watch(pair):  # type: ignore[no-untyped-def]
        some = kept_frames(pair.result.length, "plain")
        collectors[pair.name] = PictureCollector(some[len(some) // 2])
        return [collectors[pair.name]]

    measured = measure(pair_up([root / "r"], [root / "t"]), Options(protocol="plain", metrics=METRICS, jobs=2), watch)
    exhibits = {name: collector.exhibit() for name, collector in collectors.items()}
    return measured, report_page(measured, exhibits, "A <test> & more")


def look(page: str, folder: Path, width: int, *, dark: bool = False) -> dict:
    """Open a page in headless Chromium, use its controls, and return what the probe saw."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium on PATH")
    # A frame of the phone's width: Chromium's window has a larger least width.
    (folder / "page.html").write_text(page.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    inner = f'<iframe src="page.html" style="border:0;width:{width}px;height:900px"></iframe>'
    bridge = "<script>onload=()=>setTimeout(()=>{const b=frames[0].document.body;document.body.dataset.seen="
    bridge += "b.dataset.seen||'';document.body.dataset.error=b.dataset.error||''},1500)</script>"
    (folder / "frame.html").write_text(f'<body style="margin:0">{inner}{bridge}</body>', encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    command += [
        "--disable-background-networking",
        "--disable-component-update",
        f"--user-data-dir={folder / 'profile'}",
    ]
    command += ["--allow-file-access-from-files", f"--window-size={max(width, 800)},1000", "--virtual-time-budget=6000"]
    command += [f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--dump-dom"]
    done = subprocess.run(
        [*command, (folder / "frame.html").as_uri()], capture_output=True, text=True, timeout=120, check=False
    )
    body = re.search(r"<body[^>]*>", done.stdout)
    assert body, done.stderr[-2000:]
    attributes = dict(re.findall(r'data-(\w+)="([^"]*)"', body.group()))
    assert attributes.get("error") == "", attributes
    return json.loads(unescape(attributes["seen"]))


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)])
def test_report_in_a_browser(outcome: tuple[Outcome, str], tmp_path: Path, width: int, dark: bool) -> None:
    """A script error, curves that are not drawn, a dead slider, a page wider than a phone, or light in the dark."""
    seen = look(outcome[1], tmp_path, width, dark=dark)
    assert seen["paths"] == [1, 1, 2, 2]
    assert "75%" in seen["left"]
    assert seen["right"] == "difference"
    assert float(seen["edge"].removesuffix("px")) == pytest.approx(0.25 * seen["width"], abs=2)
    assert seen["broken"] == 0
    assert seen["images"] > 20
    assert re.match(r"frame 5: result \d\d\.\d", seen["readout"])
    assert seen["overflow"] <= 0
    assert seen["loads"] == 0
    assert (sum(map(int, re.findall(r"\d+", seen["background"])[:3])) < 200) == dark


def test_report_is_self_contained_and_escaped(outcome: tuple[Outcome, str]) -> None:
    """A reference to another file or host, or names that become markup."""
    page = outcome[1]
    links = re.findall(r'(?:src|href)="([^"]{0,40})', page) + re.findall(r"url\(([^)]*)\)|@import", page)
    assert links
    assert all(link.startswith("data:image/") for link in links)
    assert "<test>" not in page
    assert "<b>walk" not in page
    assert "&lt;b&gt;walk" in page
    assert "Squeeze distance</b>: not measured: no SqueezeNet weights" in page


def test_names_of_clips_stay_whole_on_a_phone() -> None:
    """A column of single letters: a rule that lets a browser break a word anywhere makes it as narrow as it can."""
    rules = re.findall(r"tbody th[^{]*\{([^}]*)\}", asset("style.css"))
    assert len(rules) == 2
    assert not any("anywhere" in rule for rule in rules)


def test_text_table(outcome: tuple[Outcome, str]) -> None:
    """Averages mixed up, an infinity that is printed as a number, or a missing reason."""
    lines = text_table(outcome[0]).splitlines()
    assert len({len(line) for line in lines[:5]}) == 1
    assert "∞" in next(line for line in lines if line.startswith("<b>walk"))
    assert [line.split("  ")[0] for line in lines[3:5]] == ["average of frames", "average of clips"]
    assert any(line.startswith("Squeeze distance: not measured: no SqueezeNet") for line in lines)


def test_averages(outcome: tuple[Outcome, str]) -> None:
    """FrameAvg computed as FolderAvg: steps weigh by their number, here the same, and totals by clip."""
    result, measured = outcome[0].averages[""].result, outcome[0].measured
    values = [m.scores.curves["tof"].values for m in measured]
    assert result.frames["tof"] == pytest.approx(np.mean(np.concatenate(values)))
    assert result.clips["tof"] == pytest.approx(np.mean([np.mean(v) for v in values]))


def test_json_and_csv(outcome: tuple[Outcome, str]) -> None:
    """Text that other programs cannot read: bare infinities, or values that differ from the scores."""

    def refuse(text: str) -> None:
        raise AssertionError(text)

    document = json.loads(as_json(outcome[0]), parse_constant=refuse)
    walk = next(pair for pair in document["pairs"] if pair["name"] == "<b>walk")
    assert walk["curves"]["result"]["psnr"]["values"][3] == "inf"
    assert walk["means"]["psnr"] == "inf"
    assert document["not_measured"].keys() == {"squeeze"}
    file = io.StringIO()
    write_csv(outcome[0], file)
    table = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert [row["frame"] for row in table] == [str(n) for _ in range(2) for n in range(6)]
    scores = outcome[0].measured[0].scores
    assert [float(row["psnr"]) for row in table[:6]] == list(scores.curves["psnr"].values)
    assert [float(row["reference_tdiff"] or "nan") for row in table[:6]][1:] == list(
        scores.reference_curves["tdiff"].values
    )
    assert math.isinf(float(table[3]["psnr"]))
    assert table[0]["tof"] == ""


def test_temporal_profile() -> None:
    """A profile of the wrong line, transposed, or with frames out of order."""
    frames = moving(5, 40, 60)
    collector = PictureCollector(2, line=ProfileLine.parse("row:7"))
    for n, frame in enumerate(frames):
        collector.frame(n + 2, frame, frame, {"psnr": 30.0 - n})
    exhibit = collector.exhibit()
    np.testing.assert_array_equal(exhibit.profiles["result"], np.stack([frame[7] for frame in frames]))
    assert exhibit.first == 2
    assert [(s.index, s.why) for s in exhibit.stills] == [(6, "lowest Y-PSNR"), (2, "in the middle")]
    column = PictureCollector(0, line=ProfileLine.parse("column"))
    column.frame(0, frames[0], None, {})
    np.testing.assert_array_equal(column.exhibit().profiles["result"], frames[0][:, 30:31])


def test_crops_show_the_difference() -> None:
    """Crops from places where nothing is wrong, or twice the same."""
    truth = moving(1, 300, 400)[0]
    result = truth.copy()
    result[220:260, 300:360] //= 2
    result[10:40, 20:60] //= 2
    collector = PictureCollector(0)
    collector.frame(0, result, truth, {})
    places = collector.exhibit().stills[0].crops
    assert len(places) == 2
    for top, left, height, width in ((220, 300, 40, 60), (10, 20, 30, 40)):
        covering = [
            p
            for p in places
            if p.top <= top and p.left <= left and p.top + p.height >= top + height and p.left + p.width >= left + width
        ]
        assert len(covering) == 1
