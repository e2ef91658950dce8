// SPARQL as an editor sees it: tokens, brackets that belong together, what could come next.
// In: text, a position, the caller's own terms. Out: plain values; nothing here touches a page.

const KEYWORDS = `SELECT CONSTRUCT ASK DESCRIBE WHERE PREFIX BASE FROM NAMED DISTINCT REDUCED OPTIONAL UNION
MINUS GRAPH FILTER BIND VALUES UNDEF EXISTS NOT IN AS GROUP BY HAVING ORDER ASC DESC LIMIT OFFSET COUNT SUM
MIN MAX AVG SAMPLE GROUP_CONCAT SEPARATOR STR LANG LANGMATCHES DATATYPE BOUND IRI URI ABS CEIL FLOOR ROUND
CONCAT STRLEN UCASE LCASE CONTAINS STRSTARTS STRENDS STRBEFORE STRAFTER REPLACE REGEX SUBSTR YEAR MONTH DAY
HOURS MINUTES SECONDS NOW COALESCE IF SAMETERM ISIRI ISBLANK ISLITERAL ISNUMERIC`.split(/\s+/);
const WORDS = new Set([...KEYWORDS, "A", "TRUE", "FALSE"]);
const TOKEN = new RegExp([
  "(?<comment>#[^\\n]*)",
  "(?<iri><[^<>\"{}|^`\\\\\\s]*>)",
  "(?<string>\"\"\"[^]*?(?:\"\"\"|$)|'''[^]*?(?:'''|$)|\"(?:[^\"\\\\\\n]|\\\\.)*\"?|'(?:[^'\\\\\\n]|\\\\.)*'?)",
  "(?<variable>[?$][\\p{L}\\p{N}_]+)",
  "(?<name>(?:\\p{L}[\\p{L}\\p{N}_.-]*)?:[\\p{L}\\p{N}_](?:[\\p{L}\\p{N}_.:-]*[\\p{L}\\p{N}_:-])?|(?:\\p{L}[\\p{L}\\p{N}_.-]*)?:)",
  "(?<number>(?<![\\p{L}\\p{N}_])[0-9]+(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)",
  "(?<word>\\p{L}[\\p{L}\\p{N}_]*)",
  "(?<bracket>[(){}\\[\\]])",
].join("|"), "gu");
const PAIRS = { "(": ")", "{": "}", "[": "]" };

export function tokens(text) {
  return [...text.matchAll(TOKEN)].map((match) => {
    let kind = Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    if (kind === "word") kind = WORDS.has(match[0].toUpperCase()) ? "keyword" : "plain";
    return { kind, text: match[0], start: match.index, end: match.index + match[0].length };
  });
}

// The bracket at a position and its partner: [start, start]; [start] alone where it has none.
export function partners(found, at) {
  const open = [], pair = new Map();
  for (const one of found.filter((token) => token.kind === "bracket")) {
    if (PAIRS[one.text]) open.push(one);
    else if (open.length && PAIRS[open.at(-1).text] === one.text) {
      const other = open.pop();
      pair.set(other.start, one.start); pair.set(one.start, other.start);
    }
  }
  const here = found.find((token) => token.kind === "bracket" && (token.start === at || token.end === at));
  if (!here) return [];
  return pair.has(here.start) ? [here.start, pair.get(here.start)] : [here.start];
}

export function declared(text) {
  const found = {};
  for (const [, name, iri] of text.matchAll(/\bPREFIX\s+([\p{L}\p{N}_.-]*):\s*<([^<>\s]*)>/giu)) found[name] = iri;
  return found;
}

// What is being written left of a position, and the quiet places where nothing is offered.
export function word(text, at) {
  const inside = tokens(text).find((one) => one.start < at && at <= one.end && /comment|string|iri/.test(one.kind));
  if (inside && (inside.kind !== "comment" || at > inside.start)) return null;
  const left = /[?$]?[\p{L}\p{N}_.-]*(?::[\p{L}\p{N}_.-]*)?$/u.exec(text.slice(0, at))[0];
  return { text: left, start: at - left.length, end: at };
}

// Up to 40 proposals {insert, note, prefix?}; `prefix` names one that must be declared first.
export function proposals(text, at, terms, known) {
  const left = word(text, at);
  if (!left) return [];
  const here = declared(text), typed = left.text.toLowerCase();
  if (/^[?$]/.test(typed)) {
    const others = tokens(text).filter((one) => one.kind === "variable" && one.end !== at);
    return [...new Set(others.map((one) => one.text))]
      .filter((name) => name.toLowerCase().startsWith(typed)).map((insert) => ({ insert, note: "variable" }));
  }
  const [before, local] = typed.includes(":") ? typed.split(":") : [null, typed];
  const short = (iri) => {
    for (const given of [here, known]) {
      for (const [prefix, space] of Object.entries(given)) {
        const rest = iri.slice(space.length);
        if (space && iri.startsWith(space) && /^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u.test(rest)) {
          return { insert: `${prefix}:${rest}`, prefix: given === here ? null : prefix, rest: rest.toLowerCase() };
        }
      }
    }
    return { insert: `<${iri}>`, prefix: null, rest: iri.toLowerCase() };
  };
  const fits = (one) => (before === null ? local && one.rest.includes(local) :
    one.insert.toLowerCase().startsWith(`${before}:`) && one.rest.includes(local));
  const found = terms.map((term) => ({ ...short(term.iri), note: `${term.kind}, ${term.count.toLocaleString("en-GB")}` }))
    .filter(fits);
  const rank = (one) => (one.rest.startsWith(local) ? 0 : one.rest.includes(`.${local}`) ? 1 : 2);
  found.sort((a, b) => rank(a) - rank(b));
  const words = before === null && local.length > 1 ? KEYWORDS.filter((one) => one.startsWith(local.toUpperCase())) : [];
  const spaces = before === null && local ? Object.keys({ ...known, ...here }).filter((one) => one.startsWith(local)) : [];
  return [
    ...words.map((insert) => ({ insert, note: "keyword" })),
    ...spaces.map((one) => ({ insert: `${one}:`, note: "prefix", prefix: one in here ? null : one })),
    ...found,
  ].slice(0, 40);
}
