"""One pass over a CIM XML document: elements in, N-Triples lines out.

In: an XML stream, the identities of its authority and the vocabulary its header names. Out: typed
statements per section (``main``, or the parts of a difference model), counts that account for every
statement of the file, and findings with their lines. Follows IEC 61970-552 and, for the rest of the
striped syntax, RDF 1.1 XML Syntax section 2.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO

from kgnode.cim.account import Account, Watch
from kgnode.cim.datatypes import Vocabulary
from kgnode.cim.headers import KINDS
from kgnode.cim.identity import Identities, escaped, valid_iri
from kgnode.cim.literals import quoted
from kgnode.cim.repairs import Place, Repairs
from kgnode.cim.slots import BAD_NAME, Frame, Slot, is_generic, slot_of
from kgnode.cim.survey import XML
from kgnode.cim.xml import MAX_NESTING, feed, new_parser
from kgnode.errors import BadIdentifier, NotCim
from kgnode.names import RDF, bnode_iri

FLUSH_LINES = 20_000

_TYPE = f" <{RDF}type> "
_RESOURCE, _DATATYPE, _NODE_ID = f"{RDF}resource", f"{RDF}datatype", f"{RDF}nodeID"
_ID, _ABOUT, _PARSE_TYPE = f"{RDF}ID", f"{RDF}about", f"{RDF}parseType"
_LANG = f"{XML}lang"

_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*\Z")

# What the parser stands in.
_ROOT, _NODES, _PROPERTIES, _VALUE, _AFTER_NODE, _MARKUP = range(6)


class Document:
    """The state of one pass. Make it, call ``run``, read ``account`` and ``subjects``."""

    def __init__(
        self,
        file: str,
        model: str,
        identities: Identities,
        vocabulary: Vocabulary,
        repairs: Repairs,
        write: Callable[[str, bytes], None],
        watch: Watch | None = None,
    ) -> None:
        self.file, self.model = file, model
        self.identities, self.vocabulary = identities, vocabulary
        self.repairs, self.write, self.watch = repairs, write, watch
        self.account = Account()
        self.subjects: set[str] = set()
        self.defined: dict[str, str] = {}
        self.repeated_subjects: set[str] = set()
        self.headers = 0
        self.slots: dict[str, Slot] = {}
        self.classes: dict[str, str] = {}
        self.section = "main"
        self.lines: list[str] = []
        self.node_start = 0
        self.mode = _ROOT
        self.subject = ""
        self.slot: Slot = Slot("", "", "", None, True, None)
        self.resource: str | None = None
        self.own_type: str | None = None
        self.language = ""
        self.markup_depth = 0
        self.blank = 0
        self.frames: list[Frame] = []
        self.texts: list[str] = []
        self.parser = new_parser(file)
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self.texts.append

    def run(self, stream: BinaryIO) -> None:
        """Read the whole document.

        Raises:
            NotXml, TruncatedInput, EmptyInput, NotCim, BadIdentifier: with file and line.
        """
        feed(self.parser, stream, self.file)
        self._flush()

    # elements

    def _start(self, name: str, attributes: list[str]) -> None:
        if self.texts:
            if self.mode != _MARKUP and not "".join(self.texts).isspace():
                self.found("stray_text", "".join(self.texts).strip()[:40])
            if self.mode != _MARKUP:
                self.texts.clear()
        if self.mode == _PROPERTIES:
            slot = self.slots.get(name)
            self.slot = self._slot(name) if slot is None else slot
            self.mode = _VALUE
            if not attributes:
                self.resource = None
            elif len(attributes) == 2 and attributes[0] == _RESOURCE:
                self.resource = attributes[1]
            else:
                self._attributes(attributes)
        elif self.mode == _NODES:
            self.node_start = len(self.lines)
            self._node(name, attributes)
        else:
            self._rare_start(name, attributes)

    def _end(self, name: str) -> None:
        if self.mode == _VALUE:
            slot, raw = self.slot, self.resource
            if raw is not None:
                if slot.values is not None and raw not in slot.values:
                    self._check_value(slot, raw)
                term = self.identities.references.get(raw) or self._reference(slot, raw)
                self.texts.clear()
            else:
                texts = self.texts
                raw = texts[0] if len(texts) == 1 else "".join(texts)
                texts.clear()
                term = slot.texts.get(raw) or self._literal(slot, raw)
            if term:
                line = f"{self.subject}{slot.predicate}{term} .\n"
                self.lines.append(line)
                if self.watch is not None:
                    self.watch.statement(line, raw, self.resource is not None)
            self.mode = _PROPERTIES
        elif self.mode == _PROPERTIES:
            self._end_node()
        else:
            self._rare_end()

    def _rare_start(self, name: str, attributes: list[str]) -> None:
        if self.mode == _ROOT:
            if name != f"{RDF}RDF":
                raise NotCim(
                    f"{self.file} has no rdf:RDF as its root.",
                    hint="Give CIM XML (IEC 61970-552).",
                    file=self.file,
                    line=self.parser.CurrentLineNumber,
                )
            self.mode = _NODES
        elif self.mode == _VALUE:
            if self.resource is not None or self.own_type or len(self.frames) > MAX_NESTING:
                raise self._malformed(name)
            self.frames.append(Frame(self.subject, self.slot, _AFTER_NODE))
            self._node(name, attributes)
        elif self.mode == _MARKUP:
            self.markup_depth += 1
        else:
            raise self._malformed(name)

    def _rare_end(self) -> None:
        if self.mode == _MARKUP:
            self.markup_depth -= 1
            if self.markup_depth < 0:
                self.own_type, self.resource, self.mode = None, None, _VALUE
                self.found("markup", "")
                self._end("")
        elif self.mode == _AFTER_NODE:
            self.texts.clear()
            self.mode = _PROPERTIES
        elif self.mode == _NODES and self.section != "main":
            self._flush()
            self.section = "main"
            self._return(_PROPERTIES)
        else:
            self.mode = _ROOT

    # nodes

    def _node(self, name: str, attributes: list[str]) -> None:
        own, kind, spelling, generic = "", "about", "", False
        for at in range(0, len(attributes), 2):
            attribute, raw = attributes[at], attributes[at + 1]
            if attribute == _ID:
                own, kind, spelling = self._define(raw, name), "ID", raw
            elif attribute == _ABOUT:
                known = self.identities.references.get(raw)
                own, spelling = known or self.identities.of_reference(raw), raw
                generic = is_generic(name)
            elif attribute == _NODE_ID:
                own = self._blank_term(raw)
        if not own:
            self.blank += 1
            parent = f"{self.frames[-1].subject}{self.frames[-1].slot.iri}" if self.frames else ""
            own = self._blank_term(f"{parent} {self.blank}")
        if self.frames and self.frames[-1].mode == _AFTER_NODE:
            frame = self.frames[-1]
            self._put(f"{frame.subject}{frame.slot.predicate}{own} .\n", spelling)
        if name in KINDS and not self.frames:
            self._count_header(own)
        if own in self.subjects:
            self.repeated_subjects.add(own)
        self.subjects.add(own)
        self.subject, self.mode = own, _PROPERTIES
        if self.watch is not None and spelling:
            self.watch.element(own, kind, spelling, name, self.parser.CurrentLineNumber)
        if generic:
            self.account.generic += 1
            self.repairs.add("generic_type", self._place())
        elif name != f"{RDF}Description":
            known_name = self.classes.get(name) or self._class(name)
            self._put(f"{own}{_TYPE}<{known_name}> .\n", name)
        if len(attributes) > 2:
            self._property_attributes(attributes)

    def _class(self, name: str) -> str:
        safe = self.classes[name] = valid_iri(name) or BAD_NAME + escaped(name)
        if safe != name:
            self.found("bad_iri", name)
        return safe

    def _end_node(self) -> None:
        if self.texts:
            if not "".join(self.texts).isspace():
                self.found("stray_text", "".join(self.texts).strip()[:40])
            self.texts.clear()
        if self.frames and self.frames[-1].mode != _NODES:
            self._return(self.frames[-1].mode)
        else:
            self.mode = _NODES
            self._tidy()

    def _return(self, mode: int) -> None:
        frame = self.frames.pop()
        self.subject, self.slot, self.mode = frame.subject, frame.slot, mode

    def _tidy(self) -> None:
        """Drop statements that a node repeats, and hand on what has gathered."""
        own = self.lines[self.node_start :]
        if len(set(own)) != len(own):
            kept = list(dict.fromkeys(own))
            self.account.repeated += len(own) - len(kept)
            self.found("repeated_statement", "", count=len(own) - len(kept))
            self.lines[self.node_start :] = kept
        self.node_start = len(self.lines)
        if len(self.lines) >= FLUSH_LINES:
            self._flush()

    def _flush(self) -> None:
        if self.lines:
            self.account.kept += len(self.lines)
            self.write(self.section, "".join(self.lines).encode())
            self.lines.clear()
        self.node_start = 0

    def _define(self, name: str, class_iri: str) -> str:
        term = self.identities.of_id(name)
        before = self.defined.get(term)
        if before is not None and self.section == "main":
            if before != class_iri:
                raise BadIdentifier(
                    f"rdf:ID {name!r} stands on a {_local(before)} and on a {_local(class_iri)}.",
                    hint="Give one of the two objects an identifier of its own.",
                    file=self.file,
                    line=self.parser.CurrentLineNumber,
                    subject=term[1:-1],
                )
            self.found("duplicate_id", name)
        self.defined[term] = class_iri
        return term

    def _blank_term(self, local: str) -> str:
        digest = hashlib.sha256(local.encode()).hexdigest()[:16]
        return f"<{bnode_iri(self.model, digest)}>"

    def _count_header(self, own: str) -> None:
        self.headers += 1
        if self.headers > 1:
            self.repairs.add("several_headers", self._place(own), own[1:-1])

    # properties

    def _slot(self, name: str) -> Slot:
        slot = self.slots[name] = slot_of(name, self.vocabulary)
        if slot.predicate != f" <{name}> ":
            self.found("bad_iri", name)
        return slot

    def _attributes(self, attributes: list[str]) -> None:
        """Take in whatever attributes a property has beside a single rdf:resource."""
        self.resource, self.own_type, self.language = None, None, ""
        for at in range(0, len(attributes), 2):
            name, raw = attributes[at], attributes[at + 1]
            if name == _RESOURCE:
                self.resource = raw
            elif name == _DATATYPE and (own_type := valid_iri(raw)):
                self.own_type = own_type
            elif name == _LANG and _LANGUAGE.match(raw):
                self.language = raw
            elif name in (_DATATYPE, _LANG) and raw:
                self.found("bad_literal", f"{_local(name)} {raw[:40]!r}")
            elif name == _NODE_ID:
                self.resource = self._blank_term(raw)[1:-1]
            elif name == _PARSE_TYPE:
                self._parse_type(raw)
        if self.resource is not None:
            self.own_type, self.language = None, ""
        elif self.own_type or self.language:
            self.slot = replace(self.slot, texts={})

    def _parse_type(self, value: str) -> None:
        if value == "Statements":
            self._flush()
            self.frames.append(Frame(self.subject, self.slot, _NODES))
            self.section, self.mode = _local(self.slot.iri).rpartition(".")[2], _NODES
        elif value == "Resource":
            self.frames.append(Frame(self.subject, self.slot, _AFTER_NODE))
            self._node(f"{RDF}Description", [])
            self.frames[-1].mode = _PROPERTIES
        elif value == "Literal":
            self.mode, self.markup_depth = _MARKUP, 0
        else:
            raise self._malformed(f"rdf:parseType {value!r}")

    def _property_attributes(self, attributes: list[str]) -> None:
        for at in range(0, len(attributes), 2):
            name, raw = attributes[at], attributes[at + 1]
            if name.startswith((RDF, XML)):
                continue
            slot = self.slots.get(name) or self._slot(name)
            term = slot.texts.get(raw) or self._literal(slot, raw)
            self._put(f"{self.subject}{slot.predicate}{term} .\n", raw)

    def _put(self, line: str, raw: str) -> None:
        self.lines.append(line)
        if self.watch is not None:
            self.watch.statement(line, raw, False)

    def _check_value(self, slot: Slot, raw: str) -> None:
        if not slot.known:
            self.found("unknown_property", slot.iri)
        elif slot.kind == "literal":
            self.found("literal_as_reference", slot.iri)
        else:
            self.found("unknown_value", raw)

    def _reference(self, slot: Slot, raw: str) -> str | None:
        """Return the term of a reference; several in one attribute are written at once."""
        if raw.startswith("#") and raw.count("#") > 1:
            parts = [f"#{part.strip()}" for part in raw.split("#") if part.strip()]
            self.found("split_reference", raw[:80])
            self.account.split += len(parts) - 1
            for part in parts:
                line = f"{self.subject}{slot.predicate}{self.identities.of_reference(part)} .\n"
                self.lines.append(line)
                if self.watch is not None:
                    self.watch.statement(line, part, True)
            return None
        return self.identities.of_reference(raw)

    def _literal(self, slot: Slot, raw: str) -> str:
        """Return the term of a text; what is regular is remembered in the slot."""
        own_type, language = self.own_type, self.language
        self.own_type, self.language = None, ""
        if not slot.known:
            self.found("unknown_property", slot.iri)
        if language:
            return f"{quoted(raw)}@{language}"
        if slot.kind in ("reference", "enumeration") and raw.strip().startswith(("#", "_", "http")):
            self.found("reference_as_text", raw[:80])
            return self.identities.of_reference(raw.strip())
        term, code = slot.literal(raw, own_type)
        if code is not None:
            self.found(code, f"{slot.iri} {raw[:40]!r}")
        return term

    # findings

    def found(self, code: str, detail: str, *, count: int = 1) -> None:
        """Note a finding at the place where the parser is."""
        self.repairs.add(code, self._place(), detail, count)

    def _place(self, subject: str | None = None) -> Place:
        term = subject or self.subject
        return Place(self.file, self.parser.CurrentLineNumber, term[1:-1] or None)

    def _malformed(self, what: str) -> NotCim:
        return NotCim(
            f"{self.file} uses a form of RDF/XML that CIM XML does not have: {_local(what)}.",
            hint="IEC 61970-552 has objects, and in them properties with a text or a reference.",
            file=self.file,
            line=self.parser.CurrentLineNumber,
        )


def _local(iri: str) -> str:
    return iri.rpartition("#")[2]
