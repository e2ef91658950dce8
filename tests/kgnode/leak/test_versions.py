"""Two homes that differ only in what is hidden answer byte for byte alike."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from kgnode.node import Node
from kgnode.operations import perform
from kgnode.settings import load_settings
from kgnode.web.app import create_app
from kgnode.web.front import Front
from tests.kgnode.cimxml import document, mrid, region, substation, write
from tests.kgnode.leak.house import House, prepared
from tests.kgnode.leak.reading import Asker

LABELS = f"""\
labels:
  network: {{sensitivity: shared, reason: "a test"}}
  site: {{sensitivity: closed, reason: "zqreason"}}
rules:
  - {{label: network, class: "*"}}
  - {{label: site, within: "urn:uuid:{mrid("hidden")}"}}
"""
POLICY = """\
{"@context": "gridspine-odrl", "@type": "Set", "uid": "urn:gridspine:policy:DNOA:1",
 "profile": "https://w3id.org/gridspine/odrl",
 "permission": [{"target": "urn:gridspine:label:DNOA:network:network", "action": "read",
                 "assignee": "public"}]}
"""
REQUESTS = (
    ("/sparql", "*/*", {"query": "SELECT * { ?s ?p ?o } ORDER BY ?s ?p ?o"}),
    ("/sparql", "*/*", {"query": "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"}),
    ("/summary", "*/*", {}),
    ("/summary/terms", "*/*", {}),
    ("/catalogue", "application/json", {}),
    ("/catalogue", "text/turtle", {}),
    ("/catalogue/network", "application/json", {}),
    ("/policy/why", "*/*", {"dataset": "urn:gridspine:dataset:DNOA:network", "label": "network"}),
    ("/policy/why", "*/*", {"dataset": "urn:gridspine:dataset:DNOA:network", "label": "site"}),
)
TIME = re.compile(rb"20\d\d-\d\d-\d\dT[\d:.]+(?:\+00:00|Z)")


class Small(House):
    """A home with two substations, one of them hidden, with a secret in it."""

    def __init__(self, folder: Path, secret: str) -> None:
        folder.mkdir()
        self.home = prepared(folder / "home")
        self.node = Node(self.home, load_settings())
        hidden = substation("hidden").replace(">hidden<", f">{secret}<")
        body = region() + substation("shown") + hidden
        perform(
            self.node,
            "publish",
            {
                "files": [str(write(folder, "eq.xml", document("eq", body)))],
                "dataset": "network",
                "labels": str(write(folder, "labels.yaml", LABELS)),
                "policy": [str(write(folder, "policy.json", POLICY))],
            },
            lambda _name: None,
        )
        self.datasets = ()
        self.front = Front(self.node)
        self.app = create_app(self.front)


async def said(house: Small) -> list[bytes]:
    async with house:
        replies = [await house.get(Asker(None), p, a, **q) for p, a, q in REQUESTS]
    return [b"%d " % reply.status + TIME.sub(b"TIME", reply.everything) for reply in replies]


def test_nothing_that_goes_out_depends_on_what_is_hidden(tmp_path: Path) -> None:
    one = asyncio.run(said(Small(tmp_path / "one", "zqsecretone")))
    two = asyncio.run(said(Small(tmp_path / "two", "zqsecrettwo")))
    for request, first, second in zip(REQUESTS, one, two, strict=True):
        assert first == second, request
        assert b"zqsecret" not in first
    assert b"shown" in one[0]
    assert b"404" in one[-1]


@pytest.mark.parametrize("label", ["site", "no-such-label"])
def test_why_answers_alike_for_what_is_hidden_and_what_is_not_there(
    tmp_path: Path, label: str
) -> None:
    async def ask() -> tuple[bytes, bytes]:
        async with Small(tmp_path / "home", "zqsecret") as house:
            here = await house.get(
                Asker(None),
                "/policy/why",
                dataset="urn:gridspine:dataset:DNOA:network",
                label=label,
            )
            there = await house.get(
                Asker(None), "/policy/why", dataset="urn:gridspine:dataset:DNOA:nothing"
            )
            return here.everything, there.everything

    here, there = asyncio.run(ask())
    assert here == there
