"use strict";
// Views: which one is open, what it is filtered by, and its pages.

const CLUSTERS = 24; // a page
const CARDS = 60; // a page
const FIRST = 10; // of a cluster, the kept picture included
const MORE = 48;

/** A list of which one page is in the document. */
class Pages {
  constructor(id, size, draw, filters) {
    this.section = document.getElementById(id);
    this.list = this.section.querySelector("ul.cards, ul.clusters");
    Object.assign(this, { size, draw, filters, page: 0 });
    this.section.querySelector(".pager").addEventListener("click", (event) => {
      const step = Number(event.target.closest("button")?.dataset.step ?? 0);
      if (step) this.turn(step);
    });
    const chips = filters.map(({ title, items }, place) =>
      element("button", { type: "button", onclick: () => (location.hash = `${id}/${place}`) }, visible(title), " ", element("span", {}, integer.format(items.length))));
    if (chips.length > 1) this.section.querySelector(".chips").append(...chips);
    this.choose(0);
  }

  choose(place) {
    this.chosen = this.filters[place] ? place : 0;
    this.items = this.filters[this.chosen]?.items ?? [];
    this.page = 0;
    this.section.querySelectorAll(".chips button").forEach((chip, at) => chip.setAttribute("aria-pressed", String(at === this.chosen)));
  }

  turn(step) {
    const page = this.page + step;
    if (page < 0 || page * this.size >= this.items.length) return;
    const inside = this.list.contains(document.activeElement);
    this.page = page;
    this.show();
    if (inside) this.list.focus({ preventScroll: true });
    window.scrollTo({ top: 0 });
  }

  show() {
    const [start, stop] = [this.page * this.size, Math.min((this.page + 1) * this.size, this.items.length)];
    const shown = this.items.slice(start, stop).map((item) => this.draw(item, this.items));
    this.list.replaceChildren(...(shown.length ? shown : [element("li", { class: "empty" }, "Nothing here.")]));
    const pager = this.section.querySelector(".pager");
    pager.querySelector("span").textContent = `${integer.format(Math.min(start + 1, stop))}–${integer.format(stop)} of ${integer.format(this.items.length)}`;
    const [back, on] = pager.querySelectorAll("button");
    back.hidden = on.hidden = this.items.length <= this.size;
    back.setAttribute("aria-disabled", String(start === 0));
    on.setAttribute("aria-disabled", String(stop === this.items.length));
  }
}

/** Returns a cluster: the kept picture, then its copies, a row at first and more when asked for. */
function clusterOf(cluster) {
  const [twin, ...leaves] = cluster;
  const cards = element("ul", { class: "cards" });
  const more = element("button", { type: "button", class: "more" });
  const draw = (count) => {
    const at = cards.childElementCount;
    cards.append(...cluster.slice(at, at + count).map((picture) => card(picture, { among: cluster, twin })));
    const rest = cluster.length - cards.childElementCount;
    more.textContent = rest > MORE ? `Show ${MORE} of ${integer.format(rest)} more` : `Show ${rest} more`;
    more.hidden = rest === 0;
    return cards.children[at];
  };
  more.addEventListener("click", () => draw(MORE).querySelector("button").focus());
  draw(FIRST);
  const title = element("h3", {}, name(pictures.uri[twin]), ` and ${counted(leaves.length, "copy", "copies")}`);
  return element("li", { class: "cluster" }, title, cards, more);
}

/** Returns a filter for all clusters, and one for each reason that their copies have. */
function byReason(clusters) {
  const leaves = (cluster) => cluster.slice(1);
  const reasons = [...new Set(clusters.flatMap((cluster) => leaves(cluster).map((leaf) => pictures.reason[leaf])))].sort((a, b) => a - b);
  const filters = reasons.map((reason) => ({ title: data.reasons[reason], items: clusters.filter((cluster) => leaves(cluster).some((leaf) => pictures.reason[leaf] === reason)) }));
  return filters.length > 1 ? [{ title: "all", items: clusters }, ...filters] : [{ title: "all", items: clusters }];
}

const flagged = (column) => data.clusters.filter(([twin, ...leaves]) => leaves.some((leaf) => differs(column, leaf, twin)));

const views = {
  duplicates: new Pages("duplicates", CLUSTERS, clusterOf, byReason(data.clusters)),
  conflicts: new Pages("conflicts", CLUSTERS, clusterOf, byReason(flagged("label"))),
  leaks: new Pages("leaks", CLUSTERS, clusterOf, byReason(flagged("split"))),
  dropped: new Pages("dropped", CARDS, (picture, among) => card(picture, { among }), data.reasons.map((title, place) => ({ title, items: data.dropped[place] }))),
};

const links = new Map([...document.querySelectorAll(".top nav a")].map((link) => [link.hash.slice(1), link]));

/** Opens the view that the address names, such as #dropped/2. */
function route() {
  const [asked, filter] = location.hash.slice(1).split("/");
  const open = links.has(asked) ? asked : "overview";
  for (const [id, link] of links) {
    document.getElementById(id).hidden = id !== open;
    if (id === open) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (filter !== undefined) views[open]?.choose(Number(filter));
  for (const [id, view] of Object.entries(views)) { // a view that is not open holds no pictures
    if (id === open) view.show();
    else view.list.replaceChildren();
  }
  const histograms = document.querySelector(".histograms");
  if (open === "measures" && !histograms.childElementCount) drawMeasures(histograms);
  window.scrollTo({ top: 0 });
  return open;
}

window.addEventListener("hashchange", () => {
  const open = route();
  if (!document.activeElement?.closest(".chips")) document.getElementById(`${open}-title`).focus({ preventScroll: true });
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});
document.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step || dialog.open || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  Object.values(views).find((view) => !view.section.hidden)?.turn(step);
});
document.getElementById("save").addEventListener("click", saveOverrides);
window.addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});

for (const row of document.querySelectorAll("[data-reason]")) {
  const first = data.dropped[Number(row.dataset.reason)].slice(0, 6);
  row.querySelector(".strip").append(...first.map((picture) => thumbnail(picture)));
}
showCount();
route();
