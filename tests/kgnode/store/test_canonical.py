"""What is taken to be spelled as the engine spells it, is; the slow way is the engine itself."""

from __future__ import annotations

import io
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, RdfFormat, Store, parse

from kgnode.names import XSD
from kgnode.store import canonical

NUMBERS = st.from_regex(r"[+-]?[0-9]{0,9}(\.[0-9]{0,8})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
LEXICAL = NUMBERS | st.sampled_from(["true", "false", "1", "0", "INF", "NaN", "-0", "00", "abc"])
TYPES = st.sampled_from(["double", "integer", "boolean", "decimal", "float", "dateTime", "int"])
LITERALS = st.builds(lambda text, kind: f'"{text}"^^<{XSD}{kind}>', LEXICAL, TYPES) | st.builds(
    lambda text, tag: f'"{text}"{tag}',
    st.text(alphabet='ab"^<>.\\ \u00e9', max_size=6).map(
        lambda text: text.replace("\\", "\\\\").replace('"', '\\"')
    ),
    st.sampled_from(["", "@en", "@EN-gb"]),
)


def by_the_engine(text: str) -> bytes:
    store = Store()
    store.load(text, RdfFormat.N_TRIPLES, lenient=True)
    return store.dump(format=RdfFormat.N_TRIPLES, from_graph=DefaultGraph()) or b""


@settings(max_examples=200)
@given(literals=st.lists(LITERALS, min_size=1, max_size=6))
def test_lines_are_those_the_engine_would_write(literals: list[str]) -> None:
    text = "".join(f"<urn:s> <urn:p{n}> {literal} .\n" for n, literal in enumerate(literals))
    found = canonical._one_spelling(text.encode())
    assert sorted(found) == sorted(by_the_engine(text).splitlines(keepends=True))


def test_real_models_keep_their_triples(test_data: Path, tmp_path: Path) -> None:
    files = sorted((test_data / "cim").rglob("*.xml"))[:4]
    assert files
    for path in files:
        base = f"urn:{path.stem}#".replace(" ", "")
        quads = list(parse(path=path, format=RdfFormat.RDF_XML, base_iri=base, lenient=True))
        triples = [quad.triple for quad in quads if "BlankNode" not in repr(quad)]
        out = io.BytesIO()
        _, count = canonical.write_canonical(triples, "urn:m", out, tmp_path)
        text = "".join(f"{triple} .\n" for triple in triples)
        assert sorted(out.getvalue().splitlines(keepends=True)) == sorted(
            by_the_engine(text).splitlines(keepends=True)
        )
        assert count == len(set(triples))
