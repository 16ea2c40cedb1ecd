// Draws prices and leases over time.
"use strict";
(() => {
  const all = JSON.parse(document.getElementById("data").textContent);
  const choice = document.getElementById("series");
  const places = { prices: document.getElementById("prices"), leases: document.getElementById("leases") };
  let plots = [], current = 0;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const stepped = uPlot.paths.stepped({ align: 1 });
  const pad = (number) => String(number).padStart(2, "0");
  const told = (u, seconds) => {
    if (seconds == null) return "move over the plot";
    const at = new Date(seconds * 1000);
    return `${at.getUTCFullYear()}-${pad(at.getUTCMonth() + 1)}-${pad(at.getUTCDate())} ${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())} UTC`;
  };
  const line = (label, name, more) =>
    ({ label, stroke: colour(name), width: 1.6, paths: stepped, points: { show: false }, value: (u, value) => value == null ? "--" : String(Math.round(value * 100) / 100), ...more });

  function plot(place, label, series, data) {
    const axis = { stroke: colour("quiet"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 } };
    return new uPlot({
      width: place.clientWidth, height: 260, series: [{ label: "Time", value: told }, ...series],
      axes: [axis, { ...axis, label, labelSize: 22, size: 60 }],
      scales: { y: { range: (u, low, high) => [0, Math.max(1, high * 1.05)] } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"), cursor: { drag: { x: true, y: false }, sync: { key: "time" } },
    }, data, place);
  }

  function draw(index) {
    current = index;
    const one = all[index];
    plots.forEach((plot) => plot.destroy());
    if (!one) return;
    const times = one.demand.map((_, window) => one.start_s + window * one.step_s);
    const flat = (value) => times.map(() => value);
    const held = one.demand.map((own, window) => own + one.leased[window]);
    plots = [
      plot(places.prices, "credits", [
        line("firm", "firm"), line("reclaimable", "reclaimable"), line("cost of keeping one", "carrying", { dash: [2, 4] }),
      ], [times, one.firm, one.reclaimable, flat(one.carrying)]),
      plot(places.leases, "instances", [
        line("tenants", "used", { fill: colour("used") + "99", value: (u, value, at, row) => row == null ? "--" : String(one.leased[row]) }),
        line("owner", "own", { fill: colour("kept") }), line("fleet", "carrying", { dash: [2, 4] }),
      ], [times, held, one.demand, flat(one.fleet)]),
    ];
  }

  choice?.addEventListener("change", () => draw(Number(choice.value)));
  addEventListener("resize", () => plots.forEach((plot) => plot.setSize({ width: places.prices.clientWidth, height: 260 })));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(current));
  draw(0);
})();
