"""A home that is open: its record, policies, members, keys and logs, held by one process.

In: a home. Out: ``Node``, which commands and the web application share. Opening it takes the
record's lock, so at most one process has a home open; others speak to it over its socket.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kgnode.alignment.shelf import Shelf
from kgnode.assurance.receipt import TYPE as RECEIPT
from kgnode.assurance.receipt import receipt
from kgnode.assurance.report import Report
from kgnode.assurance.standing import Standing
from kgnode.audit import Audit
from kgnode.audit.misuse import Misuse
from kgnode.cim.reader import ReadContext
from kgnode.cim.staged import Model
from kgnode.errors import GridspineError
from kgnode.events import Events
from kgnode.home import Home, write_atomically
from kgnode.leases import Leases
from kgnode.policy.folder import PolicyFolder
from kgnode.policy.policies import Policies
from kgnode.settings import Settings
from kgnode.store.cells import Manifest
from kgnode.store.record import Record, open_record
from kgnode.trust import Members, MembersFile, Seen, SigningKey, Verifier, known_keys, load_key


class Node:
    """An open home.

    Attributes:
        writing: held while the record, a label or a policy is changed.

    Raises:
        HomeInUse: another process has the home open.
    """

    def __init__(self, home: Home, settings: Settings) -> None:
        self.home = home
        self.settings = settings
        self.org = home.identity.org
        self.record: Record = open_record(home.path / "record")
        try:
            self._open()
        except BaseException:
            self.record.close()
            raise

    def _open(self) -> None:
        """Open all but the record; if that fails, the record is let go again."""
        home = self.home
        self.key: SigningKey = load_key(home.path / "keys")
        self.events = Events(home.path / "events")
        self.audit = Audit(
            home.path / "audit",
            self.key,
            keys=known_keys(home.path / "keys"),
            watch=Misuse(self.settings, self.events.append).watch,
        )
        self.members = MembersFile(
            home.path / "members.jws", home.identity.scheme_key, self.settings
        )
        self.seen_actors = Seen()
        self._naming_key = _naming_key(home.path / "keys" / "naming")
        self.writing = threading.RLock()
        self._policies = PolicyFolder(home.path / "policy")
        self.standing: Standing | None = None
        self.mappings = Shelf(home.path / "mappings", self.signers)
        self.leases = Leases(home.path / "leases", self.settings)

    def policies(self) -> Policies:
        """Return the policies in force now."""
        return self._policies.current()

    def verifier(self) -> Verifier:
        """Return what turns a token for this node into a caller."""
        return Verifier(self.members.current, self.home.identity.node_url or "", self.settings)

    def members_now(self) -> Members | None:
        """Return the membership document in force, None where there is none to use."""
        try:
            return self.members.current(datetime.now(UTC))
        except GridspineError:
            return None

    def signers(self) -> dict[str, dict[str, Any]]:
        """Return key id -> public JWK with ``org``: our own keys and those of active members."""
        found = {
            kid: {**key, "org": member.id}
            for member in getattr(self.members_now(), "members", ())
            if member.status == "active"
            for kid, key in member.keys.items()
        }
        own = known_keys(self.home.path / "keys")
        return {**found, **{kid: {**key, "org": self.org} for kid, key in own.items()}}

    def read_context(self, *, strict: bool = False) -> ReadContext:
        """Return the bases under which files of this home are read."""
        return ReadContext(
            base_iri=self.home.identity.base_iri,
            boundary_base=self.home.identity.boundary_base,
            strict=strict,
            settings=self.settings,
            naming_key=self._naming_key,
            known_bases={
                model.iri: model.base
                for manifest in self.record.datasets()
                for model in manifest.models
            },
        )

    def announce(self, manifest: Manifest) -> None:
        """Tell the event log of a new version."""
        self.events.append(
            "published",
            {
                "dataset": manifest.dataset,
                "version": manifest.number,
                "models": [model.iri for model in manifest.models],
            },
        )

    def sign_receipt(self, report: Report, models: Sequence[Model]) -> str | None:
        """Return the signed receipt of a validation."""
        return receipt(report, models, lambda payload: self.key.sign(payload, RECEIPT))

    def close(self) -> None:
        """Let go of the home."""
        self.leases.close()
        self.audit.close()
        self.record.close()

    def about(self) -> dict[str, Any]:
        """Return what anybody may know of this node."""
        identity = self.home.identity
        return {"org": identity.org, "name": identity.name, "url": identity.node_url}


def _naming_key(path: Path) -> bytes:
    """The home's secret for names of models without a header, made at first use; never rotated."""
    if not path.is_file():
        write_atomically(path, secrets.token_bytes(32), mode=0o600)
    return path.read_bytes()
