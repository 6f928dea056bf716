import { h, ask, askJson, attempt } from "./dom.js";
import { walkView } from "./walk-view.js";

/** Pick an image, record a step with it, walk through it. */
export async function walkPage(page, parameters) {
  const run = parameters.get("run");
  let start = Number(parameters.get("station") || 1) - 1;
  const { recordings } = await askJson("/api/recordings");
  const { runs } = await askJson("/api/runs");
  const stage = h("div");
  let end = () => {};
  let asked = 0;
  const open = async (name) => {
    const mine = ++asked;
    const walk = await askJson("/api/walk", { recording: name });
    if (mine !== asked) {
      return;
    }
    end();
    stage.replaceChildren();
    save.hidden = false;
    save.dataset.recording = name;
    end = walkView(stage, { ...live(name, walk, save.place), start });
    start = 0;
  };
  const save = saveButton();
  const select = h("select", { "aria-label": "Recording", onchange: () => attempt(() => open(select.value)) });
  const offer = (name) => select.append(h("option", { value: name }, name.split("/").at(-1)));
  recordings.forEach(offer);
  const recorded = async (answer) => {
    const { recording } = answer;
    offer(recording);
    select.value = recording;
    chooser.hidden = false;
    await open(recording);
  };
  const chooser = h("label", { hidden: !recordings.length }, "Recorded step ", select);
  page.append(h("div", { class: "row" }, chooser, save), maker(runs, run, recorded), stage);
  if (recordings.length) {
    // A broken one says so, and others can still be chosen.
    await attempt(() => open(recordings[0]));
  }
  return () => {
    asked++;
    end();
  };
}

function live(recording, walk, place) {
  const texts = new Map();
  return {
    walk,
    place,
    map: (tensor, image, first, count) => askJson("/api/map", { recording, tensor, image, first, count }),
    trace: (step, trace, where, choice) => {
      Object.assign(place, where);
      return askJson("/api/trace", { recording, step, trace, ...where, ...choice });
    },
    async text(file) {
      if (!texts.has(file)) {
        texts.set(file, askJson("/api/source", { file }).then((found) => found.text));
      }
      return texts.get(file);
    },
  };
}

function saveButton() {
  const button = h("button", { type: "button", hidden: true }, "Save this walk as one HTML file");
  button.place = {};
  button.addEventListener("click", () =>
    attempt(async () => {
      button.disabled = true;
      try {
        const { image = 0, y = 0.5, x = 0.5, channel = 0 } = button.place;
        const response = await ask("/api/save", { recording: button.dataset.recording, image, y, x, channel });
        const link = h("a", { href: URL.createObjectURL(await response.blob()), download: "walk.html" });
        link.click();
        URL.revokeObjectURL(link.href);
      } finally {
        button.disabled = false;
      }
    }),
  );
  return button;
}

/** Records a step of a run with an image of the user's, or one that the run was trained on. */
function maker(runs, wanted, recorded) {
  if (!runs.length) {
    return h("p", { class: "soft" }, "There is no run here to record a step of.");
  }
  const said = h("span", { role: "status" });
  const run = h("select", { "aria-label": "Run" }, runs.map((r) => h("option", { selected: r.id === wanted, value: r.id }, r.id)));
  const label = h("select", { "aria-label": "True class of your image" });
  const sample = h("select", { "aria-label": "Training image" });
  const file = h("input", { type: "file", accept: "image/*", "aria-label": "Image of your own" });
  const record = async (work) => {
    said.textContent = "Recording a step ...";
    const found = await attempt(work);
    said.textContent = found ? `Recorded a step of ${found.images} ${found.images === 1 ? "image" : "images"}` : "";
    if (found) {
      await attempt(() => recorded(found));
    }
  };
  const offer = () =>
    attempt(async () => {
      const found = await askJson("/api/samples", { run: run.value });
      label.replaceChildren(...found.classes.map((name) => h("option", { value: name }, name)));
      sample.replaceChildren(...found.samples.map((s, i) => h("option", { value: i }, s.id)));
    });
  run.addEventListener("change", offer);
  offer();
  file.addEventListener("change", () => {
    const [image] = file.files;
    if (image) {
      record(() =>
        askJson("/api/record", { run: run.value, label: label.value, name: image.name }, {
          method: "POST",
          headers: { "Content-Type": "application/octet-stream" },
          body: image,
        }),
      );
    }
  });
  const take = h("button", {
    type: "button",
    onclick: () => record(() => askJson("/api/record-sample", { run: run.value, sample: sample.value }, { method: "POST" })),
  }, "Record a step with it");
  return h(
    "details",
    { class: "maker" },
    h("summary", {}, "Record a step with an image"),
    h("div", { class: "row" }, h("label", {}, "Run ", run), h("label", {}, "Training image ", sample), take),
    h("div", { class: "row" }, h("label", {}, "or an image of your own ", file), h("label", {}, "whose class is ", label), said),
  );
}
