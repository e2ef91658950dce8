"""What a query is, before anything runs: its form, its dataset clauses, its syntax tree.

In: the text of one request. Out: ``ParsedQuery``, frozen and cached. The tokens of ``scan`` are
the first reading, tree-sitter's SPARQL grammar the second, made when asked for. Follows SPARQL 1.1
Query section 19; whether a query is valid in full is Oxigraph's word, in an evaluator.
"""

from __future__ import annotations

import ctypes
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import pyoxigraph as ox
import tree_sitter
import tree_sitter_sparql

from kgnode.errors import MalformedQuery
from kgnode.query.scan import MAX_DEPTH, Token, malformed, scan

Form = Literal["SELECT", "ASK", "CONSTRUCT", "DESCRIBE", "UPDATE"]

_FORMS = frozenset({"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"})
_UPDATES = frozenset(
    {"INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "ADD", "MOVE", "COPY", "WITH"}
)
_FRESH = frozenset({"NOW", "RAND", "UUID", "STRUUID", "BNODE"})
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_LOCAL_ESCAPE = re.compile(r"\\([_~.\-!$&'()*+,;=/?#@%])")
_KNOWN_AS = {"UUID": "RAND", "STRUUID": "RAND   "} | {
    name.upper(): name
    for name in ("isIRI", "isURI", "isBLANK", "isLITERAL", "isNUMERIC", "sameTerm", "GROUP_CONCAT")
}
"""Words as the syntax grammar knows them: it lacks two functions, and six are case-sensitive."""
_CACHED_LENGTH = 16_384
_CHUNK_BYTES = 65_536
_SLOW_SECONDS_PER_BYTE = 2e-6
"""Eight times what a sound text takes; faults take twenty times as much again."""
PLAIN_LENGTH = 1_500
"""Fewer characters than the operators that a query may have."""
_PLAIN = re.compile(
    r"(?:[ \t\r\n]++|BASE[ \t\r\n]*+<[^<>\"{}|^`\\\x00-\x20]*+>"
    r"|PREFIX[ \t\r\n]++[A-Za-z0-9_\-]*+:[ \t\r\n]*+<[^<>\"{}|^`\\\x00-\x20]*+>)*+"
    r"(SELECT|ASK|CONSTRUCT|DESCRIBE)(?![A-Za-z0-9_:])",
    re.IGNORECASE | re.ASCII,
)
_RELATIVE = re.compile(r"<(?![A-Za-z][A-Za-z0-9+.\-]*:)[^<>\"{}|^`\\\x00-\x20]*+>")
_BASE_SET = re.compile(r"(?:^|[\s>])BASE\s*<", re.IGNORECASE)
_MATTERING = ("service", "from", "graph", "now", "rand", "uuid", "bnode")


@dataclass(frozen=True)
class Clause:
    """One ``FROM`` or ``FROM NAMED``: the graph's IRI and the clause's span in characters."""

    iri: str
    named: bool
    start: int
    end: int


@dataclass(frozen=True)
class Prologue:
    """Prefixes (without colon) with their namespaces, the base IRI, and how many tokens it has."""

    prefixes: Mapping[str, str]
    base: str | None
    length: int


@dataclass(frozen=True)
class ParsedQuery:
    """One query as both readings see it.

    Attributes:
        text: as it came.
        form: what it asks for; ``UPDATE`` is parsed only so that it can be refused by name.
        clauses: its dataset clauses, IRIs absolute.
    """

    text: str
    form: Form
    clauses: tuple[Clause, ...] = ()

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """Its terminals, without white space and comments. Raises MalformedQuery."""
        return scan(self.text)

    @cached_property
    def prologue(self) -> Prologue:
        """What its prologue declares. Raises MalformedQuery."""
        return read_prologue(self.tokens)

    @property
    def from_default(self) -> tuple[str, ...]:
        """The IRIs of its ``FROM`` clauses."""
        return tuple(clause.iri for clause in self.clauses if not clause.named)

    @property
    def from_named(self) -> tuple[str, ...]:
        """The IRIs of its ``FROM NAMED`` clauses."""
        return tuple(clause.iri for clause in self.clauses if clause.named)

    @cached_property
    def keywords(self) -> frozenset[str]:
        """All words outside strings, IRIs, names and comments, in capitals."""
        return frozenset(token.text.upper() for token in self.tokens if token.kind == "word")

    @cached_property
    def mentions(self) -> tuple[str, ...]:
        """The words of which it matters where they stand, if they stand anywhere at all."""
        return _mentioned(self.text)

    @property
    def repeatable(self) -> bool:
        """Whether the same data always gives the same answer: no clock, chance or fresh names."""
        return not self.mentions or not self.keywords & _FRESH

    @property
    def asks_graphs(self) -> bool:
        """Whether it may look into named graphs: only ``GRAPH`` can."""
        if not self.mentions:
            return False
        return "GRAPH" in self.keywords or any(token.doubtful for token in self.tokens)

    @cached_property
    def tree(self) -> tree_sitter.Tree:
        """The syntax tree; its spans count bytes of ``text`` in UTF-8."""
        return _parser().parse(_plain(self))

    @cached_property
    def readable(self) -> bool:
        """Whether the grammar made sense of all of it; if not, only Oxigraph can tell.

        A long text is given up at its first fault, or where reading it takes far longer than a
        sound text does: mending faults would take the grammar seconds.
        """
        if len(self.text) <= PLAIN_LENGTH:
            return not self.tree.root_node.has_error
        source = _plain(self)
        start = time.thread_time()

        def hopeless(place: int, faulty: bool) -> bool:
            return faulty or time.thread_time() - start > 0.1 + place * _SLOW_SECONDS_PER_BYTE

        try:
            tree = _parser().parse(
                lambda place, _: source[place : place + _CHUNK_BYTES], progress_callback=hopeless
            )
        except ValueError:
            return False
        return not tree.root_node.has_error

    @property
    def doubtful(self) -> bool:
        """Whether what a token is cannot be told with certainty."""
        return not self.readable or any(token.doubtful for token in self.tokens)

    def nodes(self, kind: str) -> Iterator[tree_sitter.Node]:
        """Yield the syntax nodes of one kind, in document order."""
        cursor = self.tree.walk()
        while True:
            if cursor.node is not None and cursor.node.type == kind:
                yield cursor.node
            if cursor.goto_first_child() or cursor.goto_next_sibling():
                continue
            while cursor.goto_parent():
                if cursor.goto_next_sibling():
                    break
            else:
                return

    def without_dataset(self) -> str:
        """Return the text with its dataset clauses blanked out; all other places stay."""
        if not self.clauses:
            return self.text
        parts, place = [], 0
        for clause in self.clauses:
            blank = re.sub(r"[^\r\n]", " ", self.text[clause.start : clause.end])
            parts += [self.text[place : clause.start], blank]
            place = clause.end
        return "".join([*parts, self.text[place:]])


def parse(text: str) -> ParsedQuery:
    """Return what a query is.

    Raises:
        MalformedQuery: it is no SPARQL 1.1; the message has line and column.
    """
    return plain(text) or (_parse_cached(text) if len(text) <= _CACHED_LENGTH else _parse(text))


def with_base(text: str, base: str | None) -> str:
    """Return the query with a base for its relative IRIs, if it has any and sets none itself.

    >>> with_base("ASK { <a> ?p ?o }", "http://x/sparql")
    'BASE <http://x/sparql> ASK { <a> ?p ?o }'
    >>> with_base("ASK { <urn:a> ?p ?o }", "http://x/sparql")
    'ASK { <urn:a> ?p ?o }'
    """
    if base is None or _RELATIVE.search(text) is None or _BASE_SET.search(text) is not None:
        return text
    return f"BASE <{base}> {text}"


def plain(text: str) -> ParsedQuery | None:
    """Return a query that one look is enough for, None if it has to be read in full.

    It is short, its form comes right after a simple prologue, and it holds no word of which it
    matters where it stands; so it can only be nested too deep if it has that many brackets.
    """
    if len(text) > PLAIN_LENGTH:
        return None
    match = _PLAIN.match(text)
    if match is None:
        return None
    folded = text.casefold()
    for word in _MATTERING:
        if word in folded:
            return None
    if text.count("{") + text.count("(") + text.count("[") > MAX_DEPTH:
        return None
    parsed = object.__new__(ParsedQuery)  # a frozen class sets each of its fields by a call
    parsed.__dict__.update(text=text, form=match[1].upper(), clauses=(), mentions=())
    return parsed


def _mentioned(text: str) -> tuple[str, ...]:
    folded = text.casefold()  # ten times as fast as a search that ignores case
    return tuple([word for word in _MATTERING if word in folded])


def _parse(text: str) -> ParsedQuery:
    tokens = scan(text)
    prologue = read_prologue(tokens)
    if prologue.length == len(tokens):
        raise malformed(text, len(text), "no query form was found")
    start = tokens[prologue.length]
    word = start.text.upper()
    form: Form
    if word in _FORMS:
        form = word  # type: ignore[assignment]
    elif word in _UPDATES:
        form = "UPDATE"
    else:
        raise malformed(text, start.start, "SELECT, ASK, CONSTRUCT or DESCRIBE was expected")
    clauses = () if form == "UPDATE" else _clauses(text, tokens[prologue.length :], prologue)
    parsed = ParsedQuery(text, form, clauses)
    parsed.__dict__.update(tokens=tokens, prologue=prologue)
    return parsed


_parse_cached = lru_cache(maxsize=1024)(_parse)


def read_prologue(tokens: Sequence[Token]) -> Prologue:
    """Return what the tokens at the start of a query declare."""
    prefixes: dict[str, str] = {}
    base: str | None = None
    place = 0
    while place < len(tokens):
        word = tokens[place].text.upper()
        rest = tokens[place + 1 : place + 3]
        if word == "BASE" and rest and rest[0].kind == "iri":
            base = _declared(rest[0], base)
            place += 2
        elif word == "PREFIX" and len(rest) == 2 and rest[1].kind == "iri":
            prefixes[rest[0].text.removesuffix(":")] = _declared(rest[1], base)
            place += 3
        elif word == "VERSION" and rest and rest[0].kind == "string":
            place += 2
        else:
            break
    return Prologue(prefixes, base, place)


def _clauses(text: str, tokens: Sequence[Token], prologue: Prologue) -> tuple[Clause, ...]:
    found = []
    for place, token in enumerate(tokens):
        if token.depth or token.kind != "word" or token.text.upper() != "FROM":
            continue
        named = place + 1 < len(tokens) and tokens[place + 1].text.upper() == "NAMED"
        target = place + (2 if named else 1)
        if target >= len(tokens) or tokens[target].kind not in ("iri", "name"):
            raise malformed(text, token.start, "FROM is followed by no graph name")
        iri = _iri(text, tokens[target], prologue)
        found.append(Clause(iri, named, token.start, tokens[target].end))
    return tuple(found)


def _iri(text: str, token: Token, prologue: Prologue) -> str:
    if token.kind == "name":
        prefix, _, local = token.text.partition(":")
        if prefix not in prologue.prefixes:
            raise malformed(text, token.start, f"the prefix {prefix}: is not declared")
        return prologue.prefixes[prefix] + _LOCAL_ESCAPE.sub(r"\1", local)
    iri = unescape(token.text[1:-1])
    try:
        return _absolute(iri, prologue.base)
    except (SyntaxError, ValueError) as error:
        raise malformed(text, token.start, f"<{iri}> is no IRI, or relative to none") from error


def _declared(token: Token, base: str | None) -> str:
    iri = unescape(token.text[1:-1])
    try:
        return _absolute(iri, base)
    except (SyntaxError, ValueError):
        return iri  # relative to nothing: an error only where something uses it


def _absolute(iri: str, base: str | None) -> str:
    # Oxigraph's own resolution, so that both always agree (RFC 3986 section 5.2)
    document = f"<{iri}> <x:p> <x:o> .".encode()
    for quad in ox.parse(document, format=ox.RdfFormat.TURTLE, base_iri=base):
        if isinstance(quad.subject, ox.NamedNode):
            return quad.subject.value
    raise ValueError(iri)


@lru_cache(maxsize=1)
def _language() -> tree_sitter.Language:
    # the grammar hands out a bare address; tree-sitter wants it in a named capsule
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype, capsule.argtypes = (
        ctypes.py_object,
        (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p),
    )
    address = tree_sitter_sparql.language()
    return tree_sitter.Language(capsule(address, b"tree_sitter.Language", None))


def _parser() -> tree_sitter.Parser:
    return tree_sitter.Parser(_language())


def _plain(parsed: ParsedQuery) -> bytes:
    """Return the text in the dialect the grammar knows, every span kept.

    The grammar lacks Unicode escapes and some functions, and ends a comment only at a line feed
    where SPARQL ends it at a carriage return too.
    """
    parts, place = [], 0
    for token in parsed.tokens:
        plain = None
        if token.kind in ("string", "iri") and "\\" in token.text:
            plain = _ESCAPE.sub(lambda match: "x" * len(match[0]), token.text)
        elif token.kind == "word":
            plain = _KNOWN_AS.get(token.text.upper())
        if plain is not None:
            parts += [parsed.text[place : token.start], plain]
            place = token.end
    text = "".join([*parts, parsed.text[place:]])
    return text.replace("\r", "\n").encode()


def unescape(token_text: str) -> str:
    r"""Return a string or IRI with its Unicode escapes replaced (SPARQL 1.1 section 19.2).

    >>> unescape(r"caf\u00E9")
    'café'
    """
    return _ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)), token_text)


def complain(parsed: ParsedQuery) -> MalformedQuery:
    """Return the error for the first place the grammar could not make sense of."""
    for kind in ("ERROR", "MISSING"):
        for node in parsed.nodes(kind):
            text = parsed.text.encode()[: node.start_byte].decode(errors="replace")
            return malformed(parsed.text, len(text), "this does not fit the grammar")
    return malformed(parsed.text, 0, "the query does not fit the grammar")
