"""SSSOM/JSON in and out (SSSOM 1.1, "SSSOM/JSON").

In: bytes; prefixes from ``curie_map`` or from the ``@context`` that JSON-LD tools write. Out: a
``MappingSet``, or ``BadMapping`` with the line of the mapping; and the way back.
"""

from __future__ import annotations

import json
from collections import abc
from pathlib import Path
from typing import Any

import orjson

from kgnode.alignment.columns import lay
from kgnode.alignment.curies import fault
from kgnode.alignment.mapping import Extension, MappingSet, Value
from kgnode.alignment.records import Raw, Records
from kgnode.alignment.slots import SLOTS
from kgnode.alignment.sssom_tsv import content
from kgnode.errors import BadMapping

_NOT_SLOTS = frozenset({"@context", "@type", "@id", "curie_map", "extension_definitions"})


def read(source: bytes | Path, *, file: str | None = None, name: str = "") -> MappingSet:
    """Read a mapping set.

    Raises:
        MissingFile: it cannot be read.
        BadMapping: it is no SSSOM/JSON, or a mapping is wrong; with the line.
    """
    if isinstance(source, Path):
        file, source = file or str(source), content(source)
    try:
        text = source.decode("utf-8-sig")
        document = json.loads(text)
    except UnicodeDecodeError as error:
        raise BadMapping(
            "The document is not UTF-8.", hint="Save it as UTF-8.", file=file
        ) from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadMapping(
            f"The document is not JSON: {getattr(error, 'msg', 'nested too deep')}.",
            hint="Check it with a JSON tool.",
            file=file,
            line=getattr(error, "lineno", None),
        ) from error
    rows = document.get("mappings") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise BadMapping(
            "The document has no list of mappings.",
            hint="SSSOM/JSON is an object with mappings.",
            file=file,
            line=1,
        )
    records = _records(document, file, name)
    for index, row in enumerate(rows):
        try:
            if not isinstance(row, dict):
                raise records.bad("A mapping must be an object.", None, "See SSSOM/JSON.")
            records.add(_raw(row, records), None)
        except BadMapping as error:
            error.line = _line_of_row(text, index)
            raise
    return records.done()


def _records(document: dict[str, Any], file: str | None, name: str) -> Records:
    metadata = {k: v for k, v in document.items() if k != "mappings" and k not in _NOT_SLOTS}
    declared = document.get("curie_map")
    curies = dict(declared) if isinstance(declared, dict) else {}
    context = document.get("@context")
    if isinstance(context, dict):
        for prefix, meant in context.items():
            namespace = _namespace(meant)
            if namespace and prefix not in SLOTS and fault(prefix, namespace) is None:
                curies.setdefault(prefix, namespace)
    defined = document.get("extension_definitions") or []
    if not all(isinstance(namespace, str) for namespace in curies.values()) or not (
        isinstance(defined, list) and all(isinstance(o, dict) and "slot_name" in o for o in defined)
    ):
        raise BadMapping(
            "curie_map or extension_definitions are not as SSSOM has them.",
            hint="See SSSOM 1.1, SSSOM/JSON.",
            file=file,
            line=1,
        )
    extensions = tuple(
        Extension(str(one["slot_name"]), one.get("property"), one.get("type_hint"))
        for one in defined
    )
    try:
        return Records(_plain(metadata), curies, extensions, file=file, name=name)
    except _NotPlain as error:
        raise BadMapping(str(error), hint="Write text or a list.", file=file, line=1) from error


class _NotPlain(ValueError):
    """A value that no slot can hold."""


def _namespace(meant: Any) -> str | None:
    if isinstance(meant, str):
        return meant
    if isinstance(meant, dict) and meant.get("@prefix") is True:
        found = meant.get("@id")
        return found if isinstance(found, str) else None
    return None


def _raw(row: dict[str, Any], records: Records) -> Raw:
    try:
        return _plain({key: value for key, value in row.items() if key not in _NOT_SLOTS})
    except _NotPlain as error:
        raise records.bad(str(error), None, "Write text, a number or a list.") from error


def _plain(row: abc.Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Return slots as text; numbers by the digits of the document."""
    plain: dict[str, str | list[str]] = {}
    for slot, value in row.items():
        if value is None:
            continue
        plain[slot] = (
            [_text(v, slot) for v in value] if isinstance(value, list) else _text(value, slot)
        )
    return plain


def _text(value: Any, slot: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return repr(value)
    raise _NotPlain(f"{slot} holds an object.")


def _line_of_row(text: str, index: int) -> int:
    """Return the line on which a mapping begins."""
    decoder = json.JSONDecoder()
    at = text.index("[", text.index('"mappings"'))
    for _ in range(index + 1):
        at += 1
        while text[at] in " \t\r\n,":
            at += 1
        start = at
        _, at = decoder.raw_decode(text, at)
        at -= 1
    return text.count("\n", 0, start) + 1


def write(mappings: MappingSet) -> bytes:
    """Return a set as SSSOM/JSON; reading it again gives an equal set."""
    laid = lay(mappings)

    def told(slot: str, value: Value) -> Any:
        if slot in SLOTS and SLOTS[slot].kind == "number" and isinstance(value, str):
            return float(value)
        short = laid.short(slot, value)
        return short if isinstance(short, str) else list(short)

    document: dict[str, Any] = {slot: told(slot, value) for slot, value in laid.head.items()}
    if laid.curies.declared:
        document["curie_map"] = dict(sorted(laid.curies.declared.items()))
    if laid.extensions:
        document["extension_definitions"] = [
            {"slot_name": o.slot, "property": o.property, "type_hint": o.type_hint}
            for o in laid.extensions
        ]
    document["mappings"] = [
        {slot: told(slot, row[slot]) for slot in laid.columns if slot in row} for row in laid.rows
    ]
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
