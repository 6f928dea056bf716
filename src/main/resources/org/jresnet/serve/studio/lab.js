import { h, table, askJson, attempt } from "./dom.js";
import { short } from "./numbers.js";

const PERIOD = 3000;

/** Results of labs side by side, and a form that starts one. */
export async function labPage(page, parameters) {
  const { runs } = await askJson("/api/runs");
  const wanted = parameters.get("run");
  const run = h("select", { "aria-label": "Run" }, runs.map((r) => h("option", { value: r.id, selected: r.id === wanted }, r.id)));
  const { experiments } = await askJson("/api/labs");
  const boxesOf = experiments.map((e) => h("input", { type: "checkbox", value: e.id }));
  const choice = h(
    "details",
    {},
    h("summary", {}, "Experiments (all, unless you tick some; those at the end train networks)"),
    h("fieldset", {}, h("legend", {}, "Experiments"), experiments.map((e, i) => h("div", {}, h("label", {}, boxesOf[i], h("strong", {}, " " + e.id), ` ${e.summary} (${e.paper})`)))),
  );
  const said = h("p", { role: "status" });
  const start = h("button", {
    type: "button",
    disabled: !runs.length,
    onclick: () =>
      attempt(async () => {
        const found = await askJson("/api/lab-run", { run: run.value, experiments: boxesOf.filter((box) => box.checked).map((box) => box.value).join(",") }, { method: "POST" });
        said.textContent = `Started in ${found.id}`;
        await look();
      }),
  }, "Run experiments");
  const processes = h("div");
  const boxes = h("div", { class: "row", role: "group", "aria-label": "Labs to show" });
  const results = h("div", { class: "columns" });
  page.append(
    h("div", { class: "row" }, h("label", {}, "Run ", run), start), choice,
    said, processes, boxes, results,
  );
  const shown = new Set();
  let last = "";
  const draw = (labs) => results.replaceChildren(...labs.filter((lab) => shown.has(lab.id)).map(labView));
  async function look() {
    const found = await askJson("/api/labs");
    processes.replaceChildren(...found.processes.filter((p) => p.alive || !found.labs.some((l) => l.id === p.id)).map((p) =>
      h("p", {}, `${p.id}: ${p.alive ? "under way" : "ended"}. ${p.output}`)));
    const now = JSON.stringify(found.labs);
    if (now === last) {
      return;
    }
    if (last === "") {
      found.labs.slice(0, 2).forEach((lab) => shown.add(lab.id));
    }
    last = now;
    boxes.replaceChildren(...found.labs.map((lab) => {
      const box = h("input", { type: "checkbox", checked: shown.has(lab.id), onchange: () => {
        box.checked ? shown.add(lab.id) : shown.delete(lab.id);
        draw(found.labs);
      } });
      return h("label", {}, box, " " + lab.id);
    }));
    if (!found.labs.length) {
      boxes.append(h("p", {}, "No lab has been run here yet."));
    }
    draw(found.labs);
  }
  await look();
  const timer = setInterval(() => look().catch(() => {}), PERIOD);
  return () => clearInterval(timer);
}

function labView(lab) {
  if (lab.note) {
    return h("section", {}, h("h3", {}, lab.id), h("p", {}, lab.note));
  }
  return h(
    "section",
    { "data-lab": lab.id },
    h("h3", {}, lab.id),
    h("p", { class: "soft" }, `${lab.network}, ${lab.images} images of ${lab.data}`),
    lab.experiments.map((e) =>
      h(
        "details",
        { open: true, "data-experiment": e.id },
        h("summary", {}, h("strong", {}, e.id), " " + e.finding),
        h("p", { class: "soft" }, `${e.summary} (${e.paper})`),
        h("img", { src: "/api/lab-picture?" + new URLSearchParams({ lab: lab.id, experiment: e.id }), alt: `Picture of ${e.id}: ${e.finding}`, class: "picture" }),
        h("div", { class: "scroll terms", tabindex: 0, role: "region", "aria-label": `Table of ${e.id} in ${lab.id}` },
          table(e.id, e.columns, e.rows.map((r) => r.map((cell) => (typeof cell === "number" ? short(cell) : String(cell)))))),
      )),
  );
}
