"""Structural maps are checked before they run, and bounded while they do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import pyoxigraph as ox
import pytest

from kgnode.alignment.apply import Rewriter
from kgnode.alignment.structural import construct
from kgnode.errors import BadMapping, TooCostly
from kgnode.store.derive import Derivation, derive
from tests.kgnode.alignment.product import NAMES, structural
from tests.kgnode.alignment.sets import Released, mapping_set
from tests.kgnode.node import NodeUnderTest, triples

HEAD = "PREFIX : <http://x/> CONSTRUCT { ?s :made ?o } WHERE { ?s :p ?o"
REQUEST = "SERVICE <http://127.0.0.1:PORT/> { ?s ?p ?o }"
ATTACKS = [
    f"{HEAD} {REQUEST} }}",
    f"{HEAD} . # note\r {REQUEST}\n }}",
    f"{HEAD} . # note\r\n# x\r{REQUEST}\n }}",
    HEAD + ".SERVICE<http://127.0.0.1:PORT/>{?s ?p ?o} }",
    HEAD + " FILTER(?o<1||?o>1SERVICE <http://127.0.0.1:PORT/> {}) }",
    f"{HEAD} FILTER EXISTS {{ {REQUEST} }} }}",
    f"{HEAD} {{ SELECT * {{ {REQUEST} }} }} }}",
    HEAD + " \\u0053ERVICE <http://127.0.0.1:PORT/> { ?s ?p ?o } }",
    HEAD + " sErViCe SILENT <http://127.0.0.1:PORT/> { ?s ?p ?o } }",
    f"{HEAD} FILTER(?o = :inSERVICE) {REQUEST} }}",
]
REFUSED = [
    "SELECT * { ?s ?p ?o }",
    "CONSTRUCT WHERE { ?s ?p ?o }",
    "INSERT DATA { <urn:a> <urn:b> <urn:c> }",
    "CONSTRUCT { ?s ?p ?o",
    "CONSTRUCT { ?s ?p _:x } WHERE { ?s ?p ?o }",
    "CONSTRUCT { ?s ?p [] } WHERE { ?s ?p ?o }",
    "CONSTRUCT { ?s ?p ?o } FROM <urn:g> WHERE { ?s ?p ?o }",
    "CONSTRUCT { ?s ?p ?o } WHERE { GRAPH ?g { ?s ?p ?o } }",
    "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?x BIND(RAND() AS ?o) }",
    "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?x BIND(NOW() AS ?o) }",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_structural_map_sends_a_request(attack: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        text = attack.replace("PORT", str(listener.getsockname()[1]))
        with pytest.raises(BadMapping):
            construct("set/map", text)
        store = ox.Store()
        store.extend(ox.Quad(*triple) for triple in triples(":a :p 1 ."))
        with contextlib.suppress(Exception):  # past the check, it still opens nothing
            derive(store, Derivation(constructs=(text,)).to_json())
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize("text", REFUSED)
def test_what_would_not_make_the_same_everywhere_is_refused(text: str) -> None:
    with pytest.raises(BadMapping):
        construct("set/map", text)


@pytest.mark.parametrize("name", NAMES)
def test_every_structural_map_of_the_product_is_taken_and_says_what_it_makes(name: str) -> None:
    for title, text in structural(name).items():
        taken = construct(f"{name}/{title}", text)
        assert taken.predicates


def test_a_map_tells_what_its_template_makes() -> None:
    taken = construct("s/m", "CONSTRUCT { ?s a <urn:C> ; <urn:p> ?o } { ?s <urn:q> ?o }")
    assert taken.predicates == {"urn:p", "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"}
    assert taken.classes == {"urn:C"}
    assert construct("s/n", "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }").predicates is None
    assert construct("s/o", "CONSTRUCT { ?s a ?o } { ?s <urn:q> ?o }").classes is None


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (
            "CONSTRUCT { ?s <http://x/made> ?o } WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i "
            'BIND(IRI(CONCAT("urn:", STR(?c), "-", STR(?f), "-", STR(?i))) AS ?s) BIND(1 AS ?o) }',
            {"view_memory_bytes": 200_000_000},
        ),
        (
            "CONSTRUCT { <urn:s> <http://x/made> ?n } WHERE "
            "{ SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l } }",
            {"mappings_build_seconds": 0.5},
        ),
    ],
)
def test_a_map_that_explodes_is_ended_and_the_node_goes_on(
    tmp_path: Path, text: str, settings: dict[str, float]
) -> None:
    sets = Released([mapping_set("bad", "c A < B")], {"bad": {"explosion": text}})

    async def main() -> None:
        node = NodeUnderTest(tmp_path, **settings)
        node.desk.mappings = Rewriter(sets)
        facts = " ".join(f":s{at} :p {at} ." for at in range(300))
        node.publish("d", {"urn:m:1": {"open": triples(facts)}})
        try:
            for _ in range(2):  # the second time it is not tried again
                with pytest.raises(TooCostly, match="mapping sets"):
                    await node.ask("SELECT * { ?s <http://x/made> ?o }", mappings=("bad@1",))
            assert len(node.views._refused) == 1
            plain = await node.ask("SELECT * { ?s <http://x/p> 7 }")
            assert plain.content is not None and b"s7" in plain.content
            rewritten = await node.ask("SELECT * { ?s <http://x/p> 7 }", mappings=("bad@1",))
            assert rewritten.content is not None and b"s7" in rewritten.content
        finally:
            await node.close()

    asyncio.run(main())
