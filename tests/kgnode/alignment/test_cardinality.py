"""The cardinality worked out is the one that documents of the SSSOM suite state."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgnode.alignment import sssom_tsv
from kgnode.alignment.cardinality import cardinalities
from kgnode.alignment.mapping import EXACT, Mapping

FILES = [
    "cardinality.sssom.tsv",
    "cardinality-scope.sssom.tsv",
    "cardinality-with-NoTermFound.sssom.tsv",
    "cardinality-with-literal-mappings.sssom.tsv",
]


@pytest.mark.parametrize("name", FILES)
def test_the_suite_states_what_is_worked_out(test_data: Path, name: str) -> None:
    rows = sssom_tsv.read(test_data / "suites/sssom/data" / name).mappings
    assert cardinalities(rows) == {row.id: row.cardinality for row in rows}


def test_a_scope_parts_what_is_counted_together() -> None:
    scope = {"cardinality_scope": ("object_source",)}
    rows = [
        Mapping(name, "urn:s", EXACT, f"urn:{name}", other={**scope, "object_source": source})
        for name, source in (("a", "one"), ("b", "one"), ("c", "two"))
    ]
    assert cardinalities(rows) == {"a": "1:n", "b": "1:n", "c": "1:1"}
