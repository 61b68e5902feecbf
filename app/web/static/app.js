// What a page gains with JavaScript: live runs, keys, drafts, previews. Everything works without.

const quick = (selector, root = document) => root.querySelector(selector);
const every = (selector, root = document) => [...root.querySelectorAll(selector)];
const csrf = document.body.dataset.csrf ?? "";

function post(address, fields) {
  return fetch(address, { method: "POST", body: new URLSearchParams({ csrf, ...fields }) });
}

// --- a message about a refused form is read first
quick("[data-focus]")?.focus();

// --- a link to a field inside a folded form opens it
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let at = target.closest("details"); at; at = at.parentElement.closest("details")) at.open = true;
  if (target.matches("details")) quick("input, textarea, select, summary", target).focus();
  if (target.matches("input, textarea, select")) target.focus();
}
addEventListener("hashchange", unfold);
unfold();

// --- the menu closes when one goes elsewhere
addEventListener("click", (event) => {
  for (const menu of every(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const menu of every(".menu[open]")) menu.open = false;
});

// --- times stay true while the page is open
const UNITS = [[60, "min", 90], [3600, "h", 36], [86400, "d", 45], [2629800, "mo", 18], [31557600, "y", 1e9]];
function ago(moment) {
  const signed = (Date.now() - moment) / 1000;
  const seconds = Math.abs(signed);
  if (seconds < 45) return "now";
  for (const [size, unit, until] of UNITS) {
    const count = Math.max(1, Math.round(seconds / size));
    if (count < until) return signed < 0 ? `in ${count} ${unit}` : `${count} ${unit} ago`;
  }
  return "long ago";
}
setInterval(() => {
  for (const time of every("time[datetime]")) time.textContent = ago(Date.parse(time.dateTime));
}, 30000);

// --- the keys, over the page that they are for
async function keys() {
  let shown = quick("dialog.keys");
  if (!shown) {
    const answer = await fetch("/keys", { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const part = quick("main", new DOMParser().parseFromString(await answer.text(), "text/html"));
    shown = Object.assign(document.createElement("dialog"), { className: "keys" });
    const close = Object.assign(document.createElement("button"), { textContent: "Close" });
    close.addEventListener("click", () => shown.close());
    shown.append(...part.childNodes, close);
    quick("[data-keys]", shown)?.remove(); // switched on their own page
    document.body.append(shown);
  }
  if (!shown.open) shown.showModal();
}

// --- keys
function go(id) {
  const target = document.getElementById(id);
  if (!target) return;
  location.hash = `#${id}`;
  unfold();
}
addEventListener("keydown", (event) => {
  const field = event.target.matches("input:not([type=radio], [type=checkbox]), textarea, select");
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target.form) {
    event.target.form.requestSubmit();
    return;
  }
  if (field || event.ctrlKey || event.metaKey || event.altKey || localStorage.getItem("keys") === "off") return;
  const bound = every("[data-key]").find((one) => one.dataset.key === event.key);
  if (bound) {
    event.preventDefault();
    if (bound.matches("a")) bound.click();
    else {
      bound.closest("details")?.setAttribute("open", "");
      bound.focus();
      if (bound.matches("[type=radio]")) bound.checked = true;
    }
  } else if (event.key === "r") go("rationale");
  else if (event.key === "v") go("verification");
  else if (event.key === "?") keys();
  else return;
  event.preventDefault();
});

// --- fields that a choice does not need are put away
for (const form of every("form:has([data-for])")) {
  const fit = () => {
    const chosen = quick("[name=to]:checked", form)?.value;
    for (const part of every("[data-for]", form)) part.hidden = !part.dataset.for.split(" ").includes(chosen);
  };
  form.addEventListener("change", fit);
  fit();
}

// --- suggestions while one types
for (const box of every("[data-search]")) {
  const input = quick("input", box), shown = quick("[data-suggestions]", box);
  let waiting, round = 0;
  const look = async () => {
    const mine = ++round, words = input.value.trim();
    const answer = words && await fetch(`${box.dataset.search}?q=${encodeURIComponent(words)}`);
    if (mine !== round) return;
    shown.innerHTML = answer && answer.ok && !answer.redirected ? await answer.text() : ""; // made by the service
  };
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, 250);
  });
  shown.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-value]");
    if (!chosen) return;
    input.value = chosen.dataset.value;
    shown.replaceChildren();
    round += 1;
    input.focus();
  });
}

// --- what somebody else did to the page's subject; only while it is looked at, as lines are few
const others = quick("[data-changes]");
if (others) {
  let source, last = others.dataset.after;
  const told = quick("[data-told]", others);
  const open = () => {
    source = new EventSource(`${others.dataset.changes}?after=${last}`);
    source.addEventListener("change", (event) => {
      const { number, who, did } = JSON.parse(event.data);
      last = number;
      told.textContent = `${who} ${did}.`;
      const first = quick("[data-what]", others);
      if (others.hidden) first.href += `#e${number}`;
      others.hidden = false;
    });
  };
  const follow = () => {
    source?.close();
    if (document.visibilityState === "visible") open();
  };
  document.addEventListener("visibilitychange", follow);
  follow();
}

// --- what a page has said once it does not say again when one comes back to it
addEventListener("pageshow", (event) => {
  if (event.persisted) quick("[data-flash]")?.remove();
});

// --- what is offered for a moment goes when it is over
for (const part of every("[data-gone-after]")) setTimeout(() => part.remove(), 1000 * part.dataset.goneAfter);

// --- drafts: what was written and not sent is there when the visitor comes back
for (const area of every("[data-draft]")) {
  const name = `draft ${area.dataset.draft}`;
  if (!area.value.trim()) area.value = localStorage.getItem(name) ?? "";
  area.addEventListener("input", () => localStorage.setItem(name, area.value));
  area.form?.addEventListener("submit", () => localStorage.removeItem(name));
}

// --- previews of Markdown
for (const area of every("[data-preview]")) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "plain", textContent: "Preview" });
  const shown = Object.assign(document.createElement("div"), { className: "prose panel", hidden: true });
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", async () => {
    if (!shown.hidden) {
      shown.hidden = true;
    } else {
      const answer = await post("/preview", { text: area.value });
      shown.innerHTML = await answer.text(); // sanitised by the service
      shown.hidden = false;
    }
    button.setAttribute("aria-expanded", String(!shown.hidden));
  });
  const row = document.createElement("div");
  row.append(button);
  area.after(row, shown);
}

// --- tickets that the visitor holds for review stay held while the page is open
const held = quick("[data-keep]");
if (held) {
  setInterval(() => post("/review/keep", { keys: held.dataset.keep, as: held.dataset.as }), 600000);
}
