"""What changes over a federation between two versions of a mapping set, with the rows of both."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from federation.cli import app
from federation.impact import preview
from tests.federation.mapped import member
from tests.kgnode.alignment.sets import Released, mapping_set
from tests.kgnode.node import triples

SETS = Released(
    [
        mapping_set("words", "c Line < Asset"),
        mapping_set("words", "c Line < Asset", "c Bay < Asset", "p in = within", version="2"),
    ]
)
QUERIES = {
    "assets": "SELECT ?s { ?s a <http://x/Asset> }",
    "within": "ASK { ?s <http://x/within> ?o }",
    "plain": "SELECT ?s { ?s a <http://x/Line> }",
    "broken": "SELECT ?s { ?s ?p",
}


def test_each_answer_is_told_with_what_comes_and_goes(tmp_path: Path) -> None:
    folder = tmp_path / "queries"
    folder.mkdir()
    for name, query in QUERIES.items():
        (folder / f"{name}.rq").write_text(query)
    data = triples(":l1 a :Line . :b1 a :Bay ; :in :l1 . :b2 a :Bay .")
    with member(tmp_path / "A", "A", data, SETS) as where:
        told = {one.change.query: one for one in preview(where.node, QUERIES, "words@1", "words@2")}
        back = preview(where.node, {"assets": QUERIES["assets"]}, "words@2", "words@1")[0].change
        command = ["impact", where.node, str(folder), "--after", "words@9", "--json"]
        done = CliRunner().invoke(app, command)
        words = CliRunner().invoke(
            app, ["impact", where.node, str(folder), "--before", "words@1", "--after", "words@2"]
        )
    assets = told["assets"].change
    assert (assets.changes, assets.before, assets.after) == (True, 1, 3)
    assert assets.added == ({"s": "http://x/b1"}, {"s": "http://x/b2"}) == back.removed
    assert assets.removed == () == back.added
    assert told["within"].change.added == (True,) and told["within"].change.removed == (False,)
    assert not told["plain"].change.changes and told["plain"].certain
    assert told["broken"].after == "failed" and told["broken"].change.error
    assert not told["broken"].certain
    assert done.exit_code == 5
    result = json.loads(done.stdout)["result"]
    assert not result["certain"] and {one["status_after"] for one in result["queries"]} == {
        "failed"
    }
    assert "2 of 4 answers change." in words.stdout and "assets + s http://x/b1" in words.stdout
