"""Studies and their plans as RDF, so that they can be published, kept and asked like other data.

In: a study and its plans as JSON. Out: Turtle in our own words (``gridspine-studies.ttl``), and in
PROV-O what the study was made of. What is not known is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, serialize

from kgnode.names import GS, RDF, XSD

PROV = "http://www.w3.org/ns/prov#"


def study_turtle(study_id: str, study: dict[str, Any]) -> bytes:
    """Return a study with all its plans."""
    return _turtle(study_id, study, study["candidates"])


def plan_turtle(study_id: str, study: dict[str, Any], plan: dict[str, Any]) -> bytes:
    """Return one plan with what its study was made from."""
    return _turtle(study_id, study, [plan])


def plan_iri(study_id: str, plan: dict[str, Any]) -> str:
    """Return the IRI of a plan of a kept study."""
    return f"urn:gridspine:plan:{study_id}:{plan['id']}"


def _turtle(study_id: str, study: dict[str, Any], plans: Sequence[dict[str, Any]]) -> bytes:
    activity = NamedNode(f"urn:gridspine:study:{study_id}")
    ranks = {plan["id"]: place for place, plan in enumerate(study["candidates"], 1)}
    triples = _made_from(activity, study)
    for plan in plans:
        subject = NamedNode(plan_iri(study_id, plan))
        triples.append(Triple(subject, _p(PROV, "wasGeneratedBy"), activity))
        triples.append(_value(subject, GS, "rank", ranks[plan["id"]], "integer"))
        triples += _plan(subject, plan)
    prefixes = {"gs": GS, "prov": PROV, "xsd": XSD}
    return serialize(triples, format=RdfFormat.TURTLE, prefixes=prefixes) or b""


def _plan(subject: NamedNode, plan: dict[str, Any]) -> Iterator[Triple]:
    yield Triple(subject, _p(RDF, "type"), _p(GS, "ReroutingPlan"))
    yield Triple(subject, _p(RDF, "type"), _p(PROV, "Entity"))
    yield Triple(subject, _p(GS, "verdict"), _p(GS, plan["verdict"]))
    yield Triple(subject, _p(GS, "giver"), Literal(plan["from"]))
    yield Triple(subject, _p(GS, "receiver"), Literal(plan["to"]))
    for switch in (plan["close"], *plan["also_close"]):
        yield _link(subject, "closes", switch["id"])
    for switch in plan["open"]:
        yield _link(subject, "opens", switch["id"])
    for load in plan["moved"]["loads"]:
        yield _link(subject, "movesLoad", load)
    for reason in plan["reasons"]:
        yield Triple(subject, _p(GS, "reason"), Literal(reason))
    for entry in plan["approvals"]:
        yield Triple(subject, _p(GS, "approvalNeededFrom"), Literal(entry["owner"]))
    hanging = (plan["n1"] or {}).get("lost_demand") or []
    powers = {
        "netPower": plan["moved"]["net_mw"],
        "grossPower": plan["moved"]["gross_mw"],
        "demandOnOneBranch": hanging[0]["mw"] if hanging else None,
    }
    yield from _doubles(subject, powers)
    yield from _path(subject, plan["thermal"].get("along") or [])
    if plan["fault_level"] is not None:
        yield from _fault_level(subject, plan["fault_level"])


def _path(plan: NamedNode, along: Sequence[dict[str, Any]]) -> Iterator[Triple]:
    """Yield the loading of each branch that carries what is moved."""
    for place, part in enumerate(along, 1):
        node = NamedNode(f"{plan.value}:path:{place}")
        yield Triple(plan, _p(GS, "pathLoading"), node)
        yield Triple(node, _p(RDF, "type"), _p(GS, "PathLoading"))
        yield _link(node, "carrier", part["asset"])
        yield _value(node, GS, "position", place, "integer")
        percents = {"loadingBefore": part["before"], "loadingAfter": part["after"]}
        yield from _doubles(node, percents)


def _fault_level(plan: NamedNode, level: dict[str, Any]) -> Iterator[Triple]:
    node = NamedNode(f"{plan.value}:fault")
    yield Triple(plan, _p(GS, "faultLevel"), node)
    yield Triple(node, _p(RDF, "type"), _p(GS, "FaultLevelCheck"))
    yield _link(node, "faultAt", level["busbar"])
    yield from _doubles(node, {"faultCurrent": level["ka"], "faultRating": level["rating_ka"]})
    told = "true" if level.get("rating_told") else "false"
    yield _value(node, GS, "faultRatingTold", told, "boolean")


def _made_from(activity: NamedNode, study: dict[str, Any]) -> list[Triple]:
    """Return model versions, views, policy digests, mapping sets and tools of a study."""
    said = [
        Triple(activity, _p(RDF, "type"), _p(PROV, "Activity")),
        Triple(activity, _p(RDF, "type"), _p(GS, "ReroutingStudy")),
        _value(activity, PROV, "endedAtTime", study["made"], "dateTime"),
    ]
    if study.get("outage_asset"):
        said.append(_link(activity, "studiedOutage", study["outage_asset"]))
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


def _doubles(subject: NamedNode, values: dict[str, float | None]) -> Iterator[Triple]:
    for name, value in values.items():
        if value is not None:
            yield _value(subject, GS, name, repr(float(value)), "double")


def _link(subject: NamedNode, name: str, iri: str) -> Triple:
    return Triple(subject, _p(GS, name), NamedNode(iri))


def _value(subject: NamedNode, namespace: str, name: str, value: object, datatype: str) -> Triple:
    return Triple(subject, _p(namespace, name), Literal(str(value), datatype=_p(XSD, datatype)))


def _p(namespace: str, local: str) -> NamedNode:
    return NamedNode(namespace + local)
