"""What follows by the engine is what follows quad by quad, whatever terms there are."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest

from kgnode.store import derive as deriving
from kgnode.store.derive import Derivation, derive

DATA = r"""@prefix : <http://x/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
:a a :Line ; :len "05"^^xsd:integer , 1.50 , 1e2 , "x"@en-GB ,
  "a \"b\"\n_:c << d" , "" , <urn:%20> .
:b :len "2026-01-01T00:00:00+01:00"^^xsd:dateTime , "odd"^^:own , "NaN"^^xsd:double ;
  a :Bay .
GRAPH :g { :a :len 7 . :c a :Line . } GRAPH :h { :c a :Bay ; :len :a . }"""
BLANK = DATA + " _:n a :Line ; :len _:m . GRAPH :g { _:n :len 8 ; a :Bay . _:m a :Line . }"
DERIVED = Derivation(
    classes=(("http://x/Line", ("http://x/Asset", "http://x/Bay")), ("http://x/Bay", ("http://x/Part",))),
    properties=(("http://x/len", ("http://x/size", "http://x/extent")), ("http://x/size", ("http://x/q",))),
    individuals=(("http://x/a", ("http://x/same",)),),
)  # fmt: skip


def _loaded(text: str, path: Path | None = None) -> ox.Store:
    store = ox.Store(str(path)) if path else ox.Store()
    store.load(text.encode(), format=ox.RdfFormat.TRIG)
    return store


@pytest.mark.parametrize("text", [DATA, BLANK])
def test_the_engine_adds_what_adding_quad_by_quad_does(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = _loaded(text)
    plain = ox.Store()
    plain.extend(store)
    added = derive(store, DERIVED.to_json())
    monkeypatch.setattr(
        deriving,
        "_by_engine",
        lambda held, kind, source, targets: held.extend(
            list(kind.follows(list(kind.quads(held, source)), targets))
        ),
    )
    assert derive(plain, DERIVED.to_json()) == added > 20
    assert set(store) == set(plain)


def test_a_store_on_disk_holds_the_same(tmp_path: Path) -> None:
    memory, disk = _loaded(DATA), _loaded(DATA, tmp_path / "disk")
    derive(memory, DERIVED.to_json())
    derive(disk, DERIVED.to_json(), disk=True)
    assert set(memory) == set(disk)
