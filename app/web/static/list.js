// Lists by keyboard: j and k move, x chooses, r and v lead to the review and the verification of
// the row, and buttons of the row have keys of their own. Chosen rows are counted.

const rows = [...document.querySelectorAll("[data-list] tbody tr")];
const boxes = rows.flatMap((row) => [...row.querySelectorAll("input[type=checkbox][name=key]")]);
let at = -1;

function move(to) {
  rows[at]?.classList.remove("at");
  at = Math.min(rows.length - 1, Math.max(0, to));
  rows[at].classList.add("at");
  rows[at].scrollIntoView({ block: "nearest" });
  rows[at].querySelector(".key a, a")?.focus({ preventScroll: true });
}

function open(part) {
  const link = rows[at]?.querySelector(".key a");
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
  if (event.ctrlKey || event.metaKey || event.altKey || !rows.length) return;
  const own = rows[at]?.querySelector(`[data-row-key="${CSS.escape(event.key)}"]`);
  if (own) {
    event.preventDefault();
    own.click();
  } else if (event.key === "j") move(at + 1);
  else if (event.key === "k") move(at - 1);
  else if (event.key === "x") toggle(rows[at], event);
  else if (event.key === "r") open("rationale");
  else if (event.key === "v") open("verification");
});

// --- where the reader is follows the focus, so that Tab and j and k speak of the same row
for (const [n, row] of rows.entries()) {
  row.addEventListener("focusin", () => {
    if (n === at) return;
    rows[at]?.classList.remove("at");
    at = n;
    row.classList.add("at");
  });
}

// --- how many are chosen
const said = document.querySelector("[data-chosen]");
function count() {
  if (!said) return;
  const chosen = boxes.filter((box) => box.checked).length;
  said.textContent = chosen ? `${chosen} chosen` : "Choose tickets to change them together.";
  for (const button of said.closest("form").querySelectorAll(".many button")) button.disabled = !chosen;
}
if (said) {
  const whole = Object.assign(document.createElement("input"), { type: "checkbox" });
  whole.setAttribute("aria-label", "Choose all of this page");
  whole.addEventListener("change", () => {
    for (const box of boxes) box.checked = whole.checked;
    count();
  });
  document.querySelector("[data-list] thead th").replaceChildren(whole);
  for (const box of boxes) box.addEventListener("change", count);
  count();
}

// --- after a row was settled the next one is at hand
if (document.querySelector("[data-row-key]") && rows.length) move(0);
