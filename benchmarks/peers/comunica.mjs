// Answers queries with Comunica over SPARQL endpoints; one JSON line per query on standard output.
// Arguments: milliseconds allowed per query, then the endpoints. Queries come as JSON lines.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
// a dependency binds two functions on loading that Node.js 20 does not have
require("node:worker_threads").markAsUncloneable ??= () => {};
const zlib = require("node:zlib");
zlib.createZstdDecompress ??= () => {
  throw new Error("no zstd in this Node.js");
};
const { QueryEngine } = require("@comunica/query-sparql");

const [limit, ...urls] = process.argv.slice(2);
const sources = urls.map((value) => ({ type: "sparql", value }));
const engine = new QueryEngine();

function spelled(term) {
  if (!term) return "";
  if (term.termType === "NamedNode") return `<${term.value}>`;
  if (term.termType === "BlankNode") return "_:";
  return `${JSON.stringify(term.value)}^^${term.datatype.value}@${term.language}`;
}

async function answer(query) {
  const stream = await engine.queryBindings(query, { sources });
  const rows = [];
  for await (const bindings of stream) {
    rows.push([...bindings].map(([name, term]) => [name.value, spelled(term)]));
  }
  return rows;
}

for await (const line of createInterface({ input: process.stdin })) {
  const query = JSON.parse(line);
  const start = performance.now();
  let told;
  try {
    const late = new Promise((_, fail) => setTimeout(() => fail(new Error("timeout")), +limit));
    const rows = await Promise.race([answer(query), late]);
    told = { milliseconds: performance.now() - start, rows };
  } catch (error) {
    told = { milliseconds: performance.now() - start, error: String(error).slice(0, 200) };
  }
  process.stdout.write(JSON.stringify(told) + "\n");
}
process.exit(0);
