"""What lies in a home is for its owner: other users of the machine cannot enter."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kgnode.errors import BadRequest
from kgnode.home import Home
from kgnode.node import Node
from kgnode.operations import perform
from kgnode.settings import load_settings
from kgnode.trust.membership import initialise
from tests.kgnode.cimxml import write


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_home_and_its_backup_are_their_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        initialise(tmp_path / "home", "DNOA", "A network", None)
        node = Node(Home(tmp_path / "home"), load_settings())
        try:
            file = write(tmp_path, "d.ttl", '<urn:a> <urn:b> "hidden" .')
            perform(node, "publish", {"files": [str(file)], "dataset": "d"}, lambda _: None)
            perform(node, "backup", {"out": str(tmp_path / "kept")}, lambda _: None)
            perform(node, "restore", {"source": str(tmp_path / "kept")}, lambda _: None)
        finally:
            node.close()
    finally:
        os.umask(before)
    assert mode(tmp_path / "home") == mode(tmp_path / "kept") == 0o700


def test_what_is_no_cim_is_not_exported_as_cim(tmp_path: Path) -> None:
    initialise(tmp_path / "home", "DNOA", "A network", None)
    node = Node(Home(tmp_path / "home"), load_settings())
    try:
        file = write(tmp_path, "d.ttl", '<urn:a> <urn:b> "x" .')
        perform(node, "publish", {"files": [str(file)], "dataset": "d"}, lambda _: None)
        with pytest.raises(BadRequest, match="no CIM model"):
            asked = {"datasets": ["d"], "dataset": ["d"], "out": str(tmp_path / "o"), "as": "cim"}
            perform(node, "export", asked, lambda _: None)
    finally:
        node.close()
