"""Style and script of the report, as they stand in the page."""

STYLE = """
:root { --bg:#fbfbfa; --panel:#fff; --ink:#1c1e21; --soft:#62676f; --line:#dcdedf; --a:#0b62c4; --b:#c2570c; }
@media (prefers-color-scheme: dark) {
  :root { --bg:#131518; --panel:#1b1e22; --ink:#e6e7e9; --soft:#9aa1ab; --line:#33383f; --a:#6fb1ff; --b:#ffa35c; }
}
* { box-sizing:border-box; }
html { -webkit-text-size-adjust:100%; }
body { margin:0; background:var(--bg); color:var(--ink); font:16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
header, main { max-width:75rem; margin:0 auto; padding:0 1rem; }
header { padding-top:1.5rem; }
h1 { font-size:1.6rem; line-height:1.2; margin:0; overflow-wrap:anywhere; }
header p { color:var(--soft); margin:.4rem 0 0; }
h2 { font-size:1.2rem; margin:0 0 .6rem; }
h3 { font-size:1.05rem; margin:1.8rem 0 .6rem; }
h4 { font-size:.95rem; margin:1.2rem 0 .4rem; }
section, details.pair { background:var(--panel); border:1px solid var(--line); border-radius:.6rem; padding:1rem;
  margin:1rem 0; }
summary { cursor:pointer; }
summary h2 { display:inline; overflow-wrap:anywhere; }
.note, .own { color:var(--soft); font-weight:400; font-size:.85rem; }
.own { white-space:nowrap; }
.scroll { overflow-x:auto; }
table { border-collapse:collapse; font-variant-numeric:tabular-nums; font-size:.9rem; min-width:100%; }
th, td { padding:.35rem .5rem; text-align:right; vertical-align:top; white-space:nowrap;
  border-bottom:1px solid var(--line); }
thead th { color:var(--soft); font-weight:600; vertical-align:bottom; }
thead th span { display:block; font-weight:400; }
tbody th, thead th:first-child { text-align:left; position:sticky; left:0; background:var(--panel); }
td .own { display:block; }
tr.average th, tr.average td { font-weight:600; }
.missing { font-size:.85rem; padding-left:1.1rem; overflow-wrap:anywhere; }
.curves { display:grid; grid-template-columns:repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); gap:1rem; }
figure { margin:0; min-width:0; }
figure.curve .note { display:block; }
.chart { position:relative; height:11rem; touch-action:pan-y; }
.chart svg { display:block; width:100%; height:100%; }
.chart text { fill:var(--soft); font-size:11px; }
.chart .grid { stroke:var(--line); }
.chart path { fill:none; stroke-width:1.8; stroke-linejoin:round; }
.chart .result { stroke:var(--a); } .chart .reference { stroke:var(--b); stroke-dasharray:5 3; }
.chart circle.result { fill:var(--a); } .chart circle.reference { fill:var(--b); }
.chart .now { stroke:var(--soft); stroke-dasharray:2 2; }
.chart output { position:absolute; top:0; right:0; background:var(--panel); border:1px solid var(--line);
  border-radius:.3rem; padding:.1rem .4rem; font-size:.8rem; pointer-events:none; font-variant-numeric:tabular-nums; }
.chart output:empty { display:none; }
.legend { font-size:.9rem; margin:.2rem 0 .6rem; }
.key { display:inline-block; width:1.6rem; border-top:3px solid var(--a); vertical-align:middle;
  margin:0 .3rem 0 .8rem; }
.key.result { margin-left:0; } .key.reference { border-top:3px dashed var(--b); }
img { display:block; max-width:100%; height:auto; }
.choices { display:flex; justify-content:space-between; gap:.6rem; margin-bottom:.5rem; font-size:.9rem; }
select { font:inherit; color:inherit; background:var(--panel); border:1px solid var(--line); border-radius:.3rem;
  padding:.35rem; min-height:2.4rem; max-width:9.5rem; }
.compare, img.whole { max-width:60rem; }
.stage { position:relative; overflow:hidden; width:100%; touch-action:pan-y; cursor:ew-resize; border-radius:.3rem; }
.stage img { position:absolute; inset:0; width:100%; height:100%; display:none; user-select:none; }
.stage img.left { display:block; z-index:1; clip-path:inset(0 calc(100% - var(--cut, 50%)) 0 0); }
.stage img.right { display:block; clip-path:inset(0 0 0 var(--cut, 50%)); }
.stage .edge { position:absolute; z-index:2; top:0; bottom:0; left:var(--cut, 50%); width:2px; margin-left:-1px;
  background:#fff; box-shadow:0 0 0 1px #0008; pointer-events:none; }
.compare input { width:100%; margin:.5rem 0 0; min-height:2rem; accent-color:var(--a); }
.crops .row { margin-bottom:.8rem; }
.crops .row p { margin:0 0 .2rem; }
.cells { display:grid; grid-template-columns:repeat(3, minmax(0, 20rem)); gap:.5rem; }
.cells img, .profiles img { image-rendering:pixelated; }
.cells img { width:100%; }
figcaption { font-size:.85rem; }
.profiles figure { margin-bottom:.6rem; }
.profiles.row img { width:100%; max-width:60rem; }
.profiles.column img { max-width:none; }
.profiles.column figure { overflow-x:auto; }
.profiles.column { display:flex; flex-wrap:wrap; gap:.6rem; }
dl { display:grid; grid-template-columns:max-content 1fr; gap:.2rem 1rem; font-size:.9rem; margin:0; }
dt { font-weight:600; } dd { margin:0; }
@media (max-width:36rem) {
  header, main { padding:0 .6rem; }
  section, details.pair { padding:.7rem; }
  dl { grid-template-columns:1fr; } dd { margin-bottom:.4rem; }
  tbody th { white-space:normal; max-width:6.5rem; overflow-wrap:anywhere; }
  .cells { gap:.25rem; } .cells figcaption { font-size:.75rem; }
}
"""

SCRIPT = r"""
"use strict";
const make = (name, attributes, parent) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent.append(node);
  return node;
};
const ticks = (low, high, count) => {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(k => k * power).find(k => k >= raw);
  const list = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) list.push(k * step);
  return [list, Math.max(0, -Math.floor(Math.log10(step) + 1e-9))];
};
const draw = chart => {
  const lines = JSON.parse(chart.querySelector("script").textContent);
  const width = chart.clientWidth, height = chart.clientHeight;
  if (!width) return;
  chart.querySelectorAll("svg, output").forEach(old => old.remove());
  const points = Object.values(lines).flat(), finite = points.filter(p => typeof p[1] === "number");
  const first = Math.min(...points.map(p => p[0])), last = Math.max(...points.map(p => p[0]));
  let low = Math.min(...finite.map(p => p[1])), high = Math.max(...finite.map(p => p[1]));
  if (!finite.length) { low = 0; high = 1; }
  const pad = (high - low) * 0.08 || Math.abs(high) * 0.05 || 1;
  low = low >= 0 ? Math.max(0, low - pad) : low - pad; high += pad;
  const [levels, digits] = ticks(low, high, 4);
  const left = 14 + 6.5 * Math.max(...levels.map(v => v.toFixed(digits).length)), top = 14, right = 8, bottom = 20;
  const x = frame => left + (width - left - right) * (last > first ? (frame - first) / (last - first) : 0.5);
  const y = value => value === "inf" ? top - 6 : top + (height - top - bottom) * (high - value) / (high - low);
  const svg = make("svg", {viewBox: `0 0 ${width} ${height}`}, chart);
  for (const value of levels) {
    make("line", {x1: left, x2: width - right, y1: y(value), y2: y(value), class: "grid"}, svg);
    make("text", {x: left - 5, y: y(value) + 4, "text-anchor": "end"}, svg).textContent = value.toFixed(digits);
  }
  if (finite.length < points.length) make("text", {x: left - 5, y: 12, "text-anchor": "end"}, svg).textContent = "∞";
  for (const frame of last > first ? ticks(first, last, 5)[0].filter(Number.isInteger) : [first])
    make("text", {x: x(frame), y: height - 4, "text-anchor": "middle"}, svg).textContent = frame;
  for (const [name, line] of Object.entries(lines).reverse()) {
    let path = "", gap = true;
    for (const [frame, value] of line) {
      if (value === "inf") {
        gap = true;
        make("circle", {cx: x(frame), cy: y(value), r: 2, class: name}, svg);
        continue;
      }
      path += `${gap ? "M" : "L"}${x(frame).toFixed(1)},${y(value).toFixed(1)}`;
      gap = false;
    }
    make("path", {d: path, class: name}, svg);
    if (line.length === 1) make("circle", {cx: x(line[0][0]), cy: y(line[0][1]), r: 3, class: name}, svg);
  }
  const now = make("line", {y1: top, y2: height - bottom, class: "now", visibility: "hidden"}, svg);
  const output = chart.appendChild(document.createElement("output"));
  svg.onpointermove = event => {
    const share = (event.clientX - svg.getBoundingClientRect().left - left) / (width - left - right);
    const frame = Math.round(first + Math.min(1, Math.max(0, share)) * (last - first));
    const said = Object.entries(lines).map(([name, line]) => {
      const hit = line.find(p => p[0] === frame);
      return hit && `${name} ${hit[1] === "inf" ? "∞" : hit[1].toFixed(chart.dataset.digits)}`;
    }).filter(Boolean);
    output.textContent = `frame ${frame}: ${said.join(", ") || "–"}`;
    now.setAttribute("x1", x(frame)); now.setAttribute("x2", x(frame)); now.setAttribute("visibility", "visible");
  };
  svg.onpointerleave = () => { output.textContent = ""; now.setAttribute("visibility", "hidden"); };
};
const watcher = new ResizeObserver(entries => entries.forEach(entry => draw(entry.target)));
document.querySelectorAll(".chart").forEach(chart => watcher.observe(chart));
for (const compare of document.querySelectorAll(".compare")) {
  const stage = compare.querySelector(".stage"), range = compare.querySelector("input");
  const cut = () => stage.style.setProperty("--cut", `${range.value}%`);
  const show = () => {
    for (const image of stage.querySelectorAll("img")) image.className = "";
    for (const select of compare.querySelectorAll("select")) {
      const image = stage.querySelector(`img[data-name="${select.value}"]`);
      image.classList.add(select.dataset.side);
    }
    const [left, right] = [...compare.querySelectorAll("select")].map(select => select.value);
    if (left === right) stage.querySelector("img.left").style.clipPath = "none";
    else stage.querySelectorAll("img").forEach(image => image.style.removeProperty("clip-path"));
  };
  const drag = event => {
    const box = stage.getBoundingClientRect();
    range.value = 100 * (event.clientX - box.left) / box.width;
    cut();
  };
  stage.addEventListener("pointerdown", event => { stage.setPointerCapture(event.pointerId); drag(event); });
  stage.addEventListener("pointermove", event => { if (event.buttons || event.pointerType === "mouse") drag(event); });
  range.addEventListener("input", cut);
  compare.querySelectorAll("select").forEach(select => select.addEventListener("change", show));
  cut(); show();
}
"""
