"use strict";
// Pictures: their cards, and what is shown of a decision about them.

/** Shows on a card, or in the dialog, what is decided about its picture. */
function mark(node, picture) {
  const change = changes.get(picture) ?? {};
  node.classList.toggle("kept", willKeep(picture));
  node.classList.toggle("changed", changes.has(picture));
  node.querySelector(".verdict").textContent = "keep" in change
    ? change.keep ? "to be kept" : "to be dropped"
    : pictures.keep[picture] ? "kept" : "dropped";
  node.querySelector(".toggle")?.setAttribute("aria-pressed", String("keep" in change));
  const label = node.querySelector(".relabelled");
  label.hidden = !("label" in change);
  label.replaceChildren(...("label" in change ? ["label: ", name(change.label)] : []));
}

function toggle(picture) {
  if (!canChange(picture)) return element("p", { class: "fixed" }, "unreadable");
  const word = pictures.keep[picture] ? "Drop" : "Keep";
  const label = `${word} ${visible(pictures.uri[picture])}`;
  return element("button", { type: "button", class: "toggle", "aria-label": label, onclick: () => decide([picture], { keep: !willKeep(picture) }) }, word);
}

/** Returns the thumbnail, else the picture itself where it can be had, else what stands in its place. */
function thumbnail(picture) {
  const url = data.thumbnails[picture];
  if (url) return element("img", { src: url, alt: "", decoding: "async", draggable: "false" });
  const error = data.errors[picture];
  if (error) return element("span", { class: "missing error" }, visible(error));
  if (!pictures.readable[picture]) return element("span", { class: "missing error" }, visible(pictures.detail[picture] ?? "unreadable"));
  return isBeside(picture) ? file(picture, missing, { loading: "lazy" }) : missing();
}

const missing = () => element("span", { class: "missing" }, "no thumbnail");

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

/**
 * Returns the card of a picture.
 * @param {number} picture Its place.
 * @param {{among: number[], twin?: number, lead?: string}} context The pictures that the dialog goes through, the kept picture
 *     that this one is a copy of, and a first line.
 */
function card(picture, { among, twin = null, lead = null }) {
  const [, folder, base] = /^(.*?)([^/]*)$/s.exec(pictures.uri[picture]);
  const lines = [
    lead === null ? null : element("p", { class: "lead" }, lead),
    element("p", { class: "name", title: visible(pictures.uri[picture]) }, name(base)),
    folder ? element("p", { class: "folder" }, name(folder.slice(0, -1))) : null,
    lead === null ? element("p", { class: "facts" }, dimensions(picture)) : null,
    ...flags(picture, twin),
    remark(picture, lead),
    element("p", { class: "relabelled", hidden: true }),
  ];
  const small = thumbnail(picture);
  const label = [`Look at ${visible(pictures.uri[picture])}`, small.textContent].filter(Boolean).join(", ");
  const look = element("button", { type: "button", class: "look", "aria-label": label, "aria-haspopup": "dialog" }, small);
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
