"use strict";
// Pictures: their cards, what a person decides about them, and the dialog that shows one closely.

const before = new Map(data.decisions.map((decision) => [decision.uri, decision]));
const overruled = new Set(); // places of pictures that are to be the other way round
let unsaved = false;

const reasonOf = (picture) => (pictures.reason[picture] === null ? null : data.reasons[pictures.reason[picture]]);
const canChange = (picture) => pictures.readable[picture] && pictures.digest[picture] !== null;
const willKeep = (picture) => pictures.keep[picture] !== overruled.has(picture);

/** Returns what a person decides, old decisions first where no new one replaces them. */
function decisions() {
  const all = new Map(before);
  for (const picture of overruled) {
    const uri = pictures.uri[picture];
    all.set(uri, { uri, digest: pictures.digest[picture], keep: !pictures.keep[picture] });
  }
  return [...all.values()].sort((a, b) => (a.uri < b.uri ? -1 : 1));
}

function overrule(picture) {
  if (!overruled.delete(picture)) overruled.add(picture);
  unsaved = overruled.size > 0;
  for (const node of document.querySelectorAll(`[data-picture="${picture}"]`)) mark(node, picture);
  showCount();
}

function showCount() {
  const count = overruled.size;
  const old = before.size ? `, ${integer.format(before.size)} from before` : "";
  document.getElementById("count").textContent = count ? `${integer.format(count)} overruled${old}` : `Nothing overruled${old}`;
  document.getElementById("save").disabled = count === 0;
}

function saveOverrides() {
  const text = `${JSON.stringify({ version: 1, decisions: decisions() }, null, 2)}\n`;
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  element("a", { href: url, download: "overrides.json" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  unsaved = false;
}

/** Shows on a card, or in the dialog, what is decided about its picture. */
function mark(node, picture) {
  const changed = overruled.has(picture);
  node.classList.toggle("kept", willKeep(picture));
  node.classList.toggle("changed", changed);
  node.querySelector(".verdict").textContent = changed
    ? willKeep(picture) ? "to be kept" : "to be dropped"
    : pictures.keep[picture] ? "kept" : "dropped";
  node.querySelector(".toggle")?.setAttribute("aria-pressed", String(changed));
}

function toggle(picture) {
  if (!canChange(picture)) return element("p", { class: "fixed" }, "unreadable");
  const word = pictures.keep[picture] ? "Drop" : "Keep";
  const label = `${word} ${visible(pictures.uri[picture])}`;
  return element("button", { type: "button", class: "toggle", "aria-label": label, onclick: () => overrule(picture) }, word);
}

/** Returns the thumbnail, else the picture itself where it can be had, else what stands in its place. */
function thumbnail(picture) {
  const url = data.thumbnails[picture];
  if (url) return element("img", { src: url, alt: "", decoding: "async", draggable: "false" });
  const error = data.errors[picture];
  if (error) return element("span", { class: "missing error" }, visible(error));
  return isBeside(picture) ? file(picture, () => missing(), { loading: "lazy" }) : missing();
}

const missing = () => element("span", { class: "missing" }, "no thumbnail");

/**
 * Returns the card of a picture.
 * @param {number} picture Its place.
 * @param {{among: number[], twin?: number, lead?: string}} context The pictures that the dialog goes through, the kept picture
 *     that this one is a copy of, and a first line.
 */
function card(picture, { among, twin = null, lead = null }) {
  const [, folder, file] = /^(.*?)([^/]*)$/s.exec(pictures.uri[picture]);
  const lines = [
    lead === null ? null : element("p", { class: "lead" }, lead),
    element("p", { class: "name", title: visible(pictures.uri[picture]) }, name(file)),
    folder ? element("p", { class: "folder" }, name(folder.slice(0, -1))) : null,
    lead === null ? element("p", { class: "facts" }, dimensions(picture)) : null,
    ...flags(picture, twin),
    remark(picture, lead),
  ];
  const look = element("button", { type: "button", class: "look", "aria-label": `Look at ${visible(pictures.uri[picture])}`, "aria-haspopup": "dialog" }, thumbnail(picture));
  look.addEventListener("click", () => openLook(picture, among));
  const node = element("li", { class: "card", "data-picture": picture }, look, element("span", { class: "verdict" }), element("div", { class: "text" }, ...lines.filter(Boolean)), toggle(picture));
  mark(node, picture);
  return node;
}

function dimensions(picture) {
  const { width, height, bytes } = pictures;
  const shown = width[picture] === null ? [] : [`${width[picture]}\u2009×\u2009${height[picture]}`];
  if (bytes[picture] !== null) shown.push(size(bytes[picture]));
  return shown.join(" · ") || "–";
}

/** Returns why a picture was dropped, in a line. */
function remark(picture, lead) {
  if (pictures.keep[picture]) return null;
  const detail = pictures.detail[picture] ?? "";
  if (lead !== null) return element("p", { class: "detail" }, visible(reasonOf(picture) ?? ""));
  return element("p", { class: "detail" }, visible(detail));
}

/** Returns lines for a label or split that is not the twin's. */
function flags(picture, twin) {
  return ["label", "split"].filter((column) => differs(column, picture, twin)).map((column) =>
    element("p", { class: "flag" }, `${column} `, name(pictures[column][picture]), " ≠ ", name(pictures[column][twin])));
}

function differs(column, picture, twin) {
  if (twin === null || twin === picture) return false;
  const [own, other] = [pictures[column][picture], pictures[column][twin]];
  return own !== null && other !== null && own !== other;
}

// ---- the dialog ----

const dialog = document.getElementById("look");
let looked = { picture: 0, among: [] };

function openLook(picture, among) {
  looked = { picture, among };
  drawLook();
  dialog.showModal();
}

function stepLook(step) {
  const at = looked.among.indexOf(looked.picture);
  const next = looked.among[at + step];
  if (next === undefined) return;
  looked.picture = next;
  drawLook();
}

function drawLook() {
  const { picture, among } = looked;
  const twin = pictures.twin[picture];
  const shown = twin === null ? [picture] : [twin, picture];
  const title = twin === null ? visible(pictures.uri[picture]) : `${visible(reasonOf(picture))}, ${visible(pictures.detail[picture])}`;
  document.getElementById("look-title").textContent = title;
  const at = among.indexOf(picture);
  for (const button of dialog.querySelectorAll("[data-step]")) button.setAttribute("aria-disabled", among[at + Number(button.dataset.step)] === undefined);
  dialog.querySelector(".body").replaceChildren(element("div", { class: "sides" }, ...shown.map(side)), comparison(shown));
}

function side(picture) {
  const node = element("figure", { "data-picture": picture, tabindex: "-1" },
    element("div", { class: "whole" }, original(picture)),
    element("figcaption", {}, element("span", { class: "verdict" }), name(pictures.uri[picture])),
    toggle(picture));
  mark(node, picture);
  return node;
}

/** Returns the picture itself where it can be had, else its thumbnail. */
const original = (picture) => (isBeside(picture) ? file(picture, () => (data.thumbnails[picture] ? thumbnail(picture) : missing())) : thumbnail(picture));

/** Returns whether this page is opened where the files are. */
const isBeside = (picture) => data.root !== null && location.protocol === "file:" && pictures.readable[picture];

/** Returns the picture itself; where it cannot be shown, what stands in its place. */
function file(picture, instead, attributes = {}) {
  const image = element("img", { ...attributes, alt: "", decoding: "async", draggable: "false", src: address(picture) });
  image.addEventListener("error", () => image.replaceWith(instead()), { once: true });
  return image;
}

/** Returns the URL of a file; in its uri, what is no UTF-8 is percent-encoded already. */
const address = (picture) => data.root + pictures.uri[picture].split("/").map((part) => encodeURIComponent(part).replaceAll("%25", "%")).join("/");

/** Returns a table of all that is known of one picture or two, where they differ in bold. */
function comparison(shown) {
  const measured = data.histograms.map((histogram) => histogram.column).filter((column) => !["height", "width", "bytes"].includes(column));
  const facts = [["label"], ["split"], ["format"], ["size", dimensions], ...measured.map((column) => [column]), ["verdict", verdict], ["distance", bits], ["digest"]];
  const rows = facts.map(([column, value = (picture) => written(column, pictures[column][picture])]) => {
    const values = shown.map((picture) => (typeof pictures[column]?.[picture] === "string" ? visible(pictures[column][picture]) : value(picture)));
    if (values.every((text) => text === "–")) return null;
    const differ = values.some((text) => text !== values[0]);
    return element("tr", { class: column }, element("th", { scope: "row" }, visible(column)), ...values.map((text) => element("td", { class: differ ? "differs" : null }, text)));
  });
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "What is known" }, element("table", {}, element("tbody", {}, ...rows)));
}

/** Returns how far a copy is from its twin. */
const bits = (picture) => (pictures.distance[picture] === null ? "–" : counted(pictures.distance[picture], "bit", "bits"));

function verdict(picture) {
  if (pictures.keep[picture]) return "kept";
  return `${visible(reasonOf(picture) ?? "dropped")}: ${visible(pictures.detail[picture] ?? "")}`;
}

dialog.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step && !event.target.closest(".scroll")) stepLook(step);
});
dialog.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.step) stepLook(Number(button.dataset.step));
  else if (button && "close" in button.dataset) dialog.close();
  else if (event.target === dialog) dialog.close(); // the backdrop
});
