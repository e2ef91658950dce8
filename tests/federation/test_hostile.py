"""Hostile members: what they send never becomes part of a query, nor passes for an answer."""

from __future__ import annotations

import contextlib
import gzip
import time

import pytest

from federation.answer import Ask, FederatedAnswer
from federation.evaluation.evaluator import answer as evaluate
from federation.fetching.values import Values
from federation.members.http import BrokenAnswer, TooLarge, _parse_head, _unzip
from federation.members.subquery import TERM, Malformed, rows
from federation.parsing.algebra import Triple
from kgnode.errors import GridspineError, NotComplete
from tests.federation.cluster import Fault, cluster
from tests.federation.oracle import accept, ask_all
from tests.federation.test_answer import LOST, NETWORK, OTHER, PREFIX

INJECTIONS = (
    "<http://x> } UNION { ?s ?p ?o",
    "<http://x/ y>",
    '"a" . <http://evil> <http://p> "b',
    "?variable",
    "_:b0",
    '"a"^^<http://x> } } DROP ALL #',
    "<http://x>>",
    '"line\nbreak"',
    "SERVICE",
)


@pytest.mark.parametrize("term", INJECTIONS)
def test_a_term_that_is_none_never_enters_a_query(term: str) -> None:
    with pytest.raises(Malformed):
        rows(f"?a\n{term}\n".encode())
    values = Values(["?s"])
    pattern = Triple("?s", "<http://p>", "?o")
    with contextlib.suppress(Malformed):
        values.add_triples(f"{term} <http://p> <http://o> .\n".encode(), (pattern,))
    assert all(TERM.fullmatch(kept) and "{" not in kept for kept in values.sets["?s"])


def test_honest_terms_pass() -> None:
    table = '?a\t?b\n<urn:uuid:1>\t"x\\ty"@en-GB\n-1.5e3\t"1"^^<http://d>\ntrue\t\n'
    names, found = rows(table.encode())
    assert names == ("?a", "?b")
    assert len(found) == 3


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nGridspine-Version: 1\nTNO urn:m 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\n",
    ],
)
def test_heads_that_can_be_read_two_ways_are_refused(head: bytes) -> None:
    with pytest.raises(BrokenAnswer):
        _parse_head(head)


def test_a_packed_bomb_is_stopped_at_the_limit() -> None:
    with pytest.raises(TooLarge):
        _unzip(gzip.compress(b"0" * 10_000_000), 1_000_000)


ANSWERS = {
    "redirect": Fault(status=302, headers=(("Location", "http://127.0.0.1:9/"),)),
    "other type": Fault(headers=(("Content-Type", "text/html"),)),
    "blank nodes": Fault(change=lambda _: b"_:a <http://example.org/name> _:b .\n"),
    "no triples": Fault(change=lambda _: b"<http://a> <http://b> .\n"),
    "a statement more": Fault(change=lambda body: body + b"} ; DROP ALL ; {\n"),
    "terms within terms": Fault(change=lambda _: b"<<( " * 30_000 + b"\n"),
    "not utf-8": Fault(change=lambda _: b'<http://a> <http://b> "\xff\xfe" .\n'),
    "endless head": Fault(raw=b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_lying_member_is_reported_and_never_believed(name: str) -> None:
    with cluster() as running:
        running.add("A", data=NETWORK)
        node = running.add("B", data=OTHER)
        node.fault = lambda action: ANSWERS[name] if action == "sparql" else None
        query = PREFIX + LOST["incomplete"]
        strict, partial = ask_all(
            running.members(),
            [Ask(query), Ask(query, accept=accept("SELECT"), partial=True)],
        )
    assert isinstance(strict, NotComplete)
    assert isinstance(partial, FederatedAnswer)
    assert partial.status == "incomplete"
    outcomes = {source.id: source.outcome for source in partial.report.sources}
    assert outcomes["B"] == ("unreachable" if name == "endless head" else "protocol")


@pytest.mark.parametrize(
    "cell", ["_:b", " _:b", "<urn:x>\x85", "\u2028<urn:x>", "e1", '"a\rb"', "\x0btrue"]
)
@pytest.mark.parametrize("op", ["rows", "table"])
def test_a_cell_that_only_some_read_is_its_member_s_fault(cell: str, op: str) -> None:
    head = {
        "parts": [{"source": "B", "kind": "tsv"}], "max_bytes": 1 << 20, "op": op, "offset": 0,
        "columns": ["?x"], "limit": None, "media": "text/csv", "whole_only": False, "also": "",
        "before": "SELECT ?x WHERE", "after": "",
    }  # fmt: skip
    good = '<urn:x>\n"a b"@en-GB\n1.5\n-1\ntrue\n"1"^^<urn:d>\n\n'
    reply, _ = evaluate(head, [f"?x\n{good}".encode()])
    assert reply["failed"] == ""
    reply, _ = evaluate(head, [f"?x\n{good}{cell}\n".encode()])
    assert reply == {"failed": "part", "source": "B"}


TWICE = gzip.compress(b"?l\t?r\n<http://example.org/l1>\t100\n") + gzip.compress(b"<urn:x>\t1\n")
WHOLE = {
    "nothing changed, unasked": Fault(status=304),
    "no table at all": Fault(change=lambda _: b""),
    "a length that is no number": Fault(raw=b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n"),
    "a length without end": Fault(
        raw=b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n"
    ),
    "packed in two": Fault(change=lambda _: TWICE, headers=(("Content-Encoding", "gzip"),)),
}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", WHOLE)
def test_what_is_no_whole_answer_is_none_where_one_member_holds_all(
    name: str, streamed: bool
) -> None:
    with cluster() as running:
        node = running.add("A", data=NETWORK)
        running.add("B", data=OTHER)
        node.fault = lambda action: WHOLE[name] if action == "sparql" else None
        (got,) = ask_all(running.members(), [Ask(PREFIX + LOST["complete"], streamed=streamed)])
    assert isinstance(got, NotComplete), got


@pytest.mark.parametrize("lie", [b"1000000", b"-1", b"true", b'"1"', b"0.5"])
def test_a_member_that_lies_about_shared_terms_is_not_planned_with(lie: bytes) -> None:
    with cluster() as running:
        node = running.add("A", data=NETWORK)
        running.add("B", data=OTHER)
        fault = Fault(change=lambda body: body.replace(b'"shared":[', b'"shared":[' + lie + b","))
        node.fault = lambda action: fault if action == "summary/shared" else None
        query = PREFIX + "SELECT ?p (COUNT(*) AS ?n) { ?s ex:name ?p } GROUP BY ?p"
        (got,) = ask_all(running.members(), [Ask(query, accept=accept("SELECT"))])
    assert isinstance(got, FederatedAnswer), got
    assert b'"shared"' in got.body and b'"one"' in got.body


@pytest.mark.parametrize("term", ["1" * 200_000 + "x", '"' + "\\n" * 100_000, "<" + "a" * 200_000])
def test_a_long_term_that_is_none_takes_no_time(term: str) -> None:
    started = time.process_time()
    assert TERM.fullmatch(term) is None
    assert time.process_time() - started < 1


def test_a_number_without_end_in_a_query_is_no_error_of_ours() -> None:
    with cluster() as running:
        running.add("A", data=NETWORK)
        query = PREFIX + f"SELECT * {{ ?l ex:rating ?r }} LIMIT {'1' * 5_000}"
        (got,) = ask_all(running.members(), [Ask(query)])
    assert isinstance(got, GridspineError | FederatedAnswer), got


def test_a_refusal_is_withheld_and_a_token_reaches_its_own_member_only() -> None:
    with cluster() as running:
        running.add("A", data=NETWORK)
        running.add("B", data=OTHER).required_token = "secret"
        (got,) = ask_all(running.members(), [Ask(PREFIX + LOST["incomplete"], partial=True)])
    assert isinstance(got, FederatedAnswer)
    assert got.status == "incomplete"
    assert {source.outcome for source in got.report.sources if source.id == "B"} == {"withheld"}


@pytest.mark.parametrize("kind", ["nt", "tsv"])
def test_terms_within_terms_end_no_evaluator(kind: str) -> None:
    nested = b"<<( <urn:s> <urn:p> " * 30_000 + b"<urn:o>" + b" )>>" * 30_000
    body = b"<urn:s> <urn:p> " + nested + b" .\n" if kind == "nt" else b"?x\n" + nested + b"\n"
    head = {"parts": [{"source": "B", "kind": kind}], "max_bytes": 1 << 20}
    reply, _ = evaluate(head, [body])
    assert reply == {"failed": "part", "source": "B"}
