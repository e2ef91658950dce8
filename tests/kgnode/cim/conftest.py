"""What the tests of reading and writing share: a context, and small documents made to order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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
