"""Make cim-datatypes.csv and cim-classes.csv from published CIM vocabularies.

In: a folder with ``vocab/entsoe_cgmes2415_rdfs``, ``vocab/entsoe_cgmes3_rdfs`` (RDFS as IEC
61970-501 writes it) and ``shapes/entsoe_nc`` (SHACL, as the network codes publish no RDFS here).
Out, beside this file: one row per property with its datatype, and one per class, enumeration and
enumeration value. Facts only; the texts of the vocabularies are not taken over.

Usage: ``python ontologies/make_datatypes.py FOLDER``
"""

from __future__ import annotations

import csv
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from pyoxigraph import Literal, NamedNode, RdfFormat, Store

HERE = Path(__file__).parent
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
XSD = "http://www.w3.org/2001/XMLSchema#"
CIMS = "http://iec.ch/TC57/1999/rdf-schema-extensions-19990926#"
SH = "http://www.w3.org/ns/shacl#"
ENUMERATION = "http://iec.ch/TC57/NonStandard/UML#enumeration"

HELD = {
    "Float": ("double", "float"),
    "Decimal": ("decimal", "decimal"),
    "Integer": ("integer", "integer"),
    "Boolean": ("boolean", "boolean"),
    "DateTime": ("dateTime", "dateTime"),
    "Date": ("date", "date"),
    "MonthDay": ("gMonthDay", "gMonthDay"),
    "Time": ("time", "time"),
    "Duration": ("duration", "duration"),
    "String": ("string", "string"),
    "URI": ("anyURI", "anyURI"),
    "URL": ("anyURI", "anyURI"),
}
"""CIM primitive -> (XSD type it is held as, XSD type the vocabulary means)."""

SHACL_HELD = {"float": "double", "double": "double"}
"""XSD type of a shape -> XSD type it is held as, where the two differ."""

PROFILES = (
    ("EquipmentBoundary", "EQBD"),
    ("TopologyBoundary", "TPBD"),
    ("EquipmentProfileCore", "EQ"),
    ("Equipment-AP", "EQ"),
    ("Operation-AP", "OP"),
    ("ShortCircuit-AP", "SC"),
    ("SteadyState", "SSH"),
    ("StateVariable", "SV"),
    ("Topology", "TP"),
    ("Dynamics", "DY"),
    ("DiagramLayout", "DL"),
    ("Geographical", "GL"),
    ("Header", "FH"),
)


@dataclass
class Row:
    """What is known of one property or class in one vocabulary."""

    kind: str = ""
    first: str = ""
    second: str = ""
    profiles: set[str] = field(default_factory=set)


Table = dict[tuple[str, str, str], Row]


def split(iri: str) -> tuple[str, str]:
    """Return namespace and local name."""
    cut = max(iri.rfind("#"), iri.rfind("/")) + 1
    return iri[:cut], iri[cut:]


def profile_of(path: Path) -> str:
    """Return the profile's keyword, from the name the publisher gave the vocabulary file."""
    return next(keyword for part, keyword in PROFILES if part in path.name)


def load(path: Path, text: bytes, kind: RdfFormat) -> Store:
    """Return one parsed document."""
    store = Store()
    store.load(text, kind, base_iri=f"http://vocabulary.example/{path.name}", lenient=True)
    return store


def value(store: Store, subject: NamedNode, predicate: str) -> str | None:
    """Return the one value of a property as text."""
    for quad in store.quads_for_pattern(subject, NamedNode(predicate), None):
        if isinstance(quad.object, NamedNode | Literal):
            return quad.object.value
    return None


def stereotypes(store: Store, subject: str) -> set[object]:
    """Return the UML stereotypes of a class."""
    pattern = store.quads_for_pattern(NamedNode(subject), NamedNode(f"{CIMS}stereotype"), None)
    return {quad.object for quad in pattern}


def primitive(store: Store, datatype: str) -> str:
    """Return the CIM primitive behind a datatype (``Resistance`` -> ``Float``)."""
    behind = value(store, NamedNode(f"{datatype}.value"), f"{CIMS}dataType")
    return split(behind or datatype)[1]


def read_rdfs(path: Path, vocabulary: str, properties: Table, classes: Table) -> None:
    """Add one RDFS profile vocabulary to the tables."""
    text = re.sub(rb'xml:base\s*=\s*"([^"#]*)"', rb'xml:base="\1"', path.read_bytes())
    store = load(path, text, RdfFormat.RDF_XML)
    profile = profile_of(path)
    a = NamedNode(f"{RDF}type")
    enumerations = {
        quad.subject.value
        for quad in store.quads_for_pattern(
            None, NamedNode(f"{CIMS}stereotype"), NamedNode(ENUMERATION)
        )
    }
    for quad in store.quads_for_pattern(None, a, NamedNode(f"{RDFS}Class")):
        iri = quad.subject.value
        row = classes[(vocabulary, *split(iri))]
        row.kind = "enumeration" if iri in enumerations else "class"
        row.first = row.first or value(store, quad.subject, f"{RDFS}subClassOf") or ""
        row.profiles.add(profile)
    for quad in store.quads_for_pattern(None, a, None):
        if quad.object.value in enumerations:
            row = classes[(vocabulary, *split(quad.subject.value))]
            row.kind, row.first = "value", quad.object.value
            row.profiles.add(profile)
    for quad in store.quads_for_pattern(None, a, NamedNode(f"{RDF}Property")):
        row = properties[(vocabulary, *split(quad.subject.value))]
        row.profiles.add(profile)
        datatype = value(store, quad.subject, f"{CIMS}dataType")
        target = value(store, quad.subject, f"{RDFS}range")
        if datatype and primitive(store, datatype) not in HELD:
            compound = Literal("Compound") in stereotypes(store, datatype)
            row.kind, row.first = "compound" if compound else "statements", datatype
        elif datatype:
            held, published = HELD[primitive(store, datatype)]
            if row.first and row.first != held:
                raise SystemExit(f"{quad.subject.value}: {row.first} and {held} in {path.name}")
            row.kind, row.first, row.second = "literal", held, published
        elif target in enumerations:
            row.kind, row.first = "enumeration", target
        elif target:
            row.kind, row.first = row.kind or "reference", row.first or target


def read_shapes(path: Path, properties: Table, classes: Table) -> None:
    """Add the paths, datatypes and enumerations of one SHACL profile of the network codes."""
    store = load(path, path.read_bytes(), RdfFormat.TURTLE)
    profile = path.name.split("-AP")[0]
    for quad in store.quads_for_pattern(None, NamedNode(f"{SH}path"), None):
        path_iri = quad.object
        if not isinstance(path_iri, NamedNode) or path_iri.value.startswith((RDF, RDFS)):
            continue
        row = properties[("nc", *split(path_iri.value))]
        row.profiles.add(profile)
        datatype = value(store, quad.subject, f"{SH}datatype")
        kind = value(store, quad.subject, f"{SH}nodeKind")
        if datatype and datatype.startswith(XSD):
            published = split(datatype)[1]
            row.kind, row.first = "literal", SHACL_HELD.get(published, published)
            row.second = published
        elif row.kind != "literal" and kind == f"{SH}IRI":
            row.kind = "reference"
        members = value_list(store, quad.subject)
        if members and row.kind != "literal":
            enumeration = members[0].rpartition(".")[0]
            row.kind, row.first = "enumeration", enumeration
            classes[("nc", *split(enumeration))].kind = "enumeration"
            classes[("nc", *split(enumeration))].profiles.add(profile)
            for member in members:
                entry = classes[("nc", *split(member))]
                entry.kind, entry.first = "value", enumeration
                entry.profiles.add(profile)
    for quad in store.quads_for_pattern(None, NamedNode(f"{SH}targetClass"), None):
        row = classes[("nc", *split(quad.object.value))]
        row.kind = row.kind or "class"
        row.profiles.add(profile)


def value_list(store: Store, subject: object) -> list[str]:
    """Return the IRIs of ``sh:in``."""
    found: list[str] = []
    for quad in store.quads_for_pattern(subject, NamedNode(f"{SH}in"), None):
        node = quad.object
        while getattr(node, "value", "") != f"{RDF}nil":
            first = next(store.quads_for_pattern(node, NamedNode(f"{RDF}first"), None)).object
            if isinstance(first, NamedNode):
                found.append(first.value)
            node = next(store.quads_for_pattern(node, NamedNode(f"{RDF}rest"), None)).object
    return found


def write(path: Path, header: tuple[str, ...], table: Table) -> None:
    """Write one table, sorted, so that two runs give the same bytes."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        for key, row in sorted(table.items()):
            fields = [row.kind or "unknown", row.first]
            if "published" in header:
                fields.append(row.second)
            writer.writerow([*key, *fields, " ".join(sorted(row.profiles))])
    sys.stderr.write(f"{path.name}: {len(table)} rows\n")


def main(folder: Path) -> None:
    """Read all vocabularies below ``folder`` and write both tables."""
    properties: Table = defaultdict(Row)
    classes: Table = defaultdict(Row)
    for name, vocabulary in (
        ("entsoe_cgmes2415_rdfs", "cgmes-2.4.15"),
        ("entsoe_cgmes3_rdfs", "cgmes-3.0"),
    ):
        for path in sorted((folder / "vocab" / name).glob("*.rdf")):
            read_rdfs(path, vocabulary, properties, classes)
    for path in sorted((folder / "shapes" / "entsoe_nc").glob("*.ttl")):
        if "Simple" in path.name or "DatasetMetadata" in path.name:
            read_shapes(path, properties, classes)
    write(
        HERE / "cim-datatypes.csv",
        ("vocabulary", "namespace", "name", "kind", "type", "published", "profiles"),
        properties,
    )
    write(
        HERE / "cim-classes.csv",
        ("vocabulary", "namespace", "name", "kind", "parent", "profiles"),
        classes,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
