"""Complete the mapping sets of this folder from the published vocabularies.

In: a folder with ``vocab/`` (CIM profiles and IES4 as RDFS), and ``mappings/*.sssom.tsv`` with the
rows that people decided: subject, predicate, object, confidence and the justification in words.
Out: the same files with labels, types and evidence (facts of the vocabularies) filled in, the sets
that follow from them (``derived_mappings.py``) and ``terms.csv``. No sentence is taken over.

Usage: ``python ontologies/make_mappings.py FOLDER``
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pyoxigraph import NamedNode, RdfFormat, Store

HERE = Path(__file__).parent
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
CIMS = "http://iec.ch/TC57/1999/rdf-schema-extensions-19990926#"
CLASSES = {f"{RDFS}Class": "rdfs class", f"{OWL}Class": "owl class"}
PROPERTIES = {
    f"{RDF}Property": "rdf property",
    f"{OWL}ObjectProperty": "owl object property",
    f"{OWL}DatatypeProperty": "owl data property",
}
TYPES = {**CLASSES, **PROPERTIES}
HEAD = (
    *("subject_id", "subject_label", "predicate_id", "predicate_modifier"),
    *("object_id", "object_label", "mapping_justification", "confidence"),
    *("subject_type", "object_type", "record_id", "gs_evidence", "comment"),
)
DECIDED = ("cim-ies4", "dcat-ies4")
SIDES = ("subject", "object")
WHOLE = ("http://ies.data.gov.uk/ontology/ies4#", "https://w3id.org/gridspine#")
"""Vocabularies whose every term is told, so that it can be proposed."""
BASES = {
    "entsoe_cgmes3_rdfs": "http://iec.ch/TC57/CIM100",
    "entsoe_cgmes2415_rdfs": "http://iec.ch/TC57/2013/CIM-schema-cim16",
}


@dataclass
class Term:
    """What a vocabulary says of a term: IRIs, except label and definition."""

    iri: str
    kind: str = ""
    label: str = ""
    definition: str = ""
    parents: set[str] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)
    ranges: set[str] = field(default_factory=set)
    datatypes: set[str] = field(default_factory=set)
    disjoint: set[str] = field(default_factory=set)
    profiles: set[str] = field(default_factory=set)


Terms = dict[str, Term]
_SLOTS = {
    f"{RDFS}subClassOf": "parents",
    f"{RDFS}subPropertyOf": "parents",
    f"{RDFS}domain": "domains",
    f"{RDFS}range": "ranges",
    f"{OWL}disjointWith": "disjoint",
    f"{CIMS}dataType": "datatypes",
}


def vocabularies(folder: Path) -> Terms:
    """Return the terms of the CIM profiles, IES4, our own vocabulary and the standard ones here."""
    terms: Terms = {}
    for name, base in BASES.items():
        for path in sorted((folder / "vocab" / name).glob("*.rdf")):
            _load(terms, path, RdfFormat.RDF_XML, base)
    _load(
        terms, folder / "vocab" / "ies4" / "ies4.ttl", RdfFormat.TURTLE, "http://ies.data.gov.uk/"
    )
    for path in (*sorted(HERE.glob("gridspine-*.ttl")), HERE / "standard-terms.ttl"):
        if path.is_file():
            _load(terms, path, RdfFormat.TURTLE, "https://w3id.org/gridspine")
    return terms


def _load(terms: Terms, path: Path, form: RdfFormat, base: str) -> None:
    store = Store()
    store.bulk_load(path=path, format=form, base_iri=base, lenient=True)
    for quad in store.quads_for_pattern(None, None, None, None):
        if not isinstance(quad.subject, NamedNode):
            continue
        term = terms.setdefault(quad.subject.value, Term(quad.subject.value))
        predicate, value = quad.predicate.value, quad.object
        text = getattr(value, "value", "")
        if predicate == f"{RDF}type":
            term.kind = TYPES.get(text, term.kind)
        elif predicate == f"{RDFS}label":
            term.label = term.label or text
        elif predicate == f"{RDFS}comment":
            term.definition = max(term.definition, " ".join(text.split()), key=len)
        elif predicate in _SLOTS and isinstance(value, NamedNode):
            getattr(term, _SLOTS[predicate]).add(text)
        if base.startswith("http://iec.ch"):
            term.profiles.add(path.stem)


def local(iri: str) -> str:
    """Return what stands behind the last ``#`` or ``/``."""
    return iri[max(iri.rfind("#"), iri.rfind("/")) + 1 :]


def ancestors(terms: Mapping[str, Term], iri: str) -> list[str]:
    """Return the terms above one, nearest first."""
    found: list[str] = []
    level = {iri}
    while level:
        level = {p for one in level if one in terms for p in terms[one].parents} - {iri, *found}
        found += sorted(level)
    return found


def evidence(terms: Mapping[str, Term], subject: str, target: str) -> str:
    """Return what the vocabularies say of both sides, as text."""
    return f"{_facts(terms, subject)} | {_facts(terms, target)}"


def _facts(terms: Mapping[str, Term], iri: str) -> str:
    term = terms.get(iri)
    name = local(iri)
    if term is None:
        return f"{name}: in none of the vocabularies"
    if term.kind in CLASSES.values():
        above = [local(one) for one in ancestors(terms, iri) if not one.startswith(RDFS)]
        return f"{name}: under {', '.join(above)}" if above else f"{name}: has no class above it"
    ends = [", ".join(sorted(map(local, given))) for given in (term.domains, term.ranges)]
    values = ends[1] or ", ".join(sorted(map(local, term.datatypes))) or "not stated"
    above = [local(one) for one in ancestors(terms, iri)]
    return f"{name}: of {ends[0] or 'anything'}, value {values}" + (
        f", under {', '.join(above)}" if above else ""
    )


def read(path: Path) -> tuple[list[str], list[dict[str, str]], dict[str, str]]:
    """Return the head of a set as it is, its rows, and its prefixes."""
    lines = path.read_text(encoding="utf-8").splitlines()
    head = [line for line in lines if line.startswith("#")]
    rows = list(csv.DictReader(lines[len(head) :], delimiter="\t"))
    prefixes = {"rdfs": RDFS}
    for line in head:
        prefix, _, namespace = line.lstrip("#").strip().partition(": ")
        if line.startswith("#  ") and namespace.startswith("http"):
            prefixes[prefix] = namespace
    return head, rows, prefixes


def expand(prefixes: Mapping[str, str], curie: str) -> str:
    """Return the IRI of a short name."""
    prefix, _, name = curie.partition(":")
    return prefixes[prefix] + name


def write(path: Path, head: Iterable[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a set."""
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(f"{line}\n" for line in head)
        table = csv.DictWriter(stream, HEAD, delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def complete(path: Path, terms: Mapping[str, Term]) -> set[str]:
    """Fill in labels, types and evidence of a set; return the terms it names."""
    head, rows, prefixes = read(path)
    named = set()
    for row in rows:
        subject, target = (expand(prefixes, row[f"{side}_id"]) for side in SIDES)
        for side, iri in (("subject", subject), ("object", target)):
            term = terms.get(iri, Term(iri, "rdf property" if "." in local(iri) else ""))
            row[f"{side}_label"] = term.label or local(iri)
            row[f"{side}_type"] = term.kind
            named.add(iri)
        row["gs_evidence"] = evidence(terms, subject, target)
    write(path, head, rows)
    return named


def write_terms(terms: Mapping[str, Term], named: Iterable[str], path: Path) -> None:
    """Write what is known of terms and of those above them; definitions of our own only."""
    wanted = set(named)
    for iri in named:
        wanted.update(one for one in ancestors(terms, iri) if one in terms)
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(
            ("iri", "label", "definition", "parents", "kind", "domain", "range", "disjoint")
        )
        for iri in sorted(wanted & terms.keys()):
            term = terms[iri]
            ours = term.definition if iri.startswith("https://w3id.org/gridspine") else ""
            several = (term.domains, term.ranges or term.datatypes, term.disjoint)
            listed = [" ".join(sorted(given)) for given in several]
            parents = " ".join(sorted(term.parents))
            table.writerow((iri, term.label, ours, parents, term.kind, *listed))


def main(folder: Path) -> None:
    """Complete the sets that people decided, then write those that follow and the terms."""
    from derived_mappings import write_all

    terms = vocabularies(folder)
    named: set[str] = set()
    for name in DECIDED:
        named |= complete(HERE / "mappings" / f"{name}.sssom.tsv", terms)
    write_all(terms)
    for path in sorted((HERE / "mappings").glob("*.sssom.tsv")):
        _, rows, prefixes = read(path)
        named |= {expand(prefixes, row[f"{side}_id"]) for row in rows for side in SIDES}
    named |= {iri for iri in terms if iri.startswith(WHOLE)}
    write_terms(terms, named, HERE / "mappings" / "terms.csv")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
