// What stands beside the drawing: the search, what was picked, the tables, what was said of it.
// In: the drawing and elements of the page. Out: text; the drawing is moved through `go`.

export function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const kind = (iri) => iri.replace(/^.*[#/]/, "").replace(/([a-z])([A-Z])/g, "$1 $2");
const json = async (url) => {
  const reply = await fetch(url, { headers: { Accept: "application/json" } });
  const told = await reply.json();
  if (!reply.ok) throw new Error(told.detail || `status ${reply.status}`);
  return told;
};

export class Panel {
  constructor(drawing, holder, panel, go) {
    Object.assign(this, { drawing, panel, go, root: holder.dataset.root, asked: 0 });
    this.numbers = new Map(drawing.places.map((place, number) => [place.id, number]));
    this.lines = new Map(drawing.lines.flatMap((line, number) => line.ids.map((id) => [id, number])));
    this.switches = new Map(drawing.switches.map((one) => [one.id, one]));
  }

  things(query) { return json(`${this.root}/network/things?${new URLSearchParams(query)}`); }
  owner(member) { return member ? `${this.drawing.members[member] || member} (${member})` : "not known"; }
  asset(iri, name) { return element("a", name, { href: `${this.root}/asset?iri=${encodeURIComponent(iri)}` }); }
  areaOf(place) { const area = this.drawing.areas[place.area]; return area ? `${area.name} (${area.code}, ${area.owner})` : "none"; }

  // Where a thing is drawn: its place, its line, or the line that an open switch opens.
  spot(thing) {
    if (this.lines.has(thing.iri)) return { line: this.lines.get(thing.iri) };
    const open = this.switches.get(thing.iri);
    if (open && open.line >= 0) return { line: open.line };
    const number = [thing.iri, thing.place, thing.level].map((iri) => this.numbers.get(iri)).find((one) => one !== undefined);
    return number === undefined ? null : { place: number };
  }

  facts(pairs) {
    const list = element("dl", undefined, { class: "facts" });
    for (const [name, value] of pairs) {
      const held = element("dd"); held.append(value);
      list.append(element("dt", name), held);
    }
    return list;
  }

  show(picked) {
    this.asked += 1;
    if (!picked) { this.panel.replaceChildren(element("p", "Nothing is picked. Click a substation, a line or an open point, or search for one.", { class: "muted" })); return; }
    if (picked.line !== undefined) this.showLine(this.drawing.lines[picked.line], picked.line); else this.showPlace(this.drawing.places[picked.place]);
  }

  showLine(line, number) {
    const ends = line.ends.map((end) => this.drawing.places[end]);
    const buttons = element("span");
    ends.forEach((place, at) => {
      const button = element("button", place.name, { class: "plain", type: "button" });
      button.addEventListener("click", () => this.go({ place: line.ends[at] })); buttons.append(at ? " – " : "", button);
    });
    const facts = [["Class", line.ids.length > 1 ? "AC line in two halves that meet at a boundary point" : "AC line"], ["Voltage", `${line.kv} kV`], ["Between", buttons],
      ["Served by", line.members.map((one) => this.owner(one)).join(" and ") || "not known"]];
    if (line.open) facts.push(["State", line.crosses === "owners" ? "open: a tie across distributors" : line.crosses ? "open: a tie between supply areas" : "open"]);
    const held = this.drawing.switches.filter((one) => one.line === number);
    if (held.length) {
      const links = element("span");
      held.forEach((one, at) => links.append(at ? ", " : "", this.asset(one.id, one.name))); facts.push(["Open switch", links]);
    }
    const heading = element("h3"); heading.append(this.asset(line.ids[0], line.name));
    this.panel.replaceChildren(heading, this.facts(facts));
  }

  async showPlace(place) {
    const heading = element("h3"), asked = this.asked, said = element("p", "Asking what stands here …", { class: "muted small" });
    heading.append(this.asset(place.id, place.name));
    this.panel.replaceChildren(heading, this.facts([["Highest voltage", `${place.kv} kV`], ["Supply area", this.areaOf(place)], ["Served by", this.owner(place.member)]]), said);
    try {
      const found = await this.things({ place: place.id });
      if (asked !== this.asked) return;
      const lost = Object.entries(found.lost).map(([member, why]) => `${member}: ${why}`).join("; ");
      said.textContent = `${found.things.length} pieces of equipment that you may see${lost ? `. Not asked: ${lost}` : ""}`;
      if (found.things.length) said.after(this.equipment(found.things, place));
    } catch (error) { if (asked === this.asked) said.textContent = `What stands here could not be had: ${error.message}`; }
  }

  equipment(things, place) {
    const frame = element("div", undefined, { class: "scroll", tabindex: "0", role: "region", "aria-label": "Equipment" });
    const table = element("table"), head = table.createTHead().insertRow(), body = table.createTBody();
    for (const name of ["Name", "Class", "State", "Owner"]) head.append(element("th", name, { scope: "col" }));
    for (const thing of things) {
      const row = body.insertRow();
      row.insertCell().append(this.asset(thing.iri, thing.name));
      row.insertCell().textContent = kind(thing.kind);
      row.insertCell().append(thing.open === null ? "" : element("span", thing.open ? "open" : "closed", { class: thing.open ? "tag bad" : "tag" }));
      row.insertCell().textContent = thing.member === place.member ? thing.member : `${thing.member} (other)`;
    }
    frame.append(table);
    return frame;
  }
}

// The search: names of what is drawn at once, then equipment by asking the members.
export class Search {
  constructor(panel, form, box, list, say) {
    Object.assign(this, { panel, box, list, say });
    const { drawing } = panel;
    this.names = [
      ...drawing.areas.map((area) => ({ name: `${area.name} ${area.code}`, note: "supply area", picked: { place: this.nearest(drawing, area) } })),
      ...drawing.places.map((place, number) => ({ name: place.name, note: `${place.kv} kV, ${place.member}`, picked: { place: number } })),
      ...drawing.switches.filter((one) => one.line >= 0).map((one) => ({ name: one.name, note: "open switch", picked: { line: one.line } })),
      ...drawing.lines.map((line, number) => ({ name: line.name, note: `line, ${line.kv} kV`, picked: { line: number } })),
    ];
    form.addEventListener("submit", (event) => { event.preventDefault(); this.find(true); });
    box.addEventListener("input", () => { clearTimeout(this.timer); this.timer = setTimeout(() => this.find(false), 180); });
    box.addEventListener("keydown", (event) => { if (event.key === "ArrowDown") { this.list.querySelector("button")?.focus(); event.preventDefault(); } });
  }

  nearest(drawing, area) {
    const far = (place) => Math.hypot(place.x - area.x, place.y - area.y);
    return drawing.places.reduce((best, place, number) => (far(place) < far(drawing.places[best]) ? number : best), 0);
  }

  async find(sent) {
    const text = this.box.value.trim().toLowerCase(), turn = (this.turn = (this.turn || 0) + 1);
    if (text.length < 2) { this.list.replaceChildren(); this.say(""); return; }
    const rank = (one) => (one.name.toLowerCase().startsWith(text) ? 0 : 1);
    let hits = this.names.filter((one) => one.name.toLowerCase().includes(text)).sort((a, b) => rank(a) - rank(b));
    if (sent && hits.length) { this.offer(hits); this.panel.go(hits[0].picked); this.say(`${hits.length} found; ${hits[0].name} is shown.`); return; }
    this.offer(hits); this.say(`${hits.length} drawn; asking the members for more …`);
    try {
      const found = await this.panel.things({ name: text });
      if (turn !== this.turn) return;
      const known = new Set(hits.map((one) => one.name));
      hits = hits.concat(found.things.filter((one) => !known.has(one.name)).map((one) => ({ name: one.name, note: `${kind(one.kind)}, ${one.member}`, picked: this.panel.spot(one), iri: one.iri })));
      const lost = Object.keys(found.lost);
      this.offer(hits); this.say(hits.length ? `${hits.length} found.${lost.length ? ` Not asked: ${lost.join(", ")}.` : ""}` : "Nothing that you may see is called so.");
      if (sent && hits.length) { if (hits[0].picked) this.panel.go(hits[0].picked); }
    } catch (error) { this.say(`The members could not be asked: ${error.message}`); }
  }

  offer(hits) {
    this.list.replaceChildren(...hits.slice(0, 12).map((one) => {
      const item = element("li");
      if (one.picked) {
        const button = element("button", one.name, { type: "button", class: "plain" });
        button.addEventListener("click", () => this.panel.go(one.picked)); item.append(button);
      } else item.append(this.panel.asset(one.iri, one.name), " (not drawn)");
      item.append(element("span", one.note, { class: "muted small" }));
      return item;
    }));
  }
}

function cells(row, values) {
  for (const value of values) {
    const cell = row.insertCell();
    if (typeof value === "number") { cell.textContent = value.toLocaleString("en-GB"); cell.className = "number"; } else cell.append(value);
  }
}

export function tables(drawing, go) {
  const shower = (text, picked) => {
    const button = element("button", text, { type: "button", class: "plain" });
    button.addEventListener("click", () => go(picked)); return button;
  };
  const count = (number) => drawing.places.filter((place) => place.area === number).length;
  drawing.areas.forEach((area, number) => {
    const row = document.getElementById("area-rows").insertRow();
    cells(row, [area.code, shower(area.name, { area: number }), area.owner, area.mw, count(number)]);
  });
  drawing.lines.forEach((line, number) => {
    if (!line.open || !line.crosses) return;
    const row = document.getElementById("tie-rows").insertRow(), ends = line.ends.map((end) => drawing.places[end]);
    const owners = [...new Set(ends.map((place) => drawing.areas[place.area].owner))].join(" and ");
    cells(row, [shower(line.name, { line: number }), line.kv, ...ends.map((place) => `${place.name} (${drawing.areas[place.area].code})`), owners]);
  });
  const all = document.getElementById("all-places");
  all.addEventListener("toggle", () => {
    const rows = document.getElementById("place-rows");
    if (!all.open || rows.rows.length) return;
    drawing.places.map((place, number) => ({ place, number })).sort((a, b) => a.place.name.localeCompare(b.place.name)).forEach(({ place, number }) => {
      const met = drawing.lines.filter((line) => line.ends.includes(number)).length;
      cells(rows.insertRow(), [shower(place.name, { place: number }), place.kv, drawing.areas[place.area]?.name || "", place.member, met]);
    });
  });
}

const WITHHELD = {
  none: "shows you everything", some: "withholds some of it from you", everything: "shows you no data set", undisclosed: "does not say whether it withholds anything",
};

export function said(drawing) {
  const open = drawing.lines.filter((line) => line.open);
  const count = (crosses) => open.filter((line) => line.crosses === crosses).length;
  document.getElementById("said").textContent =
    `${drawing.places.length.toLocaleString("en-GB")} places, ${drawing.lines.length.toLocaleString("en-GB")} lines, ${drawing.areas.length} supply areas; ` +
    `${open.length} open ties, ${count("areas") + count("owners")} between areas, ${count("owners")} across distributors.`;
  const status = document.getElementById("status");
  status.textContent = drawing.status; status.className = `tag ${{ complete: "good", incomplete: "warn" }[drawing.status] || "bad"}`;
  document.getElementById("took").textContent = `${Math.round(drawing.milliseconds).toLocaleString("en-GB")} ms`;
  const basis = Object.entries(drawing.basis).map(([word, number]) => `${number.toLocaleString("en-GB")} ${word}`).join(", ");
  const systems = drawing.systems.length ? `Positions: ${drawing.systems.join("; ")}. ` : "";
  document.getElementById("basis").textContent = systems + (basis ? `By the data's own word it is no record of the real thing: ${basis} (names, ratings, shapes).` : "");
  const groups = Map.groupBy ? Map.groupBy(drawing.withheld, (one) => one.withheld) : new Map(drawing.withheld.map((one) => [one.withheld + one.member, [one]]));
  const list = document.getElementById("withheld");
  for (const told of groups.values()) {
    const names = told.map((one) => one.member), word = told[0].withheld;
    const verb = WITHHELD[word] || `could not be asked (${word})`;
    list.append(element("li", `${names.join(", ")} ${names.length > 1 ? verb.replace(/^shows/, "show").replace(/^withholds/, "withhold").replace(/^does/, "do").replace("it withholds", "they withhold") : verb}.`));
  }
  if (drawing.withheld.some((one) => one.withheld !== "none")) list.append(element("li", "What is withheld is not drawn, nor counted: a gap here is not a gap in the network."));
}

