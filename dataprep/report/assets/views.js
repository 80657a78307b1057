"use strict";
// Views: which one is open, as the address says: #dropped?reason=blurred&label=cat&sort=-sharpness&page=2.

const byRow = (keep) => pictures.row.map((_, picture) => picture).filter((picture) => pictures.keep[picture] === keep).sort((a, b) => pictures.row[a] - pictures.row[b]);
const flagged = (column) => data.clusters.filter(([twin, ...leaves]) => leaves.some((leaf) => differs(column, leaf, twin)));

/** Returns the picture that a cluster is sorted by: the kept one, or for the distance the copy that comes first then. */
function leadOf(cluster, column, sign) {
  if (column !== "distance") return cluster[0];
  return cluster.slice(1).reduce((best, leaf) => (sign * (pictures.distance[leaf] ?? Infinity) < sign * (pictures.distance[best] ?? Infinity) ? leaf : best));
}

const ofClusters = (title, text, items) => ({ title, text, items, kind: "clusters", size: CLUSTERS, draw: clusterOf, members: (cluster) => cluster, lead: leadOf });
const ofPictures = (title, text, items) => ({ title, text, items, kind: "cards", size: CARDS, draw: (picture, among) => card(picture, { among }), members: (picture) => [picture], lead: (picture) => picture });

const distances = data.distances ? ` ${data.distances}` : "";
const views = {
  duplicates: new List("duplicates", ofClusters("Duplicates", `Each kept picture with the copies that were dropped for it. If you drop the kept one, the next best takes its place.${distances}`, data.clusters)),
  conflicts: new List("conflicts", ofClusters("Label conflicts", "The same picture under two labels. Decide which label is right: keep that copy and drop the other, or give both the right label.", flagged("label"))),
  leaks: new List("leaks", ofClusters("Leaks", "The same picture in two splits, such as train and test.", flagged("split"))),
  dropped: new List("dropped", ofPictures("Dropped pictures", "By the rule that dropped them.", byRow(false))),
  kept: new List("kept", ofPictures("Kept pictures", "What goes into training. Drop what the rules let through, or give it a better label.", byRow(true))),
};
const drawn = { overview: drawOverview, labels: drawLabels, measures: drawMeasures };
const links = new Map([...document.querySelectorAll(".top nav a")].map((link) => [link.hash.slice(1), link]));
let open = null;

const openList = () => views[open] ?? null;

/** Opens the view that the address names, and returns whether another one was open. */
function route() {
  const [asked, query] = location.hash.slice(1).split("?");
  const wanted = links.has(asked) ? asked : "overview";
  const isNew = wanted !== open;
  open = wanted;
  for (const [id, link] of links) {
    document.getElementById(id).hidden = id !== open;
    if (id === open) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  for (const [id, view] of Object.entries(views)) if (id !== open) view.close();
  views[open]?.open(new URLSearchParams(query));
  const place = document.getElementById(open);
  if (drawn[open] && !place.childElementCount) drawn[open](place);
  if (isNew) {
    window.scrollTo({ top: 0 });
    links.get(open).scrollIntoView({ block: "nearest", inline: "center" }); // on a phone they are a strip that scrolls
    say("");
  }
  return isNew;
}

/** Writes beside each view how much is in it, or that nobody looked. */
function showCounts() {
  const flagged = labels.filter((label) => label.flags.length).length;
  const counts = { labels: [flagged || labels.length, flagged], duplicates: [data.counts.duplicates], conflicts: [data.counts.conflicts, true], leaks: [data.counts.leaks, true], dropped: [summary.scanned - summary.kept], kept: [summary.kept] };
  for (const [id, [count, isAlarm]] of Object.entries(counts)) {
    const node = links.get(id).querySelector("span");
    node.textContent = data.unchecked[id] ? "not checked" : integer.format(count);
    node.classList.toggle("alarm", Boolean(isAlarm && count && !data.unchecked[id]));
  }
}

/** Offers the folders that pictures lie in, and those above them. */
function offerFolders() {
  const folders = new Set();
  for (const uri of pictures.uri) {
    for (let at = uri.lastIndexOf("/"); at > 0 && !folders.has(uri.slice(0, at)); at = uri.lastIndexOf("/", at - 1)) folders.add(uri.slice(0, at));
    if (folders.size > FOLDERS) break;
  }
  document.getElementById("known-folders").append(...[...folders].sort().map((value) => element("option", { value })));
}

window.addEventListener("hashchange", () => {
  if (route()) document.getElementById(`${open}-title`).focus({ preventScroll: true });
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});
document.getElementById("save").addEventListener("click", save);
document.getElementById("undo").addEventListener("click", undone);
document.getElementById("help").addEventListener("click", () => help.showModal());
document.getElementById("load").addEventListener("click", () => document.getElementById("files").click());
document.getElementById("files").addEventListener("change", async (event) => {
  await load(event.target.files);
  event.target.value = "";
});
window.addEventListener("beforeunload", (event) => {
  if (isFull) event.preventDefault();
});

take(data.decisions);
recall();
offerFolders();
showCounts();
showCount();
route();
