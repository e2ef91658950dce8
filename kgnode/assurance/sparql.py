"""Queries inside shapes (SHACL sections 5 and 6): checked, bound and made to run set at a time.

In: the text of a SELECT or ASK as a pack wrote it. Out: one query over all focus nodes at once.
SHACL evaluates a query once for each focus node with ``$this`` pre-bound; joining the focus nodes
in front is the same wherever each group that tests ``$this`` also binds it, and ``LATERAL`` is
used everywhere else. What SHACL 5.2.1 forbids is refused, and so is anything that reaches out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import pyoxigraph as ox

from kgnode.assurance.graph import Term
from kgnode.assurance.requests import refuse_requests
from kgnode.errors import BadShapes

_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
      |(?P<iri><[^<>"{}|^`\\\s]*>)
      |(?P<string>\"\"\"(?:[^"\\]|\\.|"(?!""))*\"\"\"|'''(?:[^'\\]|\\.|'(?!''))*'''
                 |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      |(?P<var>[?$][A-Za-z_0-9\u00C0-\uFFFF]+)
      |(?P<name>(?:[A-Za-z_][\w\-]*)?:[\w\-.%\\]*)
      |(?P<word>[A-Za-z_]\w*)
      |(?P<space>\s+)
      |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_PREFIX = re.compile(r"\s*(?:PREFIX\s+[^\s:]*:\s*<[^>]*>|\#[^\n]*\n)", re.IGNORECASE)
_FORBIDDEN = {"SERVICE": "5.2.1", "VALUES": "5.2.1", "MINUS": "5.2.1"}
_UPDATES = ("INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "COPY", "MOVE", "ADD")
_NOT_JOINED = frozenset(("SELECT", "GROUP", "HAVING", "LIMIT", "OFFSET", "ORDER", "REDUCED"))


@dataclass(frozen=True)
class Sparql:
    """A query inside a shapes graph, with its prefixes written out in front."""

    form: str
    text: str
    node: Term
    messages: tuple[ox.Literal, ...] = ()


@dataclass(frozen=True)
class Token:
    """One lexical element."""

    kind: str
    text: str

    @property
    def word(self) -> str:
        """The keyword in upper case, or nothing."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def variable(self) -> str:
        """The variable's name, or nothing."""
        return self.text[1:] if self.kind == "var" else ""


@dataclass(frozen=True)
class Bound:
    """A query ready to run over a source: prefixes, projection and body."""

    prefixes: str
    projection: tuple[str, ...]
    distinct: bool
    body: str
    joinable: bool
    whole: str


def tokens(text: str) -> list[Token]:
    """Return the lexical elements of a query, comments left out."""
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        if kind != "comment":
            found.append(Token(kind, match.group()))
    return found


def split_prefixes(text: str) -> tuple[str, str]:
    """Return the leading PREFIX lines and what follows."""
    at = 0
    while match := _PREFIX.match(text, at):
        at = match.end()
    return text[:at], text[at:]


def refuse_service(source: Sparql) -> None:
    """Refuse a query that asks another server or loads from one, or that no parser survives.

    Raises:
        BadShapes: it does, or could to a reader who parts its words in another way.
    """
    for token in tokens(source.text):
        if token.word in ("SERVICE", "LOAD"):
            raise _refused(source, f"{token.word} may not be used in a shape")
    refuse_requests(source.text, lambda message: _refused(source, message.rstrip(".")))


def check(source: Sparql) -> None:
    """Refuse a query that SHACL forbids or that reaches outside the data.

    Raises:
        BadShapes: the sentence names the construct.
    """
    _, text = split_prefixes(source.text)
    found = tokens(text)
    for token in found:
        if token.word in _FORBIDDEN or token.word in _UPDATES:
            raise _refused(source, f"{token.word} may not be used in a shape")
        if token.word == "FROM":
            raise _refused(source, "FROM may not be used in a shape")
    words = [token for token in found if token.kind != "space"]
    bound = ("this", "shapesGraph") if source.form == "select" else ("this", "value")
    for before, token in pairwise(words):
        if before.word == "AS" and token.variable in bound:
            raise _refused(source, f"${token.variable} may not be assigned")
    first = next((token for token in words if token.word), None)
    if first is None or first.word != source.form.upper():
        raise _refused(
            source, f"it must be a{'n' if source.form == 'ask' else ''} {source.form.upper()} query"
        )
    for head in _nested_heads(words):
        if "this" not in head:
            raise _refused(source, "a nested SELECT must return $this")


def parses(source: Sparql) -> str:
    """Return an empty string if a query is valid SPARQL to rdflib or Oxigraph, else why not."""
    text = _replace(source.text, {"PATH": "<urn:path>"})
    why = _oxigraph(text)
    if not why:
        return ""
    from rdflib.plugins.sparql import prepareQuery  # slow to load and rarely needed

    try:
        prepareQuery(text)
    except Exception:  # rdflib's parser raises whatever it comes upon
        return why.splitlines()[0]
    return ""


def _oxigraph(text: str) -> str:
    try:
        ox.Store().query(text)
    except SyntaxError as error:
        return error.msg
    return ""


def _nested_heads(words: list[Token]) -> Iterator[set[str]]:
    """Yield the projected variables of each SELECT after the first."""
    starts = [index for index, token in enumerate(words) if token.word == "SELECT"][1:]
    for start in starts:
        head: set[str] = set()
        for token in words[start + 1 :]:
            if token.word == "WHERE" or token.text == "{":
                break
            if token.variable:
                head.add(token.variable)
        yield head


def _refused(source: Sparql, why: str) -> BadShapes:
    return BadShapes(
        f"A query of the shapes cannot be used: {why}.",
        hint="SHACL 5.2.1 and 5.3 say what a constraint's query may hold.",
        subject=str(source.node),
    )


def _replace(text: str, values: Mapping[str, str]) -> str:
    """Put terms for variables, outside strings, IRIs and comments; ``bound`` of one is true."""
    out: list[str] = []
    found = list(_TOKEN.finditer(text))
    index = 0
    while index < len(found):
        match = found[index]
        if match.lastgroup == "word" and match.group().upper() == "BOUND":
            ahead = [m for m in found[index + 1 : index + 8] if m.lastgroup != "space"][:3]
            names = [m.group() for m in ahead]
            if len(names) == 3 and names[0] == "(" and names[1][1:] in values:
                out.append("(true)")
                index = found.index(ahead[2]) + 1
                continue
        if match.lastgroup == "var" and match.group()[1:] in values:
            out.append(values[match.group()[1:]])
        elif match.lastgroup == "comment":
            out.append("\n")
        else:
            out.append(match.group())
        index += 1
    return "".join(out)


def prepare(source: Sparql, values: Mapping[str, Term], path: str) -> Bound:
    """Return a checked query with constants and the path put in.

    Raises:
        ValueError: a constant is a blank node, which no query can name, or Oxigraph cannot read it.
    """
    constants = {name: _constant(term) for name, term in values.items()}
    if path:
        constants["PATH"] = path
    return _prepared(source.text, tuple(sorted(constants.items())))


@lru_cache(maxsize=1024)
def _prepared(query: str, constants: tuple[tuple[str, str], ...]) -> Bound:
    prefixes, text = split_prefixes(with_having_spelled_out(_replace(query, dict(constants))))
    start = text.find("{")
    body = text[start + 1 : text.rfind("}")]
    head = [t for t in tokens(text[:start]) if t.kind != "space"]
    after = {t.word for t in tokens(text[text.rfind("}") :])}
    inner = {t.word for t in tokens(body)}
    plain = all(t.word in ("SELECT", "DISTINCT", "WHERE", "") for t in head)
    simple_head = plain and not any(t.text in ("(", ")") for t in head)
    joinable = (
        simple_head
        and not (after | inner) & _NOT_JOINED
        and all(_binds_what_it_tests(group) for group in _groups(body))
    )
    projection = tuple(t.variable for t in head if t.variable)
    if any(t.text == "*" for t in head):
        names = {t.variable for t in tokens(body) if t.variable}
        projection = tuple(sorted(names | {"this"}))
    distinct = any(t.word == "DISTINCT" for t in head)
    whole = text if "this" in projection else _add_this(text)
    if _oxigraph(prefixes + whole):
        raise ValueError("a query that Oxigraph does not read")
    return Bound(prefixes, projection, distinct, body, joinable, whole)


def with_having_spelled_out(text: str) -> str:
    """Put the expression for a name of SELECT that HAVING uses.

    Official rules write ``SELECT (COUNT(?x) AS ?n) ... HAVING (?n > 1)``. Oxigraph follows the
    algebra (SPARQL 1.1 section 18.2.4.1: HAVING comes before SELECT names anything) and finds
    nothing, where rdflib finds what was meant.

    Raises:
        ValueError: HAVING without GROUP BY, which means different things to different engines.
    """
    found = tokens(text)
    depths = _depths(found)
    out = [token.text for token in found]
    for at, token in enumerate(found):
        if token.word != "HAVING":
            continue
        level = [i for i in range(at) if depths[i] == depths[at]]
        start = max((i for i in level if found[i].word == "SELECT"), default=None)
        if start is None or not any(found[i].word == "GROUP" for i in level if i > start):
            raise ValueError("HAVING without GROUP BY")
        names = _names_given(found, start)
        for i in range(at + 1, len(found)):
            if depths[i] < depths[at] or found[i].word in ("ORDER", "LIMIT", "OFFSET"):
                break
            out[i] = names.get(found[i].variable, out[i])
    return "".join(out)


def _depths(found: list[Token]) -> list[int]:
    depth, depths = 0, []
    for token in found:
        depth -= token.text == "}"
        depths.append(depth)
        depth += token.text == "{"
    return depths


def _names_given(found: list[Token], start: int) -> dict[str, str]:
    """Return name -> expression in parentheses of the ``(expression AS ?name)`` of a SELECT."""
    names: dict[str, str] = {}
    depth, opened, named = 0, start, start
    for i in range(start + 1, len(found)):
        token = found[i]
        if token.text == "{" or (token.word == "WHERE" and not depth):
            break
        if token.text == "(":
            depth += 1
            opened = i if depth == 1 else opened
        elif token.word == "AS" and depth == 1:
            named = i
        elif token.text == ")":
            depth -= 1
            if depth == 0 and named > opened:
                name = next(t.variable for t in found[named:i] if t.variable)
                names[name] = f"({''.join(t.text for t in found[opened + 1 : named])})"
    return names


def _add_this(text: str) -> str:
    return re.sub(r"(?i)\bSELECT(\s+DISTINCT)?", lambda m: f"{m.group()} ?this", text, count=1)


def _constant(term: Term) -> str:
    if isinstance(term, ox.BlankNode):
        raise ValueError("a blank node as a parameter")
    return str(term)


@dataclass
class _Group:
    """One ``{ }`` of a query: whether it tests ``$this`` and whether a triple binds it."""

    correlated: bool
    tests: bool = False
    binds: bool = False


def _groups(body: str) -> Iterator[_Group]:
    """Yield every group nested in the body."""
    stack: list[_Group] = []
    parentheses = 0
    expression_at: list[int] = []
    previous = ""
    for token in tokens(body):
        if token.kind == "space":
            continue
        if token.text == "{":
            outer = bool(stack) and stack[-1].correlated
            stack.append(_Group(outer or previous == "EXISTS"))
        elif token.text == "}" and stack:
            yield stack.pop()
        elif token.text == "(":
            parentheses += 1
            if previous in ("FILTER", "BIND") or expression_at or previous == "WORD":
                expression_at.append(parentheses)
        elif token.text == ")":
            if expression_at and expression_at[-1] == parentheses:
                expression_at.pop()
            parentheses -= 1
        elif token.variable == "this" and stack:
            if expression_at:
                stack[-1].tests = True
            else:
                stack[-1].binds = True
        known = token.word in ("FILTER", "BIND", "EXISTS", "UNION", "OPTIONAL", "GRAPH")
        previous = token.word if known else ("WORD" if token.word else token.text)


def _binds_what_it_tests(group: _Group) -> bool:
    return group.correlated or group.binds or not group.tests


def focus_query(target: Sparql) -> str:
    """Return the query of a SPARQLTarget."""
    return target.text


def over(bound: Bound, source: str) -> str:
    """Return one query that gives the solutions for every focus node of a source."""
    names = " ".join(f"?{name}" for name in dict.fromkeys(("this", *bound.projection)))
    if bound.joinable:
        return f"{bound.prefixes} SELECT DISTINCT {names} WHERE {{ {source} {bound.body} }}"
    return (
        f"{bound.prefixes} SELECT DISTINCT {names} WHERE {{ "
        f"{{ SELECT DISTINCT ?this WHERE {{ {source} }} }} LATERAL {{ {bound.whole} }} }}"
    )


def asking(bound: Bound, source: str) -> str:
    """Return the query for the value nodes of which an ASK validator says no."""
    return (
        f"{bound.prefixes} SELECT DISTINCT ?this ?value WHERE {{ {source} "
        f"FILTER NOT EXISTS {{ {bound.body} }} }}"
    )
