"""What one caller sees of a home: the cells whose labels are all permitted.

In: the caller, the manifests of the data sets, the policies and the time. Out: ``Visible``: the
cells, the data sets that have any, and the digest of the decision. A cell without labels is closed
to all but the owner; nothing in the digest or the filtered manifests depends on what is hidden.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from kgnode.cim.headers import Header
from kgnode.policy.caller import Caller
from kgnode.policy.policies import Decision, Policies, Target
from kgnode.store.cells import Cell, Manifest

__all__ = ["Decision", "Policies", "Visible", "visible"]

Withheld = Literal["none", "some", "undisclosed"]
DECISIONS_KEPT = 1024
TOLD = frozenset({"title", "description", "licence", "contact", "keywords", "packs", "withheld"})
TOLD_OF_THE_WHOLE = frozenset({"conforms", "validation", "receipt"})


@dataclass(frozen=True)
class Visible:
    """What a caller sees.

    Attributes:
        cells: the permitted cells.
        manifests: the data sets with at least one permitted cell, reduced to those cells.
        discoverable: those, and the data sets whose owner discloses that they exist, reduced too.
        withheld: data set IRI -> what its owner lets this caller know about hidden parts.
        digest: of the permitted labels that occur in the permitted cells.
        reasons: label IRI -> decision, hidden ones included: for the owner and the audit only.
    """

    cells: frozenset[Cell]
    manifests: tuple[Manifest, ...]
    discoverable: tuple[Manifest, ...]
    withheld: Mapping[str, Withheld]
    digest: str
    reasons: Mapping[str, Decision]


def visible(
    caller: Caller, manifests: Sequence[Manifest], policies: Policies, *, org: str, now: datetime
) -> Visible:
    """Decide what the caller sees of the given data sets at this time.

    The same inputs within a period in which no time constraint turns are decided once.
    """
    kept, period = _kept(policies), policies.period(now)
    last = kept.last  # nearly always it is the same caller again, of the same data sets
    if (
        last is not None
        and last.caller is caller
        and last.manifests is manifests
        and last.org == org
        and last.period == period
    ):
        return last.found
    key = (caller, org, period, tuple(id(manifest) for manifest in manifests))
    found = kept.get(key)
    if found is None:
        found = _decide(caller, manifests, policies, org, now)
        kept.put(key, found, tuple(manifests))
    if isinstance(manifests, tuple):  # nobody changes what it holds
        kept.last = _Last(caller, manifests, org, period, found)
    return found


def _decide(
    caller: Caller, manifests: Sequence[Manifest], policies: Policies, org: str, now: datetime
) -> Visible:
    owner = caller.owns(org)
    reasons = {} if owner else policies.decide(caller, targets(manifests), now)
    permitted = frozenset(label for label, decision in reasons.items() if decision.allowed)
    reduced = [_reduced(manifest, None if owner else permitted) for manifest in manifests]
    shown = tuple(m for m in reduced if m.models)
    cells = frozenset(cell for m in shown for model in m.models for cell in model.cells)
    pairs = list(zip(manifests, reduced, strict=True))
    return Visible(
        cells=cells,
        manifests=shown,
        discoverable=tuple(r for m, r in pairs if r.models or disclosed(m)),
        withheld={m.dataset: _withheld(m, r) for m, r in pairs if r.models or disclosed(m)},
        digest=_digest(cells, owner),
        reasons=reasons,
    )


def targets(manifests: Sequence[Manifest]) -> list[Target]:
    """Return every label that occurs in the cells of the data sets, each once."""
    found: dict[str, Target] = {}
    for manifest in manifests:
        described: Mapping[str, Any] = manifest.attributes.get("labels") or {}
        for model in manifest.models:
            for cell in model.cells:
                for label in cell.labels:
                    if label not in found:
                        about = described.get(label.rsplit(":", 1)[-1]) or {}
                        areas = frozenset(about.get("areas") or ())
                        found[label] = Target(label, manifest.dataset, areas)
    return [found[label] for label in sorted(found)]


def _reduced(manifest: Manifest, permitted: frozenset[str] | None) -> Manifest:
    """Return the manifest as a caller may know it; None permits all, unlabelled cells too.

    What is said of a model or of the data set as a whole (headers, content hash, receipt, result of
    the validation) stays only where the caller sees all that it is said of.
    """
    if permitted is None:
        return manifest
    header_labels: Mapping[str, Any] = manifest.attributes.get("header_labels") or {}
    models = []
    for model in manifest.models:
        cells = tuple(c for c in model.cells if c.labels and c.labels <= permitted)
        if cells:
            whole = len(cells) == len(model.cells)
            header = header_labels.get(model.iri)
            told = whole or (header and permitted.issuperset(header))
            models.append(
                replace(
                    model,
                    header=model.header if told else Header(model.iri, model.header.kind),
                    content_hash=model.content_hash if whole else "",
                    cells=cells,
                    triples=sum(c.triples for c in cells),
                )
            )
    shown = sum(len(model.cells) for model in models)
    attributes = _told(manifest.attributes, shown == len(manifest.cells))
    return replace(manifest, models=tuple(models), attributes=attributes)


def _told(attributes: Mapping[str, Any], whole: bool) -> dict[str, Any]:
    """Return the attributes that a caller who is not the owner may know."""
    names = TOLD | TOLD_OF_THE_WHOLE if whole else TOLD
    told = {name: value for name, value in attributes.items() if name in names}
    told["labels"] = {
        name: {part: about.get(part) for part in ("sensitivity", "reason", "review")}
        for name, about in (attributes.get("labels") or {}).items()
        if about.get("sensitivity") in ("open", "shared")
    }
    return told


def labelled_alike(one: Manifest, other: Manifest) -> bool:
    """Tell whether the same rules labelled two versions of a data set."""
    return one.attributes.get("rules") == other.attributes.get("rules")


def disclosed(manifest: Manifest) -> bool:
    """Tell whether the owner lets everybody know that the data set exists."""
    return manifest.attributes.get("withheld") in ("disclosed", "none", "some")


def _withheld(manifest: Manifest, reduced: Manifest) -> Withheld:
    """Return what the caller may know: "none" is only ever said where it is true."""
    if not disclosed(manifest):
        return "undisclosed"
    whole = sum(len(model.cells) for model in manifest.models)
    shown = sum(len(model.cells) for model in reduced.models)
    return "none" if whole == shown else "some"


def _digest(cells: frozenset[Cell], owner: bool) -> str:
    labels = sorted({label for cell in cells for label in cell.labels})
    text = "\n".join(["owner" if owner else "caller", *labels])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class _Last(NamedTuple):
    """What was decided last, and for what."""

    caller: Caller
    manifests: tuple[Manifest, ...]
    org: str
    period: tuple[int, int, int]
    found: Visible


class _Kept:
    """Decisions of one ``Policies``; each keeps its manifests, so that no identity is reused."""

    def __init__(self) -> None:
        self.last: _Last | None = None
        self._lock = threading.Lock()
        self._entries: OrderedDict[object, tuple[Visible, tuple[Manifest, ...]]] = OrderedDict()

    def get(self, key: object) -> Visible | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: object, decided: Visible, manifests: tuple[Manifest, ...]) -> None:
        with self._lock:
            self._entries[key] = (decided, manifests)
            while len(self._entries) > DECISIONS_KEPT:
                self._entries.popitem(last=False)


def _kept(policies: Policies) -> _Kept:
    kept: _Kept | None = policies.__dict__.get("_visible")
    if kept is None:
        kept = policies.__dict__.setdefault("_visible", _Kept())
    return kept
