"""Statements about one subject as one XML element (IEC 61970-552, striped RDF/XML).

In: statements by subject, the document they came from where there is one. Out: XML text. Spelled as
it came in; what has no spelling is written as ``_uuid``, ``#_uuid`` and the value's own text. An
element says only what its statements say: a type that is not among them is not written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from xml.sax.saxutils import escape, quoteattr

from pyoxigraph import Literal, NamedNode, Triple

from kgnode.cim.datatypes import held_datatype
from kgnode.cim.headers import KINDS, Header
from kgnode.cim.identity import is_ncname
from kgnode.cim.slots import is_generic
from kgnode.cim.spelling import Element, Spelling
from kgnode.cim.survey import DATA_NAMESPACES
from kgnode.cim.xml import MAX_NESTING
from kgnode.errors import InputError
from kgnode.names import CIM16, CIM100, DM, GS, MD, RDF, XSD

TYPE = f"{RDF}type"
BLANK = "urn:gridspine:bnode:"
Value = NamedNode | Literal
Subjects = dict[str, list[tuple[str, Value]]]
"""Subject term -> its (predicate IRI, object) pairs."""

_PREFIXES: Mapping[str, str] = {
    "md": MD,
    "dm": DM,
    "gs": GS,
    "eu": "http://iec.ch/TC57/CIM100-European#",
    "entsoe": "http://entsoe.eu/CIM/SchemaExtension/3/1#",
    "nc": "https://cim4.eu/ns/nc#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "xsd": XSD,
}
_OWN_CLASSES: Mapping[str, tuple[str, ...]] = {
    "SSH": (),
    "SV": ("Sv", "TopologicalIsland", "DCTopologicalIsland"),
    "TP": ("TopologicalNode", "DCTopologicalNode"),
}
"""Profile -> beginnings of the classes it defines itself; it only describes the rest."""

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_UNTYPED = frozenset({f"{XSD}string", f"{RDF}langString"})


def by_subject(triples: Iterable[Triple]) -> Subjects:
    """Return triples grouped by subject, in the order in which subjects first come."""
    found: Subjects = {}
    for triple in triples:
        value = triple.object
        if isinstance(value, NamedNode | Literal):
            found.setdefault(str(triple.subject), []).append((triple.predicate.value, value))
    return found


def split(iri: str) -> tuple[str, str]:
    """Return namespace and local name: the name behind the last ``#`` or ``/``."""
    cut = max(iri.rfind("#"), iri.rfind("/")) + 1
    return iri[:cut], iri[cut:]


class Elements:
    """Writes the elements of one document.

    Args:
        header: header of the model; its profiles tell which classes it defines.
        spelling: how the original document wrote things.
        parts: every group of subjects that will be written, for namespaces and bases.
        nested: subjects that are written inside others.
    """

    def __init__(
        self,
        header: Header,
        spelling: Spelling,
        parts: Sequence[Subjects],
        nested: AbstractSet[str] = frozenset(),
    ) -> None:
        self.header, self.spelling, self.nested = header, spelling, nested
        self.names: dict[str, str] = {}
        self.prefixes = self._prefixes(parts)
        head = f"<{header.iri}>"
        self.bases = {
            split(subject[1:-1])[0]
            for part in parts
            for subject in part
            if subject != head and not subject.startswith("<urn:")
        }

    def _prefixes(self, parts: Sequence[Subjects]) -> dict[str, str]:
        """Return namespace -> prefix: the document's own, else ours, else a number."""
        used = {MD, DM} if self.header.kind == "difference" else set()
        for part in parts:
            for statements in part.values():
                for predicate, value in statements:
                    used.add(split(predicate)[0])
                    if predicate == TYPE:
                        used.add(split(value.value)[0])
        used |= {
            split(element.class_iri)[0]
            for element in self.spelling.elements.values()
            if is_generic(element.class_iri)
        }
        if self.header.kind == "full":
            used.add(MD)
        given = {namespace: prefix for prefix, namespace in self.spelling.namespaces.items()}
        ours = {namespace: prefix for prefix, namespace in _PREFIXES.items()}
        found, taken = {RDF: "rdf"}, {"rdf"}
        for namespace in sorted(used - {RDF}):
            prefix = given.get(namespace) or ours.get(namespace)
            if not given.get(namespace) and namespace in (CIM16, CIM100, self.header.cim):
                prefix = "cim"
            if not prefix or prefix in taken:
                prefix = f"ns{len(taken)}"
            taken.add(prefix)
            found[namespace] = prefix
        return found

    def root(self) -> str:
        """Return the XML declaration and the start of the root element."""
        declared = "".join(
            f" xmlns:{prefix}={quoteattr(namespace)}" for namespace, prefix in self.prefixes.items()
        )
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<rdf:RDF{declared}>\n'

    def ordered(self, subjects: Iterable[str]) -> list[str]:
        """Return subjects in the order of the original document, new ones behind."""
        known = self.spelling.elements
        last = len(known)
        return sorted(subjects, key=lambda term: known[term].order if term in known else last)

    def header_element(self, statements: list[tuple[str, Value]], more: str = "") -> str:
        """Return the header's element; ``more`` is put in behind its statements."""
        given = [value.value for predicate, value in statements if predicate == TYPE]
        usual = f"{DM}DifferenceModel" if self.header.kind == "difference" else f"{MD}FullModel"
        name = next((iri for iri in given if iri in KINDS), usual)
        subject = f"<{self.header.iri}>"
        known = self.spelling.elements.get(subject)
        about = known.spelling if known and known.attribute == "about" else self.header.iri
        body = self._body(subject, name, statements, {})
        return f"  <{self.qname(name)} rdf:about={quoteattr(about)}>\n{body}{more}" + (
            f"  </{self.qname(name)}>\n"
        )

    def element(self, subject: str, part: Subjects, *, described: bool = False) -> str:
        """Return one subject's element; ``described`` makes it ``rdf:about`` in any case."""
        statements = part[subject]
        known = self.spelling.elements.get(subject)
        name = self._class(known, [v.value for p, v in statements if p == TYPE])
        identity = self._identity(subject, known, name, described=described)
        body = self._body(subject, name, statements, part)
        return f"  <{self.qname(name)}{identity}>\n{body}  </{self.qname(name)}>\n"

    def _body(
        self, subject: str, name: str, statements: list[tuple[str, Value]], part: Subjects
    ) -> str:
        lines = []
        said = False
        for predicate, value in statements:
            if predicate == TYPE and value.value == name and not said:
                said = True
            else:
                lines.append(self._property(subject, predicate, value, part))
        return "".join(lines)

    @staticmethod
    def _class(known: Element | None, given: list[str]) -> str:
        if known is not None and (
            known.class_iri in given or (not given and is_generic(known.class_iri))
        ):
            return known.class_iri
        return given[0] if given else f"{RDF}Description"

    def _identity(self, subject: str, known: Element | None, name: str, *, described: bool) -> str:
        if known is not None and not (described and known.attribute == "ID"):
            return f" rdf:{known.attribute}={quoteattr(known.spelling)}"
        local = known.spelling if known is not None else self._local(subject[1:-1])
        if local is None:
            return f" rdf:about={quoteattr(subject[1:-1])}"
        if is_ncname(local) and not described and self._defines(name):
            return f" rdf:ID={quoteattr(local)}"
        return f" rdf:about={quoteattr(f'#{local}')}"

    def _defines(self, class_iri: str) -> bool:
        keyword = next((word for word in self.header.keywords if word in _OWN_CLASSES), None)
        if keyword is None:
            return True
        return split(class_iri)[1].startswith(_OWN_CLASSES[keyword] or ("\0",))

    def _local(self, iri: str) -> str | None:
        """Return the name of an object within its files; None for what is no local object."""
        if iri.startswith("urn:uuid:"):
            return f"_{iri[9:]}"
        base, name = split(iri)
        if base in self.bases and not iri.startswith(DATA_NAMESPACES):
            return name
        return None

    def _property(self, subject: str, predicate: str, value: Value, part: Subjects) -> str:
        name = self.qname(predicate)
        if isinstance(value, NamedNode):
            nested = f"<{value.value}>"
            if nested in self.nested:
                return f"    <{name}>\n{self._nested(nested, part)}    </{name}>\n"
            reference = self.spelling.text(subject, f"<{predicate}>", value)
            if reference is None:
                local = None if predicate.startswith((MD, DM, GS)) else self._local(value.value)
                reference = value.value if local is None else f"#{local}"
            return f"    <{name} rdf:resource={quoteattr(reference)}/>\n"
        known = self.spelling.text(subject, f"<{predicate}>", value)
        text = self._text(subject, value.value if known is None else known)
        more = f' xml:lang="{value.language}"' if value.language else ""
        datatype = value.datatype.value
        if datatype not in _UNTYPED and datatype != held_datatype(predicate):
            more = f" rdf:datatype={quoteattr(datatype)}"
        return f"    <{name}{more}>{text}</{name}>\n"

    def _nested(self, subject: str, part: Subjects) -> str:
        """Return the element of a compound value, which has no identifier of its own."""
        statements = part[subject]
        name = self._class(None, [v.value for p, v in statements if p == TYPE])
        body = self._body(
            subject, name, statements, {k: v for k, v in part.items() if k != subject}
        )
        return f"    <{self.qname(name)}>\n{body}    </{self.qname(name)}>\n"

    @staticmethod
    def _text(subject: str, text: str) -> str:
        if _NOT_XML.search(text):
            raise InputError(
                "A value holds control characters, which XML cannot carry.",
                hint="Export as Turtle or N-Quads, or mend the value.",
                subject=subject[1:-1],
            )
        return escape(text, {"\r": "&#13;"})

    def qname(self, iri: str) -> str:
        """Return the prefixed name of a class or property."""
        known = self.names.get(iri)
        if known is None:
            namespace, local = split(iri)
            if not is_ncname(local):
                raise InputError(
                    f"{iri} cannot be the name of an XML element.",
                    hint="Export as Turtle or N-Quads.",
                )
            known = self.names[iri] = f"{self.prefixes[namespace]}:{local}"
        return known


def nested_subjects(part: Subjects) -> set[str]:
    """Return the compound values that can be written inside the one element that names them."""
    users: dict[str, list[str]] = {}
    for subject, statements in part.items():
        for _, value in statements:
            if isinstance(value, NamedNode) and value.value.startswith(BLANK):
                users.setdefault(f"<{value.value}>", []).append(subject)
    single = {term: used[0] for term, used in users.items() if len(used) == 1 and term in part}
    found = set()
    for term in single:
        chain, at = {term}, single[term]
        while at in single and at not in chain:
            chain.add(at)
            at = single[at]
        if at not in chain and len(chain) <= MAX_NESTING // 2:
            found.add(term)
    return found


def header_statements(header: Header) -> list[tuple[str, Value]]:
    """Return a header's statements, for a model whose header triples are not at hand."""
    one = {
        "created": header.created,
        "scenarioTime": header.scenario_time,
        "version": header.version,
        "description": header.description,
        "modelingAuthoritySet": header.authority,
    }
    found: list[tuple[str, Value]] = [
        (f"{MD}Model.{name}", Literal(text)) for name, text in one.items() if text is not None
    ]
    found += [(f"{MD}Model.profile", Literal(iri)) for iri in header.profiles]
    found += [(f"{MD}Model.Supersedes", NamedNode(iri)) for iri in header.supersedes]
    found += [(f"{MD}Model.DependentOn", NamedNode(iri)) for iri in header.dependent_on]
    return found
