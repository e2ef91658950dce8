"""SSSOM/RDF in and out: a set, and an ``owl:Axiom`` for each mapping (SSSOM 1.1, "SSSOM/RDF").

In: Turtle, N-Triples or RDF/XML. Out: a ``MappingSet``, or ``BadMapping``; and Turtle. A mapping is
written as an annotated axiom only, never as the triple it claims: a denied or unapproved mapping
would otherwise be asserted by its own document.
"""

from __future__ import annotations

from collections import abc, defaultdict
from pathlib import Path

import pyoxigraph as ox

from kgnode.alignment.columns import lay
from kgnode.alignment.curies import fault, is_iri
from kgnode.alignment.mapping import Extension, MappingSet, Value
from kgnode.alignment.records import Raw, Records
from kgnode.alignment.slots import BUILT_IN, DCTERMS, MODIFIERS, OWL, PAV, SLOTS, SSSOM, TYPES
from kgnode.alignment.sssom_tsv import content
from kgnode.cim.hazards import hazard
from kgnode.errors import BadMapping
from kgnode.names import RDF, XSD

_TYPE = ox.NamedNode(f"{RDF}type")
_SET = ox.NamedNode(f"{SSSOM}MappingSet")
_AXIOM = ox.NamedNode(f"{OWL}Axiom")
_MAPPINGS = ox.NamedNode(f"{SSSOM}mappings")
_DEFINITION = ox.NamedNode(f"{SSSOM}extension_definitions")

_NAMES = (
    {slot.iri or f"{SSSOM}{name}": name for name, slot in SLOTS.items()}
    | {f"{SSSOM}{name}": name for name in SLOTS}
    | {f"{PAV}authoredOn": "mapping_date", f"{DCTERMS}source": "mapping_source"}
)
"""RDF property to slot, with spellings of documents older than the specification."""
_TYPE_NAMES = {iri: name for name, iri in TYPES.items()}
_MODIFIER_NAMES = {iri: name for name, iri in MODIFIERS.items()}

Node = ox.NamedNode | ox.BlankNode
Said = list[tuple[str, Node | ox.Literal]]
Facts = dict[Node, Said]
"""What a document says of each node: property and value."""


def read(
    source: bytes | Path, *, file: str | None = None, name: str = "", media: str | None = None
) -> MappingSet:
    """Read a mapping set.

    Args:
        source: the document or where it is.
        file: its name in messages.
        name: the set's short name.
        media: ``ttl``, ``nt`` or ``rdf``; from the content where not given.

    Raises:
        MissingFile: it cannot be read.
        BadMapping: it is no SSSOM in RDF, or a mapping is wrong.
    """
    if isinstance(source, Path):
        file, source = file or str(source), content(source)
    facts, prefixes = facts_of(source, media, file)
    sets = [node for node, said in facts.items() if (_TYPE.value, _SET) in said]
    if len(sets) != 1:
        raise BadMapping(
            f"The document describes {len(sets)} mapping sets.",
            hint="It must describe exactly one sssom:MappingSet.",
            file=file,
            line=1,
        )
    return _mapping_set(sets[0], facts, prefixes, source, file, name)


def facts_of(source: bytes, media: str | None, file: str | None) -> tuple[Facts, dict[str, str]]:
    """Return what an RDF document says, by subject, and its prefixes; arguments as of ``read``.

    Raises:
        BadMapping: it is no RDF, or would end the process that parses it.
    """
    endings = {
        "ttl": ox.RdfFormat.TURTLE,
        "nt": ox.RdfFormat.N_TRIPLES,
        "rdf": ox.RdfFormat.RDF_XML,
    }
    start = source.lstrip(b"\xef\xbb\xbf \t\r\n")[:5]
    syntax = endings[media or ("rdf" if start[:1] == b"<" and start[1:2] in b"?!r" else "ttl")]
    facts: Facts = defaultdict(list)
    if found := hazard(source, xml=syntax == ox.RdfFormat.RDF_XML):
        raise BadMapping(f"The document {found.what}.", hint=found.hint, file=file, line=found.line)
    try:
        parser = ox.parse(source, format=syntax, base_iri="urn:gridspine:document")
        for quad in parser:
            if isinstance(quad.subject, ox.Triple) or isinstance(quad.object, ox.Triple):
                continue
            facts[quad.subject].append((quad.predicate.value, quad.object))
    except SyntaxError as error:
        raise BadMapping(
            f"The document is not RDF: {error.msg}.",
            hint="Check it with an RDF tool.",
            file=file,
            line=error.lineno,
        ) from error
    except ValueError as error:
        raise BadMapping(
            f"The document is not RDF: {error}.", hint="Check it.", file=file, line=1
        ) from error
    return facts, dict(parser.prefixes)


def _mapping_set(
    node: Node,
    facts: Facts,
    prefixes: abc.Mapping[str, str],
    source: bytes,
    file: str | None,
    name: str,
) -> MappingSet:
    said = facts[node]
    extensions = tuple(
        _extension(facts[value])
        for predicate, value in said
        if predicate == _DEFINITION.value and not isinstance(value, ox.Literal)
    )
    slots = _NAMES | {one.property: one.slot for one in extensions if one.property}
    metadata = _raw(said, slots)
    if isinstance(node, ox.NamedNode):
        metadata["mapping_set_id"] = node.value
    curies = {
        prefix: namespace
        for prefix, namespace in prefixes.items()
        if fault(prefix, namespace) is None
    }
    records = Records(metadata, curies, extensions, file=file, name=name)
    axioms = [v for p, v in said if p == _MAPPINGS.value and not isinstance(v, ox.Literal)]
    for axiom in sorted(axioms, key=lambda one: sorted(f"{p} {v}" for p, v in facts[one])):
        row = _raw(facts[axiom], slots)
        if isinstance(axiom, ox.NamedNode):
            row["record_id"] = axiom.value
        try:
            records.add(row, None)
        except BadMapping as error:
            error.line = _line(source, row)
            raise
    return records.done()


def _extension(said: Said) -> Extension:
    found = {predicate.removeprefix(SSSOM): value.value for predicate, value in said}
    return Extension(found.get("slot_name", ""), found.get("property"), found.get("type_hint"))


def _raw(said: Said, slots: abc.Mapping[str, str]) -> dict[str, str | list[str]]:
    held: dict[str, list[str]] = {}
    for predicate, value in said:
        slot = slots.get(predicate)
        if slot is None and predicate.startswith(SSSOM):
            slot = predicate[len(SSSOM) :]
        if slot is None or slot in ("mappings", "curie_map", "extension_definitions"):
            continue
        held.setdefault(slot, []).append(_text(slot, value))
    return {slot: sorted(values) for slot, values in held.items()}


def _text(slot: str, value: Node | ox.Literal) -> str:
    text = value.value
    if slot.endswith("_type"):
        return _TYPE_NAMES.get(text, text)
    if slot == "predicate_modifier":
        return _MODIFIER_NAMES.get(text, text)
    return text


def _line(source: bytes, row: Raw) -> int | None:
    """Return the first line that speaks of the row's terms, None where no line does."""
    for slot in ("record_id", "subject_id", "object_id", "subject_label"):
        values = row.get(slot) or []
        for value in [values] if isinstance(values, str) else values:
            local = value.rpartition("#")[2].rpartition("/")[2].rpartition(":")[2]
            at = source.find(local.encode()) if local else -1
            if at >= 0:
                return source.count(b"\n", 0, at) + 1
    return None


def write(mappings: MappingSet) -> bytes:
    """Return a set as Turtle; reading it again gives an equal set, rows in another order."""
    laid = lay(mappings)
    properties = {one.slot: one.property for one in laid.extensions if one.property}
    node = ox.NamedNode(mappings.id)
    triples = [ox.Triple(node, _TYPE, _SET)]

    def say(about: Node, slot: str, value: Value) -> None:
        slots = SLOTS.get(slot)
        iri = (slots.iri if slots else properties.get(slot)) or f"{SSSOM}{slot}"
        for one in (value,) if isinstance(value, str) else value:
            triples.append(ox.Triple(about, ox.NamedNode(iri), _term(slot, one)))

    for slot, value in laid.head.items():
        if slot != "mapping_set_id":
            say(node, slot, value)
    for number, extension in enumerate(laid.extensions):
        definition = ox.BlankNode(f"definition{number}")
        triples.append(ox.Triple(node, _DEFINITION, definition))
        for key, told in (
            ("slot_name", extension.slot),
            ("property", extension.property),
            ("type_hint", extension.type_hint),
        ):
            if told:
                triples.append(ox.Triple(definition, ox.NamedNode(SSSOM + key), ox.Literal(told)))
    for mapping, row in zip(mappings.mappings, laid.rows, strict=True):
        axiom = ox.NamedNode(mapping.id)
        triples += [ox.Triple(node, _MAPPINGS, axiom), ox.Triple(axiom, _TYPE, _AXIOM)]
        for slot, value in row.items():
            if slot != "record_id":
                say(axiom, slot, value)
    prefixes = {**BUILT_IN, **laid.curies.declared}
    written = ox.serialize(triples, format=ox.RdfFormat.TURTLE, prefixes=prefixes)
    return written if written is not None else b""


def _term(slot: str, text: str) -> ox.NamedNode | ox.Literal:
    """Return the RDF term for one value of a slot."""
    if slot.endswith("_type") and text in TYPES:
        return ox.NamedNode(TYPES[text])
    if slot == "predicate_modifier":
        return ox.NamedNode(MODIFIERS[text])
    kind = SLOTS[slot].kind if slot in SLOTS else "text"
    if kind in ("entity", "uri") and is_iri(text):
        return ox.NamedNode(text)
    if kind == "number":
        return ox.Literal(text, datatype=ox.NamedNode(f"{XSD}double"))
    if kind == "date":
        return ox.Literal(text, datatype=ox.NamedNode(f"{XSD}date"))
    return ox.Literal(text)
