"""A plan for other programs: RDF with provenance, CIM difference model.

In: a study and one of its plans as JSON. Out: Turtle in the vocabularies gs: and PROV-O, and a
``dm:DifferenceModel`` (IEC 61970-552) that sets ``Switch.open`` of what is operated.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, serialize

from kgnode.names import CIM100, DM, GS, MD, RDF, XSD

PROV = "http://www.w3.org/ns/prov#"


def plan_iri(study_id: str, plan: dict[str, Any]) -> str:
    """Return the IRI of a plan of a kept study."""
    return f"urn:gridspine:plan:{study_id}:{plan['id']}"


def plan_turtle(study_id: str, study: dict[str, Any], plan: dict[str, Any]) -> bytes:
    """Return a plan as Turtle, with what it was made from (PROV-O)."""
    subject = NamedNode(plan_iri(study_id, plan))
    activity = NamedNode(f"urn:gridspine:study:{study_id}")
    triples = [
        Triple(subject, _p(RDF, "type"), _p(GS, "ReroutingPlan")),
        Triple(subject, _p(RDF, "type"), _p(PROV, "Entity")),
        Triple(subject, _p(PROV, "wasGeneratedBy"), activity),
        Triple(activity, _p(RDF, "type"), _p(PROV, "Activity")),
        Triple(
            activity, _p(PROV, "endedAtTime"), Literal(study["made"], datatype=_p(XSD, "dateTime"))
        ),
        Triple(subject, _p(GS, "closes"), NamedNode(plan["close"]["id"])),
        Triple(subject, _p(GS, "verdict"), _p(GS, plan["verdict"])),
        Triple(subject, _p(GS, "giver"), Literal(plan["from"])),
        Triple(subject, _p(GS, "receiver"), Literal(plan["to"])),
    ]
    triples += [Triple(subject, _p(GS, "opens"), NamedNode(s["id"])) for s in plan["open"]]
    triples += [Triple(subject, _p(GS, "movesLoad"), NamedNode(i)) for i in plan["moved"]["loads"]]
    triples += [Triple(subject, _p(GS, "reason"), Literal(reason)) for reason in plan["reasons"]]
    triples += [
        Triple(subject, _p(GS, "approvalNeededFrom"), Literal(entry["owner"]))
        for entry in plan["approvals"]
    ]
    if plan["moved"]["net_mw"] is not None:
        mw = Literal(repr(plan["moved"]["net_mw"]), datatype=_p(XSD, "double"))
        triples.append(Triple(subject, _p(GS, "netPower"), mw))
    triples += _made_from(activity, study)
    prefixes = {"gs": GS, "prov": PROV, "xsd": XSD}
    return serialize(triples, format=RdfFormat.TURTLE, prefixes=prefixes) or b""


def _made_from(activity: NamedNode, study: dict[str, Any]) -> list[Triple]:
    """Return model versions, views, policy digests, mapping sets and tools of a study."""
    said: list[Triple] = []
    for model in study["models"]:
        iri = NamedNode(model["iri"])
        said.append(Triple(activity, _p(PROV, "used"), iri))
        if model["version"]:
            said.append(Triple(iri, _p(GS, "modelVersion"), Literal(model["version"])))
    pairs = [("viewVersion", org, value) for org, value in study["model_versions"].items()]
    pairs += [("policyDigest", org, value) for org, value in study["policies"].items()]
    pairs += [("mappingSet", org, one) for org, sets in study["mappings"].items() for one in sets]
    pairs += [("toolVersion", tool, value) for tool, value in study["tools"].items()]
    return said + [
        Triple(activity, _p(GS, name), Literal(f"{whose} {value}"))
        for name, whose, value in sorted(pairs)
    ]


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


def _p(namespace: str, local: str) -> NamedNode:
    return NamedNode(namespace + local)
