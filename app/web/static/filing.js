// The filing form: what is like the finding while it is written, and documents pasted or dropped.

const form = document.querySelector("[data-similar]");
const shown = document.querySelector("[data-similar-shown]");
const documents = document.querySelector("[data-document]");

// --- tickets that are alike
const hint = shown.querySelector("p");
if (hint?.textContent.endsWith("check it.")) hint.textContent = "Tickets that are like yours show up here while you write.";
let waiting, asked = "", round = 0;
async function look() {
  const title = form.elements.title.value.trim(), summary = form.elements.summary.value.trim();
  const query = new URLSearchParams({ title, summary: summary.slice(0, 1500) }).toString();
  if (query === asked || title.length + summary.length < 12) return;
  asked = query;
  const mine = ++round;
  const answer = await fetch(`/file/similar?${query}`, { headers: { Accept: "text/html" } });
  if (answer.ok && !answer.redirected && mine === round) shown.innerHTML = await answer.text(); // made by the service
}
for (const name of ["title", "summary"]) {
  form.elements[name].addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, 400);
  });
}

// --- a document that is dropped on the page, chosen, or pasted where a summary is expected
const LOOKS_LIKE_ONE = /^#\s.+[\s\S]*^##\s+(metadata|ticket)/im;
function take(text, path = "") {
  documents.elements.document.value = text;
  if (path) documents.elements.source_path.value = path;
  documents.requestSubmit(documents.querySelector("button.main"));
}
async function read(file) {
  if (file && file.size < 1 << 20) take(await file.text(), file.name);
}
documents.querySelector("[data-file]").hidden = false;
documents.querySelector("[type=file]").addEventListener("change", (event) => read(event.target.files[0]));
addEventListener("dragover", (event) => {
  if (event.dataTransfer.types.includes("Files")) event.preventDefault();
});
addEventListener("drop", (event) => {
  const [file] = event.dataTransfer.files;
  if (!file) return;
  event.preventDefault();
  read(file);
});
form.addEventListener("paste", (event) => {
  const text = event.clipboardData.getData("text/plain");
  const empty = !form.elements.summary.value.trim() && !form.elements.title.value.trim();
  if (!empty || !LOOKS_LIKE_ONE.test(text)) return;
  event.preventDefault();
  take(text);
});
