// SPDX-License-Identifier: Apache-2.0
// What ran when: rows of phases, tiles, layers, ops and helper threads on a canvas that zooms, and that keys walk over.
const ROW = 24, AXIS = 22, LABEL = 58;

function phaseName(i) {
  const p = data.phases[i];
  return p.phase === "token" ? "token " + (1 + sum(data.phases.slice(0, i), (x) => x.phase === "token")) : p.phase;
}

/** Slices of neighbours that share a key; a key of "" makes none. */
function grouped(slices, key, name) {
  const out = [];
  let last = null, lastKey = null;
  for (const s of slices) {
    const k = key(s);
    if (k !== lastKey) {
      last = name(s) ? {from: s.from, to: s.to, name: name(s), told: ""} : null;
      if (last) out.push(last);
    } else if (last) last.to = s.to;
    lastKey = k;
  }
  return out;
}

function timelineRows() {
  let tokens = 0;
  const phases = data.phases.map((p) => ({from: p.start, to: p.start + p.nanoseconds, name: p.phase === "token" ? "token " + ++tokens : p.phase,
    told: [p.rows ? plural(p.rows, "row") : "", p.ops ? plural(p.ops, "op") : "", p.microjoules ? joules(p.microjoules) : ""].filter(Boolean).join(", ")}));
  const every = [];
  for (const run of data.timeline) {
    const phase = data.phases[run.phase], program = {vision: "vision", prefill: "prefill", token: "decode"}[phase.phase], names = data.schedule[program];
    for (let i = 0; i < run.ops.length; i += 3) {
      const [name, kind, group, tile, layer] = names[run.ops[i]], from = phase.start + run.ops[i + 1];
      every.push({from, to: from + run.ops[i + 2], name, group, tile, layer, phase: run.phase, told: kind});
    }
  }
  const rows = [
    {name: "phases", slices: phases},
    {name: "tiles", slices: grouped(every, (s) => s.phase + s.tile, (s) => s.tile)},
    {name: "layers", slices: grouped(every, (s) => s.phase + s.tile + s.layer, (s) => s.layer)},
    {name: "ops", slices: every},
  ];
  data.threads.forEach((t, w) => {
    const slices = [];
    for (let i = 0; i < t.length; i += 2) slices.push({from: t[i], to: t[i] + t[i + 1], name: "works on an op's pieces", told: "", group: 1});
    rows.push({name: "thread " + (w + 1), slices});
  });
  return rows.filter((r) => r.slices.length);
}

/** Index of the first slice that ends behind t: slices are in order and do not overlap. */
function firstBehind(slices, t) {
  let low = 0, high = slices.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (slices[middle].to > t) high = middle;
    else low = middle + 1;
  }
  return low;
}

function drawTimeline() {
  const box = byId("timeline-chart"), told = byId("timeline-told"), canvas = el("canvas", {"aria-hidden": "true"});
  const rows = timelineRows(), start = 0;
  const end = Math.max(...rows.map((r) => r.slices[r.slices.length - 1].to), 1);
  let from = start, to = end, width = 0, row = 0, chosen = -1, drag = null;
  box.append(canvas);
  const x = (t) => LABEL + ((t - from) / (to - from)) * (width - LABEL);
  const t = (px) => from + ((px - LABEL) / (width - LABEL)) * (to - from);

  function limit(a, b) {
    const span = Math.min(end - start, Math.max(b - a, 100));
    from = Math.min(Math.max(a, start), end - span);
    to = from + span;
  }

  function drawAxis(g, height) {
    const marks = ticks(from, to, Math.max(3, width / 130)), step = marks.length > 1 ? marks[1] - marks[0] : to - from;
    g.strokeStyle = colour("--line");
    g.fillStyle = colour("--soft");
    g.textAlign = "center";
    for (const m of marks) {
      const at = Math.round(x(m)) + 0.5;
      g.beginPath();
      g.moveTo(at, 0);
      g.lineTo(at, height - AXIS + 4);
      g.stroke();
      const label = seconds(m, step), half = g.measureText(label).width / 2;
      if (at - half > LABEL - 20 && at + half < width - 18) g.fillText(label, at, height - 7);
    }
    g.textAlign = "right";
    g.fillText("s", width - 2, height - 7);
    g.textAlign = "left";
  }

  // Slices finer than a pixel add up to columns that show how their time is shared.
  function drawRow(g, r, y, colours) {
    const share = new Map();
    for (let i = firstBehind(r.slices, from); i < r.slices.length && r.slices[i].from < to; i++) {
      const s = r.slices[i], a = Math.max(x(s.from), LABEL), b = Math.min(x(s.to), width);
      const fine = b - a < 1.2;
      if (fine && s.group !== undefined) {
        const column = Math.floor(a), of = share.get(column) || new Float64Array(groups.length);
        of[s.group] += s.to - s.from;
        share.set(column, of);
        continue;
      }
      g.fillStyle = s.group === undefined ? colours.phase[i % 2] : colours.group[s.group];
      g.fillRect(a, y, Math.max(b - a - (b - a > 3 ? 0.6 : 0), 0.6), ROW - 4);
      if (b - a > 34) drawName(g, s, a, b, y, colours);
    }
    for (const [column, of] of share) {
      const all = of.reduce((p, q) => p + q, 0);
      let at = y;
      of.forEach((v, k) => {
        g.fillStyle = colours.group[k];
        g.fillRect(column, at, 1, ((ROW - 4) * v) / all);
        at += ((ROW - 4) * v) / all;
      });
    }
  }

  function drawName(g, s, a, b, y, colours) {
    g.save();
    g.beginPath();
    g.rect(a, y, b - a - 2, ROW - 4);
    g.clip();
    g.fillStyle = s.group === undefined ? colours.text : "#10151d";
    g.fillText(s.name, a + 4, y + 14);
    g.restore();
  }

  function draw(wide) {
    const height = rows.length * ROW + AXIS, scale = devicePixelRatio || 1, g = canvas.getContext("2d");
    width = wide;
    canvas.width = Math.round(wide * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.height = height + "px";
    g.scale(scale, scale);
    g.font = "12px system-ui, 'DejaVu Sans', sans-serif";
    const colours = {phase: [colour("--phase-a"), colour("--phase-b")], group: groups.map((_, k) => colour("--g" + k)), text: colour("--text")};
    drawAxis(g, height);
    rows.forEach((r, k) => {
      g.fillStyle = colours.text;
      g.fillText(r.name, 0, k * ROW + 16);
      drawRow(g, r, k * ROW + 2, colours);
    });
    if (chosen >= 0) {
      const s = rows[row].slices[chosen];
      g.strokeStyle = colour("--focus");
      g.lineWidth = 3;
      g.strokeRect(Math.max(x(s.from), LABEL) - 1, row * ROW + 1, Math.max(Math.min(x(s.to), width) - Math.max(x(s.from), LABEL), 2) + 2, ROW - 2);
    }
    if (drag && drag.moved) {
      g.fillStyle = colour("--accent");
      g.globalAlpha = 0.25;
      g.fillRect(Math.min(drag.x, drag.now), 0, Math.abs(drag.now - drag.x), height - AXIS);
    }
  }
  const again = () => draw(width);
  const describe = (r, s) => `${s.name}: ${time(s.to - s.from)} from ${seconds(s.from, 1e5)} s on` + (s.told ? ` (${s.told})` : "") +
    (s.tile && r.name === "ops" ? `, ${s.tile}${s.layer ? ", " + s.layer : ""}` : "");

  function choose(k, i) {
    row = k;
    chosen = Math.min(Math.max(i, 0), rows[k].slices.length - 1);
    const s = rows[row].slices[chosen];
    if (s.to < from || s.from > to) limit(s.from - (to - from) / 2, s.from + (to - from) / 2);
    told.textContent = `${rows[row].name}, ${chosen + 1} of ${rows[row].slices.length}: ${describe(rows[row], s)}`;
    again();
  }
  function zoom(factor, at) {
    const middle = at === undefined ? (chosen >= 0 ? (rows[row].slices[chosen].from + rows[row].slices[chosen].to) / 2 : (from + to) / 2) : at;
    limit(middle - (middle - from) * factor, middle + (to - middle) * factor);
    again();
  }
  function show(a, b) {
    limit(a - (b - a) * 0.02, b + (b - a) * 0.02);
    again();
  }
  const all = () => show(start, end);

  const keys = {
    ArrowLeft: () => choose(row, chosen - 1),
    ArrowRight: () => choose(row, chosen + 1),
    ArrowUp: () => move(-1),
    ArrowDown: () => move(1),
    Enter: () => chosen >= 0 && show(rows[row].slices[chosen].from, rows[row].slices[chosen].to),
    Home: all,
    "+": () => zoom(0.5),
    "=": () => zoom(0.5),
    "-": () => zoom(2),
  };
  function move(by) {
    const next = Math.min(Math.max(row + by, 0), rows.length - 1);
    const at = chosen >= 0 ? rows[row].slices[chosen].from : from;
    choose(next, firstBehind(rows[next].slices, at));
  }
  box.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });

  const place = (event) => {
    const r = canvas.getBoundingClientRect();
    return {x: event.clientX - r.left, k: Math.floor((event.clientY - r.top) / ROW)};
  };
  function under(event) {
    const p = place(event);
    if (p.x < LABEL || p.k < 0 || p.k >= rows.length) return null;
    const i = firstBehind(rows[p.k].slices, t(p.x)), s = rows[p.k].slices[i];
    return s && x(s.from) <= p.x + 1 ? {k: p.k, i, s} : null;
  }
  canvas.addEventListener("pointermove", (event) => {
    if (drag) {
      drag.now = Math.max(LABEL, place(event).x);
      drag.moved = drag.moved || Math.abs(drag.now - drag.x) > 4;
      again();
      return;
    }
    const hit = under(event);
    if (hit) showTip(event, describe(rows[hit.k], hit.s));
    else hideTip();
  });
  canvas.addEventListener("pointerleave", hideTip);
  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch") return;
    const at = Math.max(LABEL, place(event).x);
    drag = {x: at, now: at, moved: false};
    canvas.setPointerCapture(event.pointerId);
    hideTip();
  });
  canvas.addEventListener("pointerup", (event) => {
    const done = drag;
    drag = null;
    if (done && done.moved) {
      limit(t(Math.min(done.x, done.now)), t(Math.max(done.x, done.now)));
      again();
      return;
    }
    const hit = under(event);
    if (hit) choose(hit.k, hit.i);
  });
  canvas.addEventListener("dblclick", all);
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.3 : 1 / 1.3, t(place(event).x));
  }, {passive: false});

  const button = (name, label, act) => {
    const b = el("button", {type: "button", "aria-label": label}, name);
    b.addEventListener("click", act);
    return b;
  };
  const spanOf = (kind) => data.phases.filter((p) => p.phase === kind);
  const jump = (name, kinds, one) => {
    const found = kinds.flatMap(spanOf).sort((a, b) => a.start - b.start).slice(0, one ? 1 : undefined);
    if (!found.length) return null;
    const last = found[found.length - 1];
    return button(name, "Show " + name, () => show(found[0].start, last.start + last.nanoseconds));
  };
  byId("timeline-tools").append(...[
    button("All", "Show all", all), jump("loading", ["load", "pack", "session"]), jump("vision", ["picture", "resample", "vision"], false),
    jump("prefill", ["prefill"]), jump("tokens", ["token"]), jump("one token", ["token"], true),
    button("+", "Zoom in", () => zoom(0.5)), button("\u2212", "Zoom out", () => zoom(2)),
    button("\u25c0", "Earlier", () => show(from - (to - from) / 3, to - (to - from) / 3)),
    button("\u25b6", "Later", () => show(from + (to - from) / 3, to + (to - from) / 3)),
  ].filter(Boolean));
  if (data.timeline_left_out) told.textContent = `${count(data.timeline_left_out)} op runs are left out of this picture; their phases are shown.`;
  draws(box, draw);
}
