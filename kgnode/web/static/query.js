// The query box of a node: sends the text to /sparql and shows the answer as a table of names.
import { Editor } from "./editor.js";

const form = document.getElementById("ask"), box = document.getElementById("query");
const status = document.getElementById("status"), answer = document.getElementById("answer");
const TABLE = "application/sparql-results+json";
const NAMED = 500;

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function shortened(iri) {
  for (const [prefix, space] of Object.entries(editor.prefixes)) if (iri.startsWith(space)) return `${prefix}:${iri.slice(space.length)}`;
  return iri.startsWith("urn:uuid:") ? `${iri.slice(9, 17)}…` : iri;
}

function cell(term) {
  const td = element("td");
  if (!term) return td;
  if (term.type === "uri") {
    const link = element("a", shortened(term.value));
    link.href = "/asset?iri=" + encodeURIComponent(term.value); link.title = term.value; link.dataset.iri = term.value;
    td.append(link);
  } else {
    td.textContent = term.value;
    if (/#(double|float|integer|decimal|int|long)$/.test(term.datatype || "")) td.className = "number";
  }
  return td;
}

function table(results) {
  if (results.boolean !== undefined) return element("p", results.boolean ? "Yes" : "No", "big");
  const made = element("table"), head = element("tr"), body = element("tbody"), thead = element("thead");
  for (const name of results.head.vars) { const th = element("th", name); th.scope = "col"; head.append(th); }
  for (const row of results.results.bindings) {
    const tr = element("tr");
    for (const name of results.head.vars) tr.append(cell(row[name]));
    body.append(tr);
  }
  thead.append(head); made.append(thead, body);
  const frame = element("div", undefined, "scroll rows");
  frame.tabIndex = 0; frame.setAttribute("role", "region"); frame.setAttribute("aria-label", "Rows"); frame.append(made);
  return frame;
}

const ask = (text, accept) => fetch("/sparql", {
  method: "POST", body: text, headers: { "Content-Type": "application/sparql-query", Accept: accept },
});

// Put names in place of IRIs, as far as the caller may see them; the link keeps the IRI.
async function nameThings() {
  const links = [...answer.querySelectorAll("a[data-iri]")];
  const iris = [...new Set(links.map((link) => link.dataset.iri))].filter((iri) => shortened(iri) === iri || iri.startsWith("urn:uuid:"));
  if (!iris.length) return;
  const values = iris.slice(0, NAMED).map((iri) => `<${iri}>`).join(" ");
  const spaces = `PREFIX cim: <${editor.prefixes.cim}> PREFIX rdfs: <${editor.prefixes.rdfs}>`;
  const reply = await ask(`${spaces} SELECT ?thing ?name { VALUES ?thing { ${values} } { ?thing cim:IdentifiedObject.name ?name } UNION { ?thing rdfs:label ?name } }`, TABLE);
  if (!reply.ok) return;
  const names = Object.fromEntries((await reply.json()).results.bindings.map((row) => [row.thing.value, row.name.value]));
  for (const link of links) if (names[link.dataset.iri]) link.textContent = names[link.dataset.iri];
}

async function told(reply) {
  const problem = await reply.json();
  const notice = element("div", undefined, "notice bad"); notice.setAttribute("role", "alert");
  notice.append(element("p", problem.detail), element("p", problem.hint || "", "muted"));
  answer.replaceChildren(notice); status.textContent = problem.title;
}

async function run(event) {
  event?.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true; status.textContent = "Running…"; answer.replaceChildren();
  const start = performance.now();
  try {
    const reply = await ask(box.value, `${TABLE}, text/turtle;q=0.9`);
    const type = reply.headers.get("content-type") || "";
    if (!reply.ok) await told(reply);
    else if (type.includes("json")) {
      const results = await reply.json(), took = `${Math.round(performance.now() - start)} ms`;
      answer.append(table(results));
      const count = results.results?.bindings.length;
      status.textContent = count === undefined ? took : `${count.toLocaleString("en-GB")} row${count === 1 ? "" : "s"}, ${took}`;
      await nameThings();
    } else {
      const text = element("pre", await reply.text()); text.tabIndex = 0;
      answer.append(text); status.textContent = `${Math.round(performance.now() - start)} ms`;
    }
  } catch {
    status.textContent = "The node could not be reached. Is it still served? Your text is kept.";
  } finally { button.disabled = false; }
}

async function download() {
  try {
    const reply = await ask(box.value, "text/csv, text/turtle;q=0.9");
    if (!reply.ok) { await told(reply); return; }
    const link = element("a"), graph = (reply.headers.get("content-type") || "").includes("turtle");
    link.href = URL.createObjectURL(await reply.blob()); link.download = graph ? "answer.ttl" : "answer.csv";
    link.click(); setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  } catch { status.textContent = "The node could not be reached. Is it still served?"; }
}

const editor = new Editor(box, () => form.requestSubmit());
form.addEventListener("submit", run);
document.getElementById("csv").addEventListener("click", download);
