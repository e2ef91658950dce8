"""The receipt of a validation: what was judged, by which packs, with which outcome, signed.

In: a report, the models it is about and a function that signs bytes (a compact JWS, RFC 7515).
Out: the receipt; and the check of one by anybody who has the signer's public key. It binds content
hashes, so a receipt for one model proves nothing about another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Protocol

import orjson

from kgnode.assurance.report import Report
from kgnode.errors import BadRequest

TYPE = "gridspine-receipt"


class Judged(Protocol):
    """A model as a receipt names it; ``kgnode.cim.staged.Model`` is one."""

    @property
    def iri(self) -> str:
        """The model's IRI."""

    @property
    def content_hash(self) -> str:
        """SHA-256 of the model's document and of how it was read, hexadecimal."""

    @property
    def base(self) -> str:
        """Base of those of its identifiers that are no UUIDs: part of how it was read."""


@dataclass(frozen=True)
class Receipt:
    """What a receipt says, once its signature has been checked."""

    models: tuple[tuple[str, str], ...]
    packs: tuple[tuple[str, str, str], ...]
    counts: dict[str, int]
    engines: dict[str, int]
    software: dict[str, str]
    conforms: bool
    passes: bool
    checked: datetime
    bases: tuple[str, ...] = ()

    def covers(self, models: Sequence[Judged]) -> bool:
        """Whether every one of these models is named with exactly this content."""
        return {(m.iri, m.content_hash) for m in models} <= set(self.models)

    def to_json(self) -> dict[str, Any]:
        """Return what it says as JSON values."""
        return {
            "models": [{"iri": iri, "sha256": content} for iri, content in self.models],
            "packs": [{"id": i, "version": v, "sha256": d} for i, v, d in self.packs],
            "counts": self.counts,
            "engines": self.engines,
            "software": self.software,
            "conforms": self.conforms,
            "passes": self.passes,
            "checked": self.checked.isoformat(),
        }

    def text(self) -> str:
        """Return what it says in words."""
        verdict = "passed" if self.passes else "did not pass"
        packs = ", ".join(f"{name} {version}" for name, version, _ in self.packs)
        counts = ", ".join(f"{number:,} {name}" for name, number in self.counts.items())
        models = "\n".join(f"  {iri} (sha256 {content[:16]}...)" for iri, content in self.models)
        return (
            f"The receipt holds: on {self.checked:%Y-%m-%d %H:%M} UTC this {verdict} {packs} "
            f"({counts}).\nIt is about\n{models}\n"
        )


def receipt(
    report: Report,
    models: Sequence[Judged],
    sign: Callable[[bytes], str],
    *,
    now: datetime | None = None,
) -> str:
    """Return the signed receipt of a report about these models."""
    document = {
        "receipt": 1,
        "models": [{"iri": m.iri, "sha256": m.content_hash, "base": m.base} for m in models],
        "packs": [{"id": p.id, "version": p.version, "sha256": p.digest} for p in report.packs],
        "counts": dict(report.counts),
        "engines": dict(report.engines),
        "software": {name: version(name) for name in ("gridspine", "pyoxigraph", "pyshacl")},
        "conforms": report.conforms,
        "passes": report.passes,
        "checked": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
    }
    return sign(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))


def check_receipt(compact: str, verify: Callable[[str], bytes]) -> Receipt:
    """Return what a receipt says, if ``verify`` accepts its signature.

    Args:
        compact: the receipt as published.
        verify: returns the payload of a JWS of type ``gridspine-receipt``; raises ValueError.

    Raises:
        BadRequest: the signature does not hold, or the content is no receipt.
    """
    try:
        document: dict[str, Any] = orjson.loads(verify(compact.strip()))
        return Receipt(
            models=tuple((m["iri"], m["sha256"]) for m in document["models"]),
            packs=tuple((p["id"], p["version"], p["sha256"]) for p in document["packs"]),
            counts={str(k): int(v) for k, v in document["counts"].items()},
            engines={str(k): int(v) for k, v in document["engines"].items()},
            software={str(k): str(v) for k, v in document["software"].items()},
            conforms=document["conforms"] is True,
            passes=document["passes"] is True,
            checked=datetime.fromisoformat(document["checked"]),
            bases=tuple(dict.fromkeys(str(m["base"]) for m in document["models"])),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRequest(
            f"The receipt does not hold: {error}.",
            hint="Ask the publisher for the receipt again, and check whose key you compare with.",
        ) from error
