"""SSSOM/TSV in and out: commented YAML, then one row a mapping (SSSOM 1.1, "SSSOM/TSV").

In: bytes or a file, with its metadata in the head or beside it (``x.yml`` for ``x.tsv``). Out: a
``MappingSet``, or ``BadMapping`` with the line; and the way back. Commas instead of tabs are read
too. A YAML head with anchors is refused: it could unfold without end.
"""

from __future__ import annotations

import csv
import io
from collections import abc
from pathlib import Path
from typing import Any

import yaml

from kgnode.alignment.columns import lay
from kgnode.alignment.mapping import Extension, MappingSet, Value
from kgnode.alignment.records import Records, name_of
from kgnode.errors import BadMapping, EmptyInput, MissingFile

MOST_BYTES = 64 << 20
MOST_HEAD_BYTES = 1 << 20
MOST_CELL_CHARACTERS = 1 << 17


class _Plain(yaml.BaseLoader):
    """YAML whose scalars all stay text; anchors and aliases are refused."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise yaml.MarkedYAMLError(
                problem="anchors are not read", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)


def read(
    source: bytes | Path,
    *,
    metadata: bytes | None = None,
    file: str | None = None,
    name: str = "",
) -> MappingSet:
    """Read a mapping set.

    Args:
        source: the document or where it is.
        metadata: YAML that completes its head; for a file without a head, the one beside it.
        file: its name in messages.
        name: the set's short name; from the file or its IRI where not given.

    Raises:
        MissingFile: it cannot be read.
        BadMapping: it is no SSSOM, or a row is wrong; with the line.
    """
    if isinstance(source, Path):
        file, name = file or str(source), name or name_of(source.name)
        data = content(source)
        if metadata is None and not data.lstrip(b"\xef\xbb\xbf").startswith(b"#"):
            metadata = _beside(source)
    else:
        data = source
    head, body, first = _parted(_text(data, file), file)
    found, lines = _head(head, file, 1)
    if metadata is not None:
        external, _ = _head(_text(metadata, file), file, None)
        found = {**external, **found}
    return _rows(_records(found, lines, file, name), body, first, file)


def content(path: Path) -> bytes:
    """Return a document's bytes.

    Raises:
        MissingFile: it cannot be read.
        BadMapping: it is larger than any mapping set.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadMapping(
                f"{path.name} is larger than {MOST_BYTES >> 20} MiB.",
                hint="Split the set.",
                file=str(path),
            )
        return path.read_bytes()
    except OSError as error:
        raise MissingFile(
            f"{path} cannot be read: {error.strerror}.", hint="Check the name.", file=str(path)
        ) from error


def _beside(path: Path) -> bytes | None:
    for ending in (".yml", ".yaml"):
        candidate = path.with_suffix(ending)
        if candidate.is_file():
            return content(candidate)
    return None


def _text(data: bytes, file: str | None) -> str:
    if len(data) > MOST_BYTES:
        raise BadMapping(
            f"More than {MOST_BYTES >> 20} MiB.", hint="Split the set.", file=file, line=1
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadMapping(
            "The document is not UTF-8.",
            hint="Save it as UTF-8.",
            file=file,
            line=data[: error.start].count(b"\n") + 1,
        ) from error


def _parted(text: str, file: str | None) -> tuple[str, str, int]:
    """Part the commented head from the table; also return the table's first line."""
    at, head, count = 0, [], 0
    while at < len(text) and text[at] == "#":
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        head.append(text[at + 1 : end].rstrip())
        at, count = end + 1, count + 1
    if not text[at:].strip():
        raise EmptyInput("There is no table.", hint="Give a header row and mappings.", file=file)
    return "\n".join(head), text[at:], count + 1


def _head(text: str, file: str | None, line: int | None) -> tuple[dict[str, Any], dict[str, int]]:
    """Read YAML metadata and the line of each key, nested ones too."""
    try:
        if len(text) > MOST_HEAD_BYTES:
            raise yaml.MarkedYAMLError(problem="the head is too long")
        loader = _Plain(text)
        try:
            node = loader.get_single_node()
            found = {} if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise BadMapping(
            f"The metadata is not YAML: {getattr(error, 'problem', None) or error}.",
            hint="Each line of the head is # and YAML.",
            file=file,
            line=None if line is None or mark is None else line + mark.line,
        ) from error
    if not isinstance(found, dict):
        raise BadMapping("The metadata is no YAML mapping.", hint="Write key: value.", file=file)
    lines: dict[str, int] = {}
    if line is not None and node is not None:
        _lines(node, line, lines)
    return found, lines


def _lines(node: Any, first: int, found: dict[str, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            found.setdefault(key.value, key.start_mark.line + first)
            _lines(value, first, found)


def _records(
    found: dict[str, Any], lines: abc.Mapping[str, int], file: str | None, name: str
) -> Records:
    def wrong(slot: str, message: str) -> BadMapping:
        return BadMapping(
            message, hint="See SSSOM 1.1, SSSOM/TSV.", file=file, line=lines.get(slot, 1)
        )

    curies = found.pop("curie_map", None) or {}
    if not isinstance(curies, dict) or not all(isinstance(v, str) for v in curies.values()):
        raise wrong("curie_map", "curie_map must be prefixes with their namespaces.")
    defined = found.pop("extension_definitions", None) or []
    if not isinstance(defined, list) or not all(
        isinstance(one, dict) and isinstance(one.get("slot_name"), str) for one in defined
    ):
        raise wrong("extension_definitions", "extension_definitions must be a list of slots.")
    for slot, value in found.items():
        several = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str) for one in several):
            raise wrong(slot, f"{slot} must be text or a list of texts.")
    extensions = tuple(
        Extension(one["slot_name"], one.get("property"), one.get("type_hint")) for one in defined
    )
    return Records(found, curies, extensions, file=file, lines=lines, name=name)


def _rows(records: Records, body: str, first: int, file: str | None) -> MappingSet:
    header = body.partition("\n")[0]
    delimiter = "\t" if "\t" in header else ","
    rows = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter)
    csv.field_size_limit(MOST_CELL_CHARACTERS)
    line = first
    try:
        columns = [name.strip() for name in next(rows)]
        _columns(records, columns, first)
        while True:
            line = first + rows.line_num
            cells = next(rows, None)
            if cells is None:
                return records.done()
            if len(cells) > len(columns) and any(cells[len(columns) :]):
                raise records.bad(
                    f"The row has {len(cells)} cells, the header {len(columns)}.",
                    line,
                    "Remove what is beyond, or quote a cell that holds a tab.",
                )
            if any(cells):
                records.add(dict(zip(columns, cells, strict=False)), line)
    except csv.Error as error:
        raise records.bad(f"The table is broken: {error}.", line, "Check quotes.") from error


def _columns(records: Records, columns: list[str], line: int) -> None:
    while columns and not columns[-1]:
        columns.pop()
    doubled = {name for name in columns if columns.count(name) > 1 or not name}
    if doubled:
        raise records.bad(
            f"The header names {', '.join(sorted(doubled)) or 'a column'} twice or not at all.",
            line,
            "Give each column its own name.",
        )
    for needed in ("predicate_id", "mapping_justification"):
        if needed not in columns:
            raise records.bad(f"The header has no {needed}.", line, f"Add the column {needed}.")


def write(mappings: MappingSet) -> bytes:
    """Return a set as SSSOM/TSV; reading it again gives an equal set."""
    laid = lay(mappings)
    head: dict[str, Any] = {}
    for slot, value in laid.head.items():
        short = laid.short(slot, value)
        head[slot] = short if isinstance(short, str) else list(short)
    if laid.curies.declared:
        head["curie_map"] = dict(sorted(laid.curies.declared.items()))
    if laid.extensions:
        head["extension_definitions"] = [
            {
                key: value
                for key, value in (
                    ("slot_name", one.slot),
                    ("property", one.property),
                    ("type_hint", one.type_hint),
                )
                if value
            }
            for one in laid.extensions
        ]
    written = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=1 << 20)
    out = io.StringIO()
    for line in written.splitlines():
        out.write(f"#{line}\n")
    columns = laid.columns or ("subject_id", "predicate_id", "object_id", "mapping_justification")
    table = csv.writer(out, delimiter="\t", lineterminator="\n")
    table.writerow(columns)
    for row in laid.rows:
        table.writerow(_cell(laid.short(slot, row.get(slot, ""))) for slot in columns)
    return out.getvalue().encode()


def _cell(value: Value) -> str:
    return value if isinstance(value, str) else "|".join(v.replace("|", "\\|") for v in value)
