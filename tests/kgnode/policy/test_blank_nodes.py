"""Rules match what has no name of its own as they match what has one."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgnode.home import Home
from kgnode.node import Node
from kgnode.operations import perform
from kgnode.settings import load_settings
from kgnode.trust.membership import initialise
from tests.kgnode.cimxml import write
from tests.kgnode.policy.test_relabel import POLICY, seen

DATA = """\
@prefix x: <http://x/> .
x:shown x:part [ a x:Secret ; x:value "zqhidden" ; x:more [ x:value "zqdeeper" ] ] .
[] a x:Secret ; x:value "zqother" .
x:shown x:value "zqopen" .
"""
RULES = {
    "class": '{label: site, class: "http://x/Secret"}',
    "select": '{label: site, select: "SELECT ?this { ?this a <http://x/Secret> }"}',
    "select deeper": "{label: site, select: "
    "\"SELECT ?this { ?this <http://x/value> 'zqdeeper' }\"}",
}


@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize("again", [False, True])
def test_a_rule_closes_what_is_nameless(tmp_path: Path, kind: str, again: bool) -> None:
    labels = f"""\
labels:
  network: {{sensitivity: shared}}
  site: {{sensitivity: closed}}
rules:
  - {{label: network, class: "*"}}
  - {RULES[kind]}
"""
    initialise(tmp_path / "home", "DNOA", "A network", None)
    node = Node(Home(tmp_path / "home"), load_settings())
    try:
        arguments = {
            "files": [str(write(tmp_path, "data.ttl", DATA))],
            "dataset": "network",
            "policy": [str(write(tmp_path, "policy.json", POLICY))],
        }
        rules = str(write(tmp_path, "labels.yaml", labels))
        if again:
            perform(node, "publish", arguments, lambda _: None)
            perform(node, "labels-apply", {"dataset": "network", "file": rules}, lambda _: None)
        else:
            perform(node, "publish", {**arguments, "labels": rules}, lambda _: None)
        public = seen(node)
    finally:
        node.close()
    assert "zqopen" in public
    if kind == "select deeper":
        assert "zqdeeper" not in public
    else:
        assert "zqhidden" not in public and "zqother" not in public
        assert "http://x/part" not in public  # a reference tells of what it points to
