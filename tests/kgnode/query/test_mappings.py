"""Queries under mapping sets at a node: found, named, bounded by what the caller may see."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from kgnode.alignment.apply import Rewriter
from kgnode.errors import BadMapping, BadRequest, NotFound
from kgnode.policy.policies import Policies
from kgnode.query.answer import SparqlAnswer
from tests.kgnode.alignment.sets import Released, mapping, mapping_set
from tests.kgnode.node import OWNER, PLANNER, PUBLIC, NodeUnderTest, read_policy, triples

PREFIX = "PREFIX : <http://x/> "
SET = mapping_set(
    "words",
    "c Line < Asset",
    "c Bay < Asset",
    "p length = extent",
    "p span < extent",
    "!c Fault < Asset",
    "p secret = extent",
)
OPEN = ":l1 a :Line ; :length 5 . :l2 a :Bay ; :span 6 . :l3 a :Fault ; :length 7 ; :span 7 ."
CLOSED = ":l4 a :Line ; :secret 8 ; :in :l1 . :l1 :secret 9 ."
PATTERN = """PREFIX : <http://x/>
CONSTRUCT { ?part :holds ?whole } WHERE { ?part :in ?whole . ?whole :length ?length }"""


def play(
    folder: Path,
    scene: Callable[[NodeUnderTest], Awaitable[None]],
    *sets: Any,
    **settings: Any,
) -> None:
    async def main() -> None:
        node = NodeUnderTest(folder, **settings)
        held = Released([*(sets or (SET,))], {"words": {"holds": PATTERN}} if not sets else {})
        node.desk.mappings = Rewriter(held)
        node.policies = Policies.from_documents([read_policy("d", "open", "public")])
        try:
            await scene(node)
        finally:
            await node.close()

    asyncio.run(main())


def publish(node: NodeUnderTest, closed: str = CLOSED, opened: str = OPEN) -> None:
    cells: dict[str | None, Any] = {"open": triples(opened)}
    if closed:
        cells["closed"] = triples(closed)
    node.publish("d", {"urn:m:1": cells})


async def found(answer: SparqlAnswer) -> list[tuple[str, ...]]:
    body = orjson.loads(await answer.read())
    names = body["head"]["vars"]
    return sorted(
        tuple(row[name]["value"].removeprefix("http://x/") if name in row else "" for name in names)
        for row in body["results"]["bindings"]
    )


def header(answer: SparqlAnswer, name: str) -> str:
    return dict(answer.headers).get(name, "")


def test_a_query_finds_what_other_words_say_and_the_answer_names_the_mappings(
    tmp_path: Path,
) -> None:
    async def scene(node: NodeUnderTest) -> None:
        publish(node, closed="")
        query = PREFIX + "SELECT ?s ?v { ?s a :Asset ; :extent ?v }"
        assert await found(await node.ask(query)) == []
        answer = await node.ask(query, mappings=("words@1",))
        assert await found(answer) == [("l1", "5"), ("l2", "6")]
        said = header(answer, "Gridspine-Mappings")
        assert said.startswith("words@1;digest=") and said.endswith(";used=4;lossy=3")
        warned = header(answer, "Gridspine-Mapping-Warnings")
        assert "Asset is also answered from Line" in warned and "length" not in warned

    play(tmp_path, scene)


def test_a_set_that_is_not_there_is_an_error_and_a_node_without_sets_says_so(
    tmp_path: Path,
) -> None:
    async def scene(node: NodeUnderTest) -> None:
        publish(node)
        for name in ("other@1", "words@2", "cim-namespaces@2"):
            with pytest.raises(NotFound):
                await node.ask("SELECT * {}", mappings=(name,))
        node.desk.mappings = None
        with pytest.raises(BadRequest):
            await node.ask("SELECT * {}", mappings=("words@1",))

    play(tmp_path, scene)


def test_what_cannot_be_rewritten_is_answered_from_a_view_that_holds_what_follows(
    tmp_path: Path,
) -> None:
    async def scene(node: NodeUnderTest) -> None:
        publish(node, closed="")
        every = PREFIX + "SELECT ?p ?v { :l1 ?p ?v }"
        answer = await node.ask(every, mappings=("words@1",))
        rows = [(p.rpartition("#")[2], v) for p, v in await found(answer)]
        assert sorted(rows) == [
            ("extent", "5"),
            ("length", "5"),
            ("secret", "5"),  # it means the same as extent
            ("type", "Asset"),
            ("type", "Line"),
        ]
        rewritten = await node.ask(PREFIX + "SELECT * { :l1 :extent ?v }", mappings=("words@1",))
        assert await found(rewritten) == [("5",)]
        assert header(answer, "Gridspine-Version") == header(rewritten, "Gridspine-Version")
        plain = await node.ask(every)
        assert header(answer, "Gridspine-Version") != header(plain, "Gridspine-Version")
        assert len(await found(plain)) == 2
        in_graph = PREFIX + "SELECT ?v { GRAPH <urn:m:1> { :l1 ?p ?v FILTER(?p = :extent) } }"
        assert await found(await node.ask(in_graph, mappings=("words@1",))) == [("5",)]

    play(tmp_path, scene)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT ?s ?v { ?s :extent ?v }",
        "SELECT ?s ?p ?v { ?s ?p ?v }",
        "SELECT ?s ?v { ?s :holds ?v }",
        "SELECT ?s { ?s a :Asset FILTER NOT EXISTS { ?s :extent ?v FILTER(?v > 8) } }",
        "SELECT (COUNT(*) AS ?n) { ?s a :Asset }",
        "SELECT ?s ?v { ?s !:extent ?v }",
        "SELECT ?s ?v { GRAPH ?g { ?s :extent ?v } }",
    ],
)
def test_nothing_follows_for_a_caller_from_what_is_hidden_from_them(
    tmp_path: Path, query: str
) -> None:
    """Rows, entity tags, versions, mappings named and warnings are as if it were not there."""

    def told(folder: Path, closed: str, caller: Any) -> tuple[Any, ...]:
        seen: list[Any] = []

        async def scene(node: NodeUnderTest) -> None:
            publish(node, closed)
            answer = await node.ask(PREFIX + query, caller, mappings=("words@1",))
            names = (
                "Gridspine-Mappings",
                "Gridspine-Mapping-Warnings",
                "Gridspine-Version",
            )
            told = (header(answer, name) for name in names)
            seen.extend([await found(answer), answer.etag, *told])

        folder.mkdir()
        play(folder, scene)
        return tuple(seen)

    without = told(tmp_path / "a", "", PUBLIC)
    assert told(tmp_path / "b", CLOSED, PUBLIC) == without
    assert told(tmp_path / "c", CLOSED, PLANNER) == without
    if "!" not in query:
        assert told(tmp_path / "d", CLOSED, OWNER)[0] != without[0]


def test_a_structural_map_works_on_what_the_caller_sees(tmp_path: Path) -> None:
    async def scene(node: NodeUnderTest) -> None:
        publish(node)
        query = PREFIX + "SELECT ?part ?whole { ?part :holds ?whole }"
        answer = await node.ask(query, OWNER, mappings=("words@1",))
        assert await found(answer) == [("l4", "l1")]
        assert header(answer, "Gridspine-Mappings").endswith(";structural=1")

    play(tmp_path, scene)


def test_a_negative_mapping_never_yields_a_row(tmp_path: Path) -> None:
    denied = mapping_set("denied", "c Line < Asset", "!c Line < Asset", "!p length = extent")

    async def scene(node: NodeUnderTest) -> None:
        publish(node, closed="")
        for query in (
            "SELECT ?s { ?s a :Asset }",
            "SELECT ?s { ?s :extent ?v }",
            "SELECT ?s { ?s ?p :Asset }",
            "SELECT ?s { ?s ?p ?v FILTER(?p = :extent) }",
        ):
            answer = await node.ask(PREFIX + query, mappings=("denied@1",))
            assert await found(answer) == []
            assert header(answer, "Gridspine-Mappings").endswith("used=0;lossy=0")

    play(tmp_path, scene, denied)


@pytest.mark.parametrize(
    ("rows", "asked"),
    [
        (("c Line = Asset", "!c Line < Asset"), "Asset"),
        (("c Asset > Line", "!c Line < Asset"), "Asset"),
        (("c Line < Asset", "!c Asset > Line"), "Asset"),
        (("c Line = Asset", "!c Asset = Line"), "Asset"),
        (("c Line = Asset", "!c Line ~ Asset"), "Asset"),
        (("c Line < Cable", "c Cable < Asset", "!c Line < Asset"), "Asset"),
        (("c Line = Cable", "c Asset > Cable", "!c Asset > Line"), "Asset"),
        (("c Line = Cable", "c Cable = Asset", "!c Line = Asset"), "Asset"),
        (("c Line < A", "c A < B", "c B < Asset", "!c A < Asset"), "Asset"),
        (("p length < reach", "p reach < extent", "!p length < extent"), "extent"),
    ],
)
def test_no_words_and_no_chain_lead_to_what_is_denied(
    tmp_path: Path, rows: tuple[str, ...], asked: str
) -> None:
    denied = mapping_set("denied", *rows)
    open_way = mapping_set("open", *(row for row in rows if not row.startswith("!")))
    pattern = f"?s a :{asked}" if asked == "Asset" else f"?s :{asked} ?v"

    async def scene(node: NodeUnderTest) -> None:
        publish(node, closed="")
        for query in (
            f"SELECT DISTINCT ?s {{ {pattern} }}",
            f"SELECT DISTINCT ?s {{ ?s ?p ?v . {pattern} }}",
            f"SELECT ?s {{ ?s ?p ?v FILTER(?p = :{asked} || ?v = :{asked}) }}",
        ):
            assert await found(await node.ask(PREFIX + query, mappings=("denied@1",))) == []
            assert ("l1",) in await found(await node.ask(PREFIX + query, mappings=("open@1",)))
        both = PREFIX + f"SELECT DISTINCT ?s {{ {pattern} }}"
        assert await found(await node.ask(both, mappings=("denied@1", "open@1"))) == []

    play(tmp_path, scene, denied, open_way)


def test_a_denial_of_equality_leaves_inclusion_alone(tmp_path: Path) -> None:
    only = mapping_set("only", "c Line = Asset", "c Line < Asset", "!c Line = Asset")

    async def scene(node: NodeUnderTest) -> None:
        publish(node, closed="")
        answer = await node.ask(PREFIX + "SELECT ?s { ?s a :Asset }", mappings=("only@1",))
        assert await found(answer) == [("l1",)]
        assert header(answer, "Gridspine-Mappings").endswith("used=1;lossy=1")

    play(tmp_path, scene, only)


def test_close_matches_count_only_on_request(tmp_path: Path) -> None:
    near = mapping_set("near", "c Line ~ Cable", "c Bay - Cable")

    async def scene(node: NodeUnderTest) -> None:
        publish(node, closed="")
        query = PREFIX + "SELECT ?s { ?s a :Cable }"
        assert await found(await node.ask(query, mappings=("near@1",))) == []
        answer = await node.ask(query, mappings=("near@1+close",))
        assert await found(answer) == [("l1",)]
        assert header(answer, "Gridspine-Mappings").startswith("near@1+close;")
        assert header(answer, "Gridspine-Mapping-Warnings")

    play(tmp_path, scene, near)


def test_a_mapping_cannot_smuggle_text_into_a_query(tmp_path: Path) -> None:
    attack = "http://x/a> ?o } } SERVICE <http://127.0.0.1:9/> { ?s <http://x/b"
    evil = mapping_set("evil", mapping("p length = extent"))
    row = mapping("p length = extent", 2)
    object.__setattr__(row, "object", attack)
    object.__setattr__(evil, "mappings", (row,))

    async def scene(node: NodeUnderTest) -> None:
        publish(node)
        with pytest.raises(BadMapping):
            await node.ask(PREFIX + "SELECT * { ?s :length ?o }", mappings=("evil@1",))

    play(tmp_path, scene, evil)


def test_what_follows_changes_with_the_data_and_leaves_with_it(tmp_path: Path) -> None:
    async def scene(node: NodeUnderTest) -> None:
        query = PREFIX + "SELECT ?s { ?s ?p :Asset }"
        publish(node, closed="")
        first = await node.ask(query, mappings=("words@1",))
        assert await found(first) == [("l1",), ("l2",)]
        before = node.record.datasets()[0]
        publish(node, closed="", opened=":l9 a :Line .")
        await node.views.follow(before, node.record.datasets()[0])
        assert all(seat.key.derived is None for seat in node.views.seats())
        second = await node.ask(query, mappings=("words@1",))
        assert await found(second) == [("l9",)]
        assert first.etag != second.etag
        await node.views.follow(node.record.datasets()[0], None)
        assert not any(seat.key.cells for seat in node.views.seats())

    play(tmp_path, scene)


def test_a_report_in_the_answer_says_it_in_full(tmp_path: Path) -> None:
    async def scene(node: NodeUnderTest) -> None:
        publish(node, closed="")
        request = {"mappings": ("words@1",), "parameters": {"report": ("inline",)}}
        answer = await node.ask(PREFIX + "SELECT ?s { ?s a :Asset }", **request)
        told = orjson.loads(await answer.read())["report"]["mappings"]
        assert told["way"] == "rewritten" and told["sets"][0]["set"] == "words@1"
        assert [(use["asked"], use["found"], use["lossy"]) for use in told["used"]] == [
            ("http://x/Asset", "http://x/Bay", True),
            ("http://x/Asset", "http://x/Line", True),
        ]
        assert told["used"][0]["mappings"] == [{"id": "m2", "set": "words@1"}]
        answer = await node.ask("SELECT ?s { ?s ?p ?o }", **request)
        told = orjson.loads(await answer.read())["report"]["mappings"]
        assert told["way"] == "materialised" and told["structural"] == ["words/holds"]
        with pytest.raises(BadRequest):
            await node.ask("SELECT * {}", accept="text/csv", **request)

    play(tmp_path, scene)


def test_a_view_that_holds_what_follows_can_lie_on_disk(tmp_path: Path) -> None:
    async def scene(node: NodeUnderTest) -> None:
        publish(node)
        every = PREFIX + "SELECT ?s ?p ?o { ?s ?p ?o }"
        found_there.append(await found(await node.ask(every, mappings=("words@1",))))
        on_disk.append(all(seat.image is not None for seat in node.views.seats()))

    found_there: list[Any] = []
    on_disk: list[bool] = []
    for name, settings in (("memory", {}), ("disk", {"view_memory_bytes": 1_000})):
        (tmp_path / name).mkdir()
        play(tmp_path / name, scene, **settings)
    assert on_disk == [False, True]
    assert found_there[0] == found_there[1]
    assert ("l4", "holds", "l1") in found_there[1]
