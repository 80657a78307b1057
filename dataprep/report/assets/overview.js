"use strict";
// The overview: what became of the pictures, in numbers, with what has to be looked at first.

const WARNINGS = 12; // that are told at once
const LOST = 8;
const STRIP = 6; // pictures of a reason

const summary = data.summary;

/** Returns a link to a list with some filters. */
const href = (id, chosen = {}) => {
  const wanted = Object.entries(chosen).filter(([, value]) => value);
  return `#${id}${wanted.length ? `?${new URLSearchParams(wanted)}` : ""}`;
};

function drawOverview(place) {
  place.replaceChildren(headline(), ...callouts(), element("div", { class: "columns" }, element("div", {}, ...reasonsOf()), element("div", {}, ...channels(), ...run(), ...disagree())));
}

function headline() {
  const lost = summary.scanned - summary.kept;
  const strong = (tag, count) => element(tag, {}, integer.format(count));
  const title = element("h2", { id: "overview-title", tabindex: "-1" },
    strong("strong", summary.kept), ` of ${counted(summary.scanned, "picture is", "pictures are")} kept`, ...(lost ? [", ", strong("em", lost), " dropped"] : []));
  return element("div", { class: "headline" }, title, element("p", { class: "where" }, name(data.where)), proportion(lost));
}

function proportion(lost) {
  const part = (count) => `${((100 * count) / Math.max(1, summary.scanned)).toFixed(3)}%`;
  const bar = shape("svg", { class: "proportion", role: "img", "aria-label": `${integer.format(summary.kept)} kept, ${integer.format(lost)} dropped`, height: 14, width: "100%" },
    shape("rect", { class: "kept", x: 0, width: part(summary.kept), height: 14 }));
  let before = summary.kept;
  for (const count of Object.values(summary.dropped)) {
    bar.append(shape("rect", { class: "dropped", x: part(before), width: part(count), height: 14 }));
    before += count;
  }
  return bar;
}

/** Returns what has to be looked at before the result is used. */
function callouts() {
  const { conflicts, leaks } = data.counts;
  const found = [];
  const alarm = (tag, attributes, ...children) => found.push(element(tag, { class: "callout alarm", ...attributes }, ...children));
  const items = (list, most, more) => element("ul", {}, ...list.slice(0, most).map((text) => element("li", {}, name(text))), ...(list.length > most ? [element("li", {}, `and ${integer.format(list.length - most)} more${more}`)] : []));
  if (summary.warnings.length) alarm("div", { id: "warnings" }, element("p", {}, element("strong", {}, "Look at this before you use the result.")), items(summary.warnings.map(({ sentence }) => sentence), WARNINGS, ", in summary.json"));
  if (conflicts) alarm("p", {}, element("strong", {}, `${counted(conflicts, "picture has", "pictures have")} two labels.`), " Copies lie in folders that name different labels; only one can be right. ", element("a", { href: "#conflicts" }, "Look at label conflicts"));
  if (leaks) alarm("p", {}, element("strong", {}, `${counted(leaks, "picture is", "pictures are")} in two splits.`), " A model that is tested on what it was trained with looks better than it is. ", element("a", { href: "#leaks" }, "Look at leaks"));
  if (data.lost.length) alarm("div", { id: "lost" }, element("p", {}, element("strong", {}, `${counted(data.lost.length, "decision by hand no longer holds:", "decisions by hand no longer hold:")}`), " the file is gone, has changed, or cannot be read."), items(data.lost, LOST, ""));
  return found;
}

function reasonsOf() {
  const most = Math.max(1, ...Object.values(summary.dropped));
  const rows = Object.entries(summary.dropped).map(([reason, count]) => {
    const bar = shape("svg", { "aria-hidden": "true", height: 8, width: "100%" }, shape("rect", { class: "rail", width: "100%", height: 8 }), shape("rect", { class: "dropped", width: `${((100 * count) / most).toFixed(3)}%`, height: 8 }));
    const code = data.reasons.indexOf(reason);
    const strip = [];
    for (const picture of views.dropped.all) {
      if (pictures.reason[picture] === code && strip.push(picture) === STRIP) break;
    }
    return element("li", {}, element("a", { href: href("dropped", { reason }) }, name(reason)), element("span", { class: "number" }, integer.format(count)), bar, element("div", { class: "strip" }, ...strip.map(thumbnail)));
  });
  return [element("h3", {}, "Why pictures were dropped"), rows.length ? element("ul", { class: "reasons" }, ...rows) : element("p", { class: "empty" }, "None was. Every rule let every picture through.")];
}

function channels() {
  if (!summary.mean || !summary.std) return [];
  const row = (word, values) => element("tr", {}, element("th", { scope: "row" }, word), ...values.map((value) => element("td", {}, value.toFixed(4))));
  const head = element("thead", {}, element("tr", {}, element("td", {}), ...["Red", "Green", "Blue"].map((word) => element("th", { scope: "col" }, word))));
  return [
    element("h3", {}, "Mean and deviation"),
    element("table", { class: "channels" }, head, element("tbody", {}, row("mean", summary.mean), row("std", summary.std))),
    element("p", { class: "note" }, "Of all pixels of ", name(summary.statistics_of), ", as shares of 255."),
  ];
}

/** Returns what is known of the run, a line each. */
function run() {
  const { seconds, measured, known, splits, carried, near_duplicates: near, protected_copies: copies, protected_conflicts: wrong } = summary;
  const facts = [];
  const tell = (word, ...told) => facts.push(element("dt", {}, word), element("dd", {}, ...told));
  if (data.when) tell("Time", element("time", { datetime: data.when.iso }, data.when.text));
  if (seconds) tell("Took", `${seconds < 10 ? seconds.toFixed(2) : integer.format(seconds)} s, ${integer.format(summary.images_per_second)} pictures/s`);
  if (seconds) tell("Read now", `${integer.format(measured)}${known ? `; ${integer.format(known)} known from before` : ""}`);
  tell("Labels", element("a", { href: "#labels" }, Object.keys(summary.labels).length ? integer.format(Object.keys(summary.labels).length) : "none"));
  for (const [at, [split, count]] of Object.entries(splits).slice(0, 8).entries()) tell(at ? "" : "Splits", name(split), ` ${integer.format(count)}`);
  if (carried) tell("Carried over", `${integer.format(carried.known)} keep the split they had${carried.new ? `; ${integer.format(carried.new)} new` : ""}${carried.moved ? `; ${integer.format(carried.moved)} moved to that of their copies` : ""}`);
  for (const [word, id] of [["Duplicates", "duplicates"], ["Label conflicts", "conflicts"], ["Leaks", "leaks"]]) if (data.unchecked[id]) tell(word, element("a", { href: `#${id}` }, "not checked"));
  if (near) tell("Near copies", `${integer.format(summary.near_conflicts)} of ${integer.format(near)} have another label than the kept one`);
  if (copies !== null) tell("Protected", `${counted(copies, "copy", "copies")} of another protected picture, kept${wrong ? `; ${integer.format(wrong)} under another label` : ""}`);
  if (data.ignored) tell("Other files", `${visible(data.ignored)}, left alone`);
  for (const [at, remark] of summary.remarks.entries()) tell(at ? "" : "Source", name(remark));
  if (data.decisions.length) tell("By hand", `${counted(data.decisions.length, "decision", "decisions")} from before`);
  tell("Manifest", element("code", {}, summary.fingerprint.slice(0, 12)));
  return [element("h3", {}, "This run"), element("dl", { class: "facts" }, ...facts)];
}

function disagree() {
  const key = (word) => element("b", {}, word);
  return [
    element("h3", {}, "If you disagree"),
    element("p", { class: "note" }, "Press ", key("Keep"), " or ", key("Drop"), " below a picture, or above a list for all in it; give a ", key("label"), " that is better. This browser keeps what you decide. Then save ", element("code", {}, "overrides.json"), " and clean again:"),
    element("pre", { class: "note" }, element("code", {}, "dataprep clean … --overrides overrides.json")),
    ...data.limits.map((sentence) => element("p", { class: "note" }, sentence)),
  ];
}
