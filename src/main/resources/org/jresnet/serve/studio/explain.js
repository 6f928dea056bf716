import { h, table, ask, askJson, attempt } from "./dom.js";
import { percent, short } from "./numbers.js";
import { bars } from "./chart.js";

/** Why a model calls an image what it does. */
export async function explainPage(page, parameters) {
  const { runs } = await askJson("/api/runs");
  if (!runs.length) {
    page.append(h("p", {}, "There are no runs here yet."));
    return;
  }
  const wanted = parameters.get("run");
  const run = h("select", { "aria-label": "Run" }, runs.map((r) => h("option", { value: r.id, selected: r.id === wanted }, r.id)));
  const file = h("input", { type: "file", accept: "image/*", "aria-label": "Image to explain" });
  const said = h("p", { role: "status" }, "Choose an image.");
  const result = h("div");
  file.addEventListener("change", () =>
    attempt(async () => {
      const [image] = file.files;
      if (!image) {
        return;
      }
      said.textContent = "Looking at " + image.name + " ...";
      result.replaceChildren();
      try {
        const found = await ask("/api/explain", { run: run.value }, {
          method: "POST",
          headers: { "Content-Type": "application/octet-stream" },
          body: image,
        });
        const explanation = await found.json();
        said.textContent = `${image.name}: ${explanation.class} with ${percent(explanation.probability)}${explanation.calibrated ? ", calibrated on validation images" : "; the model is uncalibrated"}`;
        result.replaceChildren(...view(explanation));
      } catch (e) {
        said.textContent = "No verdict.";
        throw e;
      }
    }),
  );
  page.append(h("div", { class: "row" }, h("label", {}, "Run ", run), h("label", {}, "Image ", file)), said, result);
}

function view(e) {
  const rows = e.classes.map((name, k) => [name, percent(e.probabilities[k])]);
  return [
    h("div", { class: "columns" },
      h("figure", {}, h("img", { src: e.input, alt: "The image as the network sees it", class: "seen" }), h("figcaption", {}, "As the network sees it")),
      overlay(e.input, e.map, `Grad-CAM at ${e.layer}: what speaks for ${e.class}`),
      overlay(e.input, e.occlusion, `Occlusion: covering what is bright takes most from ${e.class}; largest loss ${short(Math.max(...e.occlusion.flat()))} of log-odds ${short(e.log_odds)}`)),
    table("Probability of each class", ["class", "probability"], rows),
    h("h3", {}, "Which spatial frequencies carry the verdict"),
    table(
      "Log-odds of " + e.class + " without a band",
      ["cycles per pixel", "log-odds", "change", "probability"],
      e.bands.map((b) => [`${short(b.from)} to ${short(b.to)}`, short(b.log_odds), short(b.log_odds_change), percent(b.probability)]),
    ),
    bars("What removing each band takes away, from coarse to fine", e.bands.map((b) => Math.max(0, -b.log_odds_change)), e.bands[0].from, e.bands.at(-1).to),
  ];
}

/** A map's cells over the image, clear where it is 0 or below. */
function overlay(image, rows, caption) {
  const most = Math.max(1e-30, ...rows.flat());
  const canvas = h("canvas", { width: rows[0].length, height: rows.length, role: "img", "aria-label": caption });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, canvas.height);
  rows.flat().forEach((v, i) => {
    const t = Math.max(0, v / most);
    pixels.data.set([255, Math.round(220 * (1 - t)), 0, Math.round(200 * t)], 4 * i);
  });
  context.putImageData(pixels, 0, 0);
  return h("figure", {}, h("div", { class: "overlay" }, h("img", { src: image, alt: "", class: "seen" }), canvas), h("figcaption", {}, caption));
}
