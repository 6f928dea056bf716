/** Pages by the address's fragment: #network?run=r1 */
import { h, attempt } from "./dom.js";
import { runsPage } from "./runs.js";
import { networkPage } from "./network.js";
import { walkPage } from "./walk.js";
import { explainPage } from "./explain.js";
import { labPage } from "./lab.js";

const PAGES = { runs: runsPage, network: networkPage, walk: walkPage, explain: explainPage, lab: labPage };
const NAMES = { runs: "Runs", network: "Network", walk: "Walk", explain: "Explain", lab: "Lab" };

let leave = () => {};
let asked = 0;

// The token is in the cookie now; it need not stay in the address.
if (location.search) {
  history.replaceState(null, "", location.pathname + location.hash);
}

function parts() {
  const [name, query] = location.hash.slice(1).split("?");
  return { name: name in PAGES ? name : "runs", parameters: new URLSearchParams(query || "") };
}

async function show() {
  const { name, parameters } = parts();
  const mine = ++asked;
  leave();
  leave = () => {};
  document.title = NAMES[name] + " - jresnet studio";
  const run = parameters.get("run");
  document.getElementById("pages").replaceChildren(
    ...Object.keys(PAGES).map((page) =>
      h(
        "li",
        {},
        h(
          "a",
          {
            href: "#" + page + (run ? "?" + new URLSearchParams({ run }) : ""),
            "aria-current": page === name ? "page" : null,
          },
          NAMES[page],
        ),
      ),
    ),
  );
  const main = document.getElementById("main");
  main.replaceChildren(h("h2", {}, NAMES[name]));
  const page = h("div");
  main.append(page);
  main.dataset.page = name;
  const end = await attempt(() => PAGES[name](page, parameters));
  if (mine !== asked) {
    end?.();
  } else if (end) {
    leave = end;
  }
}

addEventListener("hashchange", () => {
  show();
  document.getElementById("main").focus();
});
show();
