"""File -> node -> exported zip -> PowSyBl: the same network and the same load flow."""

from __future__ import annotations

import zipfile
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyoxigraph import NamedNode, Triple

from kgnode.cim import ReadContext, read
from kgnode.export import export_difference, export_models, model_triples
from kgnode.names import dataset_iri
from kgnode.publish import Wish, publish
from kgnode.settings import load_settings
from kgnode.store.record import open_record

MICRO = "microgrid_2415/BaseCase/CGMES_v2.4.15_MicroGridTestConfiguration"
T4 = "microgrid_2415/Type4_T4/CGMES_v2.4.15_MicroGridTestConfiguration"
RELI = "relicapgrid/CommonAndBoundaryData/CommonData_and_Boundary_merged.xml"
SMALL = [
    [f"{MICRO}_BC_BE_v2", f"{MICRO}_BD_v2"],
    ["microgrid_cgmes3/MicroGrid/BaseCase/MicroGrid-BaseCase-Merged"],
    ["builtin/four_substations_node_breaker_network_cim16.zip"],
    ["builtin/four_substations_node_breaker_network_cim100.zip"],
]
REST = [
    [f"{MICRO}_BC_NL_v2", f"{MICRO}_BD_v2"],
    [f"{MICRO}_BC_Assembled_v2", f"{MICRO}_BD_v2"],
    [f"{T4}_T4_BE_BB_Complete_v2", f"{T4}_BD_v2"],
    ["minigrid_2415/BusBranch"],
    ["minigrid_2415/NodeBreaker"],
    *(
        [
            f"microgrid_cgmes3/MicroGrid/BaseCase/MicroGrid-{a}-MAS",
            "microgrid_cgmes3/MicroGrid/BaseCase/MicroGrid-BD-MAS",
        ]
        for a in ("BE", "NL")
    ),
    *([f"relicapgrid/IGM_{name}", RELI] for name in ("Belgovia", "Galia")),
    [
        "relicapgrid/IGM_Britheim/20220615T2230Z__Britheim_EQ_1.xml",
        "relicapgrid/IGM_Britheim/20220615T2230Z_2D_Britheim_SSH_1.xml",
        "relicapgrid/IGM_Britheim/20220615T2230Z_2D_Britheim_TP_1.xml",
        "relicapgrid/IGM_Britheim/20220615T2230Z_2D_Britheim_SV_1.xml",
        RELI,
    ],
    *(
        [f"builtin/{name}_{version}.zip"]
        for name in (
            "eurostag_tutorial_example1_with_tie_lines_and_areas",
            "ieee14",
            "ieee118",
            "ieee300",
        )
        for version in ("cim16", "cim100")
    ),
    *(
        [f"gb/{name}_substations_cgmes{version}.zip"]
        for name in ("GBreducednetwork", "GBnetwork")
        for version in ("2.4.15", "3.0")
    ),
    ["gsp_four_authorities.zip"],
]


def through_a_node(
    paths: list[Path], folder: Path, *, base: str = "https://one.example/id#"
) -> Path:
    """Publish into a fresh record, and export all of it as CIM XML."""
    context = ReadContext(base, "https://scheme.example/bd#", settings=load_settings())
    with closing(open_record(folder / "record")) as record:
        publish(record, "ONE", paths, Wish("net"), context)
        manifest = record.current(dataset_iri("ONE", "net"))
        assert manifest is not None
        export_models(record, manifest.models, folder / "exported.zip", "cim")
    return folder / "exported.zip"


def check(names: list[str], test_data: Path, folder: Path, powsybl: SimpleNamespace) -> None:
    paths = [test_data / "cim" / name for name in names]
    try:
        first = powsybl.network(powsybl.as_one_zip(paths, folder / "original.zip"))
    except Exception as error:
        if "pypowsybl" not in type(error).__module__:
            raise
        pytest.skip(f"PowSyBl cannot open the original: {error}")
    second = powsybl.network(through_a_node(paths, folder))
    assert powsybl.differences(first, second) == []
    assert first.counts["buses"] > 0


@pytest.mark.parametrize("names", SMALL, ids=lambda names: names[0].rpartition("/")[2])
def test_a_round_trip_through_a_node_keeps_the_network(
    test_data: Path, tmp_path: Path, powsybl: SimpleNamespace, names: list[str]
) -> None:
    check(names, test_data, tmp_path, powsybl)


@pytest.mark.nightly
@pytest.mark.parametrize("names", REST, ids=lambda names: names[0].rpartition("/")[2])
def test_a_round_trip_of_every_other_set(
    test_data: Path, tmp_path: Path, powsybl: SimpleNamespace, names: list[str]
) -> None:
    check(names, test_data, tmp_path, powsybl)


def graph_of(paths: list[Path], base: str, folder: Path) -> set[Triple]:
    context = ReadContext(base, "https://scheme.example/bd#", settings=load_settings())
    with closing(open_record(folder)) as record:
        publish(record, "ONE", paths, Wish("net"), context)
        manifest = record.current(dataset_iri("ONE", "net"))
        assert manifest is not None
        return {triple for model in manifest.models for triple in model_triples(record, model)}


def test_two_nodes_meet_on_their_boundary_identifiers(test_data: Path, tmp_path: Path) -> None:
    belgium = graph_of(
        [test_data / "cim" / f"{MICRO}_BC_BE_v2"], "https://be.example/#", tmp_path / "be"
    )
    netherlands = graph_of(
        [test_data / "cim" / f"{MICRO}_BC_NL_v2"], "https://nl.example/#", tmp_path / "nl"
    )
    context = ReadContext(
        "https://x.example/#", "https://scheme.example/bd#", settings=load_settings()
    )
    boundary = read([test_data / "cim" / f"{MICRO}_BD_v2"], context)
    nodes = {
        quad.subject
        for quad in boundary.store.quads_for_pattern(
            None, None, NamedNode("http://iec.ch/TC57/2013/CIM-schema-cim16#TopologicalNode"), None
        )
    }
    met = [
        {triple.object for triple in graph if triple.predicate.value.endswith("TopologicalNode")}
        & nodes
        for graph in (belgium, netherlands)
    ]
    assert met[0] == met[1]
    assert NamedNode("urn:uuid:9d25a1f9-e5d1-4d47-b6dc-de99c4380b40") in boundary_terms(boundary)
    assert len(met[0]) >= 4


def boundary_terms(staged: object) -> set[object]:
    return {quad.subject for quad in staged.store}  # type: ignore[attr-defined]


def test_the_difference_of_two_published_versions_makes_the_second_from_the_first(
    test_data: Path, tmp_path: Path
) -> None:
    source = test_data / "cim/builtin/four_substations_node_breaker_network_cim100.zip"
    with zipfile.ZipFile(source) as given:
        members = {name: given.read(name).decode() for name in given.namelist()}
    changed = {
        name: text.replace("<cim:Switch.open>true", "<cim:Switch.open>false", 3)
        for name, text in members.items()
    }
    assert changed != members
    second = tmp_path / "second.zip"
    with zipfile.ZipFile(second, "w") as archive:
        for name, text in changed.items():
            archive.writestr(name, text)
    context = ReadContext(
        "https://one.example/#", "https://scheme.example/bd#", settings=load_settings()
    )
    iri = dataset_iri("ONE", "net")
    with closing(open_record(tmp_path / "a")) as record:
        publish(record, "ONE", [source], Wish("net"), context)
        publish(record, "ONE", [second], Wish("net"), context)
        new, old = record.history(iri)
        result = export_difference(record, old, new, tmp_path / "difference.zip")
        wanted = [set(model_triples(record, model)) for model in new.models]
        assert len(result["models"]) == 1
    with closing(open_record(tmp_path / "b")) as record:
        publish(record, "ONE", [source], Wish("net"), context)
        publish(record, "ONE", [tmp_path / "difference.zip"], Wish("net"), context)
        manifest = record.current(iri)
        assert manifest is not None
        found = [set(model_triples(record, model)) for model in manifest.models]
    canonical = lambda sets: sorted(sorted(map(str, one)) for one in map(stored, sets))  # noqa: E731
    assert canonical(found) == canonical(wanted)


def stored(triples: set[Triple]) -> set[Triple]:
    from pyoxigraph import Quad, Store

    store = Store()
    store.extend(Quad(t.subject, t.predicate, t.object) for t in triples)
    return {quad.triple for quad in store}
