"""Receipts are checked by anybody; gaps and views are told from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kgnode.assurance.register import add_pack
from kgnode.cli.check import FORMATS, check, gaps, receipt_of
from kgnode.errors import BadRequest, HomeMissing, MissingFile, NotFound
from kgnode.home import Home
from kgnode.node import Node
from kgnode.operations import perform
from kgnode.settings import load_settings
from kgnode.trust.membership import initialise
from tests.kgnode.assurance import broken
from tests.kgnode.cimxml import document, region, substation, write
from tests.kgnode.cli.test_cli import Run, home, kgnode, served

__all__ = ["home", "kgnode", "served"]

FORGED = "eyJhbGciOiJub25lIn0.e30."


@pytest.fixture
def published(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A file, what publish said of it with its receipt, and the publisher's public keys."""
    file = write(tmp_path, "eq.xml", broken.document(broken.station()))
    initialise(tmp_path / "home", "TNO", "Transmission", "https://tno.example/id#")
    node = Node(Home(tmp_path / "home"), load_settings())
    arguments = {"files": [str(file)], "dataset": "network", "packs": ["gb-core"]}
    said = perform(node, "publish", arguments, lambda _name: None)
    node.close()
    document_of = write(tmp_path, "published.json", json.dumps({"result": said}))
    return file, document_of, tmp_path / "home" / "keys" / "jwks.json"


def test_anybody_checks_a_receipt_with_the_publishers_public_key_alone(
    published: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    file, said, key = published
    held = receipt_of([file], said, key)
    assert held.exit_code == 0
    assert held.result["passes"] is True
    assert held.result["packs"][0]["id"] == "gb-core"
    compact = write(tmp_path, "receipt.jws", json.loads(said.read_text())["result"]["receipt"])
    assert receipt_of([file], compact, key).result == held.result
    assert receipt_of([], compact, key).result == held.result


def test_a_receipt_says_nothing_of_another_file_or_by_another_key(
    published: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    file, said, key = published
    changed = write(tmp_path, "changed.xml", file.read_text().replace("</rdf:RDF>", "\n</rdf:RDF>"))
    with pytest.raises(BadRequest, match="is not about"):
        receipt_of([changed], said, key)
    initialise(tmp_path / "other", "NESO", "Other", None)
    with pytest.raises(BadRequest, match="does not hold: key"):
        receipt_of([file], said, tmp_path / "other" / "keys" / "jwks.json")
    with pytest.raises(BadRequest, match="does not hold"):
        receipt_of([file], write(tmp_path, "forged.jws", FORGED), key)
    with pytest.raises(BadRequest, match="no public key"):
        receipt_of([file], said, said)
    with pytest.raises(BadRequest, match="proves nothing"):
        receipt_of([file], said, None)
    with pytest.raises(MissingFile):
        receipt_of([file], tmp_path / "nowhere", key)


def test_gaps_of_files_are_told_with_their_numbers(published: tuple[Path, Path, Path]) -> None:
    found = gaps([published[0]], ["mappings"])
    assert found.exit_code == 0
    assert found.result["classes"]["http://iec.ch/TC57/CIM100#Substation"] == 1
    assert found.result["idle"]["mappings"]
    with pytest.raises(BadRequest, match="No files"):
        gaps([], [])


def test_packs_of_a_home_are_known_where_it_is_named(
    published: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    file, _, _ = published
    shapes = write(
        tmp_path,
        "mine.ttl",
        "@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix cim: <http://iec.ch/TC57/CIM100#> . "
        "cim:S a sh:NodeShape ; sh:targetClass cim:Substation ; sh:property "
        '[ sh:path cim:Missing ; sh:minCount 1 ; sh:message "It has none." ] .',
    )
    add_pack(shapes, tmp_path / "home" / "packs", id="mine")
    refused = check([file], ["mine"], "text", "auto", tmp_path / "home")
    assert refused.exit_code == 3
    assert refused.result["causes"][0]["message"] == "It has none."
    with pytest.raises(NotFound, match="no pack mine"):
        check([file], ["mine"], "text", "auto")
    with pytest.raises(HomeMissing):
        check([file], ["mine"], "text", "auto", tmp_path / "nowhere")


def test_every_format_is_made(published: tuple[Path, Path, Path]) -> None:
    for form in FORMATS:
        assert check([published[0]], ["gb-core"], form, "auto").exit_code == 0
    with pytest.raises(BadRequest, match="no format"):
        check([published[0]], [], "pdf", "auto")


def test_a_view_at_a_node_is_judged_and_said_to_be_one(
    kgnode: Run, served: tuple[Path, str], tmp_path: Path
) -> None:
    folder, url = served
    file = write(tmp_path, "eq.xml", document("eq", region() + substation("Keadby")))
    assert kgnode("publish", folder, file, "--dataset", "network")[0] == 0
    code, told, _ = kgnode("validate", "--node", url, "--pack", "gb-core")
    assert (code, told["result"]["counts"]["violation"]) == (0, 0), "closed: nothing to be seen"
    assert "what you may see" in told["result"]["notes"][0]
    code, told, _ = kgnode("gaps", "--node", url)
    assert (code, told["result"]["classes"]) == (0, {})
    code, told, _ = kgnode("validate", file, "--node", url)
    assert (code, told["problems"][0]["code"]) == (2, "bad_request")
