import { h, table, askJson, attempt } from "./dom.js";
import { count, short } from "./numbers.js";
import { bars } from "./chart.js";

/** The network of a run as blocks that unfold to nodes. */
export async function networkPage(page, parameters) {
  const run = parameters.get("run") ?? (await firstRun());
  if (run === null) {
    page.append(h("p", {}, "There are no runs here yet."));
    return;
  }
  const network = await askJson("/api/network", { run });
  const times = {};
  const blocks = h("div");
  const draw = () => {
    const open = new Set([...blocks.querySelectorAll("details[open]")].map((d) => d.dataset.block));
    blocks.replaceChildren(...groups(network.nodes).map((g) => block(run, g, times, open)));
  };
  const said = h("span", { role: "status" });
  const measure = h("button", {
    type: "button",
    onclick: async () => {
      measure.disabled = true;
      said.textContent = "Measuring ...";
      const found = await attempt(() => askJson("/api/profile", { run }, { method: "POST" }));
      measure.disabled = false;
      said.textContent = found
        ? `A training step of ${found.batch} images takes ${short(found.ms)} ms (${found.precision}, ${found.backend}); medians of ${found.steps} steps`
        : "";
      Object.assign(times, found?.nodes);
      draw();
    },
  }, "Measure the time of each node");
  const filters = h("section");
  const macs = network.nodes.reduce((sum, n) => sum + n.macs, 0);
  page.append(
    h("p", {}, `${network.network} of run ${run}, ${network.size}x${network.size} pixels: ${count(network.parameters)} trainable values, ${count(macs)} multiply-accumulates per image.`),
    h("div", { class: "row" }, measure, said),
    blocks,
    filters,
  );
  draw();
  try {
    filters.replaceChildren(...firstFilters(await askJson("/api/filters", { run })));
  } catch (e) {
    filters.append(h("p", { class: "soft" }, "No filters to show: " + e.message));
  }
}

/** The run that a page shows when none was named. */
export async function firstRun() {
  const { runs } = await askJson("/api/runs");
  return runs.length ? runs[0].id : null;
}

function groups(nodes) {
  const all = [];
  for (const node of nodes) {
    const last = all.at(-1);
    if (node.block && last?.name === node.block) {
      last.nodes.push(node);
    } else {
      all.push({ name: node.block || node.name, nodes: [node] });
    }
  }
  return all;
}

function block(run, group, times, open) {
  const sum = (f) => group.nodes.reduce((total, n) => total + f(n), 0);
  const last = group.nodes.at(-1);
  const ms = sum((n) => times[n.name]?.ms || 0);
  const histogram = h("div", { "aria-live": "polite" });
  return h(
    "details",
    { open: open.has(group.name), "data-block": group.name },
    h(
      "summary",
      {},
      h("span", {}, h("strong", {}, group.name)),
      h("span", {}, group.nodes.length > 1 ? group.nodes.length + " nodes" : last.kind),
      h("span", {}, last.shape.slice(1).join("x")),
      h("span", {}, count(sum((n) => n.count)) + " values"),
      h("span", {}, count(sum((n) => n.macs)) + " MACs"),
      ms ? h("span", { class: "ms" }, short(ms, 3) + " ms") : null,
    ),
    h("div", { class: "scroll" },
      table(
        "Nodes of " + group.name + "; shapes are rows x columns x channels of one image, memory is its output in single precision",
        ["node", "op", "reads", "shape", "values", "MACs", "memory", "time", "weights"],
        group.nodes.map((n) => [
          n.name,
          n.op,
          n.inputs.join(", "),
          n.shape.slice(1).join("x"),
          count(n.count),
          count(n.macs),
          count(4 * n.shape.reduce((a, b) => a * b)) + "B",
          times[n.name] ? short(times[n.name].ms, 3) + " ms" : "",
          h("td", {}, n.parameters.map((p) =>
            h("button", { type: "button", "aria-label": "Histogram of " + p.name, onclick: () => attempt(() => showHistogram(run, p, histogram)) }, p.name.split(".").at(-1)))),
        ]),
      )),
    histogram,
  );
}

async function showHistogram(run, parameter, target) {
  const found = await askJson("/api/histogram", { run, parameter: parameter.name });
  target.replaceChildren(
    bars(
      `${found.parameter}, ${parameter.shape.join("x")}: ${found.values} values, mean ${short(found.mean)}, standard deviation ${short(found.std)}`,
      found.counts,
      found.low,
      found.high,
    ),
  );
}

/** Each filter as an image: red, green and blue are its weights for these, grey is zero. */
function firstFilters(found) {
  const bytes = Uint8Array.from(atob(found.pixels), (c) => c.charCodeAt(0));
  const columns = Math.ceil(Math.sqrt(found.count * 2));
  const rows = Math.ceil(found.count / columns);
  const canvas = h("canvas", {
    width: columns * (found.columns + 1),
    height: rows * (found.rows + 1),
    role: "img",
    "aria-label": `${found.count} filters of ${found.parameter}`,
  });
  canvas.style.width = Math.min(900, canvas.width * 6) + "px";
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  let at = 0;
  for (let f = 0; f < found.count; f++) {
    for (let r = 0; r < found.rows; r++) {
      for (let s = 0; s < found.columns; s++) {
        const x = (f % columns) * (found.columns + 1) + s;
        const y = Math.floor(f / columns) * (found.rows + 1) + r;
        image.data.set([bytes[at], bytes[at + 1], bytes[at + 2], 255], 4 * (y * canvas.width + x));
        at += 3;
      }
    }
  }
  context.putImageData(image, 0, 0);
  return [
    h("h3", {}, "Filters of the first layer"),
    h("figure", {}, canvas, h("figcaption", {}, `${found.parameter}: ${found.count} filters of ${found.rows}x${found.columns}; grey is 0, full colour ±${short(found.largest)}`)),
  ];
}
