// Ctrl+Enter runs the query; the button says that it is running. The page works without this file.
"use strict";
const form = document.getElementById("ask");
const box = document.getElementById("query");
const button = document.getElementById("run");
box.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit();
  }
});
form.addEventListener("submit", () => {
  button.disabled = true;
  button.textContent = "Running…";
});
window.addEventListener("pageshow", () => {
  button.disabled = false;
  button.textContent = "Run query";
});
