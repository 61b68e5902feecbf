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
  const steps = { count: 0, since: 0, until: 0 }; // of a bisection; times in milliseconds
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
      say(`${results.size} test${results.size === 1 ? "" : "s"}; ${arm}: ${node.split("::").pop()} ${outcome}`);
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
    step({ at, revision, outcome }) {
      steps.until = Date.parse(at);
      steps.since ||= steps.until;
      steps.count += 1;
      say(`${steps.count} runs${pace(steps)}; ${revision.slice(0, 10)} is ${outcome ?? "looked at again"}`);
      renew(panel);
    },
    left({ commits }) {
      if (!commits) return;
      const left = Math.ceil(Math.log2(commits)) + 2; // halving, and two looks to confirm
      const bar = quick("[data-run-progress]", panel);
      if (bar) Object.assign(bar, { max: steps.count + left, value: steps.count });
      say(`${steps.count} runs${pace(steps)}; ${commits === 1 ? "confirming" : `one of ${commits} commits`}, about ${left} runs left`);
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
    ...arms.map((arm) => {
      const cell = made("td", {}, made("span", {}, ...tag(found.get(arm))));
      cell.dataset.arm = arm;
      return cell;
    })));
  const table = made("table", { className: "arms" }, made("thead", {}, head), made("tbody", {}, ...body));
  place.replaceChildren(table);
  if (results.size > MOST) place.append(made("p", { className: "small quiet", textContent: `and ${results.size - MOST} more` }));
  place.hidden = false;
}

function pace({ count, since, until }) {
  return until > since ? `, ${(60000 * (count - 1) / (until - since)).toFixed(0)} a minute` : "";
}

// The revisions so far, with what is told of them; asked for once in a while only.
const RENEW_MS = 1000;
const renewed = new WeakSet();
function renew(panel) {
  if (renewed.has(panel)) return;
  renewed.add(panel);
  setTimeout(async () => {
    renewed.delete(panel);
    const answer = await fetch(panel.closest("[data-live-region]").dataset.page, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok || !panel.isConnected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [old, now] = [quick("[data-bisection-steps]"), quick("[data-bisection-steps]", fresh)];
    if (old && now && panel.isConnected && !old.contains(document.activeElement)) old.replaceWith(now);
  }, RENEW_MS);
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
