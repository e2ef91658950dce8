// The network page: fetches the drawing, puts two views of it, the search and the tables together.
// In: the JSON of /network/data; ?find=IRI picks a thing, ?study=ID&plan=ID lays a planned transfer over it.
import { Panel, Search, said, tables } from "./beside.js";
import { STRETCH, View, box } from "./canvas.js";
import { legend } from "./symbols.js";

const by = (id) => document.getElementById(id);
const wanted = new URLSearchParams(location.search);
const ISLAND = { left: -4, right: 2, low: 50, high: 59 };

async function read(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  const document_ = await answer.json();
  if (!answer.ok) throw new Error([document_.detail, document_.hint].filter(Boolean).join(" ") || `status ${answer.status}`);
  return document_;
}

// The plan of a study in numbers of the drawing: lines of its path, places of its loads, its switches.
async function laid(drawing, panel, root) {
  const plan = await read(`${root}/studies/${encodeURIComponent(wanted.get("study"))}/plans/${encodeURIComponent(wanted.get("plan"))}`);
  const spots = (things) => [...new Set(things.map((one) => panel.spot({ ...one, iri: "" })?.place).filter((one) => one !== undefined))];
  const opened = plan.open.length ? (await panel.things(plan.open.map((one) => ["iri", one.id]))).things : [];
  const moved = new Set(plan.moved.substations || []);
  const loads = drawing.places.flatMap((place, number) => (moved.has(place.substation) ? [number] : []));
  const close = [plan.close, ...(plan.also_close || [])].map((one) => panel.switches.get(one.id)?.line).filter((one) => one >= 0);
  const carries = [...(plan.path || []), ...(plan.thermal?.along || []).map((part) => part.asset)];
  const path = carries.map((id) => panel.lines.get(id)).filter((one) => one !== undefined);
  return { told: plan, lines: [...new Set([...path, ...close])], open: spots(opened), loads, close };
}

function tell(plan, root) {
  const { told } = plan, note = by("transfer"), link = document.createElement("a");
  link.href = `${root}/studies/${encodeURIComponent(wanted.get("study"))}/plans/${encodeURIComponent(wanted.get("plan"))}.html`;
  link.textContent = `Move ${told.moved.net_mw.toFixed(1)} MW from ${told.from} to ${told.to}`;
  const names = (list) => list.map((one) => one.name).join(", ");
  note.append(link, `: ${told.verdict.replace("_", " ")}. Close ${names([told.close, ...(told.also_close || [])])}; open ${names(told.open)}.`);
  note.hidden = false;
}

async function start() {
  const holder = by("drawings"), { root } = holder.dataset;
  const drawing = await read(holder.dataset.source);
  const frame = drawing.places.length ? box(drawing.places) : ISLAND;
  const british = frame.left > -6 && frame.right < 2.5 && frame.low > 49 && frame.high < 62;
  const backdrop = british ? await read(holder.dataset.backdrop) : null;
  const whole = backdrop ? box(backdrop.map(([x, y]) => ({ x, y }))) : frame;
  const around = (number) => box(drawing.places.filter((place) => place.area === number));
  const inside = drawing.places.filter((place) => place.area >= 0), areas = inside.length ? box(inside) : frame;

  const close = new View(by("areas"), drawing, backdrop, { detail: true, onPick: (picked) => go(picked, true), onPoint: (over) => hover(over), onMove: () => far.draw() });
  const far = new View(by("whole"), drawing, backdrop, { detail: false, onPick: (_, [x, y]) => close.centre(x, y) });
  far.frameOf = () => [...close.world(0, 0), ...close.world(close.width, close.height)];
  const panel = new Panel(drawing, holder, by("picked"), (picked) => go(picked));

  function hover(over) {
    const one = over && (over.line !== undefined ? drawing.lines[over.line] : drawing.places[over.place]);
    by("areas").title = one ? `${one.name}, ${one.kv} kV` : "";
    by("areas").style.cursor = one ? "pointer" : "";
  }

  function go(picked, still) {
    if (picked?.area !== undefined) { close.show(around(picked.area)); by("areas").focus({ preventScroll: true }); by("map").scrollIntoView({ block: "nearest" }); return; }
    close.picked = picked; panel.show(picked);
    if (picked && !still) {
      const spots = picked.line !== undefined ? drawing.lines[picked.line].ends.map((end) => drawing.places[end]) : [drawing.places[picked.place]];
      const here = box(spots), wide = 0.35;
      close.show({ left: here.left - wide * STRETCH, right: here.right + wide * STRETCH, low: here.low - wide, high: here.high + wide });
      by("map").scrollIntoView({ block: "nearest" });
    } else close.draw();
  }

  const views = { "view-whole": whole, "view-areas": areas };
  for (const [id, one] of Object.entries(views)) by(id).addEventListener("click", () => close.show(one));
  by("zoom-in").addEventListener("click", () => close.zoom(1.4)); by("zoom-out").addEventListener("click", () => close.zoom(1 / 1.4));
  new Search(panel, by("search"), by("find"), by("hits"), (text) => { by("search-said").textContent = text; });
  far.show(whole); close.show(areas); panel.show(null); tables(drawing, go); said(drawing);
  if (wanted.get("study") && wanted.get("plan")) {
    try {
      drawing.plan = close.plan = far.plan = await laid(drawing, panel, root); tell(close.plan, root);
      const touched = [...close.plan.lines.flatMap((one) => drawing.lines[one].ends), ...close.plan.loads, ...close.plan.open].map((one) => drawing.places[one]);
      if (touched.length) close.show(box(touched)); else close.draw();
    } catch (error) { by("transfer").textContent = `The plan is not shown: ${error.message}`; by("transfer").className = "notice bad"; by("transfer").hidden = false; }
  }
  legend(by("legend"), drawing);
  if (wanted.get("find")) {
    const { things } = await panel.things({ iri: wanted.get("find") });
    const picked = panel.spot({ iri: wanted.get("find"), ...things[0] });
    if (picked) go(picked); else by("search-said").textContent = "That asset is not on the drawing, or not shown to you.";
  }
  document.body.dataset.drawn = "yes";
}

start().catch((error) => {
  by("said").textContent = `The network could not be drawn: ${error.message}`;
  document.body.dataset.drawn = "failed";
});
