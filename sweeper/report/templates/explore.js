
"use strict";
(() => {
  // Charts that can be explored take the place of still figures: hover names a trial and lights it up in every
  // chart and in the table, a drag zooms, a double click zooms out. Colours are those of the page.
  const source = document.getElementById("explorable");
  if (!source || typeof uPlot === "undefined") return;
  const found = JSON.parse(source.textContent);
  const root = document.documentElement;
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const hues = ["--hue-1", "--hue-2", "--hue-3", "--hue-4", "--hue-5", "--hue-6", "--hue-7"];
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colour = (name) => { // light-dark() is resolved by an element, not by the property
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const charts = [];
  let active = null;
  let hold = null;

  const rowOf = new Map();
  for (const table of document.querySelectorAll('table[data-name="leaderboard"]')) {
    const at = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent.trim() === "trial");
    for (const row of at < 0 ? [] : table.tBodies[0].rows) {
      const trial = parseInt(row.cells[at].dataset.k, 10);
      rowOf.set(trial, row);
      row.addEventListener("mouseenter", () => choose(trial));
      row.addEventListener("mouseleave", () => choose(null));
    }
  }

  const choose = (trial) => {
    const next = trial ?? hold;
    if (next === active) return;
    rowOf.get(active)?.classList.remove("active");
    active = next;
    rowOf.get(active)?.classList.add("active");
    for (const chart of charts) {
      chart.said.textContent = active === null ? chart.hint : found.trials[active] ?? `#${active}`;
      chart.plot.redraw(false, false);
    }
  };

  const number = (value) => {
    if (value === 0) return "0";
    const size = Math.abs(value);
    return size >= 1e-3 && size < 1e4 ? String(+value.toPrecision(3)) : value.toExponential(0).replace("e+", "e");
  };

  // What a chart draws: for each trial places (x, y), its colour and whether it is in front.
  const lines = {
    rates: (data) => data.trial.map((trial, k) => ({
      trial, xs: [data.x[k]], ys: [data.y[k]], hue: groups(data).indexOf(data.group[k]), lost: data.lost[k],
      pruned: data.pruned[k],
    })),
    curves: (data) => data.trial.map((trial, k) => ({ trial, xs: data.x[k], ys: data.y[k], hue: k < 5 ? k : -1 })),
    settings: (data) => data.trial.map((trial, k) => ({
      trial, xs: data.y[k].map((_, at) => at), ys: data.y[k], hue: k < 5 ? k : -1,
    })),
  };
  const groups = (data) => [...new Set(data.group)].sort();
  const ends = (values) => [Math.min(...values), Math.max(...values)];
  const wide = ([low, high], log) => {
    if (log) {
      const room = Math.pow(high / low || 2, 0.04);
      return [low / room, high * room];
    }
    const room = 0.04 * (high - low || Math.abs(high) || 1);
    return [low - room, high + room];
  };
  const scales = {
    rates: (data) => ({ x: [wide(ends(data.x), true), true], y: [wide(ends(data.y), data.log), data.log] }),
    curves: (data) => {
      const ys = data.y.flat().filter((y) => y !== null && y <= data.top);
      return { x: [wide(ends(data.x.flat()), false), false], y: [wide(ends(ys), data.log), data.log] };
    },
    settings: (data) => ({ x: [[-0.35, data.names.length - 0.75], false], y: [[-0.06, 1.06], false] }),
  };
  const titles = {
    rates: ["learning rate", `best ${found.metric}`],
    curves: ["optimizer step", "validation loss"],
    settings: ["", ""],
  };
  const [point, zoom] = window.matchMedia("(hover: none)").matches
    ? ["Tap", ""]
    : ["Point at", "; drag to zoom, double-click to zoom out"];
  const ringed = () => found.charts.rates?.pruned.some(Boolean) ? "Rings: pruned trials. " : "";
  const hints = {
    rates: `${ringed()}${point} a trial to follow it through the page${zoom}.`,
    curves: `The five best in colour. ${point} a line to see its trial${zoom}.`,
    settings: `The five best in colour. ${point} a line to see its trial in every chart.`,
  };

  const stroke = (plot, line, width, alpha, ink) => {
    const { ctx } = plot;
    ctx.globalAlpha = alpha;
    ctx.strokeStyle = ctx.fillStyle = ink;
    ctx.lineWidth = width * devicePixelRatio;
    if (line.xs.length === 1) {
      const x = plot.valToPos(line.xs[0], "x", true), y = plot.valToPos(line.ys[0], "y", true);
      const size = (width + 2) * devicePixelRatio;
      ctx.beginPath();
      if (line.lost) {
        ctx.moveTo(x - size, y - size); ctx.lineTo(x + size, y + size);
        ctx.moveTo(x - size, y + size); ctx.lineTo(x + size, y - size);
        ctx.stroke();
      } else {
        ctx.arc(x, y, size, 0, 7);
        line.pruned ? ctx.stroke() : ctx.fill();
      }
      return;
    }
    ctx.beginPath();
    let pen = false;
    line.xs.forEach((value, k) => {
      if (line.ys[k] === null) { pen = false; return; }
      const x = plot.valToPos(value, "x", true), y = plot.valToPos(line.ys[k], "y", true);
      pen ? ctx.lineTo(x, y) : ctx.moveTo(x, y);
      pen = true;
    });
    ctx.stroke();
  };

  const paint = (plot, chart) => {
    const { ctx, bbox } = plot;
    const inks = hues.map(colour), grey = colour("--soft"), accent = colour("--ink");
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    const dim = active === null ? 1 : 0.35;
    for (const line of [...chart.drawn].reverse()) {
      const front = line.hue >= 0;
      stroke(plot, line, front ? 1.8 : 0.8, (front ? 0.9 : 0.4) * dim, front ? inks[line.hue % inks.length] : grey);
    }
    const chosen = chart.drawn.find((line) => line.trial === active);
    if (chosen) stroke(plot, chosen, 3.2, 1, accent);
    ctx.restore();
    if (chart.name === "settings") axesOf(plot, chart);
  };

  const axesOf = (plot, { data }) => {
    const { ctx } = plot;
    const scale = devicePixelRatio;
    ctx.save();
    ctx.font = `${11 * scale}px ${css("--sans")}`;
    data.ticks.forEach((ticks, at) => {
      const x = plot.valToPos(at, "x", true);
      ctx.strokeStyle = colour("--soft");
      ctx.lineWidth = scale;
      ctx.beginPath();
      ctx.moveTo(x, plot.valToPos(0, "y", true));
      ctx.lineTo(x, plot.valToPos(1, "y", true));
      ctx.stroke();
      for (const [place, text] of ticks) {
        const y = plot.valToPos(place, "y", true), width = ctx.measureText(text).width;
        ctx.fillStyle = colour("--surface");
        ctx.globalAlpha = 0.75;
        ctx.fillRect(x - width - 8 * scale, y - 7 * scale, width + 4 * scale, 14 * scale);
        ctx.globalAlpha = 1;
        ctx.fillStyle = colour("--ink");
        ctx.textAlign = "right";
        ctx.textBaseline = "middle";
        ctx.fillText(text, x - 6 * scale, y);
      }
    });
    ctx.restore();
  };

  const near = (plot, chart, left, top) => {
    let best = null, least = 18 * 18;
    for (const line of chart.drawn) {
      let before = null;
      line.xs.forEach((value, k) => {
        if (line.ys[k] === null) { before = null; return; }
        const at = [plot.valToPos(value, "x"), plot.valToPos(line.ys[k], "y")];
        const from = before ?? at;
        const dx = at[0] - from[0], dy = at[1] - from[1], length = dx * dx + dy * dy;
        const t = length ? Math.max(0, Math.min(1, ((left - from[0]) * dx + (top - from[1]) * dy) / length)) : 0;
        const away = (from[0] + t * dx - left) ** 2 + (from[1] + t * dy - top) ** 2;
        if (away < least) { least = away; best = line.trial; }
        before = at;
      });
    }
    return best;
  };

  const build = (host, name) => {
    const data = found.charts[name];
    const chart = { name, data, drawn: lines[name](data), hint: hints[name] };
    const said = host.querySelector(".said");
    const { x, y } = scales[name](data);
    // uPlot's own splits of a logarithm never end where an axis does not begin at a power of ten.
    const splits = (_, __, low, high) => {
      const marks = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
        for (const lead of [1, 2, 5]) marks.push(+(lead * 10 ** power).toPrecision(6));
      }
      const inside = marks.filter((mark) => mark >= low && mark <= high), powers = inside.filter(decade);
      return powers.length > 3 ? powers : inside;
    };
    const decade = (value) => +(value / 10 ** Math.floor(Math.log10(value) + 1e-9)).toPrecision(6) === 1;
    const axis = (label, log) => ({
      stroke: () => colour("--soft"), grid: lined(), ticks: lined(), label: label || undefined, labelSize: label ? 22 : 0,
      values: (_, values) => values.map((value) => (value === null ? "" : number(value))),
      ...(log ? { splits } : {}),
    });
    const lined = () => ({
      stroke: () => colour("--line"), width: 1,
    });
    const flat = name === "settings";
    // Names of axes that stand close take turns at two heights.
    const tight = () => host.clientWidth < 90 * data.names.length;
    const named = (word, k) => (tight() && k % 2 ? "\n\n" : "") + word.split(/ |(?<=\.)/).join("\n");
    const axes = flat
      ? [{ ...axis("", false), grid: { show: false }, size: () => (tight() ? 88 : 56), splits: () => data.names.map((_, k) => k), values: () => data.names.map(named) }, { show: false }]
      : [axis(titles[name][0], x[1]), { ...axis(titles[name][1], y[1]), size: 58 }];
    const size = () => ({ width: host.clientWidth, height: Math.max(260, Math.min(380, host.clientWidth * 0.55)) });
    const plot = new uPlot({
      ...size(), legend: { show: false }, axes,
      scales: {
        x: { time: false, distr: x[1] ? 3 : 1, range: () => x[0] },
        y: { distr: y[1] ? 3 : 1, range: () => y[0] },
      },
      series: [{}, { points: { show: false }, paths: () => null }],
      cursor: { x: false, y: false, points: { show: false }, drag: { x: !flat, y: !flat, uni: 20 } },
      hooks: {
        draw: [(self) => paint(self, chart)],
        setCursor: [(self) => {
          const { left, top } = self.cursor;
          choose(left < 0 ? null : near(self, chart, left, top));
        }],
      },
    }, [x[0], y[0]], host.querySelector(".canvas"));
    plot.over.addEventListener("click", () => { hold = hold === active ? null : active; });
    Object.assign(chart, { plot, said });
    said.textContent = chart.hint;
    if (name === "rates") host.querySelector(".key").replaceChildren(...groups(data).map(keyOf));
    charts.push(chart);
    new ResizeObserver(() => { if (host.clientWidth) plot.setSize(size()); }).observe(host);
  };

  const keyOf = (group, k) => {
    const entry = document.createElement("span");
    entry.className = `hue-${(k % hues.length) + 1}`;
    entry.textContent = group;
    return entry;
  };

  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting || !target.clientWidth) continue;
      seen.unobserve(target);
      build(target, target.dataset.chart);
    }
  });
  for (const host of document.querySelectorAll(".explore")) {
    const figure = host.closest("figure"), button = figure.querySelector(".exchange");
    if (!found.charts[host.dataset.chart]) continue;
    const show = (on) => {
      figure.classList.toggle("exploring", on);
      button.textContent = on ? "Still picture" : "Explore";
      button.setAttribute("aria-pressed", String(on));
    };
    button.hidden = false;
    button.addEventListener("click", () => show(!figure.classList.contains("exploring")));
    show(host.dataset.opened === "yes");
    seen.observe(host);
  }
  const again = () => { for (const { plot } of charts) plot.redraw(false, true); };
  new MutationObserver(again).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
})();
