"""Hostile members: what they send never becomes part of a query, nor passes for an answer."""

from __future__ import annotations

import contextlib
import gzip

import pytest

from federation.answer import Ask, FederatedAnswer
from federation.evaluation.evaluator import answer as evaluate
from federation.fetching.values import Values
from federation.members.http import BrokenAnswer, TooLarge, _parse_head, _unzip
from federation.members.subquery import TERM, Malformed, rows
from federation.parsing.algebra import Triple
from kgnode.errors import NotComplete
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
