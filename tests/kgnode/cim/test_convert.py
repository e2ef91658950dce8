"""Files in one format out: what is written says the same as what was read."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyoxigraph import RdfFormat, Store

from kgnode.cim import ReadContext, read
from kgnode.cim.convert import convert
from kgnode.errors import BadRequest, StoreFull

IEEE14 = "cim/builtin/ieee14_cim100.zip"
XSD = "http://www.w3.org/2001/XMLSchema#"


@pytest.mark.parametrize("form", ["nq", "trig", "nt", "ttl", "cim"])
def test_every_format_holds_the_same_triples(
    test_data: Path, context: ReadContext, tmp_path: Path, form: str
) -> None:
    suffix = "zip" if form == "cim" else form
    out = tmp_path / f"out.{suffix}"
    summary = convert([test_data / IEEE14], out, form, context).to_json()  # type: ignore[arg-type]
    first, second = read([test_data / IEEE14], context), read([out], context)
    assert summary["models"] == 4
    assert summary["triples"] == sum(model.triples for model in first.models)
    if form in ("nt", "ttl"):
        assert {q.triple for q in first.store} == {q.triple for q in second.store}
    else:
        assert set(first.store) == set(second.store)


def test_floats_can_go_out_as_the_vocabulary_calls_them_and_come_back(
    test_data: Path, context: ReadContext, tmp_path: Path
) -> None:
    out = tmp_path / "out.nq"
    convert([test_data / IEEE14], out, "nq", context, datatypes="vocabulary")
    store = Store()
    store.load(path=out, format=RdfFormat.N_QUADS)
    used = {q.object.datatype.value for q in store if hasattr(q.object, "datatype")}
    assert f"{XSD}float" in used
    assert f"{XSD}double" not in used
    assert set(read([out], context).store) == set(read([test_data / IEEE14], context).store)


def test_wrong_wishes_are_refused(test_data: Path, context: ReadContext, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="no format"):
        convert([test_data / IEEE14], tmp_path / "x", "csv", context)  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="no datatypes"):
        convert([test_data / IEEE14], tmp_path / "x", "nq", context, datatypes="float")
    with pytest.raises(StoreFull, match="cannot be written"):
        convert([test_data / IEEE14], tmp_path / "no" / "x.nq", "nq", context)
