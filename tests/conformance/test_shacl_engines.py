"""The compiled engine beside pySHACL on real models: the same results, or an explained difference.

Nightly for whole sets; one small set by default. docs/assurance.md explains what pySHACL refuses.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from kgnode.assurance import hierarchy, reference
from kgnode.assurance.judge import Judge
from kgnode.assurance.packs import Pack, load_packs
from kgnode.assurance.register import add_pack
from kgnode.assurance.scopes import ByHeader
from kgnode.assurance.validate import units
from kgnode.cim.reader import ReadContext, read
from kgnode.cim.staged import Staged

CONTEXT = ReadContext("https://a.example/id#", "https://b.example/id#")
MICROGRID_3 = ["microgrid_cgmes3/MicroGrid/BaseCase/MicroGrid-BaseCase-Merged"]
MICROGRID_2 = [
    "microgrid_2415/BaseCase/CGMES_v2.4.15_MicroGridTestConfiguration_BC_Assembled_v2",
    "microgrid_2415/BaseCase/CGMES_v2.4.15_MicroGridTestConfiguration_BD_v2",
]
RELICAPGRID = [
    "relicapgrid/IGM_Belgovia",
    "relicapgrid/IGM_Galia",
    "relicapgrid/CommonAndBoundaryData/CommonData_and_Boundary_merged.xml",
]
REFUSED = ("SvPowerFlow", "SvShuntCompensatorSections", "SvSwitch")
"""Shapes whose ``inService`` pySHACL takes for the keyword SERVICE, and so refuses."""


def stage(test_data: Path, names: list[str]) -> Staged:
    return read([test_data / "cim" / name for name in names], CONTEXT)


def differences(staged: Staged, pack: Pack) -> list[str]:
    """Return what differs between the engines, over all documents of a pack."""
    found = []
    for unit in units(pack, ByHeader(staged, context=False)):
        inherit = pack.classes != "cim-values"
        judge = Judge(unit.data, unit.shapes, unit.pairs, inherit=inherit)
        mine, _ = judge.split()
        ontology = reference.to_rdflib(
            (sub, hierarchy.SUBCLASS_OF, sup) for sub, sup in unit.pairs if inherit
        )
        data = reference.data_graph(unit.data)
        theirs = reference.judge(data, unit.shapes, mine, ontology=ontology)
        refused = {shape.id for shape, _ in theirs.refused}
        for shape in refused:
            if not str(shape).strip("<>").endswith(REFUSED):
                found.append(f"refused {shape}")
        judged = [shape for shape in mine if shape.id not in refused]
        a = Counter((*r.key, str(r.shape.id)) for r in judge.judge(judged))
        b = Counter((*r.key, str(r.shape.id)) for r in theirs.results)
        found += [f"only compiled: {key}" for key in a - b]
        found += [f"only pySHACL: {key}" for key in b - a]
    return found


def test_own_pack_on_a_node_breaker_network(test_data: Path) -> None:
    staged = stage(test_data, ["builtin/four_substations_node_breaker_network_cim100.zip"])
    (pack,) = load_packs(["gb-core"])
    assert differences(staged, pack) == []


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("names", "official"),
    [
        (MICROGRID_3, "entsoe_cgmes3"),
        (MICROGRID_2, "entsoe_cgmes2415"),
        (RELICAPGRID, "entsoe_cgmes3"),
    ],
    ids=["microgrid-cgmes3", "microgrid-2415", "relicapgrid"],
)
def test_own_and_official_packs_on_real_models(
    test_data: Path, tmp_path: Path, names: list[str], official: str
) -> None:
    staged = stage(test_data, names)
    for pack in (*load_packs(["gb-core"]), add_pack(test_data / "shapes" / official, tmp_path)):
        assert differences(staged, pack) == []
