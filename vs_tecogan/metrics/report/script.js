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
  const points = lines.flatMap(line => line.points), finite = points.filter(p => typeof p[1] === "number");
  const first = Math.min(...points.map(p => p[0])), last = Math.max(...points.map(p => p[0]));
  const spread = lines.flatMap(line => (line.band || []).map((d, k) => [line.points[k][1] - d, line.points[k][1] + d])).flat();
  let low = Math.min(...finite.map(p => p[1]), ...spread), high = Math.max(...finite.map(p => p[1]), ...spread);
  if (!finite.length) { low = 0; high = 1; }
  const pad = (high - low) * 0.08 || Math.abs(high) * 0.05 || 1;
  low = low >= 0 ? Math.max(0, low - pad) : low - pad; high += pad;
  const [levels, digits] = ticks(low, high, 4);
  const left = 30 + 6.5 * Math.max(...levels.map(v => v.toFixed(digits).length)), top = 14, right = 8, bottom = 34;
  const x = frame => left + (width - left - right) * (last > first ? (frame - first) / (last - first) : 0.5);
  const y = value => value === "inf" ? top - 6 : top + (height - top - bottom) * (high - value) / (high - low);
  const svg = make("svg", {viewBox: `0 0 ${width} ${height}`}, chart);
  for (const value of levels) {
    make("line", {x1: left, x2: width - right, y1: y(value), y2: y(value), class: "grid"}, svg);
    make("text", {x: left - 5, y: y(value) + 4, "text-anchor": "end"}, svg).textContent = value.toFixed(digits);
  }
  if (finite.length < points.length) make("text", {x: left - 5, y: 12, "text-anchor": "end"}, svg).textContent = "∞";
  for (const frame of last > first ? ticks(first, last, 5)[0].filter(Number.isInteger) : [first])
    make("text", {x: x(frame), y: height - 19, "text-anchor": "middle"}, svg).textContent = frame;
  const middle = top + (height - top - bottom) / 2;
  make("text", {x: left + (width - left - right) / 2, y: height - 4, "text-anchor": "middle", class: "axis"}, svg)
    .textContent = chart.dataset.x;
  make("text", {x: 10, y: middle, "text-anchor": "middle", transform: `rotate(-90 10 ${middle})`, class: "axis"}, svg)
    .textContent = chart.dataset.y;
  for (const {kind, points, band} of lines.filter(line => line.band)) {
    const up = points.map(([t, value], k) => `${x(t).toFixed(1)},${y(Math.min(high, value + band[k])).toFixed(1)}`);
    const down = points.map(([t, value], k) => `${x(t).toFixed(1)},${y(Math.max(low, value - band[k])).toFixed(1)}`);
    make("path", {d: `M${up.join("L")}L${down.reverse().join("L")}Z`, class: `${kind} band`}, svg);
  }
  for (const {kind: name, points: line} of [...lines].reverse()) {
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
    const said = lines.map(({name, points: line}) => {
      const hit = line.find(p => p[0] === frame);
      return hit && `${name} ${hit[1] === "inf" ? "∞" : hit[1].toFixed(chart.dataset.digits)}`;
    }).filter(Boolean);
    output.textContent = `${chart.dataset.x} ${frame}: ${said.join(", ") || "–"}`;
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
      const image = [...stage.querySelectorAll("img")].find(one => one.dataset.name === select.value);
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
