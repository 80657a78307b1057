"use strict";
// What a person decides: applied to any number of pictures, undone step by step, kept by the browser, saved to a file and loaded back.

const MEMORY = `dataprep report ${data.fingerprint}`;
const SAID = 12_000; // ms
const READ = [1, 2]; // versions of a file of overrides

const before = new Map(); // uri -> decision of a file, where the manifest says the same or knows no such picture
const changes = new Map(); // picture -> {keep, label}: what is to become other than the manifest has it
const steps = []; // what undoing puts back: [[picture, its former change], ...]
let places = null; // uri -> picture
let said = 0; // the timer that ends what is said

const reasonOf = (picture) => (pictures.reason[picture] === null ? null : data.reasons[pictures.reason[picture]]);
const canChange = (picture) => pictures.readable[picture] && pictures.digest[picture] !== null;
const willKeep = (picture) => changes.get(picture)?.keep ?? pictures.keep[picture];
const labelOf = (picture) => changes.get(picture)?.label ?? pictures.label[picture];

function placeOf(uri) {
  places ??= new Map(pictures.uri.map((own, picture) => [own, picture]));
  return places.get(uri);
}

/** Decides about pictures, in one step that can be undone, and returns about how many it was. */
function decide(chosen, wish) {
  const step = [];
  for (const picture of chosen) {
    if (!canChange(picture)) continue;
    const former = changes.get(picture);
    const change = { ...former, ...wish };
    for (const column of ["keep", "label"]) if (change[column] === pictures[column][picture]) delete change[column];
    if (change.keep === former?.keep && change.label === former?.label) continue;
    step.push([picture, former]);
    replace(picture, change);
  }
  if (step.length) {
    steps.push(step);
    decided(step);
  }
  return step.length;
}

function replace(picture, change) {
  if (change && Object.keys(change).length) changes.set(picture, change);
  else changes.delete(picture);
}

/** Takes the last step back and returns about how many pictures it was. */
function undo() {
  const step = steps.pop() ?? [];
  for (const [picture, former] of step) replace(picture, former);
  if (step.length) decided(step);
  return step.length;
}

/** Shows what was decided about pictures, wherever they are on the page, and keeps it. */
function decided(step) {
  const touched = new Set(step.map(([picture]) => picture));
  for (const node of document.querySelectorAll("[data-picture]")) {
    const picture = Number(node.dataset.picture);
    if (touched.has(picture)) mark(node, picture);
  }
  showCount();
  remember();
}

function showCount() {
  const all = [...changes.values()];
  const [overruled, relabelled] = ["keep", "label"].map((column) => all.filter((change) => column in change).length);
  const parts = [];
  if (overruled || !relabelled) parts.push(overruled ? `${integer.format(overruled)} overruled` : "Nothing overruled");
  if (relabelled) parts.push(`${integer.format(relabelled)} relabelled`);
  if (before.size) parts.push(`${integer.format(before.size)} from before`);
  document.getElementById("count").textContent = parts.join(", ");
  document.getElementById("save").disabled = changes.size === 0;
  document.getElementById("undo").disabled = steps.length === 0;
}

/** Says in words what was done, for some seconds. */
function say(text) {
  document.getElementById("said").textContent = text;
  clearTimeout(said);
  said = setTimeout(say, SAID, "");
}

// ---- files ----

/** Returns all decisions, old ones first where no new one replaces them, as a file holds them. */
function decisions() {
  const all = new Map(before);
  for (const [picture, change] of changes) {
    const [uri, digest] = [pictures.uri[picture], pictures.digest[picture]];
    const old = all.get(uri);
    all.set(uri, { ...(old?.digest === digest ? old : { uri, digest }), ...change });
  }
  return [...all.values()].sort((a, b) => (a.uri < b.uri ? -1 : 1));
}

function save() {
  const text = `${JSON.stringify({ version: 2, decisions: decisions() }, null, 2)}\n`;
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  element("a", { href: url, download: "overrides.json" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  say("Saved. Clean again with --overrides overrides.json to apply it.");
}

/** Loads files that were saved before; what a later one says of a picture holds. */
async function load(files) {
  const told = [];
  for (const file of files) {
    const read = parsed(await file.text());
    told.push(typeof read === "string" ? `${visible(file.name)}: ${read}` : `${visible(file.name)}: ${adopt(read)}`);
  }
  say(told.join(" · "));
}

/** Returns the decisions of a file, or what is wrong with it. */
function parsed(text) {
  let found;
  try {
    found = JSON.parse(text);
  } catch {
    return "not JSON; choose a file that was saved here.";
  }
  if (!READ.includes(found?.version)) return `of version ${JSON.stringify(found?.version)}; this page reads ${READ.join(" and ")}.`;
  const good = (one) => typeof one?.uri === "string" && typeof one.digest === "string" && ["boolean", "undefined"].includes(typeof one.keep) && ["string", "undefined"].includes(typeof one.label);
  if (!Array.isArray(found.decisions) || !found.decisions.every(good)) return "its decisions are not {uri, digest, keep, label}; choose a file that was saved here.";
  return found.decisions;
}

/** Takes decisions over, in one step, and returns in words what became of them. */
function adopt(found) {
  const { step, unknown } = take(found);
  if (step.length) steps.push(step);
  decided(step);
  return `${counted(found.length, "decision", "decisions")} loaded${unknown ? `, ${integer.format(unknown)} about pictures that are not listed here or have changed` : ""}.`;
}

/** Takes decisions over, and returns what undoes it and how many are about no picture here. */
function take(found) {
  const step = [];
  let unknown = 0;
  for (const { uri, digest, keep, label } of found) {
    const picture = placeOf(uri);
    const wish = JSON.parse(JSON.stringify({ keep, label })); // without what it leaves open
    if (picture === undefined || pictures.digest[picture] !== digest || !canChange(picture)) {
      before.set(uri, { uri, digest, ...wish });
      unknown += 1;
      continue;
    }
    const change = { ...changes.get(picture), ...wish };
    const same = before.get(uri)?.digest === digest ? { ...before.get(uri) } : { uri, digest };
    for (const column of Object.keys(wish)) {
      if (change[column] === pictures[column][picture]) same[column] = change[column];
      if (change[column] === pictures[column][picture]) delete change[column];
      else delete same[column];
    }
    if ("keep" in same || "label" in same) before.set(uri, same);
    else before.delete(uri);
    step.push([picture, changes.get(picture)]);
    replace(picture, change);
  }
  return { step, unknown };
}

// ---- the browser's memory ----

let isFull = false;

/** Keeps the decisions for when the page is opened again: row, start of the digest, keep, label. */
function remember() {
  const kept = [...changes].map(([picture, { keep, label }]) => [pictures.row[picture], pictures.digest[picture].slice(0, 8), keep ?? null, label ?? null]);
  try {
    if (kept.length) localStorage.setItem(MEMORY, JSON.stringify(kept));
    else localStorage.removeItem(MEMORY);
    isFull = false;
  } catch {
    if (!isFull) say("This browser keeps no more decisions; save overrides.json before you close the page.");
    isFull = true;
  }
}

function recall() {
  let kept = [];
  try {
    kept = JSON.parse(localStorage.getItem(MEMORY)) ?? [];
  } catch {
    return; // a browser that keeps nothing
  }
  const places = kept.length ? new Map(pictures.row.map((row, picture) => [row, picture])) : new Map();
  for (const [row, digest, keep, label] of kept) {
    const picture = places.get(row);
    if (picture === undefined || !pictures.digest[picture]?.startsWith(digest)) continue;
    const change = {};
    if (keep !== null && keep !== pictures.keep[picture]) change.keep = keep;
    if (label !== null && label !== pictures.label[picture]) change.label = label;
    replace(picture, change);
  }
}
