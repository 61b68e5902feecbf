// Runs, live: results as they come, and the page brought up to date when a run has ended.
// The service repeats what was missed when a line breaks; a result that comes twice changes nothing.

const quick = (selector, root = document) => root.querySelector(selector);
const made = (name, fields = {}, ...inside) => {
  const element = Object.assign(document.createElement(name), fields);
  element.append(...inside);
  return element;
};
const AGAIN_MS = 2000;

function watch(panel) {
  const results = new Map(); // by test, then by arm
  const arms = new Set();
  const steps = new Map(); // by revision, of a bisection
  let source;
  let ended = false;

  const mutants = { planned: 0, ended: 0, survived: 0 };

  const say = (text) => {
    const line = quick("[data-run-line]", panel);
    if (line && line.textContent !== text) line.textContent = text;
  };
  const heard = {
    status({ status, reason }) {
      say(status === "running" ? "Running." : reason ?? "Waiting for a worker.");
    },
    test({ arm, node_id: node, outcome }) {
      arms.add(arm);
      if (!results.has(node)) results.set(node, new Map());
      results.get(node).set(arm, outcome);
      show(quick("[data-run-results]", panel), results, [...arms]);
      say(`${results.size} tests; ${arm}: ${node.split("::").pop()} ${outcome}`);
    },
    mutants({ planned }) {
      mutants.planned = planned;
      say(`${planned} mutants.`);
    },
    mutant({ outcome, suite_killed_by: suite, path, line }) {
      if (suite) return; // told again: the rest of the suite has seen it
      mutants.ended += 1;
      mutants.survived += outcome === "survived";
      const bar = quick("[data-run-progress]", panel);
      if (bar && mutants.planned) Object.assign(bar, { value: mutants.ended, max: mutants.planned });
      say(`${mutants.ended} of ${mutants.planned} mutants, ${mutants.survived} survive; ${path}:${line} ${outcome}`);
    },
    step({ revision, outcome }) {
      steps.set(revision, outcome ?? "skip");
      showSteps(quick("[data-run-results]", panel), steps);
      say(`${steps.size} revisions; ${revision.slice(0, 10)} is ${outcome ?? "looked at again"}`);
    },
    end({ status, outcome }) {
      ended = true;
      source.close();
      refresh(panel, outcome ?? status);
    },
  };
  const open = () => {
    source = new EventSource(panel.dataset.events);
    for (const [kind, act] of Object.entries(heard)) {
      source.addEventListener(kind, (event) => act(JSON.parse(event.data)));
    }
    source.addEventListener("error", () => {
      say("The line to the service is broken; trying again.");
      // A browser gives up when something other than the service answers, such as a proxy.
      if (source.readyState === EventSource.CLOSED && navigator.onLine) setTimeout(open, AGAIN_MS);
    });
  };
  open();
  // As soon as there is a network again, not only when the browser's pause is over.
  addEventListener("online", () => {
    if (source.readyState === EventSource.OPEN || ended) return;
    source.close();
    open();
  });
}

const MOST = 40;
const SIGNS = { good: ["good", "✓"], bad: ["bad", "✗"], passed: ["good", "✓"], failed: ["bad", "✗"], error: ["bad", "!"], "timed-out": ["bad", "◷"] };

function show(place, results, arms) {
  if (!place) return;
  // The tests that fail somewhere are those that one looks for.
  const failing = ([, found]) => [...found.values()].some((outcome) => outcome !== "passed");
  const rows = [...results].sort((a, b) => failing(b) - failing(a)).slice(0, MOST);
  const head = made("tr", {}, made("th", { scope: "col", textContent: "Test" }),
    ...arms.map((arm) => made("th", { scope: "col", textContent: arm })));
  const body = rows.map(([node, found]) => made("tr", {},
    made("th", { scope: "row", className: "node", textContent: node.split("::").slice(1).join("::") || node }),
    ...arms.map((arm) => made("td", {}, ...tag(found.get(arm))))));
  const table = made("table", { className: "arms" }, made("thead", {}, head), made("tbody", {}, ...body));
  place.replaceChildren(table);
  if (results.size > MOST) place.append(made("p", { className: "small quiet", textContent: `and ${results.size - MOST} more` }));
  place.hidden = false;
}

function showSteps(place, steps) {
  if (!place) return;
  const rows = [...steps].reverse().slice(0, MOST).map(([revision, outcome]) => made("tr", {},
    made("th", { scope: "row", className: "mono", textContent: revision.slice(0, 10) }),
    made("td", {}, ...tag(outcome))));
  place.replaceChildren(made("table", {}, made("tbody", {}, ...rows)));
  place.hidden = false;
}

function tag(outcome) {
  if (!outcome) return [];
  const [tone, sign] = SIGNS[outcome] ?? ["warn", "–"];
  const mark = made("span", { className: "sign", textContent: sign });
  mark.setAttribute("aria-hidden", "true");
  return [made("span", { className: `tag ${tone}` }, mark, outcome)];
}

// What a run changes on the page is taken from a fresh one; what is being written stays.
async function refresh(panel, outcome) {
  const region = panel.closest("[data-live-region]");
  const answer = await fetch(region.dataset.page, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer) { // offline for a moment
    setTimeout(() => refresh(panel, outcome), AGAIN_MS);
    return;
  }
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const focused = region.contains(document.activeElement);
  for (const name of ["[data-live-region]", ".ticket-head", "#steps", "#gate", "#checklist"]) {
    const [old, now] = [quick(name), quick(name, fresh)];
    if (old && now && (name === "[data-live-region]" || !old.contains(document.activeElement))) old.replaceWith(now);
  }
  const said = quick("[data-run-said]");
  if (said) said.textContent = `The run has ended: ${outcome}.`;
  if (focused) quick("[data-live-region] [data-run] a")?.focus({ preventScroll: true });
  start();
}

function start() {
  for (const panel of document.querySelectorAll("[data-events]:not([data-watched])")) {
    panel.dataset.watched = "";
    watch(panel);
  }
}
start();
