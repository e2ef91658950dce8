"""Every class and property of the demo's data is mapped to IES4, at both sizes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pyoxigraph as ox
import pytest

from federation.demo.scenario import build
from kgnode.names import RDF, expand
from tests.kgnode.alignment.product import product_set

pytestmark = pytest.mark.demo

_TAG = re.compile(r"<(\w+:[\w.]+)(?=[ >])")
NOT_DATA = {"rdf:RDF"}


def _terms(files: tuple[Path, ...]) -> set[str]:
    """Return the classes and properties that files use, rdf:type left out."""
    found: set[str] = set()
    for path in files:
        if path.suffix == ".xml":
            found |= {expand(name) for name in set(_TAG.findall(path.read_text())) - NOT_DATA}
        else:
            for triple in ox.parse(path=path, format=ox.RdfFormat.TURTLE):
                is_type = triple.predicate.value == f"{RDF}type"
                found.add(triple.object.value if is_type else triple.predicate.value)  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize("size", ["small", "gb"])
def test_every_term_of_the_demo_is_mapped(size: Literal["small", "gb"], tmp_path: Path) -> None:
    scenario = build(size, 1, tmp_path)
    used = _terms(tuple(file for one in scenario.organisations for file in one.files))
    assert len(used) >= {"small": 160, "gb": 170}[size]
    mapped = {row.subject for row in product_set("cim-ies4").mappings if not row.negative}
    assert used - mapped == set()
