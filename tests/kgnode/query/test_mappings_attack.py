"""A mapping set is no way to see more: one made to leak, signed and adopted, leaks nothing.

The set makes every term equal to every other, names hidden things, and brings structural maps that
copy, count and look for what is not there. Who may not see something gets, to the byte, what they
would get from a node on which it never was, even right after somebody who may see it has asked.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kgnode.alignment import release as releases
from kgnode.alignment.apply import Rewriter
from kgnode.alignment.mapping import MappingSet
from kgnode.alignment.shelf import Shelf
from kgnode.alignment.slots import SEMAPV
from kgnode.errors import BadMapping, GridspineError
from kgnode.policy.caller import Caller
from kgnode.policy.policies import Policies
from kgnode.trust import generate_key, public_jwks
from tests.kgnode.alignment.sets import mapping
from tests.kgnode.node import OWNER, PLANNER, PUBLIC, NodeUnderTest, read_policy, triples

OPEN = ":l1 a :Line ; :length 5 ; :in :s1 . :l2 a :Bay ; :length 6 ."
CLOSED = """:l1 :secret 9 ; :in :vault . :l3 a :Bunker ; :length 7 ; :secret 8 .
:vault a :Line , :Bunker ."""
CLASSES = ("Line", "Bay", "Bunker", "Any")
PROPERTIES = ("length", "secret", "in", "any")
THINGS = ("l1", "l2", "l3", "s1", "vault")
ROWS = tuple(
    replace(
        mapping(f"{kind} {one} {relation} {other}"),
        id=f"https://evil.example/{kind}-{one}-{other}-{ord(relation)}",
        justification=f"{SEMAPV}ManualMappingCuration",
        other={"subject_type": of, "object_type": of},
    )
    for kind, of, terms in (
        ("c", "rdfs class", CLASSES),
        ("p", "rdf property", PROPERTIES),
        ("i", "owl named individual", THINGS),
    )
    for one, other in itertools.combinations(terms, 2)
    for relation in "=~"
)
MAPS = {
    "copy.rq": "CONSTRUCT { ?s ?p ?o . ?s <http://x/any> ?o . ?o <http://x/from> ?p } "
    "WHERE { ?s ?p ?o FILTER(isIRI(?o)) }",
    "count.rq": "CONSTRUCT { <http://x/all> <http://x/any> ?n } "
    "WHERE { SELECT (COUNT(*) AS ?n) { ?s ?p ?o } }",
    "absent.rq": "CONSTRUCT { <http://x/no> <http://x/any> ?c } WHERE { VALUES ?c { "
    "<http://x/Bunker> <http://x/Line> } FILTER NOT EXISTS { ?s a ?c } }",
    "join.rq": "CONSTRUCT { ?s a <http://x/Line> } WHERE { ?s <http://x/secret>|<http://x/in> ?o }",
}
QUERIES = (
    "SELECT * { ?s a :Line }",
    "SELECT * { ?s :any ?o }",
    "SELECT * { ?s :length ?o . MINUS { ?s a :Bunker } }",
    "SELECT * { ?s a :Any FILTER NOT EXISTS { ?s :secret ?o } }",
    "SELECT (COUNT(*) AS ?n) (SUM(?o) AS ?m) { ?s :secret ?o }",
    "SELECT * { ?s :in+ ?o }",
    "SELECT * { { SELECT DISTINCT ?c { ?s a ?c } } OPTIONAL { ?t a ?c ; :secret ?v } }",
    "SELECT * { ?s ?p ?o }",
    "SELECT * { GRAPH ?g { ?s ?p ?o } }",
    "SELECT * { ?s !:nothing :vault }",
    "ASK { ?s a :Bunker ; :secret ?o }",
    "CONSTRUCT WHERE { ?s :secret ?o }",
    "DESCRIBE :l1 :vault",
)
SETS = (("evil@1",), ("evil@1+close",), ("evil@1", "cim-namespaces@1", "ies4-hierarchy@4.3"))


def adopted(folder: Path) -> Shelf:
    """A shelf that has adopted the set, which a member signed."""
    key = generate_key()
    known = {one["kid"]: {**one, "org": "EVIL"} for one in public_jwks(key)["keys"]}
    attested: dict[str, Any] = {
        "issuer": "EVIL", "released_by": "eve (EVIL)", "issued": datetime.now(UTC).isoformat(),
        "approved": len(ROWS), "organisations": ["EVIL", "DNOA"], "warnings": 0, "notice": "",
        "reasoning": {"reasoned": False, "reason": "", "reasoner": ""},
    }  # fmt: skip
    found = MappingSet(
        "https://evil.example/set", "evil", "1", licence="https://evil.example/free",
        curies={"x": "http://x/"}, mappings=ROWS,
    )  # fmt: skip
    shelf = Shelf(folder / "mappings", lambda: known)
    shelf.folder.mkdir()
    shelf.adopt(releases.bundle(releases.make(found, MAPS, attested, key.sign)))
    assert shelf.rules("evil").keys() == MAPS.keys()
    return shelf


def told(folder: Path, closed: str, *callers: Caller) -> list[Any]:
    """Everything that the last of some callers, who ask one after the other, is told."""
    folder.mkdir()

    async def main() -> list[Any]:
        node = NodeUnderTest(folder)
        node.desk.mappings = Rewriter(adopted(folder))
        node.policies = Policies.from_documents([read_policy("d", "open", "public")])
        cells: dict[str | None, Any] = {"open": triples(OPEN)}
        if closed:
            cells["closed"] = triples(closed)
        node.publish("d", {"urn:m:1": cells})
        try:
            return [
                (query, sets, [await answered(node, query, sets, who) for who in callers][-1])
                for query in QUERIES
                for sets in SETS
            ]
        finally:
            await node.close()

    return asyncio.run(main())


async def answered(node: NodeUnderTest, query: str, sets: tuple[str, ...], who: Caller) -> Any:
    try:
        got = await node.ask(f"PREFIX : <http://x/> {query}", who, mappings=sets)
    except GridspineError as error:
        return error.code, error.message
    body = got.content or b"".join([part async for part in got.body])
    lines = sorted(body.replace(b"},{", b"}\n{").splitlines())
    return lines, got.headers


def test_a_set_made_to_leak_shows_nobody_more_than_they_may_see(tmp_path: Path) -> None:
    without = told(tmp_path / "without", "", PUBLIC)
    assert told(tmp_path / "public", CLOSED, OWNER, PUBLIC) == without
    assert told(tmp_path / "planner", CLOSED, OWNER, PUBLIC, OWNER, PLANNER) == without
    owners = told(tmp_path / "owner", CLOSED, PUBLIC, OWNER)
    differing = [one[0] for one, other in zip(owners, without, strict=True) if one != other]
    assert len(differing) > len(QUERIES), "else there was nothing to hide"


def test_a_release_that_the_signer_did_not_sign_so_is_not_adopted(tmp_path: Path) -> None:
    shelf = adopted(tmp_path)
    content = releases.bundle(shelf.release("evil"))
    (tmp_path / "other").mkdir()
    for old, new in ((b"FILTER(isIRI(?o))", b"FILTER(isIRI(?s))"), (b"x:Bunker", b"x:Secret")):
        assert old in content
        with pytest.raises(BadMapping):
            Shelf(tmp_path / "other", shelf._keys).adopt(content.replace(old, new))
    with pytest.raises(BadMapping):
        Shelf(tmp_path / "other", dict).adopt(content)
