"""The switching of a plan as a CIM difference model, for the owners' own tools.

In: a study and one of its plans as JSON. Out: a ``dm:DifferenceModel`` (IEC 61970-552) that sets
``Switch.open`` of what is operated.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from kgnode.names import CIM100, DM, MD, RDF


def difference_model(study: dict[str, Any], plan: dict[str, Any]) -> bytes:
    """Return the switching of a plan as a CIM difference model on the members' SSH models.

    Forward differences carry the new ``Switch.open``, reverse ones the old.
    """
    operations = [(plan["close"], "false")]
    operations += [(switch, "false") for switch in plan["also_close"]]
    operations += [(switch, "true") for switch in plan["open"]]
    digest = hashlib.sha256(f"{study['made']} {plan['id']}".encode()).digest()
    model = f"urn:uuid:{uuid.UUID(bytes=digest[:16], version=5)}"
    owners = {switch["owner"] for switch, _ in operations}
    bases = [m["iri"] for m in study["models"] if m["owner"] in owners and _is_ssh(m)]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<rdf:RDF xmlns:rdf="{RDF}" xmlns:md="{MD}" xmlns:dm="{DM}" xmlns:cim="{CIM100}">',
        f"<dm:DifferenceModel rdf:about={quoteattr(model)}>",
        f"<md:Model.created>{escape(study['made'])}</md:Model.created>",
        f"<md:Model.description>{escape(_title(plan))}</md:Model.description>",
        "<md:Model.profile>http://iec.ch/TC57/ns/CIM/SteadyStateHypothesis-EU/3.0</md:Model.profile>",
    ]
    lines += [f"<md:Model.Supersedes rdf:resource={quoteattr(iri)}/>" for iri in bases]
    for section, turned in (("reverseDifferences", True), ("forwardDifferences", False)):
        lines.append(f'<dm:DifferenceModel.{section} rdf:parseType="Statements">')
        for switch, position in operations:
            value = {"true": "false", "false": "true"}[position] if turned else position
            lines.append(f"<rdf:Description rdf:about={quoteattr(_about(switch['id']))}>")
            lines.append(f"<cim:Switch.open>{value}</cim:Switch.open></rdf:Description>")
        lines.append(f"</dm:DifferenceModel.{section}>")
    lines += ["</dm:DifferenceModel>", "</rdf:RDF>", ""]
    return "\n".join(lines).encode()


def _is_ssh(model: dict[str, Any]) -> bool:
    return any("SteadyStateHypothesis" in profile for profile in model.get("profiles", ()))


def _about(iri: str) -> str:
    return f"#_{iri.removeprefix('urn:uuid:')}" if iri.startswith("urn:uuid:") else iri


def _title(plan: dict[str, Any]) -> str:
    opened = ", ".join(switch["name"] for switch in plan["open"])
    return f"{plan['from']} to {plan['to']}: close {plan['close']['name']}, open {opened}"
