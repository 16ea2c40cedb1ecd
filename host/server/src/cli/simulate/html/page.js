// Draws the plot over time, and moves it to a moment that is clicked.
"use strict";
(() => {
  const all = JSON.parse(document.getElementById("data").textContent);
  const place = document.getElementById("plot");
  const choice = document.getElementById("series");
  const shown = new Set(["forewarm", "reactive"]);
  let plot, current = -1;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const unpack = (runs) => {
    const values = [];
    for (let at = 0; at < runs.length; at += 2) for (let left = runs[at + 1]; left > 0; left--) values.push(runs[at]);
    return values;
  };
  const stepped = uPlot.paths.stepped({ align: 1 });
  const pad = (number) => String(number).padStart(2, "0");
  const day = (at) => `${at.getUTCFullYear()}-${pad(at.getUTCMonth() + 1)}-${pad(at.getUTCDate())}`;
  const time = (at) => `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}`;
  const told = (u, seconds) => {
    if (seconds == null) return "move over the plot";
    const at = new Date(seconds * 1000);
    return `${day(at)} ${time(at)} UTC`;
  };
  // The day stands under the first mark, and under each that begins one.
  const marks = (u, splits, axis, space, step) => splits.map((seconds, index) => {
    const at = new Date(seconds * 1000);
    if (step >= 86400) return day(at);
    return index === 0 || seconds % 86400 === 0 ? `${time(at)}\n${day(at)}` : time(at);
  });

  function draw(index) {
    current = index;
    const series = all[index];
    const demand = unpack(series.demand);
    const times = demand.map((_, step) => series.start_s + step * series.step_s);
    const lines = [{ label: "Time", value: told },
      { label: "demand", stroke: colour("demand"), width: 1, fill: colour("demand") + "22", paths: stepped, points: { show: false } }];
    const data = [times, demand];
    if (!series.lanes.some((lane) => shown.has(lane.name))) shown.add(series.lanes[0]?.name);
    for (const lane of series.lanes) {
      lines.push({ label: lane.label, stroke: colour(lane.name), width: 1.8, show: shown.has(lane.name), paths: stepped, points: { show: false } });
      data.push(unpack(lane.ready));
    }
    const axis = { stroke: colour("quiet"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 } };
    plot?.destroy();
    plot = new uPlot({
      width: place.clientWidth, height: 380, series: lines, axes: [{ ...axis, values: marks, size: 54, space: 70 }, { ...axis, label: "instances", labelSize: 22, size: 56 }],
      scales: { y: { range: (u, low, high) => [0, Math.max(1, high * 1.05)] } }, tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      cursor: { drag: { x: true, y: false } },
      hooks: { setSeries: [(u, at, changed) => {
        const lane = series.lanes[at - 2];
        if (lane && changed.show != null) shown[changed.show ? "add" : "delete"](lane.name);
      }] },
    }, data, place);
  }

  function show(row) {
    const index = Number(row.dataset.series), from = Number(row.dataset.at), minutes = Number(row.dataset.minutes);
    if (index !== current) draw(index);
    if (choice) choice.value = String(index);
    const margin = Math.max(30, 2 * minutes) * 60;
    plot.setScale("x", { min: from - margin, max: from + minutes * 60 + margin });
    document.getElementById("time").scrollIntoView({ behavior: "smooth" });
  }

  choice?.addEventListener("change", () => draw(Number(choice.value)));
  for (const row of document.querySelectorAll("tr[data-at]")) {
    row.addEventListener("click", () => show(row));
    row.addEventListener("keydown", (event) => { if (event.key === "Enter") show(row); });
  }
  addEventListener("resize", () => plot?.setSize({ width: place.clientWidth, height: 380 }));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(current));
  if (all.length > 0) draw(0);
})();
