"""A publish makes a complete new version, or leaves everything as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kgnode.errors import BadRequest, NotCim, NotFound, RedefinesOther, RefusedByShapes
from kgnode.home import Home
from kgnode.names import dataset_iri
from kgnode.node import Node
from kgnode.operations import perform
from kgnode.settings import load_settings
from kgnode.trust.membership import initialise
from tests.kgnode.cimxml import SSH, document, mrid, region, substation, write

LABELS = """\
labels:
  everything: {sensitivity: open, reason: "a test"}
rules:
  - {label: everything, class: "*"}
"""
SHAPES = """\
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix cim: <http://iec.ch/TC57/CIM100#> .
<urn:shape> a sh:NodeShape ; sh:targetClass cim:Substation ;
  sh:property [ sh:path cim:IdentifiedObject.name ; sh:minCount 1 ; sh:message "no name" ] .
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    initialise(tmp_path / "home", "TNO", "Transmission", None)
    opened = Node(Home(tmp_path / "home"), load_settings())
    yield opened
    opened.close()


def publish(node: Node, *files: Path, dataset: str = "network", **more: Any) -> dict[str, Any]:
    arguments = {"files": [str(file) for file in files], "dataset": dataset, **more}
    result = perform(node, "publish", arguments, lambda _name: None)
    assert isinstance(result, dict)
    return result


def names(node: Node, dataset: str = "network") -> set[str]:
    manifest = node.record.current(dataset_iri("TNO", dataset))
    assert manifest is not None
    return {
        triple.object.value
        for cell in manifest.cells
        for triple in node.record.triples(cell.iri)
        if triple.predicate.value.endswith("IdentifiedObject.name")
    }


def test_a_first_publish_is_version_one_and_closed(node: Node, tmp_path: Path) -> None:
    file = write(tmp_path, "eq.xml", document("eq", region() + substation("Keadby")))
    result = publish(node, file)
    assert result["version"] == 1
    assert list(result["labels"]) == ["closed"]
    assert names(node) == {"region", "Keadby"}


def test_models_with_the_same_authority_profile_and_time_replace_one_another(
    node: Node, tmp_path: Path
) -> None:
    publish(node, write(tmp_path, "1.xml", document("eq1", region() + substation("Old"))))
    publish(node, write(tmp_path, "2.xml", document("eq2", region() + substation("New"))))
    assert names(node) == {"region", "New"}


def test_models_of_another_profile_are_kept_by_reference(node: Node, tmp_path: Path) -> None:
    publish(node, write(tmp_path, "1.xml", document("eq1", region() + substation("Here"))))
    before = node.record.current(dataset_iri("TNO", "network"))
    result = publish(
        node, write(tmp_path, "2.xml", document("ssh", region("other"), profile=SSH)), force=True
    )
    after = node.record.current(dataset_iri("TNO", "network"))
    assert before is not None and after is not None
    assert result["kept"] == [f"urn:uuid:{mrid('eq1')}"]
    assert set(before.cells) < set(after.cells)


def test_a_model_that_supersedes_another_replaces_it_whatever_its_time(
    node: Node, tmp_path: Path
) -> None:
    publish(node, write(tmp_path, "1.xml", document("eq1", region() + substation("Old"))))
    later = document(
        "eq2", region() + substation("New"), time="2027-01-01T00:00:00Z", supersedes="eq1"
    )
    publish(node, write(tmp_path, "2.xml", later))
    assert names(node) == {"region", "New"}


def test_another_time_stands_beside_and_replace_starts_anew(node: Node, tmp_path: Path) -> None:
    publish(node, write(tmp_path, "1.xml", document("eq1", region() + substation("A"))))
    second = document("eq2", region() + substation("B"), time="2027-01-01T00:00:00Z")
    path = write(tmp_path, "2.xml", second)
    publish(node, path)
    assert names(node) == {"region", "A", "B"}
    publish(node, path, replace=True)
    assert names(node) == {"region", "B"}


def test_a_violation_refuses_and_the_current_version_stays(node: Node, tmp_path: Path) -> None:
    shapes = write(tmp_path, "shapes.ttl", SHAPES)
    good = write(tmp_path, "1.xml", document("eq1", region() + substation("Good")))
    publish(node, good, packs=[str(shapes)])
    bare = f'<cim:Substation rdf:ID="_{mrid("bare")}"/>'
    bad = write(tmp_path, "2.xml", document("eq2", region() + bare))
    with pytest.raises(RefusedByShapes) as caught:
        publish(node, bad, packs=[str(shapes)])
    assert caught.value.detail["validation"]["counts"]["violation"] == 1
    assert caught.value.subject == f"urn:uuid:{mrid('bare')}"
    assert str(caught.value.file).endswith("2.xml")
    assert names(node) == {"region", "Good"}
    history = node.record.history(dataset_iri("TNO", "network"))
    assert [manifest.number for manifest in history] == [1]


def test_redefining_another_data_set_is_refused_unless_aside_or_forced(
    node: Node, tmp_path: Path
) -> None:
    publish(node, write(tmp_path, "1.xml", document("eq1", region() + substation("Here"))))
    again = write(
        tmp_path, "2.xml", document("eq2", substation("Here"), authority="https://x.example")
    )
    with pytest.raises(RedefinesOther) as caught:
        publish(node, again, dataset="other")
    assert caught.value.subject == f"urn:uuid:{mrid('Here')}"
    assert node.record.current(dataset_iri("TNO", "other")) is None
    assert publish(node, again, dataset="other", aside=True)["version"] == 1
    assert publish(node, again, dataset="third", force=True)["version"] == 1


def test_the_very_same_model_in_two_data_sets_redefines_nothing(node: Node, tmp_path: Path) -> None:
    file = write(tmp_path, "1.xml", document("bd", region()))
    publish(node, file, dataset="boundary")
    assert publish(node, file, dataset="network")["version"] == 1


def test_a_dry_run_says_what_would_be_and_stores_nothing(node: Node, tmp_path: Path) -> None:
    file = write(tmp_path, "1.xml", document("eq1", region()))
    labels = write(tmp_path, "labels.yaml", LABELS)
    result = publish(node, file, dry_run=True, labels=str(labels))
    assert result["version"] is None
    assert result["labels"] == {"urn:gridspine:label:TNO:network:everything": result["triples"]}
    assert node.record.datasets() == ()


def test_the_labels_of_the_last_publish_stay_in_force(node: Node, tmp_path: Path) -> None:
    file = write(tmp_path, "1.xml", document("eq1", region()))
    publish(node, file, labels=str(write(tmp_path, "labels.yaml", LABELS)))
    result = publish(node, write(tmp_path, "2.xml", document("eq2", region() + substation("B"))))
    assert list(result["labels"]) == ["urn:gridspine:label:TNO:network:everything"]


SITE = f"""\
labels:
  rest: {{sensitivity: open, reason: "a test"}}
  site: {{sensitivity: closed, reason: "critical"}}
rules:
  - {{label: rest, class: "*"}}
  - {{label: site, within: "urn:uuid:{mrid("Keadby")}"}}
"""


def test_values_published_before_are_protected_once_a_new_model_puts_them_into_an_area(
    node: Node, tmp_path: Path
) -> None:
    labels = str(write(tmp_path, "labels.yaml", SITE))
    load = f'<cim:EnergyConsumer rdf:{{}}="{{}}_{mrid("load")}">{{}}</cim:EnergyConsumer>'
    ssh = load.format("about", "#", "<cim:EnergyConsumer.p>7</cim:EnergyConsumer.p>")
    first = document("eq1", region() + substation("Keadby") + load.format("ID", "", ""))
    publish(
        node,
        write(tmp_path, "1.xml", first),
        write(tmp_path, "2.xml", document("ssh", ssh, profile=SSH, depends="eq1")),
        labels=labels,
    )
    assert labels_of_demand(node) == {"rest"}
    inside = (
        f'<cim:VoltageLevel rdf:ID="_{mrid("level")}">'
        f'<cim:VoltageLevel.Substation rdf:resource="#_{mrid("Keadby")}"/></cim:VoltageLevel>'
    )
    where = f'<cim:Equipment.EquipmentContainer rdf:resource="#_{mrid("level")}"/>'
    second = region() + substation("Keadby") + inside + load.format("ID", "", where)
    publish(node, write(tmp_path, "3.xml", document("eq2", second)))
    assert labels_of_demand(node) == {"rest", "site"}


def test_what_depends_on_another_data_set_is_labelled_anew_when_that_changes(
    node: Node, tmp_path: Path
) -> None:
    load = f'<cim:EnergyConsumer rdf:{{}}="{{}}_{mrid("load")}">{{}}</cim:EnergyConsumer>'
    first = document("eq1", region() + substation("Keadby") + load.format("ID", "", ""))
    publish(node, write(tmp_path, "1.xml", first), dataset="equipment")
    ssh = load.format("about", "#", "<cim:EnergyConsumer.p>7</cim:EnergyConsumer.p>")
    text = document("ssh", ssh, profile=SSH, depends="eq1")
    labels = str(write(tmp_path, "labels.yaml", SITE))
    publish(node, write(tmp_path, "2.xml", text), labels=labels, force=True)
    assert labels_of_demand(node) == {"rest"}
    inside = (
        f'<cim:VoltageLevel rdf:ID="_{mrid("level")}">'
        f'<cim:VoltageLevel.Substation rdf:resource="#_{mrid("Keadby")}"/></cim:VoltageLevel>'
    )
    where = f'<cim:Equipment.EquipmentContainer rdf:resource="#_{mrid("level")}"/>'
    second = region() + substation("Keadby") + inside + load.format("ID", "", where)
    again = write(tmp_path, "3.xml", document("eq1", second))
    publish(node, again, dataset="equipment", replace=True, force=True)
    assert labels_of_demand(node) == {"rest", "site"}


def labels_of_demand(node: Node) -> set[str]:
    """The labels on the published demand, by name."""
    manifest = node.record.current(dataset_iri("TNO", "network"))
    assert manifest is not None
    return {
        label.rpartition(":")[2]
        for cell in manifest.cells
        for triple in node.record.triples(cell.iri)
        if triple.predicate.value.endswith("EnergyConsumer.p")
        for label in cell.labels
    }


def test_relabelling_makes_a_version_with_the_same_triples(node: Node, tmp_path: Path) -> None:
    publish(node, write(tmp_path, "1.xml", document("eq1", region() + substation("B"))))
    before = names(node)
    file = str(write(tmp_path, "labels.yaml", LABELS))
    arguments = {"dataset": "network", "file": file}
    shown = perform(node, "labels-preview", arguments, lambda _name: None)
    assert shown["sets"][0]["labels"] != []
    result = perform(node, "labels-apply", arguments, lambda _name: None)
    assert result["version"] == 2
    assert list(result["labels"]) == ["urn:gridspine:label:TNO:network:everything"]
    assert names(node) == before


def test_what_is_no_model_is_refused_before_anything_is_stored(node: Node, tmp_path: Path) -> None:
    with pytest.raises(NotCim):
        publish(node, write(tmp_path, "x.xml", "<html/>"))
    with pytest.raises(BadRequest):
        publish(node, write(tmp_path, "y.xml", document("eq", region())), dataset="../escape")
    assert node.record.datasets() == ()


def test_a_withdrawn_data_set_is_gone_and_a_backup_brings_it_back(
    node: Node, tmp_path: Path
) -> None:
    publish(node, write(tmp_path, "1.xml", document("eq1", region() + substation("B"))))
    perform(node, "backup", {"out": str(tmp_path / "backup")}, lambda _name: None)
    assert not list((tmp_path / "backup").rglob("signing*")), "a backup holds no key"
    perform(node, "withdraw", {"dataset": "network"}, lambda _name: None)
    with pytest.raises(NotFound):
        perform(node, "versions", {"dataset": "network"}, lambda _name: None)
    perform(node, "restore", {"source": str(tmp_path / "backup")}, lambda _name: None)
    assert names(node) == {"region", "B"}


def test_every_verb_is_audited_and_the_log_is_sound(node: Node, tmp_path: Path) -> None:
    publish(node, write(tmp_path, "1.xml", document("eq1", region())))
    told = perform(node, "audit-tail", {"count": 5}, lambda _name: None)
    assert told["entries"][-1]["action"] == "publish"
    assert perform(node, "audit-verify", {}, lambda _name: None)["sound"] is True
