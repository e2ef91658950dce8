from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgnode.errors import GridspineError, MalformedQuery, RefusedQuery
from kgnode.query.guard import guard
from kgnode.query.parse import parse

S = "SERVICE <http://127.0.0.1:{port}/> {{ ?s ?p ?o }}"

ATTACKS = [
    "SELECT * {{ {s} }}",
    "select * {{ service silent <http://127.0.0.1:{port}/> {{ ?s ?p ?o }} }}",
    "SELECT * {{ SERVICE ?g {{ ?s ?p ?o }} VALUES ?g {{ <http://127.0.0.1:{port}/> }} }}",
    "PREFIX x: <http://127.0.0.1:{port}/> SELECT * {{ SERVICE x: {{ ?s ?p ?o }} }}",
    "SELECT * {{ OPTIONAL {{ {s} }} }}",
    "SELECT * {{ {{ }} UNION {{ {s} }} }}",
    "SELECT * {{ ?s ?p ?o MINUS {{ {s} }} }}",
    "SELECT * {{ GRAPH ?g {{ {s} }} }}",
    "SELECT * {{ {{ SELECT * {{ {s} }} }} }}",
    "SELECT * {{ FILTER EXISTS {{ {s} }} }}",
    "SELECT * {{ FILTER NOT EXISTS {{ {s} }} }}",
    "SELECT * {{ BIND(EXISTS {{ {s} }} AS ?x) }}",
    "SELECT (EXISTS {{ {s} }} AS ?x) {{ }}",
    "SELECT * {{ }} ORDER BY (EXISTS {{ {s} }})",
    "SELECT ?s {{ ?s ?p ?o }} GROUP BY ?s HAVING (EXISTS {{ {s} }})",
    "SELECT * {{ LATERAL {{ {s} }} }}",
    "CONSTRUCT {{ ?s ?p ?o }} WHERE {{ {s} }}",
    "DESCRIBE ?s {{ {s} }}",
    "ASK {{ {s} }}",
    # where a comment ends, and what only looks like one
    "SELECT * {{ # quiet\r{s} }}",
    "SELECT * {{ # quiet\n{s} }}",
    "SELECT * {{ ?s <http://x/#> ?o . {s} }}",
    "SELECT * {{ #\\\n{s} }}",
    # where a string ends
    "SELECT * {{ ?s ?p 'a\\\\' . {s} }} # '",
    'SELECT * {{ ?s ?p """a""" . {s} }} # """',
    "SELECT * {{ ?s ?p '' . {s} }} # ''",
    "SELECT * {{ ?s ?p ''''''. {s} }} # '''",
    "PREFIX a: <http://x/> SELECT * {{ ?s ?p a:b\\' . {s} }} # '",
    "SELECT * {{ ?s <http://x/'> ?o . {s} }} # '",
    # a comparison that looks like an IRI swallows the quote that opens a string
    "SELECT * {{ ?s ?p ?o FILTER(?o<'>'||1=1) {s} }} # '",
    "SELECT * {{ ?s ?p ?o FILTER(?o<?x#>'''\n) {s} }} #'''\n",
    "PREFIX a: <http://x/> SELECT * {{ ?s ?p ?o FILTER(?o<a:b+'>') {s} }} # '",
    # no white space needed
    "SELECT*{{?s ?p 1.SERVICE<http://127.0.0.1:{port}/>{{?s ?p ?o}}}}",
    'SELECT*{{?s ?p "x"@en.SERVICE<http://127.0.0.1:{port}/>{{?s ?p ?o}}}}',
    "SELECT*{{FILTER(1<2)SERVICE<http://127.0.0.1:{port}/>{{?s ?p ?o}}}}",
    "SELECT*{{?s ?p trueSERVICE<http://127.0.0.1:{port}/>{{?s ?p ?o}}}}",
    "SELECT*{{?s ?p falseSERVICE<http://127.0.0.1:{port}/>{{?s ?p ?o}}}}",
    "SELECT*{{?s ?p 1SERVICE<http://127.0.0.1:{port}/>{{?s ?p ?o}}}}",
    "SELECT*{{?s ?p 1e5SERVICE<http://127.0.0.1:{port}/>{{?s ?p ?o}}}}",
    "SELECT*{{VALUES ?x{{UNDEF}}SERVICE<http://127.0.0.1:{port}/>{{?s ?p ?o}}}}",
    # long texts are read in another way
    "SELECT*{{?s ?p trueSERVICE<http://127.0.0.1:{port}/>{{?s ?p ?o}}}} #" + "x" * 20_000,
    "SELECT*{{?s ?p ?o FILTER(?o<'>'||1=1) {s} }} # ')}}" + "x" * 20_000,
    "SELECT * {{ # quiet\r{s} }} #" + "x" * 20_000,
    # escapes
    "SELECT * {{ \\u0053ERVICE <http://127.0.0.1:{port}/> {{ ?s ?p ?o }} }}",
    "SELECT * {{ \\U00000053ERVICE <http://127.0.0.1:{port}/> {{ ?s ?p ?o }} }}",
    "SELECT * {{ SERV\\u0049CE <http://127.0.0.1:{port}/> {{ ?s ?p ?o }} }}",
    "SELECT * {{ \u017fERVICE <http://127.0.0.1:{port}/> {{ ?s ?p ?o }} }}",
    # more than one operation, and updates
    "SELECT * {{}} ; SELECT * {{ {s} }}",
    "LOAD <http://127.0.0.1:{port}/>",
    "LOAD SILENT <http://127.0.0.1:{port}/> INTO GRAPH <urn:g>",
    "PREFIX a: <http://x/> # c\nLOAD <http://127.0.0.1:{port}/>",
    "INSERT DATA {{ <a:a> <a:b> 1 }}",
    "DELETE WHERE {{ ?s ?p ?o }}",
    "DELETE {{ ?s ?p ?o }} INSERT {{ ?s ?p 1 }} WHERE {{ {s} }}",
    "CLEAR ALL",
    "DROP DEFAULT",
    "CREATE GRAPH <urn:g>",
    "COPY DEFAULT TO <urn:g>",
    "SELECT * {{}} ; LOAD <http://127.0.0.1:{port}/>",
]


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A local address that notes every connection anybody makes to it."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        stop = threading.Event()

        def listen() -> None:
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    heard.append(connection.recv(4096))

        thread = threading.Thread(target=listen)
        thread.start()
        yield server.getsockname()[1], heard
        stop.set()
        thread.join()


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_passes(attack: str, listener: tuple[int, list[bytes]]) -> None:
    port, heard = listener
    text = attack.format(port=port, s=S.format(port=port))
    try:
        guard(parse(text))
    except (MalformedQuery, RefusedQuery):
        return
    # what the guard lets through must be harmless: refused by the engine, not run by it
    with pytest.raises(SyntaxError):
        ox.Store().query(text)
    assert heard == []


def test_most_attacks_would_work_without_the_guard(listener: tuple[int, list[bytes]]) -> None:
    """The list tests something: the engine itself would call the address."""
    port, heard = listener
    before = len(heard)
    for attack in ATTACKS:
        store = ox.Store()
        store.add(ox.Quad(ox.NamedNode("a:s"), ox.NamedNode("a:p"), ox.Literal(1)))
        try:
            result = store.query(attack.format(port=port, s=S.format(port=port)))
            if not isinstance(result, ox.QueryBoolean):
                next(iter(result), None)
        except (SyntaxError, OSError, RuntimeError):
            pass
    assert len(heard) - before >= 20


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?s <http://x/serviceLocation> ?o }",
        "PREFIX s: <http://x/> SELECT ?service { ?service s:Service 'SERVICE' } # service",
        "SELECT * { ?s ?p '''in service\nsince''' }",
        'SELECT * { ?s ?p "LOAD <x>", "INSERT" }',
    ],
)
def test_the_words_may_stand_where_they_mean_nothing(text: str) -> None:
    guard(parse(text))


def test_a_long_faulty_text_is_given_up_at_its_first_fault() -> None:
    """Mending 150,000 faults takes the grammar seconds, in which nobody else is answered."""
    parsed = parse("ASK { #service\n" + "'a' " * 149_000 + "}")
    with pytest.raises(RefusedQuery):
        guard(parsed)
    assert "tree" not in parsed.__dict__


def test_a_long_sound_text_may_mention_service() -> None:
    values = " ".join(f"<http://x/service/{number}>" for number in range(20_000))
    guard(parse(f"SELECT * {{ VALUES ?service {{ {values} }} ?s ?p ?service }} # in service"))


PIECES = [
    "'", '"', "'''", '"""', "\\", "\\'", "#", "\r", "\n", "<", ">", "<http://x/>", "?o", " ",
    "a:b", "FILTER(", ")", "||", "{", "}", ".", "SERVICE <http://127.0.0.1:9/> {?s ?p ?o}", "1",
    "service", "@en", "_:b", "<#", "<'>", "\\u0027", "[", "]", ";", "EXISTS", "OPTIONAL",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14))
def test_no_mixture_of_pieces_hides_a_service_call(pieces: list[str]) -> None:
    text = "PREFIX a: <http://x/> SELECT * { ?s ?p " + "".join(pieces) + " }"
    try:
        guard(parse(text))
    except GridspineError:
        return
    store = ox.Store()
    store.add(ox.Quad(ox.NamedNode("a:s"), ox.NamedNode("a:p"), ox.Literal(1)))
    try:
        result = store.query(text)
        if not isinstance(result, ox.QueryBoolean):
            list(result)
    except SyntaxError:
        pass
    except OSError as error:
        pytest.fail(f"the engine tried to call an address: {text!r}: {error}")
