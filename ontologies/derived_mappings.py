"""Mapping sets that follow from others or from the vocabularies alone.

In: the terms of the vocabularies, ``cim-datatypes.csv`` and ``cim-classes.csv``, and ``cim-ies4``.
Out: ``cim16-cim100`` and ``cim100-ucaiug`` (the same local name with the same kind and datatype;
how far the definitions agree is the evidence and gives the confidence), and ``cim16-ies4``, the
chain of the first and ``cim-ies4`` (semapv:MappingChaining). Called by ``make_mappings.py``.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

from make_mappings import Term, expand, local, read, write

HERE = Path(__file__).parent
CIM16 = "http://iec.ch/TC57/2013/CIM-schema-cim16#"
CIM100 = "http://iec.ch/TC57/CIM100#"
UCAIUG = "https://cim.ucaiug.io/ns#"
OURS = "https://w3id.org/gridspine/mappings/"
DATE = "2026-11-21"
LEFT_OUT = {"DY"}
"""Profiles whose terms no network model uses."""
TYPE_OF_KIND = {
    "class": "rdfs class",
    "enumeration": "rdfs class",
    "literal": "rdf property",
    "reference": "rdf property",
    "value": "owl named individual",
}
WRITTEN_ANEW = 0.35
"""Definitions that share less than this of their words were read side by side by a person."""
MOVED = {
    "StaticVarCompensator.capacitiveRating": "The earlier edition means the greatest reactance, "
    "the later the reactance at the greatest reactive power, which is the smallest.",
    "StaticVarCompensator.inductiveRating": "The earlier edition means the greatest reactance, "
    "the later the reactance at the greatest reactive power, and wants it negative.",
    "VsPpccControlKind.udc": "The earlier edition also says that active power follows from the "
    "control; the later leaves that open.",
}
"""Those of them that were found to differ, and why; the others mean the same."""
UNIT_CHANGED = (
    "The earlier edition gives this per unit, the later in ohm: equal names for numbers that "
    "cannot be compared. Denied, so that nobody claims it again."
)
SAME = "One term in two editions: name, kind and values are equal"
SAYS = {
    "equal": f"{SAME}, and so are the definitions.",
    "reworded": f"{SAME}; the definition was reworded.",
    "anew": f"{SAME}; the definition was written anew and, read side by side, means the same.",
    "other end": f"{SAME}; the earlier edition describes such associations from their other end, "
    "so the definition was written anew and, read side by side, means the same.",
    "unknown": f"{SAME}; one of them publishes no definition.",
}
Row = dict[str, str]


def published() -> dict[str, dict[str, tuple[str, str]]]:
    """Return namespace -> local name -> kind and datatype, without the profiles left out."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for name in ("cim-datatypes.csv", "cim-classes.csv"):
        with (HERE / name).open(newline="") as stream:
            for row in csv.DictReader(stream):
                if row["kind"] in TYPE_OF_KIND and set(row["profiles"].split()) - LEFT_OUT:
                    meaning = row["kind"], local(row.get("type") or "")
                    found.setdefault(row["namespace"], {})[row["name"]] = meaning
    return found


def same_terms(terms: Mapping[str, Term], old: str, new: str) -> Iterator[Row]:
    """Yield a row for each term that both namespaces have with one kind and datatype."""
    spaces = published()
    earlier, later = spaces[old], spaces[new]
    for name in sorted(earlier.keys() & later.keys()):
        if earlier[name] != later[name]:
            continue
        kind, values = earlier[name]
        definitions = (
            terms[ns + name].definition if ns + name in terms else "" for ns in (old, new)
        )
        says, shared = _agreement(*definitions)
        told = "" if says == "unknown" else f" | definitions share {shared:.0%} of their words"
        if says == "anew" and kind == "reference":
            says = "other end"
        moved = MOVED.get(name) if says == "anew" else None
        by = "ManualMappingCuration" if says in ("anew", "other end") else "LexicalMatching"
        units = [_quantities(terms, ns + name) for ns in (old, new)]
        denied = all(units) and units[0] != units[1]
        yield {
            "subject_label": name,
            "object_label": name,
            "subject_type": TYPE_OF_KIND[kind],
            "object_type": TYPE_OF_KIND[kind],
            "predicate_id": "skos:closeMatch" if moved else "skos:exactMatch",
            "predicate_modifier": "Not" if denied else "",
            "mapping_justification": f"semapv:{by}",
            "confidence": f"{0.9 if says == 'unknown' else 0.85 + 0.14 * shared:.2f}",
            "gs_evidence": f"kind {kind} {values}".strip() + told,
            "comment": UNIT_CHANGED if denied else moved or SAYS[says],
            "name": name,
        }


def _quantities(terms: Mapping[str, Term], iri: str) -> set[str]:
    """Return the CIM datatypes of a property, which tell quantity and unit; none if not known."""
    found = {local(one) for one in terms[iri].datatypes} if iri in terms else set()
    return {"Float" if one == "Simple_Float" else one for one in found}


def _agreement(first: str, second: str) -> tuple[str, float]:
    """Return how two definitions agree, and the share of words in common order."""
    if not first or not second:
        return "unknown", 0.0
    one, other = first.lower().split(), second.lower().split()
    shared = difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()
    if one == other:
        return "equal", 1.0
    return ("anew" if shared < WRITTEN_ANEW else "reworded"), shared


def head(name: str, title: str, description: str, prefixes: Mapping[str, str]) -> list[str]:
    """Return the commented head of a set."""
    lines = [
        'sssom_version: "1.1"',
        "curie_map:",
        *(f"  {prefix}: {namespace}" for prefix, namespace in prefixes.items()),
        f"  gsm: {OURS}",
        f"mapping_set_id: {OURS}{name}",
        'mapping_set_version: "1.0.0"',
        f"mapping_set_title: {title}",
        f"mapping_set_description: {description}",
        "license: https://www.apache.org/licenses/LICENSE-2.0",
        "creator_label:",
        "  - Gridspine",
        "mapping_provider: https://w3id.org/gridspine",
        f"mapping_date: {DATE}",
        "extension_definitions:",
        "  - slot_name: gs_evidence",
        "    property: https://w3id.org/gridspine#evidence",
        "    type_hint: xsd:string",
    ]
    return [f"#{line}" for line in lines]


def write_same(terms: Mapping[str, Term], name: str, title: str, old: str, new: str) -> None:
    """Write the set of terms that two namespaces share."""
    one, other = name.split("-")
    rows = []
    for row in same_terms(terms, old, new):
        term = row.pop("name")
        ids = {"subject_id": f"{one}:{term}", "object_id": f"{other}:{term}"}
        rows.append({**row, **ids, "record_id": f"gsm:{name}-{term}"})
    said = "Made from the published vocabularies. Shipped as proposed."
    path = HERE / "mappings" / f"{name}.sssom.tsv"
    write(path, head(name, title, said, {one: old, other: new}), rows)


def write_chained() -> None:
    """Write what follows for CIM16 from its equality with CIM100 and from ``cim-ies4``."""
    folder = HERE / "mappings"
    _, same, same_prefixes = read(folder / "cim16-cim100.sssom.tsv")
    _, rows, prefixes = read(folder / "cim-ies4.sssom.tsv")
    earlier = {
        expand(same_prefixes, row["object_id"]): row
        for row in same
        if row["predicate_id"] == "skos:exactMatch" and not row["predicate_modifier"]
    }
    chained = []
    for row in rows:
        link = earlier.get(expand(prefixes, row["subject_id"]))
        if link is None:
            continue
        chained.append(
            {
                **row,
                "subject_id": link["subject_id"],
                "subject_label": local(row["subject_id"].replace(":", "#")),
                "mapping_justification": "semapv:MappingChaining",
                "confidence": f"{float(row['confidence']) * float(link['confidence']):.2f}",
                "record_id": f"gsm:cim16-ies4-{row['record_id'].rpartition('-')[2]}",
                "gs_evidence": f"{link['record_id']} and {row['record_id']}",
            }
        )
    said = "The chain of cim16-cim100 and cim-ies4; confidence is the product. Shipped as proposed."
    spaces = {"cim16": CIM16, "ies": prefixes["ies"]}
    top = head("cim16-ies4", "CIM16 to IES4 4.3", said, spaces)
    write(folder / "cim16-ies4.sssom.tsv", top, chained)


def write_all(terms: Mapping[str, Term]) -> None:
    """Write every set that follows from others."""
    write_same(terms, "cim16-cim100", "CIM16 and CIM100, term by term", CIM16, CIM100)
    write_same(terms, "cim100-ucaiug", "CIM100 and cim.ucaiug.io, term by term", CIM100, UCAIUG)
    write_chained()
