"use strict";

const at = (id) => document.getElementById(id);
const percent = (p) => (100 * p).toFixed(2) + " %";
let token = "";
let last = null;
let asked = 0;

/** Asks the server; problems become errors with its words. */
async function ask(path, options = {}) {
  const headers = { ...(options.headers || {}) };
  if (token) {
    headers.Authorization = "Bearer " + token;
  }
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (e) {
    throw new Error("the server cannot be reached");
  }
  const json = await response.json();
  if (!response.ok) {
    at("access").hidden = response.status !== 401;
    throw new Error(json.detail);
  }
  at("access").hidden = true;
  return json;
}

async function loadModels() {
  const description = await ask("/v1/model");
  const select = at("model");
  select.replaceChildren(...description.models.map((name) => new Option(name, name)));
  at("models").hidden = description.models.length < 2;
}

async function predict(file) {
  last = file;
  const mine = ++asked;
  at("status").textContent = "Looking at " + file.name + " ...";
  at("result").hidden = true;
  try {
    if (!at("model").options.length) {
      await loadModels();
    }
    const query = "?heat_map=true&model=" + encodeURIComponent(at("model").value);
    const answer = await ask("/v1/predict" + query, {
      method: "POST",
      headers: { "Content-Type": "application/octet-stream" },
      body: file,
    });
    if (mine === asked) {
      show(file, answer.images[0], answer);
    }
  } catch (e) {
    if (mine === asked) {
      at("status").textContent = "No verdict: " + e.message;
    }
  }
}

function show(file, found, answer) {
  at("status").textContent = file.name;
  at("verdict").textContent =
    found.class === "unsure" ? "unsure" : found.class + ", " + percent(found.probability);
  const rows = Object.entries(found.probabilities)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 10)
    .map(([name, p]) => {
      const meter = document.createElement("meter");
      meter.value = p;
      const row = document.createElement("tr");
      for (const content of [name, meter, percent(p)]) {
        row.insertCell().append(content);
      }
      return row;
    });
  at("classes").replaceChildren(...rows);
  const set = found.prediction_set ? " It could be: " + (found.prediction_set.join(", ") || "none of them") + "." : "";
  at("note").textContent =
    (found.calibrated
      ? "Calibrated on validation images; verdict at operating point " + found.operating_point + "."
      : "The model is uncalibrated: its probabilities are most often too sure.") +
    set +
    " A verdict holds for images of the kind that the model was trained and validated on." +
    " " + Math.round(answer.timings_ms.total) + " ms.";
  const image = at("image");
  URL.revokeObjectURL(image.src);
  image.onload = () => draw(found);
  image.onerror = () => draw({ heat_map_error: "your browser cannot show this image" });
  image.src = URL.createObjectURL(file);
  at("result").hidden = false;
}

/** The map's cells as pixels, which the browser scales; from clear over yellow to red. */
function draw(found) {
  const map = found.heat_map;
  const canvas = at("map");
  canvas.hidden = !map || !at("shown").checked;
  at("legend").textContent = !map
    ? found.heat_map_error || ""
    : map.values.some((v) => v > 0)
      ? "(Grad-CAM for " + map.class + ")"
      : "(Grad-CAM: no part of it speaks for " + map.class + ")";
  if (!map) {
    return;
  }
  canvas.width = map.columns;
  canvas.height = map.rows;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(map.columns, map.rows);
  map.values.forEach((v, i) => {
    pixels.data.set([255, Math.round(220 * (1 - v)), 0, Math.round(255 * v)], 4 * i);
  });
  context.putImageData(pixels, 0, 0);
  const [left, top, width, height] = map.box;
  Object.assign(canvas.style, {
    left: 100 * left + "%",
    top: 100 * top + "%",
    width: 100 * width + "%",
    height: 100 * height + "%",
  });
}

at("file").addEventListener("change", (e) => e.target.files[0] && predict(e.target.files[0]));
at("drop").addEventListener("keydown", (e) => e.key === "Enter" && at("file").click());
at("model").addEventListener("change", () => last && predict(last));
at("shown").addEventListener("change", (e) => {
  at("map").hidden = !e.target.checked;
});
at("access").addEventListener("submit", (e) => {
  e.preventDefault();
  token = at("token").value;
  start();
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (e) => {
    e.preventDefault();
    at("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && e.dataTransfer.files[0]) {
      predict(e.dataTransfer.files[0]);
    }
  });
}

/** Also after a token was given: what was asked for before is asked again. */
function start() {
  loadModels()
    .then(() => {
      at("status").textContent = "";
      return last && predict(last);
    })
    .catch((e) => {
      at("status").textContent = e.message;
    });
}

start();
