from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest

from kgnode.audit import Audit
from kgnode.errors import (
    Deadline,
    GridspineError,
    MalformedQuery,
    RefusedQuery,
    ResultTooLarge,
    StoreFull,
)
from kgnode.names import dataset_iri
from kgnode.policy.caller import Caller
from kgnode.policy.policies import Policies
from kgnode.query.answer import SparqlAnswer, matches
from kgnode.query.protocol import SparqlRequest
from kgnode.trust.keys import generate_key
from tests.kgnode.node import (
    ORG,
    OWNER,
    PLANNER,
    PUBLIC,
    NodeUnderTest,
    model,
    read_policy,
    triples,
)

T = TypeVar("T")
ALL = "PREFIX : <http://x/> SELECT ?s ?p ?o { ?s ?p ?o }"


def run(folder: Path, play: Callable[[NodeUnderTest], Awaitable[T]], **settings: Any) -> T:
    async def main() -> T:
        node = NodeUnderTest(folder, **settings)
        try:
            return await play(node)
        finally:
            await node.close()

    return asyncio.run(main())


async def rows(answer: SparqlAnswer) -> list[dict[str, str]]:
    body = await answer.read()
    return [
        {name: term["value"] for name, term in row.items()}
        for row in orjson.loads(body)["results"]["bindings"]
    ]


async def column(answer: SparqlAnswer, name: str = "o") -> list[str]:
    return sorted(row[name] for row in await rows(answer))


def two_graphs(node: NodeUnderTest) -> None:
    node.publish(
        "net",
        {
            "urn:m:eq": {"open": triples(":a :p 1 . :b a :T ."), "shut": triples(":a :p 2 .")},
            "urn:m:ssh": {"open": triples(":b a :T . :b :p 3 .")},
        },
    )
    node.publish("other", {"urn:m:alt": {None: triples(":a :p 9 .")}}, aside=True)
    node.policies = Policies.from_documents(
        [read_policy("net", "open", {"organisation": ["NESO"]})]
    )


def test_each_caller_sees_the_merge_of_exactly_the_permitted_cells(tmp_path: Path) -> None:
    async def play(node: NodeUnderTest) -> None:
        two_graphs(node)
        query = "PREFIX : <http://x/> SELECT ?o { ?s :p ?o }"
        assert await column(await node.ask(query, OWNER)) == ["1", "2", "3"]
        assert await column(await node.ask(query, PLANNER)) == ["1", "3"]
        assert await column(await node.ask(query, PUBLIC)) == []
        twice = "PREFIX : <http://x/> SELECT (COUNT(*) AS ?o) { ?s a :T }"
        assert await column(await node.ask(twice, PLANNER)) == ["1"]

    run(tmp_path, play)


def test_versions_are_those_of_the_view_and_never_of_what_is_hidden(tmp_path: Path) -> None:
    async def play(node: NodeUnderTest) -> None:
        two_graphs(node)
        before = {caller: await node.ask(ALL, caller) for caller in (OWNER, PLANNER, PUBLIC)}
        node.publish(
            "net",
            {
                "urn:m:eq": {"open": triples(":a :p 1 . :b a :T ."), "shut": triples(":a :p 7 .")},
                "urn:m:ssh": {"open": triples(":b a :T . :b :p 3 .")},
            },
        )
        after = {caller: await node.ask(ALL, caller) for caller in (OWNER, PLANNER, PUBLIC)}
        for caller in (PLANNER, PUBLIC):
            assert before[caller].headers == after[caller].headers
        assert before[OWNER].headers != after[OWNER].headers

    run(tmp_path, play)


class Shared:
    """One filled node for many questions; none of them changes it."""

    def __init__(self, folder: Path) -> None:
        self.runner = asyncio.Runner()
        self.node = self.runner.run(self._filled(folder))

    async def _filled(self, folder: Path) -> NodeUnderTest:
        node = NodeUnderTest(folder, evaluators_per_view=1)
        two_graphs(node)
        return node

    def ask(self, text: str, caller: Caller = OWNER, **request: Any) -> SparqlAnswer:
        return self.runner.run(self.node.ask(text, caller, **request))

    def column(self, text: str, caller: Caller, **request: Any) -> list[str]:
        async def play() -> list[str]:
            return await column(await self.node.ask(text, caller, **request))

        return self.runner.run(play())


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    made = Shared(tmp_path_factory.mktemp("shared"))
    yield made
    made.runner.run(made.node.close())
    made.runner.close()


def graph_test(
    text: str, expected: Iterable[str], caller: Caller = PLANNER, **request: Any
) -> tuple[str, list[str], Caller, dict[str, Any]]:
    return text, list(expected), caller, request


NET = dataset_iri(ORG, "net")
OTHER = dataset_iri(ORG, "other")
P = "PREFIX : <http://x/> SELECT ?o "
GRAPHS = "SELECT DISTINCT ?o { GRAPH ?o { ?s ?p ?x } }"


@pytest.mark.parametrize(
    ("text", "expected", "caller", "request_fields"),
    [
        graph_test(P + "FROM <urn:m:eq> { ?s :p ?o }", "1"),
        graph_test(P + "FROM <urn:m:eq> { ?s :p ?o }", "12", OWNER),
        graph_test(P + "FROM <urn:m:eq> FROM <urn:m:ssh> { ?s :p ?o }", "13"),
        graph_test(P + f"FROM <{NET}> {{ ?s :p ?o }}", "13"),
        graph_test(P + f"FROM <{OTHER}> {{ ?s :p ?o }}", ""),
        graph_test(P + f"FROM <{OTHER}> {{ ?s :p ?o }}", "9", OWNER),
        graph_test(P + "FROM <urn:nowhere> { ?s :p ?o }", ""),
        graph_test(P + "FROM NAMED <urn:m:eq> { ?s :p ?o }", ""),
        graph_test(P + "FROM NAMED <urn:m:eq> { GRAPH ?g { ?s :p ?o } }", "1"),
        graph_test(P + "FROM <urn:m:eq> { GRAPH ?g { ?s :p ?o } }", ""),
        graph_test(
            P + "FROM <urn:m:eq> FROM NAMED <urn:m:ssh> { {?s :p ?o} UNION {GRAPH ?g {?s :p ?o}} }",
            "13",
        ),
        graph_test(P + "{ GRAPH <urn:m:eq> { ?s :p ?o } }", "1"),
        graph_test(P + "{ GRAPH <urn:m:alt> { ?s :p ?o } }", "", OWNER),
        graph_test(GRAPHS, ["urn:m:eq", "urn:m:ssh"]),
        graph_test(GRAPHS, ["urn:m:eq", "urn:m:ssh"], OWNER),
        graph_test(GRAPHS, [], PUBLIC),
        graph_test(P + "{ ?s :p ?o }", "1", default_graphs=("urn:m:eq",)),
        graph_test(P + "FROM <urn:m:ssh> { ?s :p ?o }", "1", default_graphs=("urn:m:eq",)),
        graph_test(P + "FROM <urn:m:ssh> { ?s :p ?o }", "", named_graphs=("urn:m:eq",)),
        graph_test(P + "{ GRAPH ?g { ?s :p ?o } }", "3", named_graphs=("urn:m:ssh", "urn:m:alt")),
        graph_test(P + "{ ?s :p ?o }", "", default_graphs=("urn:m:alt",)),
        graph_test(P + "{ ?s :p ?o }", "9", OWNER, default_graphs=("urn:m:alt",)),
    ],
)
def test_graphs_are_narrowed_to_what_is_visible(
    shared: Shared, text: str, expected: list[str], caller: Caller, request_fields: dict[str, Any]
) -> None:
    assert shared.column(text, caller, **request_fields) == sorted(expected)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM <{g}> {{ ?s ?p ?o }}",
        "SELECT * FROM NAMED <{g}> {{ GRAPH <{g}> {{ ?s ?p ?o }} }}",
        "SELECT * FROM NAMED <{g}> {{ GRAPH ?g {{ }} }}",
        "SELECT * {{ GRAPH <{g}> {{ }} }}",
        "SELECT * {{ GRAPH <{g}> {{ ?s ?p ?o }} }}",
        "ASK {{ GRAPH <{g}> {{ }} }}",
        "DESCRIBE <{g}>",
        "CONSTRUCT {{ ?s ?p ?o }} FROM <{g}> {{ ?s ?p ?o }}",
    ],
)
def test_an_invisible_graph_is_like_one_that_does_not_exist(shared: Shared, text: str) -> None:
    seen = []
    for graph in ("urn:m:alt", "urn:m:xyz"):
        try:
            answer = shared.ask(text.format(g=graph), PLANNER)
        except GridspineError as error:
            seen.append((type(error), error.message.replace(graph, "G")))
            continue
        seen.append((answer.status, answer.headers, answer.content))  # its tag covers the text
    assert seen[0] == seen[1]


def test_a_time_reads_the_versions_current_then(tmp_path: Path) -> None:
    async def play(node: NodeUnderTest) -> None:
        for day, value in ((1, "1"), (3, "2")):
            iri = dataset_iri(ORG, "net")
            new = model("urn:m:eq", {"open": triples(f":a :p {value} .")}, "net")
            node.record.publish(
                iri,
                [new],
                aside=False,
                attributes={},
                keep=10,
                created=datetime(2027, 1, day, tzinfo=UTC),
            )
        query = P + "{ ?s :p ?o }"
        assert await column(await node.ask(query)) == ["2"]
        then = datetime(2027, 1, 2, tzinfo=UTC)
        assert await column(await node.ask(query, at=then)) == ["1"]
        before = datetime(2026, 1, 1, tzinfo=UTC)
        assert await column(await node.ask(query, at=before)) == []

    run(tmp_path, play)


def test_limits_refuse_or_cut(tmp_path: Path) -> None:
    async def play(node: NodeUnderTest) -> None:
        two_graphs(node)
        with pytest.raises(ResultTooLarge):
            await node.ask(ALL)
        cut = await node.ask(ALL, limit_cut=True)
        assert len(await rows(cut)) == 2
        assert ("Gridspine-Truncated", "rows") in cut.headers
        assert cut.etag is None
        again = await node.ask(ALL, limit_cut=True)
        assert ("Gridspine-Truncated", "rows") in again.headers

    run(tmp_path, play, query_max_rows=2)


def test_a_caller_can_only_tighten_the_deadline(tmp_path: Path) -> None:
    async def play(node: NodeUnderTest) -> None:
        two_graphs(node)
        limits = node.desk.limits
        assert limits(SparqlRequest("ASK {}", timeout_seconds=1.5), OWNER).timeout_seconds == 1.5
        assert limits(SparqlRequest("ASK {}", timeout_seconds=900), OWNER).timeout_seconds == 30
        assert limits(SparqlRequest("ASK {}"), PUBLIC).timeout_seconds == 10
        runaway = " ".join(
            ["SELECT (COUNT(*) AS ?n) {", *(f"?a{i} ?b{i} ?c{i} ." for i in range(30)), "}"]
        )
        with pytest.raises(Deadline):
            await node.ask(runaway, timeout_seconds=0.3)

    run(tmp_path, play)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("SELECT * { ?s ?p }", MalformedQuery),
        ("SELECT ?x { } GROUP BY ?y", MalformedQuery),
        ("SELECT * FROM <urn:m:eq> { ?s ?p ?o", MalformedQuery),
        ("SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }", RefusedQuery),
        ("CLEAR ALL", RefusedQuery),
    ],
)
def test_what_cannot_be_answered_is_named(
    shared: Shared, text: str, error: type[GridspineError]
) -> None:
    with pytest.raises(error):
        shared.ask(text)


def test_answers_are_kept_per_view_and_only_where_they_repeat(tmp_path: Path) -> None:
    async def play(node: NodeUnderTest) -> None:
        two_graphs(node)
        cache = node.desk.cache
        first = await node.ask(ALL, PLANNER)
        assert (cache.hits, cache.misses) == (0, 1)
        again = await node.ask(ALL, PLANNER)
        assert (cache.hits, again.content) == (1, first.content)
        await node.ask(ALL, OWNER)
        await node.ask(ALL, PLANNER, accept="text/csv")
        assert cache.hits == 1
        fresh = {(await node.ask("SELECT (UUID() AS ?u) {}", PLANNER)).content for _ in range(3)}
        assert len(fresh) == 3

    run(tmp_path, play)


def test_a_client_that_has_the_answer_gets_no_body(tmp_path: Path) -> None:
    async def play(node: NodeUnderTest) -> None:
        two_graphs(node)
        tag = (await node.ask(ALL, PLANNER)).etag
        assert (await node.ask(ALL, PLANNER, if_none_match=tag)).status == 304
        assert (await node.ask(ALL, OWNER, if_none_match=tag)).status == 200
        assert (await node.ask(ALL, PLANNER, accept="text/csv", if_none_match=tag)).status == 200
        timed = await node.ask("SELECT (NOW() AS ?t) {}", PLANNER)
        assert timed.etag is None

    run(tmp_path, play)


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ('W/"a"', True),
        ('"a"', True),
        ('"b", W/"a"', True),
        ("*", True),
        ('"b"', False),
        ("", False),
    ],
)
def test_entity_tags_compare_weakly(header: str, known: bool) -> None:
    assert matches(header, 'W/"a"') is known


def test_every_request_is_audited_with_its_outcome(tmp_path: Path) -> None:
    log = Audit(tmp_path / "audit", generate_key())

    async def play(node: NodeUnderTest) -> None:
        two_graphs(node)
        node.desk.audit = log
        tag = (await node.ask(ALL, PLANNER, default_graphs=("urn:m:eq",))).etag
        await node.ask(ALL, PLANNER, default_graphs=("urn:m:eq",), if_none_match=tag)
        with pytest.raises(RefusedQuery):
            await node.ask("CLEAR ALL", PUBLIC)
        with pytest.raises(MalformedQuery):
            await node.ask("SELECT" + " " * 20_000, PUBLIC)
        entries = log.tail()
        outcomes = [(entry["outcome"], entry["status"]) for entry in entries]
        assert outcomes == [
            ("ok", 200), ("ok", 304), ("refused_query", 400), ("malformed_query", 400)
        ]  # fmt: skip
        first = entries[0]
        assert (first["org"], first["sub"], first["roles"]) == ("NESO", "paul", ["planner"])
        assert (first["purpose"], first["query"], first["form"]) == (PLANNER.purpose, ALL, "SELECT")
        assert (first["cells"], first["default_graphs"]) == (1, ["urn:m:eq"])
        assert len(entries[3]["query"]) < 20_000 < len("SELECT" + " " * 20_000)
        assert len(entries[3]["query_sha256"]) == 64

    run(tmp_path, play)
    log.close()


def test_nothing_is_answered_that_cannot_be_audited(tmp_path: Path) -> None:
    class FullLog:
        def require(self) -> None:
            raise StoreFull("The audit log cannot be written.")

        def record(self, entry: object) -> None:
            raise AssertionError

    async def play(node: NodeUnderTest) -> None:
        two_graphs(node)
        node.desk.audit = FullLog()
        with pytest.raises(StoreFull):
            await node.ask(ALL)

    run(tmp_path, play)


def test_relative_iris_are_relative_to_the_address_asked(tmp_path: Path) -> None:
    async def play(node: NodeUnderTest) -> None:
        query = "SELECT (<a> AS ?o) {}"
        with pytest.raises(MalformedQuery):
            await node.ask(query)
        address = "http://node.example/sparql"
        assert await column(await node.ask(query, base=address)) == ["http://node.example/a"]
        own = "BASE <http://x/> " + query
        assert await column(await node.ask(own, base=address)) == ["http://x/a"]

    run(tmp_path, play)
