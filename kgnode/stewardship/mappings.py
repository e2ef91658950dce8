"""What is told of the mapping sets of a home: lists, single claims, history, conflicts, documents.

In: an open ``Node`` and a verb's arguments. Out: the verb's ``result``. Mappings speak of
vocabularies, not of data, so anybody may read them; names of persons are told to members only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kgnode.alignment import release as releases
from kgnode.alignment import sssom_json, sssom_rdf, sssom_tsv
from kgnode.alignment.cardinality import cardinalities
from kgnode.alignment.conflicts import Conflict, conflicts
from kgnode.alignment.mapping import MappingSet, Status, total_confidence
from kgnode.alignment.standing import LIVE, OPEN, Said, Standing
from kgnode.alignment.terms import Terms
from kgnode.alignment.working import Working
from kgnode.errors import BadRequest
from kgnode.governance import text
from kgnode.names import shorten
from kgnode.node import Node
from kgnode.policy.caller import Caller

Arguments = Mapping[str, Any]
Step = Callable[[str], None]

YOURS = "yours"
"""The pile of open claims that the caller's organisation has not approved yet."""

PILES: dict[str, frozenset[Status]] = {
    YOURS: OPEN,
    "open": OPEN,
    "proposed": frozenset({Status.PROPOSED}),
    "review": frozenset({Status.IN_REVIEW}),
    "approved": frozenset({Status.APPROVED}),
    "ended": frozenset({Status.DEPRECATED, Status.WITHDRAWN}),
    "all": frozenset(Status),
}
"""The piles of a set, as commands and the page name them."""

FORMS: dict[str, tuple[str, Callable[[MappingSet], bytes]]] = {
    "tsv": ("text/tab-separated-values", sssom_tsv.write),
    "json": ("application/json", sssom_json.write),
    "ttl": ("text/turtle", sssom_rdf.write),
}
MOST_ROWS = 1000
NEIGHBOURS = 8


def caller_of(node: Node, arguments: Arguments) -> Caller:
    """Return who gives a command: the caller of a request, of a token, or the home's owner.

    Raises:
        IdentityError: the token proves nothing.
    """
    given = arguments.get("caller")
    if isinstance(given, Caller):
        return given
    token = arguments.get("token")
    if isinstance(token, str) and token:
        return node.verifier().caller(f"Bearer {token.strip()}")
    return Caller.owner(node.org)


def found_conflicts(working: Working, terms: Terms) -> tuple[Conflict, ...]:
    """Return the conflicts among the living claims of a set."""
    rows = (standing.first for standing in working.standings.values() if standing.live)
    return conflicts(rows, terms)


def sets(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """List the sets with what is in them and what was released."""
    listed = []
    for name in node.mappings.names():
        working = node.mappings.working(name)
        counted = Counter(standing.status for standing in working.standings.values())
        listed.append(
            {
                "name": name,
                "id": working.head.id,
                "title": working.head.title,
                "licence": working.head.licence,
                "shipped": name in node.mappings.shipped_names(),
                "claims": {status.value: counted.get(status, 0) for status in Status},
                "denied": sum(s.first.negative and s.live for s in working.standings.values()),
                "released": list(node.mappings.versions(name)),
                "structural": list(working.head.structural),
            }
        )
    return {"sets": listed}


def show(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Tell the claims of a set: a pile, a search, or one of them."""
    name = text(arguments, "set")
    pile = arguments.get("pile") or "all"
    if pile not in PILES:
        raise BadRequest(f"{pile!r} is no pile.", hint=f"Use {', '.join(PILES)}.")
    working = node.mappings.working(name)
    org = caller_of(node, arguments).org
    piles = _piles(working, org)
    wanted = str(arguments.get("search") or "").lower()
    of = arguments.get("id")
    chosen = [
        standing
        for standing in ([working.find(of)] if of else working.standings.values())
        if (of or standing.key in piles[pile]) and _matches(standing, wanted)
    ]
    start = max(int(arguments.get("start") or 0), 0)
    most = min(max(int(arguments.get("limit") or 50), 1), MOST_ROWS)
    terms = node.mappings.terms
    against = by_claim(found_conflicts(working, terms), working)
    live = [standing.first for standing in working.standings.values() if standing.live]
    sizes = cardinalities([row for row in live if not row.negative])
    return {
        "set": name,
        "title": working.head.title,
        "pile": pile,
        "piles": {one: len(keys) for one, keys in piles.items()},
        "total": len(chosen),
        "start": start,
        "mappings": [
            claim_json(
                standing,
                terms,
                against.get(standing.key, ()),
                told=bool(org),
                of_set=set_confidence(working),
                counted=sizes.get(standing.first.id),
            )
            for standing in chosen[start : start + most]
        ],
    }


def _piles(working: Working, org: str | None) -> dict[str, set[str]]:
    """Return the keys of the claims in each pile, as an organisation sees them."""
    claims = working.standings.values()
    piles = {
        pile: {one.key for one in claims if one.status in statuses}
        for pile, statuses in PILES.items()
    }
    piles[YOURS] -= {one.key for one in claims if org in {said.org for said in one.approvals}}
    return piles


def by_claim(found: Iterable[Conflict], working: Working) -> dict[str, tuple[Conflict, ...]]:
    """Return conflicts by the key of each claim that takes part."""
    keys = {row.id: s.key for s in working.standings.values() for row in s.rows}
    gathered: dict[str, list[Conflict]] = {}
    for conflict in found:
        for key in dict.fromkeys(keys[one] for one in conflict.mappings if one in keys):
            gathered.setdefault(key, []).append(conflict)
    return {key: tuple(some) for key, some in gathered.items()}


def _matches(standing: Standing, wanted: str) -> bool:
    first = standing.first
    return not wanted or any(
        wanted in part.lower()
        for part in (first.subject, first.object, first.subject_label, first.object_label)
    )


def set_confidence(working: Working) -> float:
    """Return the confidence of a set as a whole, 1 where it has none."""
    return float(str(working.head.other.get("mapping_set_confidence", "1")))


def claim_json(
    standing: Standing,
    terms: Terms,
    against: Iterable[Conflict],
    *,
    told: bool,
    of_set: float = 1.0,
    counted: str | None = None,
) -> dict[str, Any]:
    """Return one claim with both its terms as its vocabularies describe them."""
    first = standing.first
    return {
        "id": standing.key,
        "status": standing.status.value,
        "negative": first.negative,
        "kind": first.kind,
        "predicate": first.predicate,
        "relation": shorten(first.predicate),
        "subject": term_json(first.subject, first.subject_label, terms),
        "object": term_json(first.object, first.object_label, terms),
        "confidence": total_confidence(standing.rows, of_set),
        "rows": [
            {
                "id": row.id,
                "justification": row.justification.rpartition("/")[2],
                "confidence": row.confidence,
                "comment": row.comment,
                "evidence": row.other.get("gs_evidence", ""),
                "date": row.date,
            }
            for row in standing.rows
        ],
        "cardinality": first.cardinality or counted,
        "replaced_by": first.replaced_by,
        "approvals": [_said(one, told=told) for one in standing.approvals],
        "remarks": [_said(one, told=told) for one in standing.remarks],
        "conflicts": [conflict.to_json() for conflict in against],
    }


def _said(said: Said, *, told: bool) -> dict[str, str]:
    person = {"sub": said.sub} if told else {}
    return {"org": said.org, **person, "at": said.at, "text": said.text}


def term_json(iri: str, label: str, terms: Terms) -> dict[str, Any]:
    """Return a term with its parents and neighbours."""
    term = terms.get(iri)
    siblings = [one for parent in term.parents for one in terms.below(parent) if one != iri]
    return {
        "iri": iri,
        "short": shorten(iri),
        "label": label or term.label,
        "definition": term.definition,
        "kind": term.kind,
        "parents": [shorten(one) for one in term.parents],
        "above": sorted(shorten(one) for one in terms.above(iri) - {iri, *term.parents}),
        "children": [shorten(one) for one in terms.below(iri)[:NEIGHBOURS]],
        "siblings": [shorten(one) for one in dict.fromkeys(siblings)][:NEIGHBOURS],
        "domains": [shorten(one) for one in term.domains],
        "ranges": [shorten(one) for one in term.ranges],
    }


def check(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Tell the conflicts of a set as it is worked on."""
    working = node.mappings.working(text(arguments, "set"))
    found = found_conflicts(working, node.mappings.terms)
    return {
        "set": working.head.name,
        "claims": sum(standing.live for standing in working.standings.values()),
        "errors": sum(conflict.severity == "error" for conflict in found),
        "warnings": sum(conflict.severity == "warning" for conflict in found),
        "conflicts": [conflict.to_json() for conflict in found],
    }


def history(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Tell what was done to a set, or to one claim, latest first."""
    working = node.mappings.working(text(arguments, "set"))
    key = working.find(arguments["id"]).key if arguments.get("id") else None
    steps = working.history(key)[: int(arguments.get("limit") or 200)]
    if not caller_of(node, arguments).org:
        steps = [{**one, "by": one["by"].rpartition("(")[2].rstrip(")")} for one in steps]
    return {"set": working.head.name, "id": key, "steps": steps}


def export(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Return a set as a document: as it is worked on, or a released version.

    ``as`` is tsv, json, ttl, or ``release``: the signed document that others adopt.
    """
    name, form = text(arguments, "set"), arguments.get("as") or "tsv"
    version = arguments.get("version")
    if form == "release":
        release = node.mappings.release(name, version)
        content = releases.bundle(release)
        return _document(release.mappings, form, "application/json", content)
    if form not in FORMS:
        raise BadRequest(f"{form!r} is no form.", hint=f"Use {', '.join(FORMS)} or release.")
    found = node.mappings.released(name, version) if version else _exported(node, name)
    media, write = FORMS[form]
    return _document(found, form, media, write(found))


def _exported(node: Node, name: str) -> MappingSet:
    return node.mappings.working(name).set_of(LIVE | {Status.DEPRECATED, Status.WITHDRAWN})


def _document(of: MappingSet, form: str, media: str, content: bytes) -> dict[str, Any]:
    return {
        "set": of.name,
        "version": of.version,
        "form": form,
        "media": media,
        "mappings": len(of.mappings),
        "content": content.decode(),
    }


def released(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Tell what was released of a set: versions, signatures, what each attests.

    ``structural`` holds the texts of the structural maps: of the latest release, or, before the
    first, of the product's set.
    """
    name = text(arguments, "set")
    node.mappings.working(name)
    versions = node.mappings.versions(name)
    structural = node.mappings.rules(name) if versions else node.mappings.shipped_rules(name)
    return {
        "set": name,
        "releases": [node.mappings.release(name, version).told() for version in versions],
        "structural": dict(structural),
    }


READING: Mapping[str, Callable[[Node, Arguments, Step], dict[str, Any]]] = {
    "mappings-list": sets,
    "mappings-show": show,
    "mappings-check": check,
    "mappings-history": history,
    "mappings-export": export,
    "mappings-released": released,
}
