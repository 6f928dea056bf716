/** Small helpers: elements, requests, and who says what went wrong. Text is never read as markup. */

/** An element with properties ("on..." are listeners, "class" and others attributes) and children. */
export function h(name, properties = {}, ...children) {
  return fill(document.createElement(name), properties, children);
}

/** The same for a drawing. */
export function svg(name, properties = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), properties, children);
}

function fill(element, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) {
      element.addEventListener(key.slice(2), value);
    } else if (value === true) {
      element.setAttribute(key, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(key, value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A table row of cells; numbers stand right. */
export function row(cells, kind = "td") {
  return h(
    "tr",
    {},
    cells.map((cell) =>
      cell instanceof Node && /^T[DH]$/.test(cell.nodeName)
        ? cell
        : h(kind, { class: typeof cell === "number" || kind === "td" && isNumber(cell) ? "number" : null }, cell ?? ""),
    ),
  );
}

function isNumber(cell) {
  return typeof cell === "string" && /^[−-]?[\d.,]+(e[+−-]?\d+)?( ?(%|ms|MB|KB|M|K|G))?$/.test(cell);
}

/** A table with a caption and column headings. */
export function table(caption, headings, rows) {
  return h(
    "table",
    {},
    h("caption", {}, caption),
    h("thead", {}, h("tr", {}, headings.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, rows.map((cells) => row(cells))),
  );
}

/** Asks the studio; a refusal becomes an error with its words. */
export async function ask(path, parameters = {}, options = {}) {
  const query = new URLSearchParams(parameters).toString();
  let response;
  try {
    response = await fetch(query ? path + "?" + query : path, options);
  } catch (e) {
    throw new Error("the studio cannot be reached: was it ended?");
  }
  if (!response.ok) {
    const problem = await response.json();
    throw new Error(problem.detail);
  }
  return response;
}

/** The same for an answer in JSON. */
export async function askJson(path, parameters = {}, options = {}) {
  return (await ask(path, parameters, options)).json();
}

/** Says what went wrong; nothing clears it. */
export function problem(text = "") {
  document.getElementById("problem").textContent = text;
}

/** Runs something and says what went wrong. */
export async function attempt(work) {
  problem();
  try {
    return await work();
  } catch (e) {
    problem(e.message);
    return undefined;
  }
}
