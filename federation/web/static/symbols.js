// How things on the drawing look: colours, widths and dashes, and the legend that explains them.
// Voltages: the palette measured on white (at least 4.9:1); 11 kV is dotted for colour-blind readers.

export const VOLTAGES = [
  { kv: 400, colour: "#005EA5", width: 2, dash: [] },
  { kv: 275, colour: "#C2410C", width: 1.7, dash: [] },
  { kv: 132, colour: "#111111", width: 1.2, dash: [] },
  { kv: 33, colour: "#00806A", width: 1.2, dash: [] },
  { kv: 0, colour: "#A8528A", width: 1.2, dash: [2, 2.5] },
];
export const AREAS = ["#1f77b4", "#2a9d3a", "#0fa3b8", "#d62728", "#f07f09", "#8a5cc2", "#c2569f", "#8c8a12"];
export const OPEN = { colour: "#C1121F", dash: [7, 5], across: "#FFC53D" };
export const PLAN = { colour: "#00703C", close: "#00703C", open: "#C1121F" };
export const PAPER = "#ffffff", LAND = "#eef3f6", SHORE = "#c9d6df", PLAIN = "#5b6b7a", INK = "#17212b";

export const voltage = (kv) => VOLTAGES.find((one) => kv >= one.kv);
export const tint = (area) => (area < 0 ? null : AREAS[area % AREAS.length]);

const SVG = "http://www.w3.org/2000/svg";

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function item(list, shapes, text) {
  const made = document.createElement("li"), svg = shape("svg", { "aria-hidden": "true", viewBox: "0 0 36 14" });
  svg.append(...shapes); made.append(svg, text); list.append(made);
}

const line = (stroke, width, dash = [], extra = {}) =>
  shape("line", { x1: 1, y1: 7, x2: 35, y2: 7, stroke, "stroke-width": width, "stroke-dasharray": dash.join(" "), ...extra });
const ring = (fill, stroke) => shape("circle", { cx: 18, cy: 7, r: 4, fill, stroke, "stroke-width": 2 });

export function legend(list, drawing) {
  list.replaceChildren();
  const present = new Set(drawing.lines.map((one) => voltage(one.kv)));
  for (const one of VOLTAGES) {
    if (present.has(one)) item(list, [line(one.colour, one.width * 1.6, one.dash)], one.kv ? `${one.kv} kV` : "below 33 kV");
  }
  if (drawing.areas.length) {
    item(list, [line(AREAS[0], 12, [], { opacity: 0.22 }), line(VOLTAGES[3].colour, 2)], "supply area, in its tint");
    item(list, [shape("path", { d: "M18 0 L25 7 L18 14 L11 7 Z", fill: AREAS[0] })], "grid supply point");
  }
  const open = drawing.lines.filter((one) => one.open);
  if (open.some((one) => one.crosses !== "owners")) item(list, [line(OPEN.colour, 2, OPEN.dash), ring(PAPER, OPEN.colour)], "open, one distributor");
  if (open.some((one) => one.crosses === "owners")) item(list, [line(OPEN.across, 7), line(OPEN.colour, 2, OPEN.dash), ring(PAPER, OPEN.colour)], "open, across distributors");
  if (drawing.plan) {
    item(list, [line(PLAN.colour, 7, [], { opacity: 0.45 })], "what a plan moves over, and what then carries it");
    item(list, [ring(PLAN.close, PAPER)], "switch to close");
    item(list, [shape("rect", { x: 13, y: 2, width: 10, height: 10, fill: PLAN.open, stroke: PAPER, "stroke-width": 1.5 })], "switch to open");
    item(list, [shape("circle", { cx: 18, cy: 7, r: 5, fill: "none", stroke: PLAN.colour, "stroke-width": 2 })], "substation that moves");
  }
}
