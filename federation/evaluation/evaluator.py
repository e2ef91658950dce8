"""The process that evaluates one query at a time and can be ended at any moment.

In: on standard input, a frame of fetched triples and the query. Out: on standard output, a frame
with the serialised answer or the word of what failed. Run by ``evaluate`` as a module; it ends with
its parent, and beyond its memory limit.
A frame is a big-endian 32-bit length, a JSON head of that length, then the bodies the head lists.
"""

from __future__ import annotations

import ctypes
import re
import resource
import signal
import struct
import sys
from typing import Any, BinaryIO

import orjson
import pyoxigraph as ox

from federation.evaluation import tracing

SKOLEM = "urn:gridspine:bnode:"
_SKOLEM = b"<" + SKOLEM.encode()
_FORMATS = {
    "nt": ox.RdfFormat.N_TRIPLES,
    "nq": ox.RdfFormat.N_QUADS,
    "ttl": ox.RdfFormat.TURTLE,
    "trig": ox.RdfFormat.TRIG,
}
_ODD = re.compile(rb'(?:\A|[\t\n])[^<"0-9+\-.tf\t\n]|[^>"0-9A-Za-z.\t\n](?:[\t\n]|\Z)|\r')
"""A cell that begins or ends as no term of a table does: a blank node, or space that only some
readers take for none."""
_PR_SET_PDEATHSIG = 1
_DEEPEST = 64


class Limited:
    """A byte sink with a limit."""

    def __init__(self, limit: int) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.limit = limit

    def write(self, data: bytes) -> int:
        """Keep the bytes.

        Raises:
            OverflowError: the limit is passed.
        """
        self.size += len(data)
        if self.size > self.limit:
            raise OverflowError
        self.parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing; the serialiser wants it."""


def blank(term: Any) -> Any:
    """Turn a skolemised blank node back into one."""
    if type(term) is ox.NamedNode and term.value.startswith(SKOLEM):
        return ox.BlankNode(term.value.encode().hex())
    return term


def too_deep(body: bytes) -> bool:
    """True for terms within terms so deep that reading them could end the process."""
    return b"<<" in body and any(line.count(b"<<") > _DEEPEST for line in body.splitlines())


def fill(store: ox.Store, parts: list[tuple[dict[str, Any], bytes]]) -> dict[str, Any] | None:
    """Load all parts; the head of one that is ill-formed comes back."""
    skolem = any(SKOLEM.encode() in body for _, body in parts)
    for head, body in parts:
        try:
            kind = _FORMATS[head["kind"]]
            if not skolem:
                store.load(body, format=kind)
                continue
            store.extend(
                ox.Quad(blank(q.subject), q.predicate, blank(q.object), q.graph_name)
                for q in ox.parse(body, format=kind, rename_blank_nodes=True)
            )
        except (SyntaxError, ValueError):
            return head
    return None


def united(head: dict[str, Any], bodies: list[bytes]) -> list[bytes]:
    """Return the lines of all tables, each checked to be one with the columns expected.

    Raises:
        Faulty: a table is not as it should be; it names the member.
    """
    columns = "\t".join(head["columns"]).encode()
    lines: list[bytes] = []
    for part, body in zip(head["parts"], bodies, strict=True):
        first, _, rest = body.replace(b"\r\n", b"\n").partition(b"\n")
        whole = rest.endswith(b"\n") or not rest
        if first != columns or not whole or _ODD.search(rest):
            raise Faulty(part["source"])
        if len(bodies) > 1 or head["op"] == "table":
            try:
                for _ in _table(columns + b"\n" + rest):
                    pass
            except (SyntaxError, ValueError) as error:
                raise Faulty(part["source"]) from error
        lines += rest[:-1].split(b"\n") if rest else []
    return lines


def relabelled(line: bytes) -> bytes:
    """Turn skolemised blank nodes of a table's line back into blank nodes."""
    if _SKOLEM not in line:
        return line
    cells = line.split(b"\t")
    return b"\t".join(
        b"_:" + cell[1:-1].hex().encode() if cell.startswith(_SKOLEM) else cell for cell in cells
    )


def _table(body: bytes) -> Any:
    return ox.parse_query_results(body, format=ox.QueryResultsFormat.TSV)


class Faulty(Exception):
    """A member's table is not one; ``args[0]`` is the member."""


def tabular(head: dict[str, Any], bodies: list[bytes], sink: Limited) -> dict[str, Any]:
    """Unite tables: as they are, or through a query that sees them as VALUES."""
    lines = united(head, bodies)
    offset, limit = head["offset"], head["limit"]
    if head["op"] == "rows":
        lines = lines[offset:] if limit is None else lines[offset : offset + limit]
        columns = "\t".join(head["columns"]).encode()
        lines = [relabelled(line) for line in lines]
        try:
            result = _table(b"\n".join([columns, *lines, b""]))
            result.serialize(sink, format=_RESULTS[head["media"]])
        except (SyntaxError, ValueError) as error:
            raise Faulty(head["parts"][0]["source"]) from error
        return {"failed": "", "rows": len(lines)}
    cells = [line.split(b"\t") for line in lines]
    if head["whole_only"] and any(not cell for row in cells for cell in row):
        return {"failed": "unbound"}
    rows = b"\n".join(
        b"(" + b" ".join(cell or b"UNDEF" for cell in row) + b")" for row in cells
    ).decode()
    names = " ".join(head["columns"])
    values = f"{{ {{ SELECT * {{ VALUES ({names}) {{\n{rows}\n}} }} }} {head['also']} }}"
    text = f"{head['before']} {values} {head['after']}"
    outcome: Any = ox.Store().query(text)
    if SKOLEM in rows:
        told = outcome.serialize(format=ox.QueryResultsFormat.TSV)
        outcome = _table(b"\n".join(relabelled(line) for line in told.split(b"\n")))
    outcome.serialize(sink, format=_RESULTS[head["media"]])
    return {"failed": "", "rows": len(cells)}


def traced(head: dict[str, Any], bodies: list[bytes], store: ox.Store, result: Any) -> Any:
    """Return the rows with the members that each came from."""
    holders = tracing.Holders()
    for part, body in zip(head["parts"], bodies, strict=True):
        parsed = ox.parse(body, format=_FORMATS[part["kind"]], rename_blank_nodes=True)
        quads = (ox.Quad(blank(q.subject), q.predicate, blank(q.object)) for q in parsed)
        holders.add(part["source"], quads)
    solutions: Any = store.query(head["traced"])
    found = tracing.sources(solutions, head["columns"], head["patterns"], holders)
    return _table(tracing.table(result, head["columns"], found))


def answer(head: dict[str, Any], bodies: list[bytes]) -> tuple[dict[str, Any], bytes]:
    """Evaluate one frame."""
    sink = Limited(head["max_bytes"])
    rows = 0
    for part, body in zip(head["parts"], bodies, strict=True):
        if too_deep(body):
            return {"failed": "part", "source": part["source"]}, b""
    try:
        if head["op"] != "query":
            reply = tabular(head, bodies, sink)
            return reply, b"".join(sink.parts)
        store = ox.Store()
        faulty = fill(store, list(zip(head["parts"], bodies, strict=True)))
        if faulty is not None:
            return {"failed": "part", "source": faulty["source"]}, b""
        for iri in head["graphs"]:
            store.add_graph(ox.NamedNode(iri))
        result: Any = store.query(head["query"])
        if head["traced"]:
            result = traced(head, bodies, store, result)
        result.serialize(sink, format=_RDF.get(head["media"]) or _RESULTS[head["media"]])
    except Faulty as error:
        return {"failed": "part", "source": error.args[0]}, b""
    except OverflowError:
        return {"failed": "size"}, b""
    except (SyntaxError, ValueError) as error:
        return {"failed": "query", "detail": str(error)}, b""
    except (RuntimeError, OSError) as error:
        failed = "size" if sink.size > sink.limit else "query"
        return {"failed": failed, "detail": str(error)}, b""
    return {"failed": "", "rows": rows}, b"".join(sink.parts)


_RESULTS = {
    "application/sparql-results+json": ox.QueryResultsFormat.JSON,
    "application/sparql-results+xml": ox.QueryResultsFormat.XML,
    "text/csv": ox.QueryResultsFormat.CSV,
    "text/tab-separated-values": ox.QueryResultsFormat.TSV,
}
_RDF = {
    "application/n-triples": ox.RdfFormat.N_TRIPLES,
    "text/turtle": ox.RdfFormat.TURTLE,
    "application/rdf+xml": ox.RdfFormat.RDF_XML,
    "application/n-quads": ox.RdfFormat.N_QUADS,
    "application/trig": ox.RdfFormat.TRIG,
    "application/ld+json": ox.RdfFormat.JSON_LD,
}


def serve(stdin: BinaryIO, stdout: BinaryIO) -> None:
    """Answer frames until the input ends."""
    while len(prefix := stdin.read(4)) == 4:
        head = orjson.loads(stdin.read(struct.unpack(">I", prefix)[0]))
        bodies = [stdin.read(part["bytes"]) for part in head["parts"]]
        try:
            reply, body = answer(head, bodies)
        except MemoryError:
            reply, body = {"failed": "memory"}, b""
        encoded = orjson.dumps({**reply, "bytes": len(body)})
        stdout.write(struct.pack(">I", len(encoded)) + encoded + body)
        stdout.flush()


if __name__ == "__main__":
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    memory = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    serve(sys.stdin.buffer, sys.stdout.buffer)
