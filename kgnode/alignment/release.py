"""A released mapping set: one version, signed, never changed again.

In: a set with its CONSTRUCT files and what is to be attested. Out: a ``Release``, kept as a folder
and carried between organisations as one document. The signature (compact JWS, RFC 7515) is over the
digests of all of it, so nothing of a release can be exchanged without being noticed.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections import abc
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from kgnode.alignment import sssom_tsv
from kgnode.alignment.hierarchy import HIERARCHY
from kgnode.alignment.mapping import MappingSet
from kgnode.errors import BadMapping, BadRequest
from kgnode.home import write_atomically
from kgnode.names import IDENTIFIER
from kgnode.trust.keys import read_header, unchecked_payload, verify_compact

TYPE = "gridspine-mappings+jws"
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
SIGNATURE = "release.jws"
MOST_BUNDLE_BYTES = 96 << 20
_RULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.rq\Z")

Keys = abc.Mapping[str, abc.Mapping[str, Any]]
"""Key id -> public JWK of those who may have signed, each with ``org``, whose it is."""


@dataclass(frozen=True)
class Release:
    """One released version of a set.

    Attributes:
        mappings: the set; its name and version are those of the release.
        structural: its CONSTRUCT files, name to text.
        manifest: what the signature attests.
        signature: the compact JWS over the manifest.
    """

    mappings: MappingSet
    structural: abc.Mapping[str, str]
    manifest: abc.Mapping[str, Any]
    signature: str

    @property
    def issued(self) -> str:
        """When it was released (ISO 8601, UTC)."""
        return str(self.manifest["issued"])

    def told(self) -> dict[str, Any]:
        """Return what people are shown of it."""
        return {**self.manifest, "kid": read_header(self.signature).get("kid")}


def make(
    mappings: MappingSet,
    structural: abc.Mapping[str, str],
    attested: abc.Mapping[str, Any],
    sign: abc.Callable[[bytes, str], str],
) -> Release:
    """Sign a set.

    Args:
        mappings: the set, with the version it is to have.
        structural: its CONSTRUCT files.
        attested: who released it, when, on which approvals and with which reasoning.
        sign: signs a payload of a type with the organisation's key.
    """
    check_name(mappings.name, mappings.version or "")
    named = replace(mappings, structural=tuple(sorted(structural)))
    document = sssom_tsv.write(named)
    manifest = {
        "name": named.name,
        "version": named.version,
        "id": named.id,
        "sha256": _digest(document),
        "mappings": len(named.mappings),
        "structural": {name: _digest(text.encode()) for name, text in sorted(structural.items())},
        **attested,
    }
    signature = sign(orjson.dumps(manifest), TYPE)
    return Release(named, dict(structural), manifest, signature)


ALWAYS_THERE = frozenset({"cim-namespaces", HIERARCHY})
"""Names of sets that every node has; none of its own may stand in their place."""


def check_name(name: str, version: str) -> None:
    """Refuse names and versions that are no plain words; they become names of folders.

    Raises:
        BadRequest: one of them is not.
    """
    if not IDENTIFIER.match(name) or name in ALWAYS_THERE:
        raise BadRequest(
            f"{name!r} cannot be the name of a mapping set.",
            hint="Use a letter, then letters, digits, dots, dashes or underscores; "
            f"{' and '.join(sorted(ALWAYS_THERE))} are taken.",
        )
    if not VERSION.match(version):
        raise BadRequest(f"{version!r} cannot be a version.", hint="For example 1.2.0.")


def save(release: Release, folder: Path) -> None:
    """Keep a release; all of it appears at once, and an existing one is never changed.

    Raises:
        BadRequest: that version is released already.
    """
    place = folder / str(release.mappings.version)
    folder.mkdir(parents=True, exist_ok=True)
    if place.exists():
        raise BadRequest(
            f"{release.mappings.label} is released already.",
            hint="Released versions never change; choose another version.",
        )
    made = Path(tempfile.mkdtemp(dir=folder, prefix="."))
    try:
        write_atomically(made / "set.sssom.tsv", sssom_tsv.write(release.mappings))
        write_atomically(made / SIGNATURE, release.signature.encode())
        (made / "structural").mkdir()
        for name, text in release.structural.items():
            write_atomically(made / "structural" / name, text.encode())
        made.chmod(0o755)
        made.rename(place)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def load(place: Path, keys: Keys) -> Release:
    """Return a release that was kept.

    Raises:
        BadMapping: it is not whole, or its signature does not hold.
    """
    try:
        return check(
            (place / "set.sssom.tsv").read_bytes(),
            {p.name: p.read_text("utf-8") for p in sorted((place / "structural").glob("*.rq"))},
            (place / SIGNATURE).read_text().strip(),
            keys,
        )
    except (OSError, UnicodeDecodeError) as error:
        raise BadMapping(
            f"The release in {place.name} cannot be read.",
            hint="Restore it from a backup.",
            file=str(place),
        ) from error


def check(
    document: bytes, structural: abc.Mapping[str, str], signature: str, keys: Keys
) -> Release:
    """Return a release whose signature and digests hold.

    Raises:
        BadMapping: they do not.
    """
    try:
        kid, payload = verify_compact(signature, keys, TYPE)
        manifest: dict[str, Any] = orjson.loads(payload)
        issuer = manifest["issuer"]
        if keys[kid].get("org") != issuer:
            raise ValueError("issuer")
        if manifest["sha256"] != _digest(document):
            raise ValueError("content")
        if manifest["structural"] != {n: _digest(t.encode()) for n, t in structural.items()}:
            raise ValueError("structural")
        check_name(manifest["name"], manifest["version"])
        if not all(_RULE.match(name) for name in structural):
            raise ValueError("name")
    except (ValueError, KeyError, TypeError, BadRequest) as error:
        raise BadMapping(
            f"The release is not what was signed ({error}).",
            hint="Fetch it again from who released it.",
        ) from error
    found = sssom_tsv.read(document, name=manifest["name"])
    if (found.version, found.id) != (manifest["version"], manifest["id"]):
        raise BadMapping("The release is of another set.", hint="Fetch it again.")
    return Release(
        replace(found, structural=tuple(sorted(structural))), structural, manifest, signature
    )


def bundle(release: Release) -> bytes:
    """Return a release as one document, for other organisations."""
    return orjson.dumps(
        {
            "type": TYPE,
            "signature": release.signature,
            "document": sssom_tsv.write(release.mappings).decode(),
            "structural": dict(release.structural),
        },
        option=orjson.OPT_INDENT_2,
    )


def unbundle(content: bytes, keys: Keys) -> Release:
    """Return the release that a document carries.

    Raises:
        BadMapping: it carries none that holds.
    """
    try:
        if len(content) > MOST_BUNDLE_BYTES:
            raise ValueError("size")
        found = orjson.loads(content)
        structural = {str(name): str(text) for name, text in found["structural"].items()}
        parts = str(found["document"]).encode(), structural, str(found["signature"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadMapping(
            "The document is no released mapping set.",
            hint="Make one: kgnode mappings HOME export NAME --version V --as release.",
        ) from error
    return check(*parts, keys)


def issued(place: Path) -> str:
    """Return when a kept release says it was made, unchecked; good for an order only."""
    try:
        return str(unchecked_payload((place / SIGNATURE).read_text()).get("issued", ""))
    except (OSError, UnicodeDecodeError):
        return ""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
