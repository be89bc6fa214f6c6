// SPDX-License-Identifier: Apache-2.0
// The data, numbers for people, and elements made of plain text: nothing of the data is ever read as HTML.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function make(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {}))
    if (name === "style") node.style.cssText = value;
    else if (value !== null && value !== undefined) node.setAttribute(name, value);
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
}
const el = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => make(document.createElementNS(SVG, tag), attributes, children);

function digits(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : 2);
}
function scaled(value, units, step) {
  let i = 0;
  while (Math.abs(value) >= step && i < units.length - 1) {
    value /= step;
    i++;
  }
  return (i === 0 && Number.isInteger(value) ? String(value) : digits(value)) + "\u202f" + units[i];
}
const time = (ns) => (ns >= 1e9 ? digits(ns / 1e9) + "\u202fs" : scaled(ns, ["ns", "\u00b5s", "ms"], 1000));
const bytes = (n) => scaled(n, ["B", "KB", "MB", "GB", "TB"], 1000);
const count = (n) => scaled(n, ["", "K", "M", "G", "T"], 1000).replace(/\u202f$/, "");
const joules = (uj) => (uj === null ? "\u2013" : uj >= 1e6 ? digits(uj / 1e6) + "\u202fJ" : digits(uj / 1e3) + "\u202fmJ");
const percent = (x) => digits(100 * x) + "\u202f%";
/** How near an op came to its roof; a dash where roofs were not measured. */
const ofRoof = (o) => (o.roof_percent ? digits(o.roof_percent) + "\u202f%" : "\u2013");
const sum = (list, of) => list.reduce((a, x) => a + of(x), 0);
const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** The value that a share of the sorted list is no greater than. */
const quantile = (sorted, share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];

/** Steps of 1, 2 or 5 times a power of ten, about so many in the range. */
function ticks(from, to, about) {
  if (!(to > from)) return [from];
  const raw = (to - from) / about, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const out = [];
  for (let k = Math.ceil(from / step); k * step <= to + step * 1e-9; k++) out.push(k * step);
  return out;
}

/** Seconds with as many decimals as the step between ticks needs. */
function seconds(ns, step) {
  const decimals = Math.max(0, Math.min(9, Math.ceil(-Math.log10(step / 1e9) - 1e-9)));
  return (ns / 1e9).toFixed(decimals);
}

// One palette for the page and the memory plan: variables, so that it follows the theme.
const groups = data.palette;
document.head.append(el("style", null,
  `:root{${groups.map((g, i) => `--g${i}:${g.light}`).join(";")}}` +
  `@media (prefers-color-scheme:dark){:root{${groups.map((g, i) => `--g${i}:${g.dark}`).join(";")}}}`));
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const programs = Object.entries(data.programs);
/** Every op that ran, with its program and group; typical: what its runs take when nobody else takes the CPU away. */
const ops = programs.flatMap(([program, p]) => p.ops.map((o) => ({
  ...o, program, group: data.schedule[program][o.index][2], typical: o.nanoseconds_typical,
})));
const allOps = sum(ops, (o) => o.typical) || 1;

/** Ops that do the same for another tile or layer, as one: a star stands for its number. */
function alike() {
  const groupsOf = new Map();
  for (const o of ops) {
    const star = o.name.replace(/(^|\.)(crop|stride|layer|block|phase)\d+/g, "$1$2*"), key = [o.program, star, o.kind, o.kernel, o.level, o.shape].join(" ");
    const g = groupsOf.get(key);
    if (!g) {
      groupsOf.set(key, {...o, star, members: 1, bound: (o.roof_percent / 100) * o.typical});
      continue;
    }
    for (const n of ["calls", "typical", "nanoseconds", "macs", "bytes"]) g[n] += o[n];
    g.bound += (o.roof_percent / 100) * o.typical;
    g.nanoseconds_p99 = Math.max(g.nanoseconds_p99, o.nanoseconds_p99);
    g.members++;
  }
  return [...groupsOf.values()].map((g) => ({...g, name: g.members > 1 ? g.star : g.name, roof_percent: (100 * g.bound) / (g.typical || 1),
    gops: (2 * g.macs) / (g.typical || 1), gbps: g.bytes / (g.typical || 1)}));
}

// What is drawn anew where the width or the theme changes.
const redraws = [];
function draws(box, draw) {
  const again = () => draw(Math.max(240, box.clientWidth));
  redraws.push(again);
  again();
}
let pending = 0;
function redraw() {
  cancelAnimationFrame(pending);
  pending = requestAnimationFrame(() => redraws.forEach((again) => again()));
}
addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

const tip = byId("tip");
function showTip(event, text) {
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 4)) + "px";
  tip.style.top = (event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 10 : event.clientY + 18) + "px";
}
const hideTip = () => (tip.hidden = true);

/** A name that may be broken behind its points. */
const breakable = (name) => name.split(/(?<=[._+])/).flatMap((part) => [part, el("wbr")]);

/** A table: columns are {name, of, text, wide, bar}. of gives a text or an element. */
function table(caption, columns, rows) {
  const cell = (c, row, i) => {
    const kind = [c.text && "text", c.wide && "wide", c.bar && "bar"].filter(Boolean).join(" ") || null;
    return el(i === 0 ? "th" : "td", {class: kind, scope: i === 0 ? "row" : null}, c.of(row));
  };
  return el("table", null, caption ? el("caption", null, caption) : null,
    el("thead", null, el("tr", null, columns.map((c) => el("th", {scope: "col", class: [c.text && "text", c.wide && "wide"].filter(Boolean).join(" ") || null},
      c.head || c.name)))),
    el("tbody", null, rows.map((row) => el("tr", null, columns.map((c, i) => cell(c, row, i))))));
}
const fill = (share, variable = "--bar") => el("span", {class: "fill", "aria-hidden": "true",
  style: `width:${Math.max(0, Math.min(100, 100 * share)).toFixed(1)}%;background:var(${variable})`});
