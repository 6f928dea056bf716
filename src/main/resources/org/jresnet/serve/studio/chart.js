import { h, svg, table } from "./dom.js";
import { short } from "./numbers.js";

const WIDTH = 640;
const HEIGHT = 280;
const LEFT = 58;
const BOTTOM = 32;
const TOP = 12;

/**
 * Curves over the same axis, as a drawing and as a table.
 * series: [{ name, color, dashed, points: [[x, y], ...] }]
 */
export function lines(title, unit, series) {
  const all = series.flatMap((s) => s.points);
  if (!all.length) {
    return h("p", { class: "soft" }, title + ": nothing yet.");
  }
  const xs = ends(all.map((p) => p[0]));
  const ys = ends(all.map((p) => p[1]));
  const x = (v) => LEFT + ((v - xs[0]) / (xs[1] - xs[0])) * (WIDTH - LEFT - 12);
  const y = (v) => HEIGHT - BOTTOM - ((v - ys[0]) / (ys[1] - ys[0])) * (HEIGHT - BOTTOM - TOP);
  const drawing = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: "img",
    "aria-label": title + ": " + series.map((s) => s.name + " now " + short(s.points.at(-1)?.[1])).join(", "),
  });
  for (let i = 0; i <= 4; i++) {
    const v = ys[0] + ((ys[1] - ys[0]) * i) / 4;
    drawing.append(
      svg("line", { class: "axis", x1: LEFT, x2: WIDTH, y1: y(v), y2: y(v) }),
      svg("text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, short(v, 3)),
    );
  }
  drawing.append(
    svg("text", { x: LEFT, y: HEIGHT - 8 }, unit + " " + short(xs[0])),
    svg("text", { x: WIDTH - 12, y: HEIGHT - 8, "text-anchor": "end" }, short(xs[1])),
  );
  for (const s of series) {
    drawing.append(
      svg("polyline", {
        class: "line c" + s.color + (s.dashed ? " dashed" : ""),
        points: s.points.map((p) => x(p[0]).toFixed(1) + "," + y(p[1]).toFixed(1)).join(" "),
      }),
    );
  }
  return h(
    "figure",
    {},
    h("figcaption", {}, title),
    drawing,
    h(
      "details",
      {},
      h("summary", {}, title + " as a table"),
      table(title, ["curve", "values"], series.map((s) => [s.name, s.points.map((p) => short(p[1])).join("  ")])),
    ),
  );
}

function ends(values) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

/** Bars of counts in equal bins from low to high. */
export function bars(title, counts, low, high) {
  const most = Math.max(1, ...counts);
  const width = (WIDTH - 24) / counts.length;
  const drawing = svg("svg", {
    viewBox: `0 0 ${WIDTH} 160`,
    role: "img",
    "aria-label": `${title}: ${counts.length} bins from ${short(low)} to ${short(high)}, the fullest holds ${most}`,
  });
  counts.forEach((n, i) => {
    const height = (120 * n) / most;
    drawing.append(svg("rect", { class: "bar", x: 12 + i * width, y: 128 - height, width: width - 1, height }));
  });
  drawing.append(
    svg("text", { x: 12, y: 150 }, short(low)),
    svg("text", { x: WIDTH - 12, y: 150, "text-anchor": "end" }, short(high)),
  );
  return h("figure", {}, h("figcaption", {}, title), drawing);
}
