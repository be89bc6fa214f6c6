// SPDX-License-Identifier: Apache-2.0
// Pictures whose coordinates are pixels of their box, so that letters keep their size on a phone.

/** A scale from values to pixels, straight or by logarithm. */
function scale(from, to, a, b, log) {
  const f = log ? Math.log10 : (v) => v;
  return (v) => a + ((f(v) - f(from)) / (f(to) - f(from) || 1)) * (b - a);
}

/** An SVG in the box, drawn anew with it; words say what it shows. */
function chart(box, height, words, paint) {
  draws(box, (width) => {
    const h = typeof height === "function" ? height(width) : height;
    box.replaceChildren(svg("svg", {role: "img", "aria-label": words, width, height: h, viewBox: `0 0 ${width} ${h}`}, paint(width, h)));
  });
}
const line = (kind, x1, y1, x2, y2) => svg("line", {class: kind, x1, y1, x2, y2});
const text = (x, y, words, attributes) => svg("text", {x, y, ...attributes}, words);

const DECADES = (low, high) => {
  const out = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) if (10 ** e >= low && 10 ** e <= high) out.push(10 ** e);
  return out;
};

const best = (roof) => Math.max(roof.before || 0, roof.after || 0);

function roofline() {
  const dots = alike().filter((o) => o.macs > 0 && o.gops > 0).sort((a, b) => b.typical - a.typical);
  const box = byId("roofline-chart"), r = data.roofs;
  if (!dots.length) return box.append("No op of this run multiplies.");
  const bf16 = dots.some((o) => o.roof === "bf16 compute");
  const compute = [["int8", best(r.int8_gops)], ["bf16", bf16 ? best(r.bf16_gops) : 0], ["f32", best(r.f32_gops)]].filter((c) => c[1] > 0);
  const reads = [["memory", best(r.memory_gbps)], ["L3", best(r.l3_gbps)], ["L2", best(r.l2_gbps)]].filter((c) => c[1] > 0);
  const intensity = (o) => (2 * o.macs) / o.bytes, speed = (o) => (2 * o.macs) / o.typical;
  const top = 1.7 * Math.max(...compute.map((c) => c[1]), ...dots.map(speed)), bottom = Math.min(...dots.map(speed), top / 100) / 1.5;
  const left = Math.min(...dots.map(intensity)) / 1.5, right = Math.max(...dots.map(intensity), top / reads[0][1]) * 2;
  chart(box, (w) => Math.min(460, Math.max(300, w * 0.6)), `${dots.length} kinds of ops under the roofs: ` +
    [...compute.map((c) => `${c[0]} ${digits(c[1])} billion operations per second`), ...reads.map((c) => `${c[0]} ${digits(c[1])} gigabytes per second`)].join(", "),
    (w, h) => {
      const x = scale(left, right, 46, w - 12, true), y = scale(bottom, top, h - 40, 12, true), out = [], names = [];
      for (const v of DECADES(left, right)) out.push(line("grid", x(v), 12, x(v), h - 40), text(x(v), h - 24, String(+v.toPrecision(3)), {"text-anchor": "middle", class: "soft"}));
      for (const v of DECADES(bottom, top)) out.push(line("grid", 46, y(v), w - 12, y(v)), text(40, y(v) + 4, String(+v.toPrecision(3)), {"text-anchor": "end", class: "soft"}));
      const ceiling = Math.max(...compute.map((c) => c[1]));
      for (const [name, rate] of reads) {
        const start = Math.max(left, bottom / rate), stop = Math.min(ceiling / rate, right);
        if (stop <= start) continue;
        out.push(line("roof", x(start), y(start * rate), x(stop), y(stop * rate)));
        // Above its line, or below it where another one runs close by; at places of their own, as two lines may nearly be one.
        const at = start * (stop / start) ** ({L2: 0.35, L3: 0.68}[name] || 0.4), above = name === "L2" || reads.length < 3;
        const words = w < 500 ? name : `${name} ${digits(rate)} GB/s`;
        if (name !== "L3" || w > 500) names.push(text(x(at) + (above ? -6 : 8), y(at * rate) + (above ? -4 : 12), words, {class: "halo", "text-anchor": above ? "end" : "start"}));
      }
      for (const [name, rate] of compute) {
        out.push(line("roof", x(Math.max(left, rate / Math.max(...reads.map((c) => c[1])))), y(rate), w - 12, y(rate)));
        names.push(text(w - (name === "bf16" ? 150 : 14), y(rate) - 5, `${name} ${digits(rate)} GOP/s`, {class: "halo", "text-anchor": "end"}));
      }
      for (const o of [...dots].reverse()) {
        const dot = svg("circle", {class: "mark", cx: x(intensity(o)), cy: y(speed(o)), r: 3 + 14 * Math.sqrt(o.typical / allOps), fill: `var(--g${o.group})`, "fill-opacity": 0.75});
        dot.addEventListener("pointermove", (event) => showTip(event,
          `${o.program}: ${o.name}${o.members > 1 ? ` (${o.members} ops)` : ""}\n${digits(speed(o))} GOP/s, ${digits(intensity(o))} operations per byte\n${ofRoof(o)} of the ${o.roof} roof, ${percent(o.typical / allOps)} of the time`));
        dot.addEventListener("pointerleave", hideTip);
        out.push(dot);
      }
      out.push(...names, text((46 + w) / 2, h - 6, "operations per byte moved", {"text-anchor": "middle", class: "soft"}),
        text(48, 22, "billion operations per second", {class: "soft halo"}));
      return out;
    });
}

function tokens() {
  const each = data.phases.filter((p) => p.phase === "token").map((p) => p.nanoseconds), sorted = [...each].sort((a, b) => a - b);
  if (!each.length) return byId("tokens").replaceChildren(el("h2", {id: "h-tokens"}, "Token latency"), el("p", {class: "hint"}, "No token was decoded: --gen-tokens 2 or more."));
  const sampling = data.phases.filter((p) => p.phase === "sampling").map((p) => p.nanoseconds).sort((a, b) => a - b);
  const facts = [["median", quantile(sorted, 0.5)], ["fastest", sorted[0]], ["p90", quantile(sorted, 0.9)], ["p99", quantile(sorted, 0.99)], ["slowest", sorted[sorted.length - 1]]];
  byId("token-cards").append(...facts.map(([name, ns]) => card(time(ns), name)), card(digits(1e9 / quantile(sorted, 0.5)), "tokens per second"),
    ...(sampling.length ? [card(time(quantile(sampling, 0.5)), "to draw a token, median")] : []));
  // A few stragglers must not squeeze the rest into one bar: the last bar holds what is beyond.
  const low = sorted[0], high = Math.min(sorted[sorted.length - 1], quantile(sorted, 0.5) * 3), bars = Math.min(24, Math.max(4, Math.ceil(Math.sqrt(each.length) * 1.6)));
  const step = (high - low) / bars || 1, counts = Array(bars).fill(0);
  for (const ns of each) counts[Math.min(bars - 1, Math.floor((ns - low) / step))]++;
  const most = Math.max(...counts), beyond = sorted[sorted.length - 1] > high;
  chart(byId("token-histogram"), 190, `Histogram of ${each.length} tokens: ${facts.map((f) => f[0] + " " + time(f[1])).join(", ")}`, (w, h) => {
    const x = scale(low, low + step * bars, 44, w - 8), y = scale(0, most, h - 34, 8), out = [];
    for (const v of ticks(0, most, 4).filter(Number.isInteger)) out.push(line("grid", 44, y(v), w - 8, y(v)), text(39, y(v) + 4, count(v), {"text-anchor": "end", class: "soft"}));
    counts.forEach((n, i) => {
      const bar = svg("rect", {x: x(low + i * step) + 0.5, y: y(n), width: Math.max(1, x(low + step) - x(low) - 1), height: y(0) - y(n), fill: "var(--bar)"});
      bar.append(svg("title", null, `${plural(n, "token")}: ${time(low + i * step)} to ${beyond && i === bars - 1 ? time(sorted[sorted.length - 1]) : time(low + (i + 1) * step)}`));
      out.push(bar);
    });
    out.push(text(44, h - 18, time(low), {class: "soft"}), text(w - 8, h - 18, (beyond ? "beyond " : "") + time(low + step * bars), {class: "soft", "text-anchor": "end"}));
    return out;
  });
  chart(byId("token-series"), 190, `Time of each of ${each.length} tokens in order`, (w, h) => {
    const cap = beyond ? high : sorted[sorted.length - 1], x = scale(0, Math.max(1, each.length - 1), 58, w - 8), y = scale(0, cap * 1.05, h - 34, 8), out = [];
    for (const v of ticks(0, cap, 4)) out.push(line("grid", 58, y(v), w - 8, y(v)), text(53, y(v) + 4, time(v), {"text-anchor": "end", class: "soft"}));
    out.push(svg("path", {class: "series", d: each.map((ns, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(Math.min(ns, cap * 1.05)).toFixed(1)}`).join("")}));
    out.push(text(58, h - 18, "token 1", {class: "soft"}), text(w - 8, h - 18, "token " + each.length, {class: "soft", "text-anchor": "end"}));
    return out;
  });
}

/** One quantity over the run's time, phases marked behind it. points: [moment, value]. */
function overTime(name, points, format, zero, label = (p) => p.phase) {
  const known = points.filter((p) => p[1] !== null && Number.isFinite(p[1]));
  if (known.length < 2) return;
  const box = el("div", {class: "chart"}), last = data.phases[data.phases.length - 1], end = Math.max(last.start + last.nanoseconds, known[known.length - 1][0]);
  const values = known.map((p) => p[1]), most = Math.max(...values), least = zero ? 0 : Math.min(...values), room = (most - least) * 0.08 || Math.abs(most) * 0.05 || 1;
  byId("machine-charts").append(el("figure", null, el("figcaption", null, name), box));
  chart(box, 150, `${name}: from ${format(Math.min(...values))} to ${format(most)}, at the end ${format(values[values.length - 1])}`, (w, h) => {
    const x = scale(0, end, 64, w - 8), y = scale(least - (zero ? 0 : room), most + room, h - 24, 6), out = [];
    let shade = 0;
    for (const p of data.phases) {
      const wide = x(p.start + p.nanoseconds) - x(p.start);
      if (wide < 1) continue;
      out.push(svg("rect", {x: x(p.start), y: 6, width: wide, height: h - 30, fill: `var(--phase-${"ab"[shade++ % 2]})`, "fill-opacity": 0.35}));
      if (wide > 8 * label(p).length) out.push(text(x(p.start) + 4, 18, label(p), {class: "soft"}));
    }
    for (const v of ticks(least, most, 3)) out.push(line("grid", 64, y(v), w - 8, y(v)), text(58, y(v) + 4, format(v), {"text-anchor": "end", class: "soft"}));
    const marks = ticks(0, end, Math.max(3, w / 140)), step = marks.length > 1 ? marks[1] - marks[0] : end;
    for (const m of marks) if (x(m) < w - 30) out.push(text(x(m), h - 6, seconds(m, step) + (m === 0 ? " s" : ""), {class: "soft", "text-anchor": "middle"}));
    const path = known.map((p, i) => `${i ? "L" : "M"}${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join("");
    out.push(svg("path", {class: "area", d: `${path}L${x(known[known.length - 1][0])} ${h - 24}L${x(known[0][0])} ${h - 24}Z`}), svg("path", {class: "series", d: path}));
    return out;
  });
}

/** What a column that only grows gained per second between samples. */
function rate(column, unit) {
  const at = data.samples.at, of = data.samples[column];
  return of ? at.slice(1).map((t, i) => [t, of[i + 1] === null || of[i] === null ? null : ((of[i + 1] - of[i]) / (t - at[i])) * unit]) : [];
}

function machine() {
  const s = data.samples, e = data.energy, told = [], column = (name) => (s[name] ? s.at.map((t, i) => [t, s[name][i]]) : []);
  told.push(e.estimated ? "Energy is estimated from a constant power (--watts), not measured." : e.meter ? `Energy meter: ${e.meter} (${e.kind}).` : `No energy: ${e.reason}.`);
  if (e.idle_watts !== null && e.microjoules !== null)
    told.push(`At rest the machine drew ${digits(e.idle_watts)} W (measured for ${digits(e.idle_seconds)} s before the run): the run took ${joules(e.microjoules)}, of which ${joules(e.net_microjoules)} beyond that.`);
  if (e.readings) told.push(`${plural(e.readings, "reading")} of the meter, ${e.lost} lost, took ${time(e.meter_cpu_nanoseconds)} of CPU.`);
  for (const [name, words] of [["celsius", "temperature"], ["mhz", "clock"]]) if (!s[name]) told.push(`This machine tells no ${words}.`);
  const all = data.wall_nanoseconds || 1;
  told.push(`${plural(data.sampler.samples, "sample")}, which took ${time(data.sampler.cpu_nanoseconds)} of CPU: ${percent(data.sampler.cpu_nanoseconds / all)} of the run.`);
  if (s.at.length < 4) told.push("The run was too short to show much of its course.");
  byId("machine-note").textContent = told.join(" ");
  overTime("Power, W", rate("microjoules", 1e3), (v) => digits(v), true, (p) => (p.microjoules ? `${p.phase} ${joules(p.microjoules)}` : p.phase));
  overTime("CPUs in use", rate("cpu_nanoseconds", 1), (v) => digits(v), true);
  overTime("Resident memory", column("rss_bytes"), bytes, true);
  overTime("KV cache in use", data.phases.filter((p) => p.rows && p.phase !== "vision").map((p) => [p.start + p.nanoseconds,
    ((p.position + p.rows) / data.identity.context) * data.memory.kv_bytes]), bytes, true);
  overTime("Page faults per second", rate("minor_faults", 1e9).map((p, i) => [p[0], p[1] + (rate("major_faults", 1e9)[i] || [0, 0])[1]]), count, true);
  overTime("Temperature, \u00b0C", column("celsius"), (v) => digits(v), false);
  overTime("Clock, MHz", column("mhz"), (v) => digits(v), false);
  if ((s.throttled || []).some((v) => v > 0)) overTime("Throttled", column("throttled"), String, true);
}

function memoryPlan() {
  for (const [program, plan] of Object.entries(data.plan)) {
    const box = el("div", {class: "chart"}), canvas = el("canvas", {role: "img", "aria-label": `${program}: ${plan.blocks.length} values in an arena of ${bytes(plan.arena_bytes)}`}), names = data.schedule[program];
    byId("plan-charts").append(el("h3", null, `${program}: ${plan.ops} ops, arena ${bytes(plan.arena_bytes)}, at most ${bytes(plan.live_bytes)} live at once`), box);
    box.append(canvas);
    const height = 230, left = 62, foot = 24;
    let x, y;
    draws(box, (w) => {
      const ratio = devicePixelRatio || 1, g = canvas.getContext("2d");
      canvas.width = Math.round(w * ratio);
      canvas.height = height * ratio;
      canvas.style.height = height + "px";
      g.scale(ratio, ratio);
      g.font = "12px system-ui, 'DejaVu Sans', sans-serif";
      x = scale(0, plan.ops, left, w - 2);
      y = scale(0, Math.max(plan.arena_bytes, plan.live_bytes), height - foot, 4);
      g.fillStyle = colour("--panel");
      g.fillRect(left, 4, w - 2 - left, height - foot - 4);
      g.fillStyle = colour("--soft");
      g.textAlign = "right";
      for (const v of ticks(0, plan.arena_bytes, 4)) g.fillText(bytes(v), left - 5, Math.max(12, y(v) + 4));
      g.textAlign = "center";
      for (const v of ticks(0, plan.ops, Math.max(3, w / 110))) if (x(v) < w - 24) g.fillText(v === 0 ? "op 0" : String(v), x(v) + (v === 0 ? 14 : 0), height - 7);
      for (const [offset, size, first, last, group] of plan.blocks) {
        g.fillStyle = colour("--g" + group);
        const top = y(offset + size), wide = Math.max(x(last) - x(first), 0.5), high = Math.max(y(offset) - top, 0.5);
        g.fillRect(x(first), top, wide > 3 ? wide - 0.5 : wide, high > 3 ? high - 0.5 : high);
      }
      g.strokeStyle = colour("--warn-line");
      g.setLineDash([6, 4]);
      g.beginPath();
      g.moveTo(left, y(plan.live_bytes));
      g.lineTo(w - 2, y(plan.live_bytes));
      g.stroke();
    });
    canvas.addEventListener("pointermove", (event) => {
      const r = canvas.getBoundingClientRect(), px = event.clientX - r.left, py = event.clientY - r.top;
      const hit = plan.blocks.find(([o, n, f, l]) => px >= x(f) && px <= x(l) && py <= y(o) && py >= y(o + n));
      if (!hit) return hideTip();
      const [offset, size, first, last, , writer] = hit;
      showTip(event, `${writer < 0 ? "input" : names[writer][0] + ": " + names[writer][1]}\n${bytes(size)} at ${bytes(offset)}\nops ${first} to ${last - 1}`);
    });
    canvas.addEventListener("pointerleave", hideTip);
  }
}
