// SPDX-License-Identifier: Apache-2.0
// The parts of the page that are words and tables, and the order in which all is drawn.
const card = (value, name, note) => el("div", {class: "card"}, el("span", null, name), el("b", null, value), note ? el("span", null, note) : null);
const arrow = (types) => types.replace("->", "\u2192");
const disturbed = () => data.warnings.some((w) => /^the machine (was busy|changed its speed)/.test(w));
const busy = () => data.cpu_nanoseconds / (data.wall_nanoseconds || 1);

function head() {
  const i = data.identity, file = i.file.split("/").pop();
  byId("title-model").textContent = i.model_name && i.model_name !== file ? `${i.model_name} (${file})` : file;
  document.title = `Binocle profile: ${file}, ${i.date}`;
  byId("subtitle").textContent = `${i.machine ? i.machine.cpu : "a machine"}, ${plural(i.threads, "thread")}, ${i.date.replace("T", " ").replace("Z", " UTC")}`;
  byId("warnings").append(...data.warnings.map((w) => el("p", {class: "warning", role: "note"}, "Warning: " + w + ".")));
}

function summary() {
  const {vision, prefill, decode} = data.programs, wall = data.wall_nanoseconds, rss = data.samples.rss_bytes;
  const first = data.phases.find((p) => p.phase === "sampling"), begin = data.phases.find((p) => !["load", "pack", "session"].includes(p.phase));
  const share = (p) => percent(p.nanoseconds / wall) + " of the run";
  byId("cards").append(...[
    card(time(wall), "the run", `${time(data.cpu_nanoseconds)} of CPU: ${digits(busy())} CPUs in use`),
    first && begin ? card(time(first.start + first.nanoseconds - begin.start), "to the first token") : null,
    vision ? card(time(vision.nanoseconds / vision.runs), "vision, a picture", share(vision)) : null,
    prefill ? card(digits((prefill.rows * 1e9) / prefill.nanoseconds) + "/s", "prefill, rows", share(prefill)) : null,
    decode ? card(digits((decode.rows * 1e9) / decode.nanoseconds) + "/s", "decode, tokens", share(decode)) : null,
    ops.some((o) => o.roof_percent) ? card(percent(sum(ops, (o) => (o.roof_percent / 100) * o.typical) / allOps), "of the roof", "by typical time") : null,
    card(joules(data.energy.microjoules), "energy", data.energy.estimated ? "estimated" : data.energy.meter || "no meter"),
    rss ? card(bytes(Math.max(...rss.filter((r) => r !== null))), "most memory resident", `arena ${bytes(data.memory.arena_bytes)}, KV cache ${bytes(data.memory.kv_bytes)}`) : null,
  ].filter(Boolean));
}

function identity() {
  const i = data.identity, m = i.machine, r = data.roofs, roof = (x, unit) => (best(x) > 0 ? `${digits(best(x))} ${unit}` : null);
  const weights = Object.entries(i.weights).map(([type, n]) => `${type} ${bytes(n)}`).join(", ");
  const rows = [
    ["Model", i.file], ["Name", i.model_name], ["Fingerprint (BLAKE2b)", i.fingerprint], ["Weights", `${weights}; KV cache ${i.kv}, context ${i.context}`],
    ["Machine", m && `${m.cpu}, ${m.uarch}, ${plural(m.cores, "core")}, ${plural(m.cpus, "CPU")}, ${bytes(m.memory_bytes)}`], ["System", m && `${m.os}, Linux ${m.kernel}`],
    ["Kernels", `level ${i.cpu_level}, ${plural(i.threads, "thread")}, linear layers: ${i.linear}`], ["Binocle", `${i.version}, model format ${i.format_version}`],
    ["Command", el("code", null, i.command)], ["Date", i.date], ["Load average", i.load_before === null ? "not known" : `${i.load_before} before, ${i.load_after} behind the run`],
    ["Roofs", [["int8", roof(r.int8_gops, "GOP/s")], ["bf16", roof(r.bf16_gops, "GOP/s")], ["f32", roof(r.f32_gops, "GOP/s")], ["memory", roof(r.memory_gbps, "GB/s")], ["L3", roof(r.l3_gbps, "GB/s")],
      ["L2", roof(r.l2_gbps, "GB/s")]].filter((x) => x[1]).map((x) => x.join(" ")).join(", ")],
    ["Page faults", `${count(data.memory.minor_faults)} in memory, ${count(data.memory.major_faults)} from the disk`],
  ];
  byId("identity").append(...rows.filter((x) => x[1]).flatMap(([name, value]) => [el("dt", null, name), el("dd", null, value)]));
}

function legend() {
  byId("legend").append(...groups.map((g, i) => el("span", {role: "listitem"}, el("i", {style: `background:var(--g${i})`, "aria-hidden": "true"}), g.name)));
}

/** The tiles, DEM and the projector of all pictures. */
function visionParts() {
  const every = data.phases.flatMap((p) => p.parts || []);
  return [...new Set(every.map((p) => p.part))].map((part) => {
    const each = every.filter((p) => p.part === part);
    return {phase: part, part: true, times: each.length, ns: sum(each, (p) => p.nanoseconds), cpu: sum(each, (p) => p.cpu_nanoseconds), ops: 1,
      joules: each[0].microjoules === null ? null : sum(each, (p) => p.microjoules)};
  });
}

function phases() {
  const names = [...new Set(data.phases.map((p) => p.phase))], span = sum(data.phases, (p) => p.nanoseconds) || 1;
  const rows = names.map((phase) => {
    const each = data.phases.filter((p) => p.phase === phase), known = each.filter((p) => p.microjoules !== null);
    return {phase, times: each.length, ns: sum(each, (p) => p.nanoseconds), cpu: sum(each, (p) => p.cpu_nanoseconds || 0), ops: sum(each, (p) => p.ops),
      joules: known.length ? sum(known, (p) => p.microjoules) : null};
  });
  const at = rows.findIndex((r) => r.phase === "vision");
  if (at >= 0) rows.splice(at + 1, 0, ...visionParts());
  const most = Math.max(...rows.map((r) => r.ns));
  byId("phases-table").append(table(null, [
    {name: "phase", of: (r) => (r.part ? el("span", {class: "part"}, r.phase) : r.phase)}, {name: "times", wide: true, of: (r) => String(r.times)}, {name: "time", of: (r) => time(r.ns)},
    {name: "share", of: (r) => percent(r.ns / span)}, {name: "", bar: true, of: (r) => fill(r.ns / most, r.part ? "--phase-b" : "--bar"), head: el("span", {class: "skip"}, "share as a bar")},
    {name: "each", wide: true, of: (r) => time(r.ns / r.times)}, {name: "CPU", wide: true, of: (r) => (r.ops ? time(r.cpu) : "\u2013")},
    {name: "energy", of: (r) => joules(r.joules)}, {name: "power", wide: true, of: (r) => (r.joules === null ? "\u2013" : digits((r.joules * 1e3) / r.ns) + "\u202fW")},
  ], rows));
}

/** One sentence that follows from which roof bounds an op and how near it is. */
function advice(o) {
  if (!o.roof_percent) return "what this machine can do was not measured (--no-roofs).";
  const near = o.roof_percent, few = o.calls < 5, rows = Number(o.shape.split("x")[0]);
  if (disturbed()) return "Measured on a machine that was busy or changed its speed: what would help, a quiet run tells.";
  if (few && busy() < 0.9) return `Seen ${o.calls === 1 ? "once" : o.calls + " times"} on a busy machine: --repeat tells whether it is dear at all.`;
  if (near < 30 && !o.macs) return `far from its roof (${digits(near)} % of ${o.roof}): it computes more than it moves, or is too short to reach it.`;
  if (!o.roof.endsWith("compute") && near < 30) return `far from its roof (${digits(near)} % of ${o.roof}): not bytes cost its time, but the kernel (${o.kernel}, ${o.level}) and its start.`;
  if (!o.roof.endsWith("compute")) {
    const where = o.roof === "memory" ? "memory-bound" : `bound by reading from ${o.roof}`;
    if (o.kind === "linear" && o.dtype.includes("x f32")) return `${where}: int8 weights would read a quarter of the bytes.`;
    if (o.kind === "linear" && o.dtype.includes("x bf16")) return `${where}: int8 weights would read half of the bytes.`;
    if (o.kind === "linear" && o.dtype.includes("x int8")) return `${where}: int4 would halve it.`;
    if (o.kind === "linear" && rows === 1) return `${where}, at int4 already: guessing ahead (--draft lookup) shares one read of the weights among several tokens.`;
    if (o.kind === "cache_attention" && !o.dtype.includes("x int8")) return `${where}: an int8 KV cache (--kv int8) would halve it.`;
    return `${where} at ${digits(near)} %: only fusing it with its neighbour would save what it moves.`;
  }
  if (near >= 70) return `compute-bound at ${digits(near)} % of the roof: more cores, or fewer rows (a smaller --input-size), are what is left.`;
  if (o.kind === "linear" && rows < 16) return `compute-bound at ${digits(near)} %: ${plural(rows, "row")} cannot fill the kernel's tile; more rows at once would.`;
  const float = o.roof === "bf16 compute" ? data.roofs.bf16_gops : data.roofs.f32_gops;
  if (o.kind === "linear" && !o.roof.startsWith("int8")) return `compute-bound at ${digits(near)} %: int8 weights have a roof ${digits(best(data.roofs.int8_gops) / (best(float) || 1))} times as high.`;
  if (o.macs && o.macs / o.calls < 4e6) return `small: ${count((2 * o.macs) / o.calls)} operations end before threads share them.`;
  return `compute-bound at ${digits(near)} % of the roof: the kernel (${o.kernel}, ${o.level}) has room.`;
}

function dearest() {
  const list = alike().sort((a, b) => b.typical - a.typical).slice(0, 10);
  byId("dearest-list").append(...list.map((o) => el("li", null,
    el("h3", null, el("span", {class: "swatch", style: `background:var(--g${o.group})`, "aria-hidden": "true"}), ...breakable(o.name)),
    el("div", {class: "facts"}, `${o.program}, ${o.members > 1 ? plural(o.members, "op") + ", " : ""}${o.kind}, ${o.kernel} (${o.level}), ${o.shape}, ${arrow(o.dtype)}`),
    el("div", {class: "meter"}, el("span", {class: "track"}, fill(o.roof_percent / 100, "--g" + o.group)), `${ofRoof(o)} of ${o.roof}`),
    el("div", {class: "facts"}, `${time(o.typical)} in ${plural(o.calls, "call")}: ${percent(o.typical / allOps)} of all ops; ${time(o.typical / o.calls)} each, p99 ${time(o.nanoseconds_p99)}` +
      (o.macs ? `; ${digits(o.gops)} GOP/s` : "") + `, ${digits(o.gbps)} GB/s`),
    el("div", {class: "advice"}, advice(o)))));
}

const sumColumns = (name, of, all, most, group) => [
  {name, of}, {name: "time", of: (r) => time(r.nanoseconds)}, {name: "share", of: (r) => percent(r.nanoseconds / all)},
  {name: "", bar: true, of: (r) => fill(r.nanoseconds / most, group && "--g" + group(r)), head: el("span", {class: "skip"}, "share as a bar")},
  {name: "CPU", wide: true, of: (r) => time(r.cpu_nanoseconds)}, {name: "GOP/s", wide: true, of: (r) => (r.macs ? digits(r.gops) : "")},
  {name: "of roof", of: ofRoof},
];

function parts() {
  const box = byId("parts-tables"), add = (t) => box.append(el("div", {class: "scroll"}, t));
  const most = (list) => Math.max(...list.map((r) => r.nanoseconds), 1);
  const groupOf = (program, kind) => (data.schedule[program].find((o) => o[1] === kind) || [0, 0, 0])[2];
  if (data.tiles.length) add(table("vision, by tile", sumColumns("tile", (r) => r.tile, data.programs.vision.nanoseconds || 1, most(data.tiles)), data.tiles));
  for (const [program, p] of programs) {
    const layers = data.layers.filter((l) => l.program === program);
    if (layers.length > 1) add(table(`${program}, by layer`, sumColumns("layer", (r) => r.layer || "none", p.nanoseconds || 1, most(layers)), layers));
  }
  for (const [program, p] of programs) add(table(`${program}, by kind of op`, sumColumns("kind", (r) => r.kind, p.nanoseconds || 1, most(p.kinds), (r) => groupOf(program, r.kind)), p.kinds));
}

const OP_ROWS = 200;
function opsTable() {
  const columns = [
    {name: "op", of: (o) => el("span", null, breakable(o.name)), key: (o) => o.name}, {name: "program", wide: true, text: true, of: (o) => o.program, key: (o) => o.program},
    {name: "kernel", wide: true, text: true, of: (o) => `${o.kernel} (${o.level})`, key: (o) => o.kernel}, {name: "shape", wide: true, of: (o) => o.shape, key: (o) => o.macs},
    {name: "type", wide: true, text: true, of: (o) => arrow(o.dtype), key: (o) => o.dtype}, {name: "n", wide: true, of: (o) => String(o.calls), key: (o) => o.calls},
    {name: "typical", of: (o) => time(o.typical), key: (o) => o.typical}, {name: "median", of: (o) => time(o.nanoseconds_median), key: (o) => o.nanoseconds_median},
    {name: "p99", wide: true, of: (o) => time(o.nanoseconds_p99), key: (o) => o.nanoseconds_p99}, {name: "GOP/s", wide: true, of: (o) => (o.macs ? digits(o.gops) : ""), key: (o) => o.gops},
    {name: "GB/s", wide: true, of: (o) => digits(o.gbps), key: (o) => o.gbps}, {name: "of roof", of: ofRoof, key: (o) => o.roof_percent},
    {name: "roof", wide: true, text: true, of: (o) => o.roof, key: (o) => o.roof},
  ];
  let by = columns[6], down = true;
  const find = el("input", {type: "search", placeholder: "name, kind, kernel", "aria-label": "Show ops whose name, kind or kernel contains"});
  const which = el("select", {"aria-label": "Program"}, el("option", {value: ""}, "all programs"), programs.map(([p]) => el("option", {value: p}, p)));
  const told = el("span", {class: "hint", role: "status"});
  function show() {
    const words = find.value.toLowerCase();
    const rows = ops.filter((o) => (!which.value || o.program === which.value) && `${o.name} ${o.kind} ${o.kernel}`.toLowerCase().includes(words));
    rows.sort((a, b) => (by.key(a) < by.key(b) ? -1 : by.key(a) > by.key(b) ? 1 : 0) * (down ? -1 : 1));
    for (const c of columns) {
      c.head = el("button", {type: "button"}, c.name + (c === by ? (down ? " \u25be" : " \u25b4") : ""));
      c.head.addEventListener("click", () => {
        down = c === by ? !down : true;
        by = c;
        show();
        byId("ops-table").querySelectorAll("thead button")[columns.indexOf(c)].focus();
      });
    }
    told.textContent = rows.length > OP_ROWS ? `the first ${OP_ROWS} of ${rows.length}; --csv writes all` : plural(rows.length, "op");
    const t = table(null, columns, rows.slice(0, OP_ROWS));
    t.querySelectorAll("thead th")[columns.indexOf(by)].setAttribute("aria-sort", down ? "descending" : "ascending");
    byId("ops-table").replaceChildren(t);
  }
  find.addEventListener("input", show);
  which.addEventListener("input", show);
  byId("ops-tools").append(find, which, told);
  show();
}

for (const part of [head, summary, identity, legend, drawTimeline, phases, dearest, roofline, parts, tokens, machine, memoryPlan, opsTable]) part();
document.documentElement.dataset.drawn = "yes";
