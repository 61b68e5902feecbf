// Follows what is under way and shows it anew when it has ended: runs of a list, the examples.

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = fresh.querySelector("[data-live-region]");
  if (!next) return;
  document.querySelector("[data-live-region]").replaceWith(next);
  start();
}

// Rows of what is under way, each as it ends; looked at once a second at most.
let looking;
function showRows() {
  const rows = document.querySelector("[data-rows]");
  if (!rows || looking) return;
  looking = setTimeout(async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
    looking = undefined;
    if (!answer?.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-rows]");
    if (fresh) document.querySelector("[data-rows]")?.replaceWith(fresh);
  }, 1000);
}

function follow(part) {
  part.dataset.followed = "";
  const source = new EventSource(part.dataset.follow);
  source.addEventListener("progress", (event) => {
    const { ended, total, line } = JSON.parse(event.data);
    Object.assign(part.querySelector("progress"), { value: ended, max: total });
    part.querySelector("[data-line]").textContent = line;
    showRows();
  });
  source.addEventListener("end", () => {
    source.close();
    refresh();
  });
}

function start() {
  for (const part of document.querySelectorAll("[data-follow]:not([data-followed])")) follow(part);
}
start();
