"""CIM data at one member, IES4 data at another: one question, one answer; nothing hidden shows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import orjson
import pyoxigraph as ox
import pytest

from federation.answer import Ask, FederatedAnswer
from federation.members.pool import Member
from kgnode.alignment.mapping import MappingSet
from kgnode.names import CIM16, CIM100, expand
from tests.federation.mapped import member, product
from tests.federation.oracle import ask_all
from tests.kgnode.alignment.product import HERE, triples
from tests.kgnode.alignment.sets import Released, mapping, mapping_set
from tests.kgnode.alignment.test_ies_data import PREFIXES, QUESTIONS
from tests.kgnode.node import triples as parsed
from tests.kgnode.query import test_mappings_attack as attack

SET = "cim-ies4@1"
ACCEPT = "application/sparql-results+json"


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Member]]:
    folder = tmp_path_factory.mktemp("members")
    sets = product("cim-ies4")
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                member(folder / name, name, (quad.triple for quad in triples(HERE / file)), sets)
            )
            for name, file in (("CIM", "grid.ttl"), ("IES", "ies4_sample.ttl"))
        ]


def _column(got: object) -> set[str]:
    assert isinstance(got, FederatedAnswer), got
    assert got.status == "complete"
    rows = orjson.loads(got.body)["results"]["bindings"]
    return {term["value"] for row in rows for term in row.values()}


def test_cim_and_ies4_data_of_two_members_answer_one_question(members: list[Member]) -> None:
    asks = [
        Ask(PREFIXES + query, accept=ACCEPT, mappings=mappings)
        for query, _ in QUESTIONS.values()
        for mappings in ((SET,), ())
    ]
    answers = iter(ask_all(members, asks))
    for _, expected in QUESTIONS.values():
        assert _column(next(answers)) == expected
        assert _column(next(answers)) < expected  # without the set only what was IES4 before


def test_an_export_of_what_follows_holds_no_denied_pair(members: list[Member]) -> None:
    rows = product("cim-ies4").sets[0].mappings
    denied = [row for row in rows if row.negative]
    assert denied
    everything = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
    (got,) = ask_all(members, [Ask(everything, accept="application/n-triples", mappings=(SET,))])
    assert isinstance(got, FederatedAnswer)
    made = ox.Store()
    made.load(got.body, format=ox.RdfFormat.N_TRIPLES)
    kind = ox.NamedNode(expand("rdf:type"))
    for row in denied:
        claims = (ox.NamedNode(row.subject), ox.NamedNode(row.predicate), ox.NamedNode(row.object))
        assert not list(made.quads_for_pattern(*claims, None))
        own = {q.subject for q in made.quads_for_pattern(None, kind, claims[0], None)}
        other = {q.subject for q in made.quads_for_pattern(None, kind, claims[2], None)}
        allowed = {r.subject for r in rows if r.object == row.object and not r.negative}
        for subject in own & other:
            types = {q.object.value for q in made.quads_for_pattern(subject, kind, None, None)}  # type: ignore[union-attr]
            assert types & allowed, f"{subject} is {row.object} by {row.id}, which is denied"


def _told(where: Member, path: str) -> tuple[bytes, str | None, str | None]:
    with urlopen(f"{where.node}{path}") as answer:
        headers = answer.headers
        return answer.read(), headers["ETag"], headers["Gridspine-Version"]


@pytest.mark.parametrize("structural", [False, True])
def test_summaries_under_mappings_tell_what_follows_and_nothing_of_what_is_hidden(
    tmp_path: Path, structural: bool
) -> None:
    words = mapping_set("words", "c Line < Asset", "p length = extent", mapping("!p in = part", 9))
    join = "CONSTRUCT { ?a <http://x/holds> ?b } WHERE { ?a <http://x/in> ?b }"
    sets = Released([words], {"words": {"holds": join}} if structural else {})
    shown = "@prefix : <http://x/> . :l1 a :Line ; :length 5 ; :in :s1 ."
    closed = "@prefix : <http://x/> . :l2 a :Cable ; :in :s2 . :l1 :extent 6 ."

    def parsed(text: str) -> list[ox.Triple]:
        return [q.triple for q in ox.parse(text.encode(), format=ox.RdfFormat.TURTLE)]

    told = []
    for name, hidden in (("with", closed), ("without", "")):
        with member(tmp_path / name, "A", parsed(shown), sets, parsed(hidden)) as where:
            paths = [f"/summary{more}?mappings=words@1" for more in ("", "/terms")]
            told.append([_told(where, path) for path in paths])
    assert told[0] == told[1]
    summary = orjson.loads(told[0][0][0])
    assert summary["predicates"]["http://x/extent"]["count"] == 1
    assert summary["classes"]["http://x/Asset"]["count"] == 1
    assert ("http://x/holds" in summary["predicates"]) is structural
    assert not {"http://x/part", "http://x/Cable"} & {*summary["predicates"], *summary["classes"]}


def _unordered(body: bytes) -> object:
    """Return what an answer says, whatever the order of its rows or lines."""
    if not body.startswith(b"{"):
        return sorted(body.splitlines())
    told = orjson.loads(body)
    rows = told.get("results", {}).pop("bindings", [])
    return told, sorted(rows, key=lambda row: sorted((k, v["value"]) for k, v in row.items()))


def test_a_set_made_to_leak_shows_nothing_hidden_at_the_gateway(tmp_path: Path) -> None:
    """The set of ``test_mappings_attack``, at two members, one of which hides something."""
    evil = MappingSet("https://evil.example/set", "evil", "1", mappings=attack.ROWS)
    sets = Released([evil], {"evil": attack.MAPS})
    forms = {"CONSTRUCT": "application/n-triples", "DESCRIBE": "application/n-triples"}
    asks = [
        Ask(
            f"PREFIX : <http://x/> {query}",
            accept=forms.get(query.split()[0], ACCEPT),
            mappings=("evil@1",),
        )
        for query in attack.QUERIES
    ]

    def told(folder: Path, closed: str) -> list[object]:
        hidden = parsed(closed) if closed else []
        with (
            member(folder / "A", "A", parsed(attack.OPEN), sets, hidden) as one,
            member(folder / "B", "B", parsed(":l9 a :Line ; :in :s1 ."), sets) as other,
        ):
            return [
                (got.status, _unordered(got.body)) if isinstance(got, FederatedAnswer) else str(got)
                for got in ask_all([one, other], asks)
            ]

    found = told(tmp_path / "with", attack.CLOSED)
    assert found == told(tmp_path / "without", "")
    assert sum(isinstance(one, tuple) for one in found) >= len(asks) - 2


def test_sets_asked_for_together_are_chained(tmp_path: Path) -> None:
    """CIM16 data answer in IES4's words as CIM100 data do: one set leads to the other's terms."""
    text = (HERE / "grid.ttl").read_text()
    sets = product("cim16-cim100", "cim-ies4")
    older = [q.triple for q in ox.parse(text.replace(CIM100, CIM16), format=ox.RdfFormat.TURTLE)]
    asks = [Ask(PREFIXES + query, accept=ACCEPT) for query, _ in QUESTIONS.values()]
    both = ("cim16-cim100@1", SET)
    with member(tmp_path / "16", "A", older, sets) as where:
        found = ask_all([where], [replace(ask, mappings=both) for ask in asks])
        alone = ask_all([where], [replace(ask, mappings=(SET,)) for ask in asks])
    newer = [quad.triple for quad in triples(HERE / "grid.ttl")]
    with member(tmp_path / "100", "A", newer, sets) as where:
        expected = ask_all([where], [replace(ask, mappings=(SET,)) for ask in asks])
    for got, without, wanted in zip(found, alone, expected, strict=True):
        assert _column(got) == _column(wanted) != set()
        assert _column(without) <= _column(got)
    assert any(_column(without) != _column(got) for got, without in zip(found, alone, strict=True))
