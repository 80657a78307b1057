"use strict";
// The keyboard: what each key does, shown on demand, and how the focus moves among cards.

const KEYS = [
  ["← → ↑ ↓", "to the picture beside, above or below; past the last one to the next page"],
  ["Shift ← →", "to the page before or after"],
  ["Enter", "look closely; Escape returns"],
  ["K", "keep the picture"],
  ["D", "drop the picture"],
  ["L", "give it another label"],
  ["U", "undo the last step, of one picture or of many"],
  ["Z", "zoom, where one looks closely"],
  ["B", "by turns: side by side, blink, difference"],
  ["/", "search"],
  ["?", "this list"],
];

const help = document.getElementById("keys");
help.querySelector("dl").append(...KEYS.flatMap(([key, what]) => [element("dt", {}, element("kbd", {}, key)), element("dd", {}, what)]));

/** Returns the picture that keys are about: that of the dialog, else that of the card with the focus. */
function focused() {
  if (dialog.open) return looked.picture;
  const node = document.activeElement?.closest("[data-picture]");
  return node ? Number(node.dataset.picture) : null;
}

const onPicture = (act) => () => {
  const picture = focused();
  if (picture !== null) act(picture);
};

const ACTS = {
  k: onPicture((picture) => decideMany([picture], true)),
  d: onPicture((picture) => decideMany([picture], false)),
  l: onPicture((picture) => askLabel([picture])),
  u: undone,
  z: () => dialog.open && lookBy({ zoomed: !looked.zoomed }),
  b: () => dialog.open && pictures.twin[looked.picture] !== null && lookBy({ way: WAYS[(WAYS.indexOf(looked.way) + 1) % WAYS.length] }),
  "/": () => !dialog.open && openList()?.section.querySelector("[data-filter=q]")?.focus(),
  "?": () => help.showModal(),
};

function undone() {
  const count = undo();
  say(count ? `${counted(count, "decision is", "decisions are")} taken back.` : "Nothing to undo.");
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || asking.open || help.open) return;
  if (event.target.closest("input, select, textarea")) return;
  if (event.key.startsWith("Arrow")) {
    if (dialog.open) stepByKey(event);
    else moveByKey(event);
    return;
  }
  const act = Object.hasOwn(ACTS, event.key.toLowerCase()) ? ACTS[event.key.toLowerCase()] : null;
  if (!act) return;
  event.preventDefault();
  act();
});

function stepByKey(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step && !event.target.closest(".scroll, .zoomed .whole")) stepLook(step);
}

/** Moves the focus to another card, or turns the page where none has it. */
function moveByKey(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0;
  const list = openList();
  const own = document.activeElement?.closest(".card");
  if (!list || !own || event.shiftKey) {
    if (list && step) list.turn(step);
    return;
  }
  event.preventDefault();
  const cards = [...list.list.querySelectorAll(".card")];
  const next = step ? cards[cards.indexOf(own) + step] : across(cards, own, event.key === "ArrowDown" ? 1 : -1);
  if (next) focusCard(next);
  else if (step && list.turn(step)) focusCard([...list.list.querySelectorAll(".card")].at(step > 0 ? 0 : -1));
}

function focusCard(node) {
  const look = node.querySelector(".look");
  look.focus({ preventScroll: true });
  node.scrollIntoView({ block: "nearest" });
}

/** Returns the card in the next row, up or down, that is nearest to one. */
function across(cards, own, way) {
  const from = own.getBoundingClientRect();
  const boxes = cards.map((node) => [node, node.getBoundingClientRect()]).filter(([, box]) => way * (box.top - from.top) > 4);
  const row = boxes.reduce((best, [, box]) => Math.min(best, way * box.top), Infinity);
  const inRow = boxes.filter(([, box]) => Math.abs(way * box.top - row) < 4);
  return inRow.sort(([, a], [, b]) => Math.abs(a.left - from.left) - Math.abs(b.left - from.left))[0]?.[0];
}
