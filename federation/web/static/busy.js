// A form that takes long says so. The page works without this file.
const form = document.getElementById("study"), button = form.querySelector("button");
form.addEventListener("submit", (event) => {
  if (button.hasAttribute("aria-disabled")) { event.preventDefault(); return; }
  button.setAttribute("aria-disabled", "true"); button.textContent = "Studying …";
});
window.addEventListener("pageshow", () => { button.removeAttribute("aria-disabled"); button.textContent = "Study"; });
