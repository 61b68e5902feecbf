// Comments on lines while reviewing: a click on a line's number, or arrows and Enter, open a box for it.

const form = document.getElementById("form-review");

function comment(pre, line) {
  const at = `${pre.dataset.comment}:${line.dataset.line}`;
  const id = `comment-${at}`;
  let area = document.getElementById(id);
  if (!area) {
    const box = Object.assign(document.createElement("div"), { className: "field comment" });
    const label = Object.assign(document.createElement("label"), { htmlFor: id, textContent: `Line ${line.dataset.line}` });
    area = Object.assign(document.createElement("textarea"), { id, name: "comment", rows: 2 });
    const [, ...code] = [...line.childNodes].map((node) => node.textContent);
    box.append(label, area,
      Object.assign(document.createElement("input"), { type: "hidden", name: "comment_at", value: at }),
      Object.assign(document.createElement("input"), { type: "hidden", name: "comment_code", value: code.join("").trimEnd() }));
    pre.after(box);
    line.classList.add("commented");
    area.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      if (!area.value.trim()) {
        box.remove();
        line.classList.remove("commented");
      }
      pre.focus();
    });
  }
  area.focus();
}

for (const pre of form.querySelectorAll("[data-comment]")) {
  const lines = [...pre.querySelectorAll("[data-line]")];
  let at = Math.max(0, lines.findIndex((line) => line.matches(".named")));
  const mark = () => {
    pre.querySelector(".at")?.classList.remove("at");
    lines[at].classList.add("at");
  };
  pre.addEventListener("focus", mark);
  pre.addEventListener("blur", () => lines[at].classList.remove("at"));
  pre.addEventListener("click", (event) => {
    const number = event.target.closest("b");
    if (number) comment(pre, number.parentElement);
  });
  pre.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) {
      at = Math.min(lines.length - 1, Math.max(0, at + by));
      mark();
      lines[at].scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") comment(pre, lines[at]);
    else return;
    event.preventDefault();
  });
}
