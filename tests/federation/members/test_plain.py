"""Plain SPARQL endpoints of others as members: right answers, their limits found, nothing told."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyoxigraph as ox
import pytest

from federation.answer import Ask, FederatedAnswer
from federation.members.pool import Identity, Member
from federation.members.results import Unusable, read
from kgnode.errors import MembersInvalid
from kgnode.trust.members import new_members, parse_members
from tests.federation.cluster import Cluster, Fault, Node, cluster
from tests.federation.oracle import accept, ask_all, expected, plain, union
from tests.federation.test_answer import NETWORK, OTHER, PREFIX, QUERIES
from tests.federation.trials import differences

ANYTHING = [name for name in QUERIES if name not in ("from", "graph names", "describe where")]
JOIN = PREFIX + "SELECT * { ?l ex:to ?b . ?b ex:name ?n }"


@contextlib.contextmanager
def oxigraph(folder: Path, data: str) -> Iterator[str]:
    """Oxigraph's own server over some TriG, read-only."""
    binary = str(Path(sys.executable).with_name("oxigraph"))
    file, place = folder / "data.trig", str(folder / "store")
    file.write_text(data)
    subprocess.run([binary, "load", "--location", place, "--file", str(file)], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        bind = f"127.0.0.1:{free.getsockname()[1]}"
    arguments = [binary, "serve-read-only", "--location", place, "--bind", bind]
    with subprocess.Popen(arguments, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"http://{bind}/query?query=ASK%7B%7D").close()
                    break
                time.sleep(0.05)
            yield f"http://{bind}/query"
        finally:
            server.kill()


@pytest.fixture(scope="module")
def beside_oxigraph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Member]]:
    folder = tmp_path_factory.mktemp("oxigraph")
    with cluster() as running, oxigraph(folder, OTHER) as url:
        running.add("A", data=NETWORK)
        yield running, Member("B", "A real endpoint", url, kind="sparql")


@pytest.mark.parametrize("name", ANYTHING)
def test_a_real_server_as_a_member_equals_one_store(
    beside_oxigraph: tuple[Cluster, Member], name: str
) -> None:
    running, member = beside_oxigraph
    query = PREFIX + QUERIES[name]
    form = next(f for f in ("ASK", "CONSTRUCT", "DESCRIBE", "SELECT") if f in query)
    store = ox.Store()
    store.load(OTHER.encode(), format=ox.RdfFormat.TRIG)
    one = union([running.nodes["A"].store, store])
    (got,) = ask_all([*running.members(), member], [Ask(query, accept=accept(form))])
    assert isinstance(got, FederatedAnswer), got
    assert got.status == "complete"
    assert plain(got.body, form) == expected(one, query, form)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_random_queries_over_two_nodes_and_an_endpoint_equal_one_store(at: int) -> None:
    count, found = differences(range(7_000 + 50 * at, 7_050 + 50 * at), plain_node=at)
    assert found == []
    assert count > 40


def two(running: Cluster, data: str = OTHER) -> Node:
    running.add("A", data=NETWORK)
    node = running.add("B", data=data)
    node.plain = True
    return node


def ask(running: Cluster, query: str = JOIN, identity: Identity | None = None) -> FederatedAnswer:
    wish = Ask(query, identity or Identity(), accept=accept("SELECT"), partial=True)
    (got,) = ask_all(running.members(), [wish])
    assert isinstance(got, FederatedAnswer), got
    return got


@pytest.mark.parametrize(
    "habits",
    [
        {"methods": ("GET",)},
        {"methods": ("POST",)},
        {"formats": ("application/sparql-results+xml",)},
    ],
)
def test_habits_of_servers_are_met(habits: dict[str, tuple[str, ...]]) -> None:
    with cluster() as running:
        node = two(running)
        for name, value in habits.items():
            setattr(node, name, value)
        got = ask(running)
        one = union(each.store for each in running.nodes.values())
    assert got.status == "complete"
    assert plain(got.body, "SELECT") == expected(one, JOIN, "SELECT")


MANY = "@prefix ex: <http://example.org/> . " + " ".join(
    f'ex:b{at} ex:name "{at}" .' for at in range(250)
)


@pytest.mark.parametrize("rows", [100, 200, 249])
def test_a_result_that_the_server_cuts_never_passes_for_whole(rows: int) -> None:
    with cluster() as running:
        two(running, MANY).most_rows = rows
        members = running.members()
        if rows % 100:  # a limit that is not round must be stated
            members = [replace(m, max_rows=rows) if m.plain else m for m in members]
        wish = Ask(PREFIX + "SELECT * { ?b ex:name ?n }", accept=accept("SELECT"), partial=True)
        (got,) = ask_all(members, [wish])
    assert isinstance(got, FederatedAnswer)
    assert got.status == "incomplete"
    (lost,) = (source for source in got.report.sources if source.id == "B")
    assert lost.outcome == "truncated"


def test_a_round_result_that_is_whole_is_complete() -> None:
    with cluster() as running:
        two(running, MANY.partition("ex:b100 ")[0])
        got = ask(running, PREFIX + "SELECT * { ?b ex:name ?n }")
    assert got.status == "complete"
    assert got.body.count(b'"n":') == 101


FAULTS = {
    "says partial": (Fault(headers=(("X-SPARQL-MaxRows", "10000"),)), "truncated"),
    "redirects": (Fault(status=302, headers=(("Location", "http://127.0.0.1:9/"),)), "protocol"),
    "slow down": (Fault(status=429), "unreachable"),
    "needs a login": (Fault(status=401), "withheld"),
    "not results": (Fault(change=lambda _: b"<html>"), "protocol"),
    "cut results": (Fault(change=lambda body: body[:-9]), "protocol"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_an_endpoint_that_fails_is_named(name: str) -> None:
    fault, outcome = FAULTS[name]
    with cluster() as running:
        two(running).fault = lambda _: fault
        got = ask(running)
    assert got.status == "incomplete"
    assert {s.outcome for s in got.report.sources if s.id == "B"} == {outcome}


def test_blank_nodes_of_strangers_are_not_joined() -> None:
    with cluster() as running:
        two(running).store.add(
            ox.Quad(ox.BlankNode(), ox.NamedNode("http://example.org/name"), ox.Literal("nobody"))
        )
        got = ask(running, PREFIX + "SELECT * { ?b ex:name ?n }")
    assert got.status == "incomplete"
    assert "blank nodes" in next(s.detail for s in got.report.sources if s.id == "B")


def test_only_the_public_has_found_values_sent_to_strangers() -> None:
    async def token(_: Member) -> str:
        return "secret"

    sent = {}
    for name, identity in (("public", Identity()), ("NESO", Identity("NESO", token))):
        with cluster() as running:
            node = two(running)
            running.nodes["A"].store.load(MANY.encode(), format=ox.RdfFormat.TURTLE)
            assert ask(running, identity=identity).status == "complete"
            sent[name] = " ".join(node.requests)
    assert "example.org/b1>" not in sent["NESO"]
    assert "secret" not in sent["NESO"]


def test_probes_are_kept_and_the_report_says_how_old_they_are() -> None:
    query = PREFIX + "SELECT * { ?l ex:rating ?r }"
    with cluster() as running:
        node = two(running)
        wish = Ask(query, accept=accept("SELECT"))
        first, second = ask_all(running.members(), [wish, wish])
        assert len(node.requests) == 1 and "ASK" in node.requests[0]
    assert isinstance(first, FederatedAnswer) and isinstance(second, FederatedAnswer)
    assert first.report.notes == ()
    assert "tells no versions" in second.report.notes[0]


def test_neither_moments_nor_mappings_are_expected_of_an_endpoint() -> None:
    with cluster() as running:
        node = two(running)
        (got,) = ask_all(running.members(), [Ask(JOIN, partial=True, mappings=("words@1",))])
        assert node.requests == []
    assert isinstance(got, FederatedAnswer)
    assert {s.id: s.outcome for s in got.report.sources}["B"] == "lacking"


NESTED = b'{"type":"triple","value":{"subject":'
HOSTILE = {
    "json that nests": (
        b'{"head":{},"results":{"bindings":[{"b":'
        + NESTED * 20_000
        + b"1"
        + b"}}" * 20_000
        + b"}]}}",
        "application/json",
    ),
    "xml that nests": (
        b'<sparql xmlns="http://www.w3.org/2005/sparql-results#"><head/><results><result>'
        b'<binding name="b">' + b"<triple><subject>" * 20_000,
        "text/xml",
    ),
    "xml with entities": (
        b'<!DOCTYPE s [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]>'
        b'<sparql xmlns="http://www.w3.org/2005/sparql-results#"><head><variable name="b"/></head>'
        b'<results><result><binding name="b"><literal>&b;</literal></binding></result></results>'
        b"</sparql>",
        "text/xml",
    ),
    "an iri that is none": (
        b'{"head":{},"results":{"bindings":[{"b":{"type":"uri","value":"x> } UNION {"}}]}}',
        "application/json",
    ),
    "rows that are no objects": (b'{"results":{"bindings":[1]}}', "application/json"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_results_are_refused_and_end_no_process(name: str) -> None:
    with pytest.raises(Unusable):
        read(*HOSTILE[name])


def test_an_endpoint_in_the_membership_document_has_no_keys_and_is_no_audience() -> None:
    document = new_members("scheme").to_json()
    entry = {
        "id": "OPEN", "name": "Open data", "licence_role": "other", "status": "active",
        "node": "http://open.example/sparql", "jwks": {"keys": []}, "kind": "sparql",
        "max_rows": 10_000,
    }  # fmt: skip
    read = parse_members({**document, "members": [entry]})
    assert read.members[0].max_rows == 10_000
    assert read.at_node("http://open.example/sparql") is None
    for wrong in ({"kind": "ftp"}, {"gateway": "http://open.example/"}, {"max_rows": -1}):
        with pytest.raises(MembersInvalid):
            parse_members({**document, "members": [{**entry, **wrong}]})
