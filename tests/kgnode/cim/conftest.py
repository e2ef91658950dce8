"""What the tests of reading and writing share: a context, and small documents made to order."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pypowsybl as pp
import pytest

from kgnode.cim import ReadContext, Staged, read
from kgnode.settings import load_settings

BASE = "https://dno.example/id#"
BOUNDARY = "https://scheme.example/boundary#"

Document = Callable[..., bytes]


@pytest.fixture()
def context() -> ReadContext:
    return ReadContext(BASE, BOUNDARY, settings=load_settings())


@pytest.fixture()
def document() -> Document:
    """A CIM XML document from its body; the header can be changed."""

    def made(
        body: str,
        *,
        model: str = "urn:uuid:11111111-0000-4000-8000-000000000001",
        profile: str = "http://iec.ch/TC57/ns/CIM/CoreEquipment-EU/3.0",
        authority: str = "http://dno.example/cim",
        header: str = "",
        cim: str = "http://iec.ch/TC57/CIM100#",
        prolog: str = '<?xml version="1.0" encoding="UTF-8"?>',
    ) -> bytes:
        return f"""{prolog}
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:cim="{cim}"
 xmlns:md="http://iec.ch/TC57/61970-552/ModelDescription/1#"
 xmlns:dm="http://iec.ch/TC57/61970-552/DifferenceModel/1#">
<md:FullModel rdf:about="{model}">
<md:Model.profile>{profile}</md:Model.profile>
<md:Model.modelingAuthoritySet>{authority}</md:Model.modelingAuthoritySet>
<md:Model.scenarioTime>2026-12-01T17:30:00Z</md:Model.scenarioTime>
{header}</md:FullModel>
{body}
</rdf:RDF>
""".encode()

    return made


@pytest.fixture()
def reading(tmp_path: Path, context: ReadContext) -> Callable[..., Staged]:
    """Read documents given as bytes."""

    def done(*contents: bytes, strict: bool = False, suffix: str = ".xml") -> Staged:
        paths = []
        for number, content in enumerate(contents):
            path = tmp_path / f"part{number}{suffix}"
            path.write_bytes(content)
            paths.append(path)
        own = ReadContext(
            context.base_iri, context.boundary_base, strict=strict, settings=context.settings
        )
        return read(paths, own)

    return done


KINDS = (
    "buses",
    "lines",
    "2_windings_transformers",
    "3_windings_transformers",
    "generators",
    "loads",
    "boundary_lines",
    "switches",
)


@dataclass(frozen=True)
class Network:
    """What PowSyBl finds in a CGMES zip.

    Buses of one voltage level are numbered by order, so equipment is compared, not bus names.
    """

    counts: dict[str, int]
    status: list[str]
    flows: dict[str, tuple[float, ...]]


def as_one_zip(paths: list[Path], out: Path) -> Path:
    """The original files in one archive."""
    with zipfile.ZipFile(out, "w") as archive:
        for path in paths:
            if path.is_dir():
                for file in sorted(path.rglob("*.xml")):
                    archive.write(file, file.name)
            elif path.suffix == ".xml":
                archive.write(path, path.name)
            else:
                with zipfile.ZipFile(path) as given:
                    for name in given.namelist():
                        archive.writestr(name, given.read(name))
    return out


def network(path: Path) -> Network:
    """Counts, load-flow status and the flows at every piece of equipment."""
    logging.getLogger("powsybl").setLevel(logging.ERROR)
    net = pp.network.load(str(path))
    tables = {name: getattr(net, f"get_{name}") for name in KINDS}
    counts = {name: len(table()) for name, table in tables.items()}
    status = [str(result.status) for result in pp.loadflow.run_ac(net)]
    flows = {}
    for name, table in tables.items():
        frame = table()
        columns = [c for c in ("p", "q", "p1", "q1", "p2", "q2", "p3", "q3") if c in frame.columns]
        for identifier, *values in frame[columns].itertuples() if name != "buses" else ():
            flows[str(identifier)] = tuple(values)
    flows["all bus voltages"] = tuple(sorted(net.get_buses()["v_mag"].fillna(0)))
    return Network(counts, status, flows)


def differences(first: Network, second: Network) -> list[str]:
    """What is not the same in two networks, to 1e-6 MW, MVAr and kV."""
    found = [
        f"{name}: {count} and {second.counts[name]}"
        for name, count in first.counts.items()
        if count != second.counts[name]
    ]
    if first.status != second.status:
        found.append(f"{first.status} and {second.status}")
    if first.flows.keys() != second.flows.keys():
        found.append(f"equipment: {sorted(first.flows.keys() ^ second.flows.keys())[:3]}")
        return found
    return found + [
        name
        for name, flows in first.flows.items()
        if second.flows[name] != pytest.approx(flows, abs=1e-6, nan_ok=True)
    ]


@pytest.fixture(scope="session")
def powsybl() -> SimpleNamespace:
    return SimpleNamespace(as_one_zip=as_one_zip, network=network, differences=differences)
