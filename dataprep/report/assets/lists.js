"use strict";
// Lists of pictures or clusters: filtered, sorted, in pages, and decided about as a whole. What is chosen is in the address.

const CLUSTERS = 24; // a page
const CARDS = 60; // a page
const FIRST = 10; // of a cluster, the kept picture included
const MORE = 48;
const FOLDERS = 2_000; // that are offered

const TEXTS = { q: "Name", label: "Label", split: "Split", folder: "Folder" };

const hasSplits = pictures.split.some((split) => split !== null);
const lacksLabels = Object.keys(data.summary.labels).length > 0 && pictures.label.includes(null); // of some, not of all
const unreadable = new Set(pictures.reason.filter((_, picture) => !pictures.readable[picture]).map((code) => data.reasons[code]));

/** Returns what a filter lets through, as a function of a picture. */
function filterOf({ q, label, nolabel, split, folder, reason, cause }) {
  const tests = [];
  if (q) tests.push(((pattern) => (picture) => pattern.test(pictures.uri[picture]))(new RegExp(q.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "iu")));
  if (label) tests.push((picture) => pictures.label[picture] === label);
  if (nolabel) tests.push((picture) => pictures.label[picture] === null);
  if (split) tests.push((picture) => pictures.split[picture] === split);
  if (folder) tests.push((picture) => pictures.uri[picture].startsWith(folder.endsWith("/") ? folder : `${folder}/`));
  if (reason) tests.push(((code) => (picture) => pictures.reason[picture] === code)(data.reasons.indexOf(reason)));
  if (cause) tests.push((picture) => causeOf(picture) === cause);
  return (picture) => tests.every((test) => test(picture));
}

/** Returns what a fault has in common with others of its kind: its words, without numbers, hexadecimal ones too. */
const causeOf = (picture) => (pictures.detail[picture] ?? "").replace(/0x[\da-f]+|\d[\d,.]*/gi, "…");

/** Returns items in the order of the name or of a column of the pictures that lead them; what is not known comes last either way. */
function sorted(items, order, lead) {
  const column = order.replace(/^-/, "");
  const sign = order.startsWith("-") ? -1 : 1;
  const values = (column === "name" ? pictures.uri : pictures[column]) ?? [];
  const keys = items.map((item) => values[lead(item, column, sign)] ?? null);
  const isKnown = (at) => keys[at] !== null;
  const places = Uint32Array.from(items.keys());
  const known = places.filter(isKnown).sort((a, b) => (keys[a] < keys[b] ? -sign : keys[a] > keys[b] ? sign : 0));
  return [...known, ...places.filter((at) => !isKnown(at))].map((at) => items[at]);
}

/** A list of which one page is in the document. */
class List {
  /**
   * @param {string} id Of its section.
   * @param {{title: string, text: string, size: number, items: any[], members: function, draw: function, lead: function}} what Its
   *     heading, how many items a page has, all items, the pictures of one, its card, and the picture that it is sorted by.
   */
  constructor(id, what) {
    Object.assign(this, { id, chosen: {}, page: 0, items: [], all: what.items }, what);
    this.section = document.getElementById(id);
    this.drawn = false;
  }

  /** Shows what an address asks for, such as reason=blurred&page=3. */
  open(asked) {
    if (!this.drawn) this.begin();
    const { sort = "", page = "1", ...chosen } = Object.fromEntries(asked);
    const key = JSON.stringify([chosen, sort]);
    const isNew = key !== this.key;
    if (isNew) {
      this.key = key;
      this.chosen = chosen;
      const passes = filterOf(chosen);
      const found = this.all.filter((item) => this.members(item).some(passes));
      this.items = sort ? sorted(found, sort, this.lead) : found;
      this.sort = sort;
    }
    const last = Math.max(0, Math.ceil(this.items.length / this.size) - 1);
    const at = Math.min(Math.max(0, Math.floor(Number(page)) - 1 || 0), last);
    if (isNew || at !== this.page || !this.list.childElementCount) this.show(at);
    if (isNew && this.pager) this.showFilters();
  }

  close() {
    this.list?.replaceChildren(); // a view that is not open holds no pictures
  }

  /** Changes what is asked for, and so the address; the first page comes first. */
  ask(change, isTyped = false) {
    const { page, ...rest } = { ...this.chosen, sort: this.sort, ...change };
    const wanted = Object.entries(page ? { ...rest, page } : rest).filter(([, value]) => value);
    const hash = `#${this.id}${wanted.length ? `?${new URLSearchParams(wanted)}` : ""}`;
    if (isTyped) location.replace(hash);
    else location.hash = hash;
  }

  turn(step) {
    const page = this.page + step;
    if (page < 0 || page * this.size >= this.items.length) return false;
    const inside = this.list.contains(document.activeElement);
    this.ask({ page: page ? String(page + 1) : "" });
    this.show(page);
    if (inside) this.list.focus({ preventScroll: true });
    window.scrollTo({ top: 0 });
    return true;
  }

  /** Returns the items of this page. */
  get shown() {
    return this.items.slice(this.page * this.size, (this.page + 1) * this.size);
  }

  begin() {
    this.drawn = true;
    const head = element("div", { class: "headline" }, element("h2", { id: `${this.id}-title`, tabindex: "-1" }, this.title), element("p", { class: "note" }, this.text));
    this.list = element("ul", { class: this.kind, tabindex: "-1", "aria-label": this.title });
    this.section.replaceChildren(head, ...this.tools(), this.list);
  }

  tools() {
    const why = data.unchecked[this.id];
    if (why) return [element("p", { class: "callout" }, element("strong", {}, "Not checked. "), why)];
    this.chips = element("div", { class: "chips", role: "group", "aria-label": "Reason" });
    this.causes = element("div", { class: "chips causes", role: "group", "aria-label": "Cause" });
    this.pager = element("div", { class: "pager", role: "group", "aria-label": "Pages" },
      element("button", { type: "button", "aria-label": "Previous page", title: "Previous page (←)", onclick: () => this.turn(-1) }, "←"),
      element("span", { role: "status" }),
      element("button", { type: "button", "aria-label": "Next page", title: "Next page (→)", onclick: () => this.turn(1) }, "→"));
    this.bulk = element("div", { class: "bulk" });
    return [element("div", { class: "toolbar" }, this.chips, this.causes, this.filters(), this.pager), this.bulk];
  }

  filters() {
    const field = (key) => {
      const options = { q: {}, label: { list: "known-labels" }, folder: { list: "known-folders" }, split: {} }[key];
      const input = element("input", { type: "search", "data-filter": key, autocomplete: "off", placeholder: TEXTS[key], "aria-label": TEXTS[key], ...options });
      input.addEventListener("input", () => this.ask({ [key]: input.value, ...(key === "label" ? { nolabel: "" } : {}) }, true));
      return input;
    };
    const columns = data.histograms.map((histogram) => histogram.column);
    const sorts = [["", this.kind === "clusters" ? "largest first" : "as listed"], ["name", "name"], ...["distance", ...columns].flatMap((column) => [[column, `${column} ↑`], [`-${column}`, `${column} ↓`]])];
    const select = element("select", { "aria-label": "Sort by", "data-sort": true, onchange: (event) => this.ask({ sort: event.target.value }) }, ...sorts.map(([value, text]) => element("option", { value }, visible(text))));
    const keys = Object.keys(TEXTS).filter((key) => key !== "split" || hasSplits);
    const without = element("button", { type: "button", "data-nolabel": true, "aria-pressed": "false", onclick: () => this.ask({ label: "", nolabel: this.chosen.nolabel ? "" : "1" }) }, "Without a label");
    const clear = element("button", { type: "button", class: "clear", onclick: () => this.ask({ q: "", label: "", nolabel: "", split: "", folder: "", reason: "", cause: "", sort: "" }) }, "Clear");
    return element("div", { class: "filters", role: "search", "aria-label": this.title }, ...keys.map(field), ...(lacksLabels ? [without] : []), select, clear);
  }

  show(page) {
    this.page = page;
    const shown = this.shown.map((item) => this.draw(item, this.items));
    this.list.replaceChildren(...(shown.length ? shown : [element("li", { class: "empty" }, "Nothing here.")]));
    if (!this.pager) return;
    this.showPager();
    this.showBulk();
  }

  showPager() {
    const start = this.page * this.size;
    const stop = start + this.shown.length;
    this.pager.querySelector("span").textContent = `${integer.format(Math.min(start + 1, stop))}–${integer.format(stop)} of ${integer.format(this.items.length)}`;
    const [back, on] = this.pager.querySelectorAll("button");
    back.hidden = on.hidden = this.items.length <= this.size;
    back.setAttribute("aria-disabled", String(start === 0));
    on.setAttribute("aria-disabled", String(stop === this.items.length));
  }

  showFilters() {
    for (const input of this.section.querySelectorAll("[data-filter]")) {
      if (input !== document.activeElement) input.value = this.chosen[input.dataset.filter] ?? "";
    }
    this.section.querySelector("[data-nolabel]")?.setAttribute("aria-pressed", String(Boolean(this.chosen.nolabel)));
    this.section.querySelector("[data-sort]").value = this.sort;
    this.section.querySelector(".clear").hidden = !this.sort && Object.keys(this.chosen).length === 0;
    const { reason, cause, ...rest } = this.chosen;
    const counts = this.count(rest, (picture) => pictures.reason[picture]);
    const reasons = [...counts].filter(([code]) => code !== null).sort(([a], [b]) => a - b).map(([code, count]) => [data.reasons[code], count]);
    this.showChips(this.chips, "reason", reasons, reason);
    const causes = reason && unreadable.has(reason) ? [...this.count({ ...rest, reason }, causeOf)].sort(([a, many], [b, other]) => other - many || (a < b ? -1 : 1)) : [];
    this.showChips(this.causes, "cause", causes, cause);
  }

  /** Returns how many items there are of each value that a picture of theirs has. */
  count(chosen, valueOf) {
    const [counts, passes] = [new Map(), filterOf(chosen)];
    for (const item of this.all) {
      for (const value of new Set(this.members(item).filter(passes).map(valueOf))) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return counts;
  }

  showChips(place, key, counts, chosen) {
    const chip = (value, text, count) => element("button", { type: "button", "aria-pressed": String((chosen ?? "") === value), "data-value": value, onclick: () => this.ask({ cause: "", [key]: value }) }, visible(text), ...(count === null ? [] : [" ", element("span", {}, integer.format(count))]));
    const had = place.contains(document.activeElement) ? document.activeElement.dataset.value : null;
    const chips = counts.length > 1 || chosen ? [chip("", "all", null), ...counts.map(([value, count]) => chip(value, value, count))] : [];
    place.replaceChildren(...chips);
    if (had !== null) chips.find((one) => one.dataset.value === had)?.focus();
  }

  showBulk() {
    const of = (items) => [...new Set(items.flatMap((item) => this.members(item)))];
    const group = (word, items) => {
      const count = of(items).length;
      return element("span", { class: "group", role: "group", "aria-label": `${word} ${count}` }, element("span", { class: "what" }, `${word} ${integer.format(count)}`), ...actsOn(() => of(items)));
    };
    const one = this.items.length <= this.size;
    this.bulk.replaceChildren(...(this.items.length ? [...(one ? [] : [group("This page:", this.shown)]), group("All", this.items)] : []));
  }

}

/** Returns buttons that decide about many pictures. */
function actsOn(chosen) {
  const act = (word, keep) => element("button", { type: "button", "data-act": word.toLowerCase(), onclick: () => decideMany(chosen(), keep) }, word);
  return [act("Keep", true), act("Drop", false), relabelButton(chosen)];
}

function decideMany(chosen, keep) {
  const count = decide(chosen, { keep });
  const fixed = chosen.filter((picture) => !canChange(picture)).length;
  const done = count ? `${counted(count, "picture", "pictures")} to be ${keep ? "kept" : "dropped"}. Undo (U) takes it back.` : `Nothing to change: ${keep ? "kept" : "dropped"} already.`;
  const left = `${counted(fixed, "picture", "pictures")} cannot be read and stay${fixed === 1 ? "s" : ""} dropped.`;
  say([...(fixed === chosen.length ? [] : [done]), ...(fixed ? [left] : [])].join(" "));
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
  const acts = element("div", { class: "acts", role: "group", "aria-label": `All of ${visible(pictures.uri[twin])}` }, ...actsOn(() => cluster));
  return element("li", { class: "cluster" }, element("div", { class: "cap" }, title, acts), cards, more);
}
