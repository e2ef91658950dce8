// The steward's page: keys and buttons decide on one mapping at a time; the server's words are shown
// and read out. No outside code.
"use strict";
const area = document.getElementById("claims");
const said = document.getElementById("said");
const set = area.dataset.set;
const KEYS = { a: '[data-do="approve"]', r: '[data-do="reject"]', u: '[data-do="review"]',
  b: '[data-relation="broader"]', n: '[data-relation="narrower"]', e: '[data-weigh="evidence"]',
  i: '[data-weigh="impact"]', c: "[data-comment]" };
const DONE = { approve: "Accepted", reject: "Rejected", review: "Marked as unsure", revise: "Changed",
  deprecate: "Deprecated", withdraw: "Withdrawn", comment: "Commented", undo: "Undone",
  propose: "Proposed" };
let queue = Promise.resolve();

function say(text, bad) {
  said.textContent = text;
  said.classList.toggle("bad", Boolean(bad));
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

async function ask(address, options) {
  const reply = await fetch(address, { headers: { Accept: "application/json" }, ...options });
  const body = await reply.json();
  if (!reply.ok) throw new Error([body.detail, body.hint].filter(Boolean).join(" "));
  return body;
}

function send(body) {
  return ask("/mappings", { method: "POST", body: JSON.stringify({ set, ...body }),
    headers: { "Content-Type": "application/json", Accept: "application/json" } });
}

function claims() { return [...area.querySelectorAll(".claim")]; }

function focusOn(claim) {
  if (!claim) return;
  for (const one of claims()) one.tabIndex = one === claim ? 0 : -1;
  claim.focus();
  claim.scrollIntoView({ block: "nearest" });
}

async function reload(id, place) {
  const address = new URL(location.href);
  address.searchParams.set("part", "claims");
  const reply = await fetch(address, { headers: { Accept: "text/html" } });
  if (!reply.ok) return location.reload();
  area.innerHTML = await reply.text();
  const there = claims();
  focusOn(there.find((one) => one.dataset.id === id) || there[Math.min(place, there.length - 1)]);
}

// What is pressed while an answer is under way waits for its turn and is never lost.
function act(body, claim) {
  const id = claim ? claim.dataset.id : undefined, place = claim ? claims().indexOf(claim) : 0;
  queue = queue.then(() => perform(body, id, place));
}

async function perform(body, id, place) {
  try {
    const result = await send(body);
    const changed = result.changed && result.changed[0];
    const conflicts = (result.changed || []).flatMap((one) => one.conflicts);
    const word = DONE[body.do] || body.do;
    const waits = changed && changed.status === "in review" && body.do === "approve"
      ? "; a steward of another organisation must accept it too" : "";
    const what = changed ? `: ${changed.subject.label} ${changed.relation} ${changed.object.label}` : "";
    const next = body.do === "undo" && changed ? changed.id : id;
    if (id || body.do === "undo") await reload(next, place);
    say(word + what + waits + (conflicts.length ? `. ${conflicts.length} conflicts.` : "."));
  } catch (error) {
    say(error.message, true);
  }
}

function table(rows, heads) {
  const made = element("table"), head = element("thead"), body = element("tbody"), first = element("tr");
  for (const name of heads) { const th = element("th", name); th.scope = "col"; first.append(th); }
  head.append(first);
  for (const cells of rows) {
    const tr = element("tr");
    for (const cell of cells) tr.append(element("td", cell));
    body.append(tr);
  }
  made.append(head, body);
  return made;
}

function weigh(what, claim) {
  queue = queue.then(() => look(what, claim.dataset.id));
}

async function look(what, wanted) {
  const claim = claims().find((one) => one.dataset.id === wanted);
  if (!claim) return;
  const place = claim.querySelector(".found");
  say("Looking…");
  try {
    const id = encodeURIComponent(claim.dataset.id);
    const found = await ask(`/mappings/${set}/${what}?${what === "impact" ? "ids" : "id"}=${id}`);
    place.hidden = false;
    if (what === "evidence") {
      place.replaceChildren(table(found.evidence.map((one) =>
        [one.kind, one.score === null ? "–" : one.score.toFixed(2), one.detail]),
      ["Evidence", "Score", "What was compared"]));
      say("Evidence: " + found.evidence.filter((one) => one.score !== null)
        .map((one) => `${one.kind} ${one.score.toFixed(2)}`).join(", ") + ".");
    } else {
      const rows = found.queries.filter((one) => one.changes || one.error).map((one) =>
        [one.query, String(one.before), String(one.after), shown(one.added), shown(one.removed), one.error]);
      const words = found.queries.length
        ? `${found.changed} of ${found.queries.length} saved queries would answer otherwise.`
        : "No query is saved that could change.";
      place.replaceChildren(rows.length
        ? table(rows, ["Saved query", "Rows now", "Rows then", "Among the new", "Among the lost", ""])
        : element("p", words, "muted"));
      say(words);
    }
  } catch (error) { say(error.message, true); }
}

function shown(rows) {
  return rows.map((row) => typeof row === "object" && row ? Object.values(row).join(", ") : String(row))
    .join("; ");
}

function comment(claim) {
  const place = claim.querySelector(".found");
  const form = element("form", undefined, "row"), box = element("input"), button = element("button", "Say it");
  box.type = "text"; box.maxLength = 4000; box.setAttribute("aria-label", "Comment"); box.size = 60;
  form.append(box, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (box.value.trim()) act({ do: "comment", id: claim.dataset.id, text: box.value }, claim);
  });
  place.hidden = false; place.replaceChildren(form); box.focus();
}

area.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const claim = button.closest(".claim");
  if (button.dataset.propose) {
    button.disabled = true;
    act({ do: "propose", relation: button.dataset.propose, subject: button.dataset.subject,
      object: button.dataset.object, justification: "MappingReview" });
  } else if (button.dataset.do) {
    const body = { do: button.dataset.do, id: claim.dataset.id };
    if (button.dataset.relation) body.relation = button.dataset.relation;
    act(body, claim);
  } else if (button.dataset.weigh) weigh(button.dataset.weigh, claim);
  else if ("comment" in button.dataset) comment(claim);
});

area.addEventListener("keydown", (event) => {
  const claim = event.target.closest(".claim");
  if (!claim || event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) {
    if (event.key === "Escape") focusOn(claim);
    return;
  }
  const there = claims(), place = there.indexOf(claim);
  if (event.key === "j" || event.key === "ArrowDown") focusOn(there[place + 1]);
  else if (event.key === "k" || event.key === "ArrowUp") focusOn(there[place - 1]);
  else if (event.key === "z") act({ do: "undo" }, claim);
  else if (KEYS[event.key]) {
    const button = claim.querySelector(KEYS[event.key]);
    if (button) button.click(); else say("That cannot be done with this mapping.", true);
  } else return;
  event.preventDefault();
});

area.addEventListener("focusin", (event) => {
  const claim = event.target.closest(".claim");
  if (claim) for (const one of claims()) one.tabIndex = one === claim ? 0 : -1;
});

const undo = document.getElementById("undo");
if (undo) undo.addEventListener("click", () => act({ do: "undo" }));
