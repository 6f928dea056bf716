import { h, table, row, askJson, attempt } from "./dom.js";
import { short, percent, exact } from "./numbers.js";
import { lines } from "./chart.js";

const COLORS = 6;

/** All runs, as they stand at every moment. Returns what ends the page. */
export function runsPage(page, parameters) {
  const compared = new Set(parameters.getAll("run"));
  const status = h("p", { role: "status", class: "soft" }, "Looking for runs ...");
  const list = h("tbody");
  const head = ["compare", "run", "network", "state", "epochs", "best validation accuracy", "actions"];
  const charts = h("div", { class: "columns" });
  const details = h("section", { "aria-live": "polite" });
  page.append(
    status,
    h("div", { class: "scroll" },
      h("table", {}, h("caption", {}, "Runs"), h("thead", {}, row(head.map((t) => h("th", { scope: "col" }, t)))), list)),
    charts,
    details,
  );
  const rows = new Map();
  let runs = [];

  const draw = () => {
    charts.replaceChildren(...curves(runs.filter((r) => compared.has(r.id))));
  };
  const update = (found) => {
    runs = found;
    if (!compared.size && runs.length) {
      compared.add(runs[0].id);
    }
    status.textContent = runs.length
      ? `${runs.length} ${runs.length === 1 ? "run" : "runs"}, ${runs.filter((r) => r.state === "training").length} training`
      : "There are no runs here yet. Start one: jresnet train FOLDER --out runs/r1";
    for (const [id, r] of rows) {
      if (!runs.some((run) => run.id === id)) {
        r.element.remove();
        rows.delete(id);
      }
    }
    for (const run of runs) {
      if (!rows.has(run.id)) {
        rows.set(run.id, runRow(run, compared, draw, details));
        list.append(rows.get(run.id).element);
      }
      rows.get(run.id).update(run);
    }
    draw();
  };
  const events = new EventSource("/api/runs/events");
  events.onmessage = (event) => update(JSON.parse(event.data).runs);
  events.onerror = () => {
    status.textContent = "The studio does not answer; trying again ...";
  };
  return () => events.close();
}

function runRow(first, compared, draw, details) {
  const id = first.id;
  const box = h("input", {
    type: "checkbox",
    "aria-label": "compare " + id,
    onchange: () => {
      box.checked ? compared.add(id) : compared.delete(id);
      draw();
    },
  });
  const cells = Array.from({ length: 4 }, () => h("td"));
  const act = (name) => attempt(() => askJson("/api/" + name, { run: id }, { method: "POST" }));
  const stop = h("button", { type: "button", onclick: () => act("stop") }, "Stop");
  const resume = h("button", { type: "button", onclick: () => act("resume") }, "Resume");
  const more = h("button", { type: "button", onclick: () => attempt(() => evaluations(id, details)) }, "Evaluations");
  for (const [button, what] of [[stop, "Stop"], [resume, "Resume"], [more, "Evaluations of"]]) {
    button.setAttribute("aria-label", what + " " + id);
  }
  const open = h("a", { href: "#network?" + new URLSearchParams({ run: id }) }, id);
  const element = row([h("td", {}, box), h("th", { scope: "row" }, open), ...cells, h("td", {}, h("div", { class: "row" }, stop, resume, more))]);
  element.dataset.run = id;
  return {
    element,
    update(run) {
      const accuracy = (run.metrics?.val_accuracy || []).filter((v) => v !== null);
      const done = (run.metrics?.epoch || []).length;
      box.checked = compared.has(id);
      cells[0].textContent = run.model ? `${run.model}, ${run.classes.length} classes, ${run.size} px` : "";
      cells[1].textContent = run.state + (run.note ? ": " + run.note : run.process ? ", process " + run.process : "");
      cells[2].textContent = run.epochs ? `${done} of ${run.epochs}` : "";
      cells[3].textContent = accuracy.length ? percent(Math.max(...accuracy)) : "";
      element.dataset.state = run.state;
      element.dataset.epochs = done;
      stop.disabled = run.state !== "training";
      resume.disabled = run.state !== "stopped";
    },
  };
}

/** Known pairs together, then every further column that the runs have. */
function curves(runs) {
  const has = (name) => runs.some((r) => (r.metrics?.[name] || []).length);
  const series = (names) =>
    runs.flatMap((run, i) =>
      names.map((name, j) => ({
        name: run.id + " " + name.replace(/_.*/, ""),
        color: i % COLORS,
        dashed: j > 0,
        points: (run.metrics?.epoch || [])
          .map((epoch, k) => [epoch, run.metrics[name]?.[k]])
          .filter((p) => typeof p[1] === "number"),
      })),
    );
  const shown = ["epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "wait_share", "seconds"];
  const more = [...new Set(runs.flatMap((r) => Object.keys(r.metrics || {})))].filter((c) => !shown.includes(c) && has(c));
  return [
    h("div", { class: "legend" }, runs.map((r, i) => h("p", {}, h("span", { class: "swatch c" + (i % COLORS) }), r.id + ": training drawn through, validation dashed"))),
    lines("Loss", "epoch", series(["train_loss", "val_loss"])),
    lines("Accuracy", "epoch", series(["train_accuracy", "val_accuracy"])),
    ...more.map((name) => lines(name.replaceAll("_", " "), "epoch", series([name]))),
  ];
}

async function evaluations(id, target) {
  const all = await askJson("/api/evaluations", { run: id });
  target.replaceChildren(
    h("h3", {}, "Evaluations of " + id),
    ...(all.length ? all.map((e) => evaluation(id, e)) : [h("p", {}, `There are none yet: jresnet evaluate ${id} FOLDER`)]),
  );
}

function evaluation(id, e) {
  const matrix = (e.confusion || []).map((line, i) => [e.classes[i], ...line.map(String)]);
  return h(
    "section",
    {},
    h("h3", {}, `${e.name}: accuracy ${percent(e.accuracy)} of ${e.images}, loss ${short(e.loss)}`),
    h("div", { class: "scroll" }, table("Confusion: true classes down, predicted ones across", ["true \\ predicted", ...e.classes], matrix)),
    e.errors.length ? h("h3", {}, "Surest wrong verdicts") : null,
    h(
      "div",
      { class: "thumbnails" },
      e.errors.map((error, number) =>
        h(
          "figure",
          {},
          h("img", {
            src: "/api/thumbnail?" + new URLSearchParams({ run: id, file: e.file, number }),
            alt: error.id,
            width: 112,
            height: 112,
          }),
          h("figcaption", {}, `${error.true}, called ${error.predicted} with ${exact(Number((100 * error.probability).toFixed(2)))} %`),
        ),
      ),
    ),
  );
}
