import { h, table } from "./dom.js";
import { exact, short } from "./numbers.js";

const LISTED = 120;

/** A number that was taken apart: its formula, the numbers in it, the result and the recorded number. */
export function formulaView(title, trace) {
  const element = trace.element.length ? `[${trace.element.join(", ")}]` : "";
  const shown = trace.terms.slice(0, LISTED);
  const rest = trace.rest + trace.terms.slice(LISTED).reduce((sum, t) => sum + t.value, 0);
  const restCount = trace.leftOut + trace.terms.length - shown.length;
  const largest = trace.reduction === "LARGEST";
  const rows = shown.map((t) => [t.label, t.factors.map(exact).join(" · "), exact(t.value)]);
  if (restCount && !largest) {
    rows.push([`${restCount} further terms`, "", exact(rest)]);
  }
  return h(
    "section",
    { class: "formula", "data-tensor": trace.tensor, "data-element": trace.element.join(",") },
    h("h3", {}, `${title} ${element}`),
    h("p", {}, h("code", {}, trace.formula)),
    result(trace),
    trace.quantities.length ? table("Numbers of the formula", ["name", "value"], trace.quantities.map((q) => [q.name, exact(q.value)])) : null,
    ...windows(trace),
    rows.length
      ? h(
          "div",
          { class: "scroll terms", tabindex: 0, role: "region", "aria-label": "Terms of " + title },
          table(
            largest ? "The largest of these" : trace.terms.length === 1 ? "One term" : `The sum of these ${trace.terms.length + trace.leftOut} terms`,
            ["term", "factors", "value"],
            rows,
          ),
        )
      : null,
  );
}

function result(trace) {
  return h(
    "p",
    { class: "result" },
    "= ",
    h("strong", { class: "computed" }, exact(Math.fround(trace.computed))),
    ", recorded ",
    h("strong", { class: "recorded" }, exact(trace.recorded)),
    h("span", { class: "soft" }, ` (difference ${short(trace.recorded - trace.computed, 2) || "0"})`),
  );
}

/** Of a convolution's output: window, filter and product of the input channel that says most. */
function windows(trace) {
  const cells = trace.terms.map((t) => {
    const m = /^x\[(\d+),(\d+),(\d+),(\d+)\]·w\[(\d+),(\d+),(\d+),(\d+)\]$/.exec(t.label);
    return m && { channel: +m[4], r: +m[7], s: +m[8], x: t.factors[0], w: t.factors[1], value: t.value };
  });
  if (!cells.length || cells.some((c) => c === null) && cells.filter((c) => c).length < 2 || trace.leftOut) {
    return [];
  }
  const channels = new Map();
  for (const cell of cells.filter((c) => c)) {
    channels.set(cell.channel, [...(channels.get(cell.channel) || []), cell]);
  }
  const sum = (list) => list.reduce((total, c) => total + c.value, 0);
  const [channel, best] = [...channels].sort((a, b) => Math.abs(sum(b[1])) - Math.abs(sum(a[1])))[0];
  if (best.length < 2) {
    return [];
  }
  const grid = (name, key) => {
    const rows = Math.max(...best.map((c) => c.r)) + 1;
    const columns = Math.max(...best.map((c) => c.s)) + 1;
    return h(
      "table",
      { class: "grid" },
      h("caption", {}, name),
      h("tbody", {}, Array.from({ length: rows }, (_, r) =>
        h("tr", {}, Array.from({ length: columns }, (_, s) => {
          const cell = best.find((c) => c.r === r && c.s === s);
          return h("td", { class: "number" }, cell ? short(cell[key], 3) : "padding");
        })))),
    );
  };
  return [
    h("p", {}, `Input channel ${channel} of ${channels.size} says most here, ${short(sum(best))} of ${short(trace.computed)}:`),
    h("div", { class: "row scroll", tabindex: 0, role: "region", "aria-label": "Window and filter" }, grid("window", "x"), h("span", {}, "×"), grid("filter", "w"), h("span", {}, "="), grid("products", "value")),
  ];
}

/** A file of the reference, with the lines that compute. */
export function sourceView(file, statements, text) {
  const lines = text.split("\n").map((line) =>
    statements.some((s) => line.includes(s)) ? h("mark", {}, line + "\n") : line + "\n",
  );
  const pre = h("pre", { tabindex: 0, "aria-label": "Plain-Java reference " + file, role: "region" }, lines);
  const mark = pre.querySelector("mark");
  // Once it is in the page, the first of them stands in the middle of what is seen.
  requestAnimationFrame(() => {
    pre.scrollTop = mark ? mark.offsetTop - pre.offsetTop - pre.clientHeight / 2 : 0;
  });
  return h("section", {}, h("h3", {}, "Plain-Java reference: " + file), pre);
}
