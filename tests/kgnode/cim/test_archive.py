"""Zips and folders: read within bounds, and whatever is wrong with them is said."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kgnode.cim import ReadContext, read
from kgnode.errors import ArchiveTooLarge, EmptyInput, InputError, TruncatedInput
from kgnode.settings import load_settings

Made = Callable[..., bytes]


def zipped(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return stream.getvalue()


def limited(context: ReadContext, **limits: int) -> ReadContext:
    return replace(context, settings=load_settings(**limits))


@pytest.fixture()
def model(document: Made) -> bytes:
    return document('<cim:Line rdf:ID="_l"/>')


def test_a_zip_in_a_zip_is_read_and_named(
    model: bytes, context: ReadContext, tmp_path: Path
) -> None:
    path = tmp_path / "outer.zip"
    path.write_bytes(zipped(inner__zip=zipped(eq__xml=model), readme__txt=b"hello"))
    staged = read([path], context)
    assert staged.models[0].file == f"{path}!inner.zip!eq.xml"
    assert [(r.code, r.count) for r in staged.repairs] == [("not_read", 1)]


def test_nesting_is_bounded(model: bytes, context: ReadContext, tmp_path: Path) -> None:
    content = zipped(eq__xml=model)
    for _ in range(6):
        content = zipped(inner__zip=content)
    (tmp_path / "deep.zip").write_bytes(content)
    with pytest.raises(ArchiveTooLarge, match="nests"):
        read([tmp_path / "deep.zip"], context)


def test_a_bomb_is_stopped_by_its_ratio(model: bytes, context: ReadContext, tmp_path: Path) -> None:
    content = model.replace(b"</rdf:RDF>", b" " * (64 << 20) + b"</rdf:RDF>")
    (tmp_path / "bomb.zip").write_bytes(zipped(eq__xml=content))
    with pytest.raises(ArchiveTooLarge, match="times"):
        read([tmp_path / "bomb.zip"], context)


def test_a_bomb_is_stopped_by_its_size_whatever_the_directory_claims(
    model: bytes, context: ReadContext, tmp_path: Path
) -> None:
    (tmp_path / "big.zip").write_bytes(zipped(eq__xml=model))
    with pytest.raises(ArchiveTooLarge, match="beyond"):
        read([tmp_path / "big.zip"], limited(context, archive_max_bytes=100))


def test_the_number_of_members_is_bounded(
    model: bytes, context: ReadContext, tmp_path: Path
) -> None:
    (tmp_path / "many.zip").write_bytes(zipped(**{f"m{n}__xml": model for n in range(5)}))
    with pytest.raises(ArchiveTooLarge, match="more than 4"):
        read([tmp_path / "many.zip"], limited(context, archive_max_members=4))


def test_a_cut_archive_says_so(model: bytes, context: ReadContext, tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(zipped(eq__xml=model)[:-30])
    with pytest.raises(TruncatedInput):
        read([tmp_path / "cut.zip"], context)


def test_a_damaged_member_says_so(model: bytes, context: ReadContext, tmp_path: Path) -> None:
    content = bytearray(zipped(eq__xml=model * 50))
    content[200:220] = b"\xff" * 20
    (tmp_path / "damaged.zip").write_bytes(bytes(content))
    with pytest.raises(InputError):
        read([tmp_path / "damaged.zip"], context)


def test_an_archive_without_models_is_refused(context: ReadContext, tmp_path: Path) -> None:
    (tmp_path / "empty.zip").write_bytes(zipped(readme__txt=b"hello"))
    with pytest.raises(EmptyInput):
        read([tmp_path / "empty.zip"], context)


def test_one_model_given_twice_is_read_once(
    model: bytes, context: ReadContext, tmp_path: Path
) -> None:
    (tmp_path / "a.xml").write_bytes(model)
    (tmp_path / "b.xml").write_bytes(model)
    staged = read([tmp_path], context)
    assert len(staged.models) == 1
    assert [r.code for r in staged.repairs] == ["duplicate_model"]
