"""The folder of one organisation: where everything a node keeps is found.

In: a path. Out: a ``Home`` with the organisation's identity and the places of its parts::

    HOME/home.json     org, name, base IRI, scheme key pinned when joining
    HOME/keys/         private signing key (mode 0600) and public JWK set
    HOME/members.jws   the membership document last accepted
    HOME/record/       the record store
    HOME/policy/       one ODRL document per policy
    HOME/packs/        registered shape packs
    HOME/mappings/     mapping sets
    HOME/audit/        hash-chained audit entries and checkpoints
    HOME/events/       the event log
    HOME/leases        there while a gateway may hold a lease: seconds until all have run out
    HOME/run/          sockets and temporary files of a serving process; swept at start
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from kgnode.errors import BadRequest, HomeExists, HomeMissing, StoreFull
from kgnode.names import IDENTIFIER

DEFAULT_BOUNDARY_BASE = "https://w3id.org/gridspine/boundary#"
"""Base of boundary identifiers that are no UUIDs, until a membership document says another."""


@dataclass(frozen=True)
class Identity:
    """Who a home belongs to.

    Attributes:
        org: member id, for example ``DNOA``.
        name: name for people.
        base_iri: base of this authority's CIM identifiers that are no UUIDs.
        scheme_key: JWK (public) of the scheme, pinned when joining; None before.
        node_url: URL of this node in the membership document; None before joining.
        boundary_base: base of boundary identifiers, from the membership document.
    """

    org: str
    name: str
    base_iri: str
    scheme_key: dict[str, Any] | None = None
    node_url: str | None = None
    boundary_base: str = DEFAULT_BOUNDARY_BASE


class Home:
    """An existing home folder.

    Raises:
        HomeMissing: the folder holds no ``home.json``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        document = path / "home.json"
        if not document.is_file():
            raise HomeMissing(
                f"{path} holds no home.",
                hint=f"Make one: kgnode init {path} --org ID --name NAME.",
                file=str(path),
            )
        self.identity = Identity(**orjson.loads(document.read_bytes()))

    @classmethod
    def create(cls, path: Path, identity: Identity) -> Home:
        """Make a home in a new or empty folder.

        Raises:
            HomeExists: the folder holds anything already.
            BadRequest: the organisation id has characters it may not have.
        """
        if not IDENTIFIER.match(identity.org):
            raise BadRequest(
                f"{identity.org!r} cannot be an organisation id.",
                hint="Use a letter, then letters, digits, dots, dashes or underscores.",
            )
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise HomeExists(
                f"{path} is not empty.",
                hint="Choose a new folder; an existing home is never overwritten.",
                file=str(path),
            )
        make_private(path)
        for name in ("keys", "policy", "packs", "mappings", "audit", "events", "run"):
            (path / name).mkdir(mode=0o700 if name in ("keys", "run") else 0o755)
        write_atomically(path / "home.json", _encoded(identity))
        return cls(path)

    def amend(self, identity: Identity) -> None:
        """Replace the identity record (used when joining)."""
        write_atomically(self.path / "home.json", _encoded(identity))
        self.identity = identity

    @property
    def socket(self) -> Path:
        """The socket of the process that serves this home."""
        return self.path / "run" / "node.sock"


def make_private(path: Path) -> None:
    """Make a folder that only its owner enters: what lies in it tells of what is closed."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)


def _encoded(identity: Identity) -> bytes:
    return orjson.dumps(asdict(identity), option=orjson.OPT_INDENT_2)


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file so that a reader, or a crash, sees the old or the new content, never less.

    Raises:
        StoreFull: the disk is full; the old content stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except OSError as error:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise StoreFull(
            f"{path} could not be written: {error.strerror}.",
            hint="Free disk space or mend the folder's permissions, then try again.",
            file=str(path),
        ) from error
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
