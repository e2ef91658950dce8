// The workbench's comforts: an editor, samples that load when chosen, a button that says it runs.
// The page works without this file.
import { Editor } from "./editor.js";

const form = document.getElementById("ask"), run = document.getElementById("run");
const choose = document.getElementById("choose"), sample = document.getElementById("sample");
new Editor(document.getElementById("query"), () => form.requestSubmit(run));

form.addEventListener("submit", (event) => {
  if (event.submitter?.name === "download") return;
  run.setAttribute("aria-disabled", "true"); run.textContent = "Running…";
});
window.addEventListener("pageshow", () => { run.removeAttribute("aria-disabled"); run.textContent = "Run query"; });
sample.addEventListener("keydown", (event) => { if (event.key === "Enter") choose.requestSubmit(); });
document.getElementById("answer")?.focus();
