// One canvas that draws the network and can be moved: pointer, touch, wheel and keys.
// In: the drawing (places, lines, areas), a frame to begin with. Out: pictures, and what was picked.
import { AREAS, INK, LAND, OPEN, PAPER, PLAIN, PLAN, SHORE, VOLTAGES, tint, voltage } from "./symbols.js";

export const STRETCH = 0.6; // a degree east against a degree north, in the middle of the island

export function box(places) {
  const xs = places.map((p) => p.x * STRETCH), ys = places.map((p) => p.y);
  return { left: Math.min(...xs), right: Math.max(...xs), low: Math.min(...ys), high: Math.max(...ys) };
}

export class View {
  // detail: names and symbols; onPick: what to do with {place} or {line} or null; onMove: after a move.
  constructor(canvas, drawing, backdrop, { detail, onPick, onMove, onPoint }) {
    Object.assign(this, { canvas, drawing, backdrop, detail, onPick, onMove, onPoint, touches: new Map(), moved: 0 });
    this.pen = canvas.getContext("2d");
    new ResizeObserver(() => this.resize()).observe(canvas);
    canvas.addEventListener("wheel", (e) => { e.preventDefault(); this.zoom(Math.exp(-e.deltaY / 400), e.offsetX, e.offsetY); }, { passive: false });
    canvas.addEventListener("pointerdown", (e) => this.down(e));
    canvas.addEventListener("pointermove", (e) => this.drag(e));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (e) => this.up(e));
    canvas.addEventListener("pointerleave", () => this.onPoint?.(null));
    canvas.addEventListener("keydown", (e) => this.key(e));
  }

  show(frame) { this.frame = frame; this.fit(); }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas, ratio = window.devicePixelRatio || 1;
    if (!width || !height) return;
    const middle = this.scale ? this.world(this.width / 2, this.height / 2) : null;
    Object.assign(this, { width, height });
    this.canvas.width = width * ratio; this.canvas.height = height * ratio;
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (middle) this.centre(...middle); else this.fit();
  }

  fit() {
    if (!this.width || !this.frame) return;
    const { left, right, low, high } = this.frame, room = this.detail ? 0.86 : 0.95;
    this.scale = room * Math.min(this.width / (right - left || 1), this.height / (high - low || 1));
    this.centre((left + right) / 2 / STRETCH, (low + high) / 2);
  }

  centre(x, y) {
    this.x = this.width / 2 - x * STRETCH * this.scale; this.y = this.height / 2 + y * this.scale;
    this.draw();
  }

  at(x, y) { return [this.x + x * STRETCH * this.scale, this.y - y * this.scale]; }
  world(px, py) { return [(px - this.x) / this.scale / STRETCH, (this.y - py) / this.scale]; }

  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const scale = Math.min(20000, Math.max(10, this.scale * factor)), grown = scale / this.scale;
    this.x = px - (px - this.x) * grown; this.y = py - (py - this.y) * grown;
    this.scale = scale; this.draw();
  }

  down(event) {
    this.canvas.setPointerCapture(event.pointerId); this.moved = 0;
    this.touches.set(event.pointerId, [event.offsetX, event.offsetY]);
  }

  drag(event) {
    const before = this.touches.get(event.pointerId), now = [event.offsetX, event.offsetY];
    if (!before) { this.onPoint?.(this.near(...now)); return; }
    const others = [...this.touches].filter(([id]) => id !== event.pointerId);
    this.touches.set(event.pointerId, now);
    this.moved += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
    if (others.length) {
      const [ox, oy] = others[0][1], far = (p) => Math.hypot(p[0] - ox, p[1] - oy) || 1;
      this.zoom(far(now) / far(before), (ox + now[0]) / 2, (oy + now[1]) / 2);
    } else { this.x += now[0] - before[0]; this.y += now[1] - before[1]; this.draw(); }
  }

  up(event) {
    if (this.touches.delete(event.pointerId) && event.type === "pointerup" && this.moved < 5) {
      this.onPick(this.near(event.offsetX, event.offsetY), this.world(event.offsetX, event.offsetY));
    }
  }

  // What stands under a point: an open switch first, then a place, then a line.
  near(x, y) {
    const { places, lines } = this.drawing;
    let best = null, least = 11;
    const nearer = (far, found) => { if (far < least) { least = far; best = found; } };
    if (this.detail) lines.forEach((line, number) => {
      if (line.open) { const [mx, my] = this.middle(line); nearer(Math.hypot(mx - x, my - y) - 3, { line: number }); }
    });
    places.forEach((place, number) => {
      const [px, py] = this.at(place.x, place.y); nearer(Math.hypot(px - x, py - y), { place: number });
    });
    if (best || !this.detail) return best;
    least = 5;
    lines.forEach((line, number) => nearer(this.distance(line, x, y), { line: number }));
    return best;
  }

  ends(line) { return line.ends.map((number) => this.at(this.drawing.places[number].x, this.drawing.places[number].y)); }
  middle(line) { const [[a, b], [c, d]] = this.ends(line); return [(a + c) / 2, (b + d) / 2]; }

  distance(line, x, y) {
    const [[a, b], [c, d]] = this.ends(line), long = (c - a) ** 2 + (d - b) ** 2 || 1;
    const along = Math.max(0, Math.min(1, ((x - a) * (c - a) + (y - b) * (d - b)) / long));
    return Math.hypot(a + along * (c - a) - x, b + along * (d - b) - y);
  }

  key(event) {
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (step) { this.x += step[0]; this.y += step[1]; this.draw(); }
    else if (event.key === "+" || event.key === "=") this.zoom(1.3);
    else if (event.key === "-") this.zoom(1 / 1.3);
    else if (event.key === "0") this.fit();
    else if (event.key === "Enter") this.onPick(this.near(this.width / 2, this.height / 2), this.world(this.width / 2, this.height / 2));
    else return;
    event.preventDefault();
  }

  draw() {
    if (this.waiting || !this.width) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.paint(); this.onMove?.(); });
  }

  paint() {
    const { pen, drawing } = this;
    pen.fillStyle = PAPER; pen.fillRect(0, 0, this.width, this.height);
    if (this.backdrop) this.land();
    AREAS.forEach((colour, number) => this.halo(colour, number));
    this.plan?.lines.forEach((number) => this.strokes([drawing.lines[number]], PLAN.colour, this.detail ? 9 : 7, [], this.detail ? 0.5 : 1));
    for (const kind of [...VOLTAGES].reverse()) {
      const mine = drawing.lines.filter((one) => !one.open && voltage(one.kv) === kind);
      const quiet = kind.kv === 132 ? mine.filter((one) => drawing.places[one.ends[0]].area < 0) : [];
      const width = kind.width * (this.detail ? 1.15 : 0.7);
      this.strokes(quiet, kind.colour, width * 0.75, kind.dash, 0.55);
      this.strokes(mine.filter((one) => !quiet.includes(one)), kind.colour, width, kind.dash, this.detail ? 1 : 0.85);
    }
    const open = drawing.lines.filter((one) => one.open);
    this.strokes(open.filter((one) => one.crosses === "owners"), OPEN.across, this.detail ? 4.5 : 2.5, [], 0.85);
    this.strokes(open, OPEN.colour, this.detail ? 1.6 : 1, this.detail ? OPEN.dash : [3, 2], 1);
    for (const place of drawing.places) this.place(place);
    if (this.detail) { open.forEach((line) => this.point(line)); this.marks(); }
    drawing.areas.forEach((area, number) => this.area(area, number));
    if (this.frameOf) this.outline(this.frameOf());
  }

  land() {
    const { pen } = this;
    pen.beginPath();
    for (const [x, y] of this.backdrop) pen.lineTo(...this.at(x, y));
    pen.closePath(); pen.fillStyle = LAND; pen.fill(); pen.strokeStyle = SHORE; pen.lineWidth = 1; pen.stroke();
  }

  strokes(lines, colour, width, dash, alpha) {
    if (!lines.length) return;
    const { pen } = this;
    pen.beginPath();
    for (const line of lines) { const [one, two] = this.ends(line); pen.moveTo(...one); pen.lineTo(...two); }
    Object.assign(pen, { strokeStyle: colour, lineWidth: width, globalAlpha: alpha, lineCap: "round" });
    pen.setLineDash(dash); pen.stroke(); pen.setLineDash([]);
    pen.globalAlpha = 1; pen.lineCap = "butt";
  }

  // A supply area as a soft band under its lines and places.
  halo(colour, which) {
    const { places, lines } = this.drawing, { pen } = this, width = this.detail ? 26 : 8;
    const own = (number) => places[number].area >= 0 && places[number].area % AREAS.length === which;
    const inside = lines.filter((line) => !line.open && own(line.ends[0]) && places[line.ends[0]].area === places[line.ends[1]].area);
    const alone = places.filter((_, number) => own(number));
    if (!alone.length) return;
    pen.beginPath();
    for (const line of inside) { const [one, two] = this.ends(line); pen.moveTo(...one); pen.lineTo(...two); }
    for (const place of alone) { const [x, y] = this.at(place.x, place.y); pen.moveTo(x, y); pen.lineTo(x + 0.1, y); }
    Object.assign(pen, { strokeStyle: colour, lineWidth: width, globalAlpha: this.detail ? 0.17 : 0.3, lineCap: "round", lineJoin: "round" });
    pen.stroke(); pen.globalAlpha = 1; pen.lineCap = "butt"; pen.lineJoin = "miter";
  }

  place(place) {
    const [x, y] = this.at(place.x, place.y), { pen } = this;
    if (x < -9 || y < -9 || x > this.width + 9 || y > this.height + 9) return;
    const size = (this.detail ? 1.7 : 0.8) * (place.area < 0 ? 1.4 : place.kv > 100 ? 2.6 : 2);
    pen.fillStyle = tint(place.area) || PLAIN;
    if (place.area >= 0 && place.kv > 100) pen.fillRect(x - size, y - size, 2 * size, 2 * size);
    else { pen.beginPath(); pen.arc(x, y, size, 0, 7); pen.fill(); }
  }

  disc(x, y, size, fill, stroke, width = 2) {
    const { pen } = this;
    pen.beginPath(); pen.arc(x, y, size, 0, 7);
    if (fill) { pen.fillStyle = fill; pen.fill(); }
    pen.strokeStyle = stroke; pen.lineWidth = width; pen.stroke();
  }

  point(line) { this.disc(...this.middle(line), 3.2, PAPER, OPEN.colour, 1.5); }

  marks() {
    const { pen, drawing } = this, spot = (number) => this.at(drawing.places[number].x, drawing.places[number].y);
    this.plan?.loads.forEach((number) => this.disc(...spot(number), 8, null, PLAN.colour));
    this.plan?.open.forEach((number) => {
      const [x, y] = spot(number);
      pen.fillStyle = PLAN.open; pen.fillRect(x - 5, y - 5, 10, 10); pen.strokeStyle = PAPER; pen.lineWidth = 1.5; pen.strokeRect(x - 5, y - 5, 10, 10);
    });
    this.plan?.close.forEach((number) => this.disc(...this.middle(drawing.lines[number]), 6, PLAN.close, PAPER));
    if (this.picked?.line !== undefined) {
      this.strokes([drawing.lines[this.picked.line]], INK, 4, [], 0.6);
      this.disc(...this.middle(drawing.lines[this.picked.line]), 10, null, INK);
    } else if (this.picked) {
      this.disc(...spot(this.picked.place), 11, null, INK);
      this.words([drawing.places[this.picked.place].name], ...spot(this.picked.place), 24);
    }
  }

  area(area, number) {
    const [x, y] = this.at(area.x, area.y), { pen } = this, size = this.detail ? 9 : 4;
    pen.fillStyle = tint(number); pen.strokeStyle = PAPER; pen.lineWidth = this.detail ? 1.5 : 0.5;
    pen.beginPath(); pen.moveTo(x, y - size); pen.lineTo(x + size, y); pen.lineTo(x, y + size); pen.lineTo(x - size, y); pen.closePath(); pen.fill(); pen.stroke();
    if (this.detail) this.words([area.name, `${area.owner}  ${area.mw.toFixed(0)} MW`], x, y, -28);
  }

  words(texts, x, y, from) {
    const { pen } = this;
    pen.textAlign = "center"; pen.lineWidth = 4; pen.lineJoin = "round"; pen.strokeStyle = "#ffffffe6"; pen.fillStyle = INK;
    texts.forEach((text, row) => {
      pen.font = `${row ? 500 : 700} 13px system-ui, sans-serif`;
      pen.strokeText(text, x, y + from + 15 * row); pen.fillText(text, x, y + from + 15 * row);
    });
    pen.lineJoin = "miter";
  }

  outline([left, top, right, bottom]) {
    const { pen } = this, [x, y] = this.at(left, top), [u, v] = this.at(right, bottom);
    pen.strokeStyle = INK; pen.lineWidth = 1.5; pen.strokeRect(x, y, u - x, v - y);
  }
}
