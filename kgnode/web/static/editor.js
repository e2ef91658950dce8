// A SPARQL editor over a plain text box: colours behind the text, brackets, completion, prefixes.
// The text box stays what is edited, so undo, touch keyboards and screen readers work as ever.
import { declared, partners, proposals, tokens, word } from "./sparql.js";

const COLOURED_UP_TO = 40000;

export class Editor {
  // box: a textarea with data-prefixes (JSON) and data-terms (URL); run: what Ctrl+Enter does.
  constructor(box, run) {
    Object.assign(this, { box, run, terms: [], asked: false, options: [], chosen: -1 });
    this.prefixes = JSON.parse(box.dataset.prefixes || "{}");
    this.frame = document.createElement("div"); this.frame.className = "editor";
    this.paint = document.createElement("pre"); this.paint.setAttribute("aria-hidden", "true");
    this.list = document.createElement("ul");
    Object.assign(this.list, { id: `${box.id}-proposals`, className: "proposals", hidden: true });
    this.list.setAttribute("role", "listbox"); this.list.setAttribute("aria-label", "Proposals");
    box.before(this.frame); this.frame.append(this.paint, box, this.list);
    box.setAttribute("aria-autocomplete", "list"); box.setAttribute("aria-controls", this.list.id);
    box.addEventListener("input", (event) => this.typed(event));
    box.addEventListener("keydown", (event) => this.key(event));
    box.addEventListener("scroll", () => this.follow());
    box.addEventListener("focus", () => this.load());
    box.addEventListener("blur", () => setTimeout(() => this.close(), 150));
    document.addEventListener("selectionchange", () => { if (document.activeElement === box) this.draw(); });
    new ResizeObserver(() => this.follow()).observe(box);
    this.draw();
  }

  async load() {
    if (this.asked || !this.box.dataset.terms) return;
    this.asked = true;
    try {
      const reply = await fetch(this.box.dataset.terms, { headers: { Accept: "application/json" } });
      const told = await reply.json();
      const of = (kind, from) => Object.entries(from || {}).map(([iri, one]) => ({ iri, kind, count: one.count }));
      this.terms = [...of("class", told.classes), ...of("property", told.predicates)].sort((a, b) => b.count - a.count);
    } catch { this.asked = false; }
  }

  draw() {
    const text = this.box.value;
    if (text.length > COLOURED_UP_TO) { this.paint.textContent = text; return; }
    const found = tokens(text);
    const pair = document.activeElement === this.box ? partners(found, this.box.selectionStart) : [];
    const parts = []; let at = 0;
    for (const one of found) {
      if (one.start > at) parts.push(text.slice(at, one.start));
      const span = document.createElement("span");
      span.className = one.kind; span.textContent = one.text;
      if (pair.includes(one.start)) span.classList.add(pair.length === 2 ? "partner" : "alone");
      parts.push(span); at = one.end;
    }
    this.paint.replaceChildren(...parts, text.slice(at) + "\n");
    this.follow();
  }

  follow() {
    this.paint.style.height = `${this.box.offsetHeight}px`;
    this.paint.scrollTop = this.box.scrollTop; this.paint.scrollLeft = this.box.scrollLeft;
  }

  typed(event) {
    if (this.putting) return;
    const at = this.box.selectionStart, left = word(this.box.value, at);
    if (event.data === ":" && left?.text.endsWith(":")) this.declare(left.text.slice(0, -1));
    this.draw();
    if (event.inputType !== "insertText" || !left || left.text.length < 2) this.close(); else this.propose();
  }

  // Put a known prefix at the top of the query, once, unless the line being written declares it.
  declare(prefix) {
    const { box } = this, at = box.selectionStart, line = box.value.slice(0, at).split("\n").at(-1);
    if (!this.prefixes[prefix] || prefix in declared(box.value) || /^\s*PREFIX\b/i.test(line)) return;
    const text = `PREFIX ${prefix}: <${this.prefixes[prefix]}>\n`;
    this.put(0, 0, text);
    box.setSelectionRange(at + text.length, at + text.length);
  }

  put(start, end, text) {
    this.putting = true;
    this.box.focus(); this.box.setSelectionRange(start, end);
    // execCommand alone keeps what was typed in the browser's own undo.
    if (!document.execCommand("insertText", false, text)) this.box.setRangeText(text, start, end, "end");
    this.putting = false;
  }

  propose() {
    this.options = proposals(this.box.value, this.box.selectionStart, this.terms, this.prefixes);
    if (!this.options.length) { this.close(); return; }
    this.list.replaceChildren(...this.options.map((one, number) => {
      const item = document.createElement("li"), note = document.createElement("span");
      item.id = `${this.list.id}-${number}`; item.setAttribute("role", "option");
      note.textContent = one.note; item.append(one.insert, note);
      item.addEventListener("mousedown", (event) => { event.preventDefault(); this.take(number); });
      return item;
    }));
    this.list.hidden = false; this.place(); this.choose(0);
  }

  place() {
    const walker = document.createTreeWalker(this.paint, NodeFilter.SHOW_TEXT);
    let left = word(this.box.value, this.box.selectionStart)?.start ?? 0, node;
    while ((node = walker.nextNode()) && node.length < left) left -= node.length;
    const range = document.createRange();
    range.setStart(node || this.paint, node ? left : 0); range.collapse(true);
    const spot = range.getBoundingClientRect(), frame = this.frame.getBoundingClientRect();
    this.list.style.left = `${Math.max(0, Math.min(spot.left - frame.left, frame.width - this.list.offsetWidth))}px`;
    this.list.style.top = `${Math.min(spot.bottom - frame.top, frame.height) + 2}px`;
  }

  choose(number) {
    this.list.children[this.chosen]?.removeAttribute("aria-selected");
    this.chosen = (number + this.options.length) % this.options.length;
    const item = this.list.children[this.chosen];
    item.setAttribute("aria-selected", "true"); item.scrollIntoView({ block: "nearest" });
    this.box.setAttribute("aria-activedescendant", item.id);
  }

  take(number) {
    const one = this.options[number], left = word(this.box.value, this.box.selectionStart);
    this.close();
    if (!left) return;
    this.put(left.start, left.end, one.insert);
    if (one.prefix) this.declare(one.prefix);
    this.draw();
  }

  close() {
    this.list.hidden = true; this.options = []; this.chosen = -1;
    this.box.removeAttribute("aria-activedescendant");
  }

  key(event) {
    const open = !this.list.hidden;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.run();
    else if (event.key === " " && event.ctrlKey) this.load().then(() => this.propose());
    else if (open && event.key === "ArrowDown") this.choose(this.chosen + 1);
    else if (open && event.key === "ArrowUp") this.choose(this.chosen - 1);
    else if (open && (event.key === "Enter" || event.key === "Tab") && !event.shiftKey) this.take(this.chosen);
    else if (open && event.key === "Escape") this.close();
    else return;
    event.preventDefault();
  }
}
