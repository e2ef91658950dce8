"""Several organisations' models as one PowSyBl network."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from federation.rerouting import network as networks
from federation.rerouting.network import assemble, documents, duplicates, joined, load_files
from federation.rerouting.verify import Pinned, Status, equal, load_flow, snapshot
from kgnode.cim.reader import ReadContext, read
from kgnode.cim.staged import Staged
from kgnode.cim.writer import ExportModel, file_name
from kgnode.errors import BadIdentifier, EmptyInput, InputError, MissingFile

MICROGRID_2415 = "CGMES_v2.4.15_MicroGridTestConfiguration_"


def microgrid(test_data: Path, version: str) -> list[Path]:
    """Folders of BE, NL and the boundary set."""
    if version == "2.4.15":
        folder = test_data / "cim" / "microgrid_2415" / "BaseCase"
        return [folder / f"{MICROGRID_2415}{part}_v2" for part in ("BC_BE", "BC_NL", "BD")]
    folder = test_data / "cim" / "microgrid_cgmes3" / "MicroGrid" / "BaseCase"
    return [folder / f"MicroGrid-{part}-MAS" for part in ("BE", "NL", "BD")]


def repack(source: Path, target: Path, change: dict[str, tuple[bytes, bytes]]) -> Path:
    """Copy a zip, replacing bytes in the members whose name contains a key."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            for part, (before, after) in change.items():
                if part in name:
                    assert before in content
                    content = content.replace(before, after)
            new.writestr(name, content)
    return target


def test_all_boundary_points_of_four_authorities_pair_and_no_load_is_unfed(four_zip: Path) -> None:
    network = load_files([four_zip], boundary_points=11)
    state = joined(network)
    assert (state.tie_lines, state.unpaired, state.unfed_loads) == (11, (), ())
    assert len(network.get_loads()) == 48
    flow = load_flow(network)
    assert flow.converged


@pytest.mark.parametrize("version", ["2.4.15", "3.0"])
def test_microgrid_joins_in_any_order_with_equal_load_flow(test_data: Path, version: str) -> None:
    folders = microgrid(test_data, version)
    one = load_files(folders, boundary_points=5)
    other = load_files(folders[::-1], boundary_points=5)
    assert joined(one).unfed_loads == () and joined(one).unpaired == ()
    comparison = equal(snapshot(one), snapshot(other), 1e-6)
    assert comparison.equal, comparison.reason
    assert comparison.counts["loads"] == 6 and comparison.counts["boundary_lines"] == 10


def read_as(folders: list[Path], org: str) -> Staged:
    """Read files as one organisation's node does."""
    return read(folders, ReadContext(f"https://{org}.example/id#", "https://boundary.example/id#"))


@pytest.mark.parametrize("spelled", [True, False], ids=["as it came in", "from triples"])
@pytest.mark.parametrize("version", ["2.4.15", "3.0"])
def test_microgrid_of_two_nodes_assembles_to_the_network_of_the_files(
    test_data: Path, version: str, spelled: bool
) -> None:
    be, nl, boundary = microgrid(test_data, version)
    models: dict[str, ExportModel] = {}
    for folder, org in ((be, "be"), (nl, "nl")):
        staged = read_as([folder, boundary], org)
        for model in staged.models:
            spelling = model.spelling if spelled else None
            name = file_name(model.header)
            models.setdefault(
                model.iri, ExportModel(model.header, staged.graph(model.iri), spelling, name)
            )
    network = assemble(models.values(), boundary_points=5)
    assert joined(network).unpaired == () and joined(network).unfed_loads == ()
    comparison = equal(
        snapshot(load_files([be, nl, boundary], boundary_points=5)), snapshot(network), 1e-6
    )
    assert comparison.equal, comparison.reason
    assert comparison.counts["loads"] == 6 and comparison.counts["transformers_3w"] == 1


def test_four_authorities_assemble_from_triples_to_the_network_of_the_files(four_zip: Path) -> None:
    staged = read_as([four_zip], "gateway")
    models = [
        ExportModel(model.header, staged.graph(model.iri), None, file_name(model.header))
        for model in staged.models
    ]
    network = assemble(models, boundary_points=11)
    comparison = equal(snapshot(load_files([four_zip])), snapshot(network), 1e-6)
    assert comparison.equal, comparison.reason
    assert comparison.counts["buses"] == 148


def test_a_boundary_set_given_twice_counts_once(test_data: Path) -> None:
    folders = microgrid(test_data, "3.0")
    assert joined(load_files([*folders, folders[2]], boundary_points=5)).tie_lines == 5


def test_import_without_subnetworks_leaves_ties_open_and_is_refused(
    four_zip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = {
        **networks.IMPORT_PARAMETERS,
        "iidm.import.cgmes.cgm-with-subnetworks": "false",
    }
    monkeypatch.setattr(networks, "IMPORT_PARAMETERS", parameters)
    with pytest.raises(InputError, match="0 boundary points are joined") as caught:
        load_files([four_zip])
    assert caught.value.count == 11


def test_wrong_number_of_boundary_points_is_refused(four_zip: Path) -> None:
    with pytest.raises(InputError, match="11 boundary points are joined of 12"):
        load_files([four_zip], boundary_points=12)


def test_an_identifier_defined_by_two_organisations_is_named_before_merging(
    four_zip: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(four_zip) as archive:
        names = archive.namelist()
        one = next(
            networks._DEFINED.finditer(archive.read(next(n for n in names if "DNOA_EQ" in n)))
        )
        two = next(
            networks._DEFINED.finditer(archive.read(next(n for n in names if "DNOB_EQ" in n)))
        )
    path = repack(four_zip, tmp_path / "twice.zip", {"DNOB_EQ": (two.group(), one.group())})
    with pytest.raises(BadIdentifier, match="DNOA_EQ") as caught:
        load_files([path])
    assert caught.value.subject == networks.plain_id(one.group(1).decode())
    assert len(duplicates(documents([path]))) == 1


def test_a_distribution_network_alone_has_no_source_and_that_is_no_error(
    four_zip: Path, tmp_path: Path
) -> None:
    path = tmp_path / "dno.zip"
    with zipfile.ZipFile(four_zip) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            if "TNO" not in name and "DNOB" not in name:
                new.writestr(name, old.read(name))
    network = load_files([path])
    assert load_flow(network).status is Status.NO_SOURCE
    assert len(joined(network).unpaired) == 7


def test_a_failed_load_flow_has_no_tables_though_powsybl_keeps_the_old_ones(four_zip: Path) -> None:
    network = load_files([four_zip])
    assert load_flow(network).converged
    load = network.get_loads().index[0]
    network.update_loads(id=load, p0=50_000.0)
    flow = load_flow(network, Pinned(tap_control=False))
    assert flow.status is Status.FAILED
    assert flow.tables == {}
    assert not network.get_buses()["v_mag"].isna().all()


def test_a_changed_line_is_found_by_its_identifier(four_zip: Path) -> None:
    network = load_files([four_zip])
    before = snapshot(network)
    line = network.get_lines().index[3]
    network.update_lines(id=line, x=float(network.get_lines().loc[line, "x"]) + 1e-3)
    comparison = equal(before, snapshot(network))
    assert not comparison.equal
    assert comparison.largest >= 1e-3 * 0.99


def test_comparison_sees_rows_missing_on_either_side(test_data: Path) -> None:
    folders = microgrid(test_data, "3.0")
    whole, part = snapshot(load_files(folders)), snapshot(load_files([folders[0], folders[2]]))
    assert part.flow.converged
    comparison = equal(whole, part)
    assert not comparison.equal and comparison.only_left
    assert equal(part, whole).only_right


def test_no_file_and_no_model_are_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(MissingFile):
        load_files([tmp_path / "nowhere.xml"])
    (tmp_path / "x.xml").write_text("<a/>")
    with pytest.raises(EmptyInput):
        load_files([tmp_path])
