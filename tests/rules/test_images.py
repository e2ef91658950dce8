"""The images' files are well formed and speak of what is there; they are not built here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
SERVICE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "image": {"type": "string"},
        "build": {
            "type": "object",
            "properties": {"context": {"type": "string"}, "dockerfile": {"type": "string"}},
            "required": ["context", "dockerfile"],
            "additionalProperties": False,
        },
        "entrypoint": {"type": "array", "items": {"type": "string"}},
        "command": {"type": "array", "items": {"type": "string"}},
        "network_mode": {"enum": ["host", "bridge", "none"]},
        "ports": {"type": "array", "items": {"type": "string"}},
        "volumes": {"type": "array", "items": {"type": "string", "pattern": "^[^:]+:[^:]+"}},
        "stop_grace_period": {"type": "string", "pattern": "^[0-9]+(s|m)$"},
    },
    "required": ["image"],
    "additionalProperties": False,
}
COMPOSE = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "services": {"type": "object", "additionalProperties": SERVICE, "minProperties": 1},
        "volumes": {"type": "object"},
    },
    "required": ["services"],
    "additionalProperties": False,
}
"""The part of the Compose Specification that we use."""


def test_the_compose_file_fits_its_schema_and_names_what_exists() -> None:
    path = ROOT / "docker" / "compose.yaml"
    document = yaml.safe_load(path.read_text())
    jsonschema.validate(document, COMPOSE)
    for service in document["services"].values():
        context = (path.parent / service["build"]["context"]).resolve()
        assert (context / service["build"]["dockerfile"]).is_file()
        for volume in service["volumes"]:
            assert volume.partition(":")[0] in document["volumes"]


@pytest.mark.parametrize("name", ["node.Dockerfile", "gateway.Dockerfile"])
def test_an_image_copies_what_exists_runs_as_nobody_special_and_is_locked(name: str) -> None:
    text = (ROOT / "docker" / name).read_text().replace("\\\n", " ")
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    for source in " ".join(copied).split():
        assert (ROOT / source).exists(), source
    assert "HEALTHCHECK" in text
    if name == "node.Dockerfile":
        assert "USER gridspine" in text and "--require-hashes" in text
    else:
        assert "FROM ${NODE_IMAGE}" in text


def test_the_lock_has_hashes_and_no_addresses() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?://", text)
    pinned = [line for line in text.splitlines() if "==" in line]
    assert pinned and text.count("--hash=sha256:") >= len(pinned)
