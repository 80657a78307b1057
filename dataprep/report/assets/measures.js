"use strict";
// Histograms: bars, thresholds, and the pictures that lie nearest to a threshold.

const TALL = 160;

function drawMeasures(place) {
  const key = (kind) => element("span", { class: kind });
  const head = element("div", { class: "headline" },
    element("h2", { id: "measures-title", tabindex: "-1" }, "Measures"),
    element("p", { class: "note" }, "How each number is distributed, where the rules cut, and, of the pictures that a cut decides about, those nearest to it on both sides. A rule may ask for several numbers at once; copies are left out."),
    element("p", { class: "legend", "aria-hidden": "true" }, key("kept"), "kept ", key("dropped"), "dropped, for whatever reason ", key("limit"), "threshold"));
  place.replaceChildren(head, element("div", { class: "histograms" }, ...data.histograms.map(histogramOf)));
}

function histogramOf(histogram) {
  const total = histogram.kept.reduce((sum, count, bin) => sum + count + histogram.dropped[bin], 0);
  const unit = [histogram.unit, histogram.log ? "logarithmic axis" : ""].filter(Boolean).join("; ");
  return element("article", { class: "histogram" },
    element("h3", {}, visible(histogram.column), " ", element("small", {}, visible(unit))),
    element("div", { class: "plot" }, bars(histogram, total), axis(histogram), ...histogram.limits.map((limit) => flag(histogram, limit))),
    ...histogram.limits.map((limit) => neighbours(histogram, limit)));
}

/** Returns the bars, kept below dropped, stretched to whatever width there is; a bar of one picture can be seen. */
function bars({ column, edges, kept, dropped, limits }, total) {
  const bins = kept.length;
  const most = Math.max(...kept.map((count, bin) => count + dropped[bin]));
  const height = (count) => (count ? Math.max(3, (count / most) * TALL) : 0);
  const range = `from ${written(column, edges[0])} to ${written(column, edges[bins])}`;
  const cuts = limits.map((limit) => `${limit.least ? "at least" : "at most"} ${written(column, limit.value)} is kept, ${integer.format(limit.outside)} outside`);
  const label = [`Histogram of ${visible(column)}: ${counted(total, "picture", "pictures")} ${range}`, ...cuts].join("; ");
  const drawing = shape("svg", { role: "img", "aria-label": label, viewBox: `0 0 ${bins * 10} ${TALL}`, preserveAspectRatio: "none", height: TALL });
  for (let bin = 0; bin < bins; bin++) {
    const [low, high] = [height(kept[bin]), height(dropped[bin])];
    const tip = `${written(column, edges[bin])} to ${written(column, edges[bin + 1])}: ${integer.format(kept[bin])} kept, ${integer.format(dropped[bin])} dropped`;
    drawing.append(shape("g", {}, shape("title", {}, tip),
      shape("rect", { class: "hover", x: bin * 10, y: 0, width: 10, height: TALL }),
      shape("rect", { class: "kept", x: bin * 10 + 0.75, y: TALL - low, width: 8.5, height: low }),
      shape("rect", { class: "dropped", x: bin * 10 + 0.75, y: Math.max(0, TALL - low - high), width: 8.5, height: high })));
  }
  for (const limit of limits) {
    const x = limit.at * bins * 10;
    const cut = limit.least ? { x: 0, width: x } : { x, width: bins * 10 - x };
    drawing.append(shape("rect", { class: "cut", y: 0, height: TALL, ...cut }), shape("line", { class: "limit", x1: x, x2: x, y1: 0, y2: TALL, "vector-effect": "non-scaling-stroke" }));
  }
  return drawing;
}

function axis({ column, ticks }) {
  const line = element("div", { class: "axis", "aria-hidden": "true" });
  for (const [value, at] of ticks) line.append(put(element("span", {}, written(column, value)), at));
  return line;
}

function flag({ column }, limit) {
  const text = `${limit.least ? "≥" : "≤"} ${written(column, limit.value)}`;
  return put(element("span", { class: limit.at > 0.5 ? "flag left" : "flag", "aria-hidden": "true" }, text), limit.at);
}

function put(node, at) {
  node.style.left = `${(at * 100).toFixed(2)}%`;
  return node;
}

function neighbours({ column }, limit) {
  const sides = [limit.below, limit.above].map((side, above) => {
    const keeps = limit.least === Boolean(above);
    const among = [...limit.below, ...limit.above];
    const cards = side.map((picture) => card(picture, { among, lead: written(column, pictures[column][picture]) }));
    const title = `Just ${above ? "above" : "below"}: ${keeps ? "passes" : "is dropped"}`;
    const none = element("p", { class: "empty" }, `None ${above ? "above" : "below"} that this number decides about.`);
    return element("div", {}, element("h5", { class: keeps ? "kept" : "dropped" }, title), cards.length ? element("ul", { class: "cards" }, ...cards) : none);
  });
  const rule = `${limit.least ? "at least" : "at most"} ${written(column, limit.value)}`;
  const outside = `${counted(limit.outside, "picture is", "pictures are")} outside`;
  return element("div", { class: "neighbours" },
    element("h4", {}, visible(limit.reason), element("small", {}, ` ${visible(column)} ${rule}; ${outside}`)),
    element("div", { class: "both" }, ...sides));
}
