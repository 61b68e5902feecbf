// Lists by keyboard: j and k move, x chooses, r and v lead to the review and the verification of
// the row, and buttons of the row have keys of their own. Chosen rows are counted.

// Read anew each time: a live list is replaced while it is open.
const rowsNow = () => [...document.querySelectorAll("[data-list] tbody tr")];
const boxesNow = () => [...document.querySelectorAll("[data-list] tbody input[type=checkbox][name=key]")];
const here = () => document.querySelector("[data-list] tr.at");

function mark(row) {
  here()?.classList.remove("at");
  row.classList.add("at");
}

function move(by) {
  const rows = rowsNow();
  const row = rows[Math.min(rows.length - 1, Math.max(0, rows.indexOf(here()) + by))];
  if (!row) return;
  mark(row);
  row.scrollIntoView({ block: "nearest" });
  row.querySelector(".key a, a")?.focus({ preventScroll: true });
}

function open(part) {
  const link = here()?.querySelector(".key a");
  if (link) location.assign(`${link.getAttribute("href")}#${part}`);
}

function toggle(row, event) {
  const box = row?.querySelector("input[type=checkbox][name=key]");
  if (box) {
    box.checked = !box.checked;
    count();
  }
  event.preventDefault();
}

addEventListener("keydown", (event) => {
  if (event.target.matches("input:not([type=checkbox]), textarea, select")) return;
  if (event.ctrlKey || event.metaKey || event.altKey || localStorage.getItem("keys") === "off") return;
  const own = here()?.querySelector(`[data-row-key="${CSS.escape(event.key)}"]`);
  if (own) {
    event.preventDefault();
    own.click();
  } else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "x") toggle(here(), event);
  else if (event.key === "r") open("rationale");
  else if (event.key === "v") open("verification");
});

// --- where the reader is follows the focus, so that Tab and j and k speak of the same row
addEventListener("focusin", (event) => {
  const row = event.target.closest?.("[data-list] tbody tr");
  if (row && row !== here()) mark(row);
});

// --- how many are chosen
const said = document.querySelector("[data-chosen]");
function count() {
  if (!said) return;
  const chosen = boxesNow().filter((box) => box.checked).length;
  said.textContent = chosen ? `${chosen} chosen` : "Choose tickets to change them together.";
  said.closest(".many").classList.toggle("stuck", chosen > 0);
  for (const button of said.closest("form").querySelectorAll(".many button")) button.disabled = !chosen;
}
if (said) {
  const whole = Object.assign(document.createElement("input"), { type: "checkbox" });
  whole.setAttribute("aria-label", "Choose all of this page");
  whole.addEventListener("change", () => {
    for (const box of boxesNow()) box.checked = whole.checked;
    count();
  });
  document.querySelector("[data-list] thead th").replaceChildren(whole);
  addEventListener("change", (event) => { if (event.target.name === "key") count(); });
  count();
}

// --- after a row was settled the next one is at hand
if (document.querySelector("[data-row-key]")) move(1);
