"use strict";
// Labels: how many pictures there were of each, how many are kept, and which rules took the others; sorted by whatever is asked for.

const ROWS = 200; // labels at once
const FLAGS = { "empty labels": "no picture left", "alike labels": "spelt almost as another", "split labels": "called as a split", "one label": "the only label" };
const ORDERS = {
  notable: (a, b) => b.flags.length - a.flags.length || b.lost - a.lost || a.images - b.images,
  label: () => 0,
  before: (a, b) => b.images - a.images,
  kept: (a, b) => a.kept - b.kept,
  share: (a, b) => b.lost - a.lost,
};

const labels = Object.entries(summary.labels).map(([label, count]) => ({ label, ...count, lost: 1 - count.kept / Math.max(1, count.images) }));
let order = "notable";
let first = ROWS;

function drawLabels(place) {
  const told = labels.length ? "What became of the pictures of each label. Those that want a look come first: a rule falls on them, or their name looks wrong." : "No picture has a label.";
  const head = element("div", { class: "headline" }, element("h2", { id: "labels-title", tabindex: "-1" }, "Labels"), element("p", { class: "note" }, told));
  const search = element("input", { type: "search", placeholder: "Name", "aria-label": "Name of a label", autocomplete: "off" });
  const [table, more] = [element("div", { class: "table" }), element("button", { type: "button", class: "more" })];
  const draw = () => {
    const wanted = search.value.toLowerCase();
    const found = labels.filter(({ label }) => label.toLowerCase().includes(wanted)).sort((a, b) => ORDERS[order](a, b) || (a.label < b.label ? -1 : 1));
    table.replaceChildren(labelTable(found.slice(0, first), wanted ? null : summary.unlabelled, (by) => ([order, first] = [by, ROWS]) && draw()));
    more.textContent = `Show ${integer.format(Math.min(ROWS, found.length - first))} of ${integer.format(found.length - first)} more`;
    more.hidden = found.length <= first;
  };
  search.addEventListener("input", () => { first = ROWS; draw(); });
  more.addEventListener("click", () => { first += ROWS; draw(); });
  place.replaceChildren(head, ...(labels.length ? [element("div", { class: "toolbar" }, element("div", { class: "filters" }, search)), table, more] : []));
  if (labels.length) draw();
}

function labelTable(shown, unlabelled, sortBy) {
  const column = (by, word, attributes = {}) => element("th", { scope: "col", "aria-sort": order === by ? (by === "label" || by === "kept" ? "ascending" : "descending") : null, ...attributes },
    element("button", { type: "button", "data-by": by, onclick: () => { sortBy(by); document.querySelector(`[data-by="${by}"]`).focus(); } }, word));
  const head = element("tr", {}, column("label", "Label"), column("before", "Before", { class: "number" }), column("kept", "Kept", { class: "number" }), column("share", "Lost", { class: "share" }), element("th", { scope: "col" }, "Dropped, by reason"));
  const rows = shown.map((row) => labelRow(row));
  if (unlabelled) rows.push(labelRow({ label: null, flags: [], ...unlabelled }));
  return element("table", { class: "labels" }, element("thead", {}, head), element("tbody", {}, ...rows));
}

function labelRow({ label, images, kept, dropped, flags }) {
  const link = (id, chosen, text) => element("a", { href: href(id, { ...(label === null ? { nolabel: "1" } : { label }), ...chosen }) }, text);
  const bar = shape("svg", { "aria-hidden": "true", height: 8, width: "100%" }, shape("rect", { class: "dropped", width: "100%", height: 8 }), shape("rect", { class: "kept", width: `${((100 * kept) / Math.max(1, images)).toFixed(3)}%`, height: 8 }));
  const marks = flags.map((flag) => element("span", { class: "flag" }, FLAGS[flag] ?? `many are “${visible(flag)}”`));
  const why = Object.entries(dropped).map(([reason, count]) => element("span", { class: flags.includes(reason) ? "falls" : null }, link("dropped", { reason }, `${integer.format(count)} ${visible(reason)}`)));
  return element("tr", { class: label === null ? "none" : null },
    element("th", { scope: "row" }, label === null ? "no label" : name(label), ...marks.flatMap((flag) => [" ", flag])),
    element("td", { class: "number images" }, integer.format(images)),
    element("td", { class: "number left", "data-of": integer.format(images) }, link("kept", {}, integer.format(kept))),
    element("td", { class: "share" }, bar),
    element("td", { class: "why" }, ...why));
}
