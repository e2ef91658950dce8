// The query box: sends the text to /sparql and shows the answer as a table. No outside code.
"use strict";
const form = document.getElementById("ask");
const box = document.getElementById("query");
const status = document.getElementById("status");
const answer = document.getElementById("answer");

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function cell(term) {
  const td = element("td");
  if (!term) return td;
  if (term.type === "uri") {
    const link = element("a", term.value);
    link.href = "/asset?iri=" + encodeURIComponent(term.value);
    td.append(link);
  } else {
    td.textContent = term.value;
    if (/#(double|float|integer|decimal|int|long)$/.test(term.datatype || "")) td.className = "number";
  }
  return td;
}

function showTable(document_) {
  if (document_.boolean !== undefined) return element("p", document_.boolean ? "Yes" : "No");
  const table = element("table"), head = element("tr"), body = element("tbody");
  for (const name of document_.head.vars) { const th = element("th", name); th.scope = "col"; head.append(th); }
  for (const row of document_.results.bindings) {
    const tr = element("tr");
    for (const name of document_.head.vars) tr.append(cell(row[name]));
    body.append(tr);
  }
  const thead = element("thead"); thead.append(head); table.append(thead, body);
  const frame = element("div", undefined, "scroll"); frame.tabIndex = 0; frame.append(table);
  return frame;
}

async function run(event) {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true; status.textContent = "Running…"; answer.replaceChildren();
  const start = performance.now();
  try {
    const reply = await fetch("/sparql", {
      method: "POST", body: box.value,
      headers: { "Content-Type": "application/sparql-query", "Accept": "application/sparql-results+json, text/turtle;q=0.9" },
    });
    const type = reply.headers.get("content-type") || "";
    const took = () => Math.round(performance.now() - start) + " ms";
    if (!reply.ok) {
      const problem = await reply.json();
      const notice = element("div", undefined, "notice bad"); notice.setAttribute("role", "alert");
      notice.append(element("p", problem.detail), element("p", problem.hint || "", "muted"));
      answer.append(notice); status.textContent = problem.title;
    } else if (type.includes("json")) {
      const results = await reply.json();
      answer.append(showTable(results));
      status.textContent = results.results ? results.results.bindings.length + " rows, " + took() : took();
    } else {
      answer.append(element("pre", await reply.text())); status.textContent = took();
    }
  } catch (error) {
    status.textContent = "The node could not be reached.";
  } finally { button.disabled = false; }
}

form.addEventListener("submit", run);
box.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
