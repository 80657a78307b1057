"use strict";
// What everything else is made of: the data, elements that hold text only, and how names and numbers are written.

const data = JSON.parse(document.getElementById("data").textContent);
const pictures = spread(data.pictures);

/** Returns the columns of the pictures as one value for each: words come once each, digests as one text, as the page is small so. */
function spread({ unreadable, digest, ...columns }) {
  const count = columns.row.length;
  for (const [column, value] of Object.entries(columns)) if (value.codes) columns[column] = value.codes.map((code) => value.words[code] ?? null);
  const lost = new Set(unreadable);
  const texts = Array.from({ length: count }, (_, at) => digest.text.slice(at * digest.width, (at + 1) * digest.width).trimEnd() || null);
  return { ...columns, digest: texts, keep: columns.reason.map((reason) => reason === null), readable: Array.from({ length: count }, (_, at) => !lost.has(at)) };
}

/** Returns an element; children are elements or text, so that no name is ever read as HTML. */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** Returns an SVG element with children. */
function shape(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Returns text whose control characters and changes of direction can be seen instead of obeyed. */
function visible(text) {
  const number = (c) => c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (c) => `⟨U+${number(c)}⟩`);
}

/** Returns a name that its neighbours' direction of writing does not touch. */
const name = (text, attributes = {}) => element("bdi", attributes, visible(text));

const integer = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const twoDigits = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 2 });
const short = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });

/** Returns a value of a column as a person writes it. */
function written(column, value) {
  if (value === null || value === undefined) return "–";
  if (column === "bytes") return size(value);
  return Number.isInteger(value) ? integer.format(value) : short.format(value);
}

function size(bytes) {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const number = bytes / 1000 ** power;
  return `${number < 10 ? twoDigits.format(number) : integer.format(number)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

const counted = (count, one, many) => `${integer.format(count)} ${count === 1 ? one : many}`;
