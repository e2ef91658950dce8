"""Query files: SPARQL text with its assumptions, units and typed result.

In: the name of a file under ``queries/``. Out: a `Question`, and its answer as columns of Python
values. The comment lines of a file are its contract: what it assumes, and one ``result:`` line per
column with the type and the unit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from kgnode.errors import MemberError, NotFound
from kgnode.names import CIM16, CIM100

_NOT_IRI = re.compile(r'[\x00-\x20<>"{}|^`\\]')
FOLDER = Path(__file__).parent / "queries"

Ask = Callable[[str], Iterable[Sequence[str]]]
"""Answers a SELECT query with rows of lexical values in projection order; unbound is ``""``."""

Value = str | float | int | bool | None
Columns = dict[str, list[Value]]


@dataclass(frozen=True)
class Column:
    """One column of a result: type ``iri|text|integer|double|boolean`` and unit, if any."""

    name: str
    type: str
    unit: str = ""


@dataclass(frozen=True)
class Question:
    """A query file.

    Attributes:
        name: file name without its ending.
        text: SPARQL, ready to be sent.
        title: what it answers, one sentence.
        assumes: what must hold for the answer to be right.
        columns: the typed result, in projection order.
    """

    name: str
    text: str
    title: str
    assumes: str
    columns: tuple[Column, ...]


@cache
def question(name: str, cim: str = CIM100) -> Question:
    """Return the query file of a name, for the CIM namespace of the data.

    Raises:
        NotFound: there is no such file.
    """
    path = FOLDER / f"{name}.rq"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.rq") if "." not in p.stem))
        raise NotFound(f"There is no question {name!r}.", hint=f"Known are: {known}.")
    asked = read_question(path)
    declaration = f"PREFIX cim: <{CIM100}>"
    text = asked.text.replace(declaration, f"PREFIX cim: <{cim}>") if cim != CIM100 else asked.text
    return replace(asked, text=text)


def read_question(path: Path) -> Question:
    """Return a query file with the contract that its comment lines state."""
    text = path.read_text()
    notes = [line[1:].strip() for line in text.splitlines() if line.startswith("#")]
    columns = tuple(
        Column(*note.removeprefix("result:").split())
        for note in notes
        if note.startswith("result:")
    )
    prose = " ".join(note for note in notes if not note.startswith("result:"))
    title, _, assumes = prose.partition("assumes:")
    return Question(path.stem, text, title.strip(), assumes.strip(), columns)


def bound(text: str, variable: str, iri: str) -> str:
    """Return a query with a variable bound to an IRI.

    Raises:
        MemberError: the IRI holds characters that none may have (RFC 3987), so that nothing a
            member says can become a part of the query.
    """
    if not iri or _NOT_IRI.search(iri):
        raise MemberError(f"{iri!r} is no IRI.", hint="The publisher must correct it.")
    body = "".join(line for line in text.splitlines(True) if not line.startswith("#"))
    return re.sub(rf"\?{variable}\b", lambda _: f"<{iri}>", body)


def ask_columns(asked: Question, ask: Ask) -> Columns:
    """Ask one source and return its answer column by column (errors as `columns_of`)."""
    return columns_of(asked, list(ask(asked.text)))


def columns_of(asked: Question, rows: Sequence[Sequence[str]]) -> Columns:
    """Return the rows of an answer column by column, in the promised types.

    Raises:
        MemberError: the answer does not have the promised columns or types.
    """
    width = len(asked.columns)
    if any(len(row) != width for row in rows):
        raise MemberError(f"The answer to {asked.name} does not have {width} columns.")
    turned: Sequence[Sequence[str]] = list(zip(*rows, strict=True)) or [()] * width
    for column, values in zip(asked.columns, turned, strict=True):
        if column.type == "iri" and _NOT_IRI.search("".join(values)):
            raise MemberError(f"{asked.name}: {column.name} has a value that is no IRI.")
    return {
        column.name: _typed(asked, column, values)
        for column, values in zip(asked.columns, turned, strict=True)
    }


def ask_any(name: str, ask: Ask) -> Columns:
    """Ask in the namespace of CIM100, and where that finds nothing in that of CIM16."""
    columns = ask_columns(question(name), ask)
    if any(columns.values()):
        return columns
    return ask_columns(question(name, CIM16), ask)


def _typed(asked: Question, column: Column, values: Sequence[str]) -> list[Value]:
    try:
        if column.type == "double":
            return [float(value) if value else None for value in values]
        if column.type == "integer":
            return [int(value) if value else None for value in values]
    except ValueError as error:
        raise MemberError(
            f"{asked.name}: {column.name} should be of type {column.type}: {error}.",
            hint="The publisher's data must be typed by the profile's vocabulary.",
        ) from error
    if column.type == "boolean":
        return [value in ("true", "1") if value else None for value in values]
    return [value or None for value in values]
