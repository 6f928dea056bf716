import { h, attempt } from "./dom.js";
import { short, count } from "./numbers.js";
import { mapsFigure } from "./maps.js";
import { formulaView, sourceView } from "./formula.js";

const PERIOD = 1200;
const CHANNELS = 16;

/**
 * The stations of a recorded step. source: { walk, map(tensor, image, first, count),
 * trace(step, trace, place, choice), text(file), fixed, start } - fixed where only one place is known,
 * as in a saved walk; start is the first station to show. Returns what ends it.
 */
export function walkView(page, source) {
  const { walk } = source;
  const steps = walk.steps;
  const place = { image: 0, y: 0.5, x: 0.5, channel: 0, ...source.place };
  const choice = {};
  let at = 0;
  let first = 0;
  let timer = null;
  let asked = 0;

  const said = h("h3", { id: "station" });
  const scrub = h("input", {
    type: "range", min: 0, max: steps.length - 1, value: 0, "aria-label": "Station",
    oninput: () => go(+scrub.value),
  });
  const button = (text, label, act) => h("button", { type: "button", "aria-label": label, onclick: act }, text);
  const play = h("button", { type: "button", "aria-pressed": "false", onclick: () => toggle() }, "Play");
  const jump = h(
    "select",
    { "aria-label": "Go to", onchange: () => go(+jump.value) },
    steps.map((s, i) => h("option", { value: i }, `${i + 1} ${s.phase} ${s.node}`)),
  );
  const fields = placeFields(place, walk, source.fixed, () => show());
  const stage = h("div", { class: "stage" });
  page.append(
    h("p", {}, summary(walk)),
    h("div", { class: "row", role: "toolbar", "aria-label": "Steps" },
      button("|<", "First station", () => go(0)),
      button("<", "Back", () => go(at - 1)),
      play,
      button(">", "Forward", () => go(at + 1)),
      button(">|", "Last station", () => go(steps.length - 1)),
      scrub,
      jump),
    fields.element,
    h("p", { class: "soft" }, "Keys: right and left arrow step, space plays and pauses, Home and End go to the ends." + (source.fixed ? "" : " Click into a map to choose a number.")),
    h("div", { role: "status" }, said),
    stage,
  );

  function go(to) {
    at = Math.max(0, Math.min(steps.length - 1, to));
    first = 0;
    if (at === steps.length - 1 && timer) {
      toggle();
    }
    return show();
  }

  function toggle() {
    if (timer) {
      clearInterval(timer);
      timer = null;
    } else {
      timer = setInterval(() => go(at + 1), PERIOD);
    }
    play.textContent = timer ? "Pause" : "Play";
    play.setAttribute("aria-pressed", timer ? "true" : "false");
  }

  async function show() {
    const mine = ++asked;
    const step = steps[at];
    scrub.value = at;
    jump.value = at;
    scrub.setAttribute("aria-valuetext", `${at + 1} of ${steps.length}: ${step.phase} ${step.node || "loss"}`);
    fields.show();
    await attempt(async () => {
      const parts = await station(step, at, mine);
      if (mine === asked) {
        said.textContent = `${at + 1} of ${steps.length}: ${step.phase}, ${step.node || step.kind}${step.block ? " in block " + step.block : ""}`;
        stage.replaceChildren(...parts);
        stage.dataset.station = at;
        stage.dataset.phase = step.phase;
        stage.dataset.node = step.node;
      }
    });
  }

  async function station(step, number, mine) {
    const maps = await Promise.all(
      step.maps.map(async (map, i) => {
        const result = i === step.maps.length - 1;
        const shape = walk.tensors[map.tensor].shape;
        const from = result ? first : place.channel % shape[3];
        const found = await source.map(map.tensor, place.image, from, result ? CHANNELS : 1);
        return mapsFigure(map.title, found, walk.tensors[map.tensor], place, source.fixed ? null : choose);
      }),
    );
    const traces = await Promise.all(
      step.traces.map((t, i) => source.trace(number, i, place, choice[number + "/" + i] || {})),
    );
    const files = new Map();
    for (const { source: s } of traces) {
      files.set(s.file, [...(files.get(s.file) || []), s.statement]);
    }
    const sources = await Promise.all([...files].map(async ([file, statements]) => sourceView(file, statements, await source.text(file))));
    if (mine !== asked) {
      return [];
    }
    return [
      h("p", { class: "soft" }, step.op),
      split(step),
      h("div", { class: "columns" }, h("div", {}, maps, paging(step)), h("div", {}, traces.map((t, i) => traceView(step, number, i, t))), h("div", {}, sources)),
    ].filter((part) => part);
  }

  /** Further channels of the last map. */
  function paging(step) {
    const last = step.maps.at(-1);
    const channels = last ? walk.tensors[last.tensor].shape[3] : 0;
    if (source.fixed || channels <= CHANNELS) {
      return null;
    }
    const turn = (by) => {
      first = (first + by + channels) % channels;
      first -= first % CHANNELS;
      show();
    };
    return h("div", { class: "row" }, button("<", "Channels before", () => turn(-CHANNELS)), button(">", "Channels after", () => turn(CHANNELS)));
  }

  /** How large gradients are before and after a node that has two ways. */
  function split(step) {
    if (step.phase !== "backward" || step.maps.length < 3) {
      return null;
    }
    const norms = step.maps.map((m) => `${m.title}: norm ${short(walk.tensors[m.tensor].norm)}`);
    return h("p", { class: "split" }, "The gradient goes both ways. " + norms.join("; ") + ".");
  }

  function traceView(step, number, index, trace) {
    const query = step.traces[index];
    const view = formulaView(query.title, trace);
    if (!source.fixed && query.parameter) {
      view.prepend(elementField(step, number, index, trace));
    }
    return view;
  }

  /** Which weight is followed. */
  function elementField(step, number, index, trace) {
    const own = (choice[number + "/" + index] ||= {});
    const element = h("input", { value: trace.element.join(","), size: 12, "aria-label": "Element of " + step.traces[index].title });
    const select = step.phase === "update"
      ? h("select", { "aria-label": "Parameter" }, walk.parameters.map((name) => h("option", { value: name, selected: trace.tensor.endsWith("/" + name) }, name)))
      : null;
    select?.addEventListener("change", () => {
      choice[number + "/" + index] = { parameter: select.value };
      show();
    });
    element.addEventListener("change", () => {
      choice[number + "/" + index] = { ...own, element: element.value.replaceAll(" ", "") };
      show();
    });
    return h("div", { class: "row" }, select, h("label", {}, "element ", element));
  }

  function choose(chosen) {
    Object.assign(place, chosen);
    show();
  }

  function key(event) {
    const busy = event.target.closest("input, select, textarea, pre, [role=region]");
    const acts = { ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1), Home: () => go(0), End: () => go(steps.length - 1), " ": () => toggle() };
    const pressed = event.target.closest("button, a, summary") && event.key === " ";
    if (!busy && !pressed && !event.ctrlKey && !event.altKey && !event.metaKey && event.key in acts) {
      event.preventDefault();
      acts[event.key]();
    }
  }
  document.addEventListener("keydown", key);
  go(source.start || 0);
  return () => {
    document.removeEventListener("keydown", key);
    clearInterval(timer);
    asked++;
  };
}

function summary(walk) {
  const values = Object.values(walk.tensors).reduce((sum, t) => sum + t.shape.reduce((a, b) => a * b, 1), 0);
  const images = walk.images.map((name, i) => name + (walk.labels.length ? " (" + walk.classes[walk.labels[i]] + ")" : "")).join(", ");
  const rate = walk.optimizer.learningRate;
  return (
    `${walk.network}, width ${walk.width}, ${walk.pass === "training" ? `training step ${walk.step}, loss ${short(walk.loss)}, learning rate ${short(rate)}` : "inference"}; ` +
    `${walk.precision} on ${walk.backend}; ${count(values)} recorded numbers${walk.half ? ", rounded to half precision" : ""}. Images: ${images}.`
  );
}

/** The place by numbers, for those who do not click. */
function placeFields(place, walk, fixed, changed) {
  const field = (name, label, max) => {
    const input = h("input", { type: "number", min: 0, max, step: "any", disabled: fixed, "aria-label": label });
    input.addEventListener("change", () => {
      const value = Number(input.value);
      if (value >= 0 && value <= max) {
        place[name] = name === "x" || name === "y" ? value : Math.floor(value);
        changed();
      }
    });
    return input;
  };
  const inputs = {
    image: field("image", "Image", walk.images.length - 1),
    y: field("y", "Down, from 0 to 1", 1),
    x: field("x", "Across, from 0 to 1", 1),
    channel: field("channel", "Channel", 1e6),
  };
  return {
    element: h("div", { class: "row place", role: "group", "aria-label": "Which number" },
      h("span", {}, "Looking at image "), inputs.image, h("span", {}, "down"), inputs.y, h("span", {}, "across"), inputs.x, h("span", {}, "channel"), inputs.channel),
    show() {
      for (const [name, input] of Object.entries(inputs)) {
        input.value = Number(place[name].toFixed(4));
      }
    },
  };
}
