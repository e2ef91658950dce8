// The drawing of the network on two canvases: the whole of it, and the supply areas close up.
// In: the JSON of /network/data; with ?study= and &plan= that plan, which is then lit up.
// Out: pictures, a line of text under the pointer, two tables.

const VOLTAGES = [
  { kv: 400, colour: "#6f9bf5", width: 1.6 },
  { kv: 275, colour: "#d98f3f", width: 1.3 },
  { kv: 132, colour: "#7d90a1", width: 0.9 },
  { kv: 33, colour: "#3f9d8a", width: 0.8 },
  { kv: 0, colour: "#b479c9", width: 0.7 },
];
const AREAS = ["#3d8fd1", "#39a845", "#27c3d4", "#e5484d", "#ff8f1f", "#a57bd0", "#e377c2", "#bcbd22"];
const TIES = {
  "": { colour: "#ff5a76", text: "open, inside an area" },
  areas: { colour: "#ff5a76", text: "open tie between areas of one distributor" },
  owners: { colour: "#ffd84d", text: "open tie across distributors" },
};
const MOVED = { colour: "#b6ff3b", text: "what a plan moves, and what then carries it" };
const STRETCH = 0.6; // a degree east against a degree north, in the middle of the island

const voltage = (kv) => VOLTAGES.find((one) => kv >= one.kv);
const tint = (area) => (area < 0 ? null : AREAS[area % AREAS.length]);

function box(places) {
  const xs = places.map((p) => p.x * STRETCH), ys = places.map((p) => p.y);
  return { left: Math.min(...xs), right: Math.max(...xs), low: Math.min(...ys), high: Math.max(...ys) };
}

class View {
  constructor(canvas, drawing, backdrop, frame, detail, tell) {
    Object.assign(this, { canvas, drawing, backdrop, frame, detail, tell });
    this.pen = canvas.getContext("2d");
    new ResizeObserver(() => this.fit()).observe(canvas);
    canvas.addEventListener("wheel", (e) => { e.preventDefault(); this.zoom(Math.exp(-e.deltaY / 400), e.offsetX, e.offsetY); }, { passive: false });
    canvas.addEventListener("pointerdown", (e) => { this.from = [e.offsetX, e.offsetY]; canvas.setPointerCapture(e.pointerId); });
    canvas.addEventListener("pointerup", () => { this.from = null; });
    canvas.addEventListener("pointermove", (e) => this.move(e.offsetX, e.offsetY));
    canvas.addEventListener("keydown", (e) => this.key(e));
    this.fit();
  }

  fit() {
    const ratio = window.devicePixelRatio || 1;
    this.width = this.canvas.clientWidth; this.height = this.canvas.clientHeight;
    this.canvas.width = this.width * ratio; this.canvas.height = this.height * ratio;
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { left, right, low, high } = this.frame;
    this.scale = 0.92 * Math.min(this.width / (right - left || 1), this.height / (high - low || 1));
    this.x = this.width / 2 - (left + right) / 2 * this.scale;
    this.y = this.height / 2 + (low + high) / 2 * this.scale;
    this.draw();
  }

  at(x, y) { return [this.x + x * STRETCH * this.scale, this.y - y * this.scale]; }

  zoom(factor, x, y) {
    this.x = x - (x - this.x) * factor; this.y = y - (y - this.y) * factor;
    this.scale *= factor; this.draw();
  }

  move(x, y) {
    if (this.from) {
      this.x += x - this.from[0]; this.y += y - this.from[1];
      this.from = [x, y]; this.draw(); return;
    }
    let best = null, least = 12;
    for (const place of this.drawing.places) {
      const [px, py] = this.at(place.x, place.y), far = Math.hypot(px - x, py - y);
      if (far < least) { least = far; best = place; }
    }
    this.tell(best);
  }

  key(event) {
    const step = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[event.key];
    if (step) { this.x += step[0]; this.y += step[1]; this.draw(); }
    else if (event.key === "+" || event.key === "=") this.zoom(1.25, this.width / 2, this.height / 2);
    else if (event.key === "-") this.zoom(0.8, this.width / 2, this.height / 2);
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }

  draw() {
    const pen = this.pen;
    pen.fillStyle = "#101820"; pen.fillRect(0, 0, this.width, this.height);
    if (this.backdrop) {
      pen.beginPath();
      for (const [x, y] of this.backdrop) pen.lineTo(...this.at(x, y));
      pen.closePath(); pen.fillStyle = "#1b2733"; pen.fill();
      pen.strokeStyle = "#2f4050"; pen.lineWidth = 1; pen.stroke();
    }
    for (const line of this.drawing.lines) if (!line.open) this.line(line);
    for (const line of this.drawing.lines) if (line.open) this.line(line);
    for (const line of this.drawing.lines) if (line.lit) this.lit(line);
    for (const place of this.drawing.places) this.place(place);
    this.drawing.areas.forEach((area, number) => this.area(area, number));
  }

  line(line) {
    const [one, two] = line.ends.map((number) => this.drawing.places[number]);
    const kind = voltage(line.kv), pen = this.pen;
    const own = one.area >= 0 && one.area === two.area ? tint(one.area) : null;
    pen.strokeStyle = line.open ? TIES[line.crosses].colour : own || kind.colour;
    pen.lineWidth = (line.open ? 1.1 : kind.width) * (this.detail ? 1.3 : 0.8);
    pen.globalAlpha = line.open || own || line.kv > 200 ? 0.95 : 0.55;
    pen.setLineDash(line.open ? [5, 4] : []);
    pen.beginPath(); pen.moveTo(...this.at(one.x, one.y)); pen.lineTo(...this.at(two.x, two.y)); pen.stroke();
    pen.setLineDash([]); pen.globalAlpha = 1;
  }

  lit(line) {
    const pen = this.pen;
    pen.strokeStyle = MOVED.colour; pen.lineWidth = this.detail ? 5 : 3;
    pen.beginPath();
    line.ends.forEach((end) => pen.lineTo(...this.at(this.drawing.places[end].x, this.drawing.places[end].y)));
    pen.stroke();
  }

  place(place) {
    const [x, y] = this.at(place.x, place.y), pen = this.pen;
    if (x < -9 || y < -9 || x > this.width + 9 || y > this.height + 9) return;
    const grown = this.detail ? 1.6 : 1;
    const size = grown * (place.area < 0 ? 1.3 : place.kv > 100 ? 2.4 : 1.7);
    pen.fillStyle = tint(place.area) || "#b9c7d3";
    if (place.area >= 0 && place.kv > 100) pen.fillRect(x - size, y - size, 2 * size, 2 * size);
    else { pen.beginPath(); pen.arc(x, y, size, 0, 7); pen.fill(); }
    if (!place.lit) return;
    pen.strokeStyle = MOVED.colour; pen.lineWidth = this.detail ? 2.5 : 1.5;
    pen.beginPath(); pen.arc(x, y, size + (this.detail ? 5 : 3), 0, 7); pen.stroke();
  }

  area(area, number) {
    const [x, y] = this.at(area.x, area.y), pen = this.pen, size = this.detail ? 8 : 4;
    pen.fillStyle = tint(number);
    pen.beginPath(); pen.moveTo(x, y - size); pen.lineTo(x + size, y); pen.lineTo(x, y + size); pen.lineTo(x - size, y); pen.fill();
    if (!this.detail) return;
    pen.font = "600 13px system-ui, sans-serif"; pen.textAlign = "center";
    pen.lineWidth = 4; pen.strokeStyle = "#101820"; pen.fillStyle = "#ffffff";
    [area.name, `${area.owner}  ${area.mw.toFixed(0)} MW`].forEach((text, row) => {
      pen.strokeText(text, x, y - 28 + 15 * row); pen.fillText(text, x, y - 28 + 15 * row);
    });
  }
}

function cell(row, text, number) {
  const made = row.insertCell();
  made.textContent = text;
  if (number) made.className = "number";
}

function tables(drawing) {
  const areas = document.getElementById("area-rows"), ties = document.getElementById("tie-rows");
  drawing.areas.forEach((area, number) => {
    const row = areas.insertRow();
    [area.code, area.name, area.owner].forEach((text) => cell(row, text));
    cell(row, area.mw.toFixed(2), true);
    cell(row, String(drawing.places.filter((place) => place.area === number).length), true);
  });
  for (const line of drawing.lines.filter((one) => one.open && one.crosses)) {
    const row = ties.insertRow(), ends = line.ends.map((end) => drawing.places[end]);
    cell(row, line.name); cell(row, String(line.kv), true);
    ends.forEach((place) => cell(row, `${place.name} (${drawing.areas[place.area].code})`));
    cell(row, [...new Set(ends.map((place) => drawing.areas[place.area].owner))].join(" and "));
  }
}

function legend(lit) {
  const list = document.getElementById("legend");
  const add = (colour, dash, text) => {
    const item = document.createElement("li");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    for (const [name, value] of Object.entries({ x1: 0, y1: 6, x2: 34, y2: 6, stroke: colour, "stroke-width": 3, "stroke-dasharray": dash })) line.setAttribute(name, value);
    svg.setAttribute("aria-hidden", "true"); svg.append(line); item.append(svg, text); list.append(item);
  };
  for (const one of VOLTAGES.slice(0, 3)) add(one.colour, "", `${one.kv} kV`);
  add(AREAS[0], "", "a supply area, in its colour");
  add(TIES.areas.colour, "5 4", TIES.areas.text);
  add(TIES.owners.colour, "5 4", TIES.owners.text);
  if (lit) add(MOVED.colour, "", MOVED.text);
}

// Light up what a plan moves and what then carries it; tell it in words beside a link to its page.
async function transfer(drawing, studies) {
  const asked = new URLSearchParams(location.search), study = asked.get("study"), wanted = asked.get("plan");
  if (!study || !wanted) return null;
  const told = document.getElementById("transfer"), address = `${studies}/${encodeURIComponent(study)}/plans/${encodeURIComponent(wanted)}`;
  told.hidden = false;
  const answer = await fetch(address, { headers: { Accept: "application/json" } }), plan = await answer.json();
  if (!answer.ok) { told.textContent = `The plan is not shown: ${plan.detail || answer.status}`; told.className = "notice bad"; return null; }
  const carries = new Set((plan.thermal.along || []).map((part) => part.asset)), moved = new Set(plan.moved.substations || []);
  for (const line of drawing.lines) line.lit = line.ids.some((id) => carries.has(id));
  for (const place of drawing.places) place.lit = moved.has(place.substation);
  const link = document.createElement("a");
  link.href = `${address}.html`; link.textContent = `Move ${plan.moved.net_mw.toFixed(1)} MW from ${plan.from} to ${plan.to}`;
  const names = (switches) => switches.map((one) => one.name).join(", ");
  told.append(link, `: ${plan.verdict.replace("_", " ")}. Close ${names([plan.close, ...plan.also_close])}; open ${names(plan.open)}.`);
  const lit = drawing.places.filter((place) => place.lit);
  for (const line of drawing.lines) if (line.lit) lit.push(...line.ends.map((end) => drawing.places[end]));
  return lit.length ? box(lit) : null;
}

function say(drawing) {
  const open = drawing.lines.filter((line) => line.open);
  const count = (crosses) => open.filter((line) => line.crosses === crosses).length;
  document.getElementById("said").textContent =
    `${drawing.places.length} places, ${drawing.lines.length} lines, ${drawing.areas.length} supply areas; ` +
    `${open.length} open ties, ${count("areas") + count("owners")} between areas, ${count("owners")} across distributors. ` +
    `Answers: ${drawing.status}, ${Math.round(drawing.milliseconds)} ms.`;
  document.getElementById("system").textContent = drawing.systems.join("; ");
  const basis = Object.entries(drawing.basis).map(([word, count]) => `${count} ${word}`).join(", ");
  document.getElementById("basis").textContent = basis
    ? `The data itself says what is no record of the real thing: ${basis} (names, ratings, shapes).` : "";
}

async function start() {
  const holder = document.getElementById("drawings");
  const answer = await fetch(holder.dataset.source, { headers: { Accept: "application/json" } });
  const drawing = await answer.json();
  if (!answer.ok) throw new Error(drawing.detail || `status ${answer.status}`);
  const frame = drawing.places.length ? box(drawing.places) : { left: -4, right: 2, low: 50, high: 59 };
  const british = frame.left > -6 && frame.right < 2.5 && frame.low > 49 && frame.high < 62;
  const backdrop = british ? await (await fetch(holder.dataset.backdrop)).json() : null;
  const lit = await transfer(drawing, holder.dataset.studies);
  const inside = drawing.places.filter((place) => place.area >= 0);
  const under = document.getElementById("under");
  const tell = (place) => {
    const area = place && place.area >= 0 ? drawing.areas[place.area] : null;
    under.textContent = place ? `${place.name}, ${place.kv} kV${area ? `, ${area.code} ${area.name} (${area.owner})` : ""}` : "\u00a0";
  };
  const all = backdrop ? box(backdrop.map(([x, y]) => ({ x, y }))) : frame;
  new View(document.getElementById("whole"), drawing, backdrop, all, false, tell);
  new View(document.getElementById("areas"), drawing, backdrop, lit || (inside.length ? box(inside) : frame), true, tell);
  legend(lit); tables(drawing); say(drawing);
  document.body.dataset.drawn = "yes";
}

start().catch((error) => {
  document.getElementById("said").textContent = `The network could not be drawn: ${error.message}`;
  document.body.dataset.drawn = "failed";
});
