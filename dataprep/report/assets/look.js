"use strict";
// The dialog: one picture, or a copy beside the one that is kept for it, by turns over it, or their difference; whole or pixel by pixel.

const dialog = document.getElementById("look");
const WAYS = ["beside", "blink", "difference"];
const BLINK = 700; // ms
let looked = { picture: 0, among: [], way: "beside", zoomed: false };
let blinking = 0;

function openLook(picture, among) {
  looked = { ...looked, picture, among, zoomed: false };
  drawLook();
  dialog.showModal();
}

function stepLook(step) {
  const next = looked.among[looked.among.indexOf(looked.picture) + step];
  if (next === undefined) return;
  looked = { ...looked, picture: next };
  drawLook();
}

/** Shows the same pictures in another way. */
function lookBy(change) {
  looked = { ...looked, ...change };
  drawLook();
  dialog.querySelector("[data-way][aria-pressed=true], [data-zoom]")?.focus();
}

function drawLook() {
  const { picture, among, way, zoomed } = looked;
  const twin = pictures.twin[picture];
  const shown = twin === null ? [picture] : [twin, picture];
  const title = twin === null ? visible(pictures.uri[picture]) : `${visible(reasonOf(picture))}, ${visible(pictures.detail[picture])}`;
  document.getElementById("look-title").textContent = title;
  const at = among.indexOf(picture);
  for (const button of dialog.querySelectorAll("[data-step]")) button.setAttribute("aria-disabled", among[at + Number(button.dataset.step)] === undefined);
  const over = shown.length > 1 && way !== "beside" ? overlay(shown, way) : null;
  const sides = element("div", { class: "sides" }, ...shown.map((one) => side(one, over === null)));
  dialog.querySelector(".body").replaceChildren(ways(shown), ...(over ? [over] : []), sides, comparison(shown));
  dialog.classList.toggle("zoomed", zoomed);
  clearInterval(blinking);
  if (over && way === "blink") blinking = setInterval(() => over.classList.toggle("turned"), BLINK);
  if (!zoomed) return;
  const frames = [...dialog.querySelectorAll(".whole")];
  frames.forEach((frame, place) => enlarge(frame, shown[place]));
  panTogether(frames);
}

/** Shows a picture that is smaller than its frame at so many times its own size that it fills it: zooming makes none smaller. */
function enlarge(frame, picture) {
  const [width, height] = [pictures.width[picture] ?? 0, pictures.height[picture] ?? 0];
  const times = width && height ? Math.ceil(Math.min(frame.clientWidth / width, frame.clientHeight / height)) : 1;
  frame.style.setProperty("--times", Math.max(1, times));
}

/** Returns buttons for the ways to look. */
function ways(shown) {
  const words = { beside: "Side by side", blink: "Blink", difference: "Difference" };
  const choices = WAYS.map((way) => element("button", { type: "button", "data-way": way, "aria-pressed": String(looked.way === way), onclick: () => lookBy({ way }) }, words[way]));
  const zoom = element("button", { type: "button", "data-zoom": true, "aria-pressed": String(looked.zoomed), title: "Pixel by pixel (Z)", onclick: () => lookBy({ zoomed: !looked.zoomed }) }, "Zoom");
  return element("div", { class: "ways", role: "group", "aria-label": "Ways to look" }, ...(shown.length > 1 ? choices : []), zoom);
}

/** Returns two pictures in one place: by turns, or how far each pixel of one is from the other's, four times as bright. */
function overlay(shown, way) {
  const [width, height] = [pictures.width[shown[0]] ?? 4, pictures.height[shown[0]] ?? 3];
  const images = shown.map(original);
  for (const image of images) image.style.cssText = `--aspect: ${width} / ${height}; --wide: ${width}; --high: ${height}`;
  const note = way === "blink" ? "One after the other, stretched to the same size." : "Black is the same; four times as bright as it is.";
  return element("div", { class: `over ${way}` }, element("div", { class: "whole" }, ...images), element("p", { class: "note" }, note));
}

/** Scrolls pictures of which one is scrolled alike, by share of their size. */
function panTogether(frames) {
  for (const frame of frames) {
    frame.tabIndex = 0;
    frame.addEventListener("scroll", () => {
      const [x, y] = [frame.scrollLeft / Math.max(1, frame.scrollWidth - frame.clientWidth), frame.scrollTop / Math.max(1, frame.scrollHeight - frame.clientHeight)];
      for (const other of frames.filter((one) => one !== frame && frame.matches(":hover, :focus"))) other.scrollTo(x * (other.scrollWidth - other.clientWidth), y * (other.scrollHeight - other.clientHeight));
    });
  }
}

function side(picture, isDrawn) {
  const node = element("figure", { "data-picture": picture, tabindex: "-1" },
    isDrawn ? element("div", { class: "whole" }, original(picture)) : null,
    element("figcaption", {}, element("span", { class: "verdict" }), name(pictures.uri[picture]), element("span", { class: "relabelled", hidden: true })),
    element("div", { class: "acts" }, toggle(picture), relabelButton([picture]), link(picture)));
  mark(node, picture);
  return node;
}

/** Returns a link to the file itself, where the page is opened beside it. */
const link = (picture) => (isBeside(picture) ? element("a", { href: address(picture), target: "_blank", rel: "noopener" }, "Open the file") : null);

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
  const note = data.distances !== null && shown.some((picture) => pictures.distance[picture] !== null) ? element("p", { class: "note" }, data.distances) : null;
  const table = element("table", {}, element("tbody", {}, ...rows.filter(Boolean)));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "What is known" }, table, note);
}

/** Returns how far a copy is from its twin. */
const bits = (picture) => (pictures.distance[picture] === null ? "–" : counted(pictures.distance[picture], "bit", "bits"));

function verdict(picture) {
  if (pictures.keep[picture]) return "kept";
  return `${visible(reasonOf(picture) ?? "dropped")}: ${visible(pictures.detail[picture] ?? "")}`;
}

dialog.addEventListener("close", () => clearInterval(blinking));
for (const one of document.querySelectorAll("dialog")) {
  one.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.step) stepLook(Number(button.dataset.step));
    else if ((button && "close" in button.dataset) || event.target === one) one.close(); // the backdrop
  });
}

// ---- a label by hand ----

const asking = document.getElementById("ask");
let asked = [];

function relabelButton(chosen, word = "Label…") {
  return element("button", { type: "button", class: "relabel", "aria-haspopup": "dialog", onclick: () => askLabel(typeof chosen === "function" ? chosen() : chosen) }, word);
}

/** Asks for the label of pictures. */
function askLabel(chosen) {
  asked = chosen.filter(canChange);
  if (!asked.length) {
    say(`${counted(chosen.length, "picture", "pictures")} cannot be read, and ${chosen.length === 1 ? "gets" : "get"} no label.`);
    return;
  }
  document.getElementById("ask-title").textContent = asked.length === 1 ? `Label of ${visible(pictures.uri[asked[0]])}` : `Label of ${integer.format(asked.length)} pictures`;
  const input = document.getElementById("ask-label");
  const labels = new Set(asked.map(labelOf));
  input.value = labels.size === 1 ? [...labels][0] ?? "" : "";
  asking.showModal();
  input.select();
}

asking.querySelector("form").addEventListener("submit", () => {
  const label = document.getElementById("ask-label").value.trim();
  if (label) say(`${counted(decide(asked, { label }), "picture gets", "pictures get")} the label ${visible(label)}. Undo (U) takes it back.`);
});
document.getElementById("known-labels").append(...data.classes.map((value) => element("option", { value })));
