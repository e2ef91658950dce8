"""Small CIM XML documents for tests, written out so that a test shows what it is about."""

from __future__ import annotations

from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

EQ = "http://iec.ch/TC57/ns/CIM/CoreEquipment-EU/3.0"
SSH = "http://iec.ch/TC57/ns/CIM/SteadyStateHypothesis-EU/3.0"


def mrid(name: str) -> str:
    """Return a UUID that is always the same for a name."""
    return str(uuid5(NAMESPACE_URL, name))


def document(
    model: str,
    body: str,
    *,
    profile: str = EQ,
    authority: str = "https://tno.example",
    time: str = "2026-12-01T17:30:00Z",
    supersedes: str | None = None,
    depends: str | None = None,
) -> str:
    """Return a CGMES 3.0 document with a header and a body of CIM elements."""
    links = ""
    if supersedes:
        links += f'<md:Model.Supersedes rdf:resource="urn:uuid:{mrid(supersedes)}"/>'
    if depends:
        links += f'<md:Model.DependentOn rdf:resource="urn:uuid:{mrid(depends)}"/>'
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:cim="http://iec.ch/TC57/CIM100#" xmlns:eu="http://iec.ch/TC57/CIM100-European#"
 xmlns:md="http://iec.ch/TC57/61970-552/ModelDescription/1#">
<md:FullModel rdf:about="urn:uuid:{mrid(model)}">
<md:Model.scenarioTime>{time}</md:Model.scenarioTime>
<md:Model.created>2026-11-01T00:00:00Z</md:Model.created>
<md:Model.version>1</md:Model.version>
<md:Model.profile>{profile}</md:Model.profile>
<md:Model.modelingAuthoritySet>{authority}</md:Model.modelingAuthoritySet>
{links}</md:FullModel>
{body}
</rdf:RDF>
"""


def substation(name: str) -> str:
    """Return a substation in a region, elements only."""
    return (
        f'<cim:Substation rdf:ID="_{mrid(name)}"><cim:IdentifiedObject.name>{name}'
        f"</cim:IdentifiedObject.name><cim:IdentifiedObject.mRID>{mrid(name)}"
        f'</cim:IdentifiedObject.mRID><cim:Substation.Region rdf:resource="#_{mrid("region")}"/>'
        f"</cim:Substation>\n"
    )


def region(name: str = "region") -> str:
    """Return a sub-geographical region, elements only."""
    return (
        f'<cim:SubGeographicalRegion rdf:ID="_{mrid(name)}"><cim:IdentifiedObject.name>{name}'
        f"</cim:IdentifiedObject.name></cim:SubGeographicalRegion>\n"
    )


def write(folder: Path, name: str, text: str) -> Path:
    """Write a document and return its path."""
    path = folder / name
    path.write_text(text)
    return path
