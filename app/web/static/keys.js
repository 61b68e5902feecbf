// Single keys can be switched off, for those whose speech or switches press them by chance.
const part = document.querySelector("[data-keys]");
const box = part.querySelector("input");
part.hidden = false;
box.checked = localStorage.getItem("keys") !== "off";
box.addEventListener("change", () => {
  if (box.checked) localStorage.removeItem("keys");
  else localStorage.setItem("keys", "off");
});
