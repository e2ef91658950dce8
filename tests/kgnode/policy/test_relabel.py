"""Labels follow the data: a model that stays is labelled anew when another changes its meaning."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from kgnode.home import Home
from kgnode.node import Node
from kgnode.operations import perform
from kgnode.policy.caller import Caller
from kgnode.policy.decide import visible
from kgnode.settings import load_settings
from kgnode.trust.membership import initialise
from tests.kgnode.cimxml import SSH, document, mrid, region, substation, write

LABELS = f"""\
labels:
  network: {{sensitivity: shared}}
  site: {{sensitivity: closed}}
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


def equipment(model: str, container: str, supersedes: str | None = None) -> str:
    load = (
        f'<cim:ConformLoad rdf:ID="_{mrid("load")}">'
        f'<cim:Equipment.EquipmentContainer rdf:resource="#_{mrid(container)}"/></cim:ConformLoad>'
    )
    body = region() + substation("shown") + substation("hidden") + load
    return document(model, body, supersedes=supersedes)


def values() -> str:
    load = (
        f'<cim:ConformLoad rdf:about="#_{mrid("load")}">'
        "<cim:EnergyConsumer.p>47.25</cim:EnergyConsumer.p></cim:ConformLoad>"
    )
    return document("ssh", load, profile=SSH, depends="eq1")


def seen(node: Node) -> str:
    """All that the public sees, as text."""
    shown = visible(
        Caller.public(), node.record.datasets(), node.policies(), org="DNOA", now=datetime.now(UTC)
    )
    return "\n".join(str(t) for cell in shown.cells for t in node.record.triples(cell.iri))


def test_a_value_is_closed_when_its_load_moves_into_a_closed_site(tmp_path: Path) -> None:
    initialise(tmp_path / "home", "DNOA", "A network", None)
    node = Node(Home(tmp_path / "home"), load_settings())
    try:
        arguments = {
            "files": [
                str(write(tmp_path, "eq1.xml", equipment("eq1", "shown"))),
                str(write(tmp_path, "ssh.xml", values())),
            ],
            "dataset": "network",
            "labels": str(write(tmp_path, "labels.yaml", LABELS)),
            "policy": [str(write(tmp_path, "policy.json", POLICY))],
        }
        perform(node, "publish", arguments, lambda _name: None)
        assert "47.25" in seen(node)
        newer = write(tmp_path, "eq2.xml", equipment("eq2", "hidden", supersedes="eq1"))
        again = {"files": [str(newer)], "dataset": "network"}
        perform(node, "publish", again, lambda _name: None)
        public = seen(node)
        assert mrid("shown") in public
        assert "47.25" not in public
        assert mrid("load") not in public
    finally:
        node.close()
