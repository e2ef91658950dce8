"""What an answer says of the mappings behind it.

In: ``Applied``. Out: HTTP headers (which sets, how many mappings, a sentence for each lossy one)
and the same in full as JSON, for reports.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from kgnode.alignment.apply import Applied, Wanted
from kgnode.alignment.expand import Used

MAPPINGS = "Gridspine-Mappings"
WARNINGS = "Gridspine-Mapping-Warnings"
WARNINGS_MAX_BYTES = 3_000


def headers(applied: Applied) -> tuple[tuple[str, str], ...]:
    """Return the headers: ``set@version;digest=...;used=N;lossy=N`` each, and the warnings."""
    told = [(MAPPINGS, _ascii(", ".join(_sets(applied))))]
    if spoken := warnings(applied):
        kept: list[str] = []
        for at, one in enumerate(spoken):
            if sum(map(len, kept)) + len(one) > WARNINGS_MAX_BYTES:
                kept.append(f"and {len(spoken) - at} more")
                break
            kept.append(one)
        told.append((WARNINGS, _ascii(" | ".join(kept))))
    return tuple(told)


def asked_for(wanted: Wanted) -> tuple[tuple[str, str], ...]:
    """Return the header of an answer that rests on sets as a whole, such as a summary."""
    entries = [f"{label};digest={digest}" for label, digest in wanted.labels]
    return ((MAPPINGS, _ascii(", ".join(entries))),)


def _sets(applied: Applied) -> list[str]:
    used: dict[str, set[str]] = {}
    lossy: Counter[str] = Counter()
    for one in applied.used:
        for mapping in one.way.mappings:
            label = applied.wanted.set_of.get(mapping, "")
            fresh = mapping not in used.setdefault(label, set())
            used[label].add(mapping)
            lossy[label] += fresh and mapping in applied.wanted.lossy
    structural = Counter(name.partition("/")[0] for name in applied.structural)
    told = []
    for label, digest in applied.wanted.labels:
        entry = f"{label};digest={digest};used={len(used.get(label, ()))};lossy={lossy[label]}"
        made = structural[label.partition("@")[0]]
        told.append(f"{entry};structural={made}" if made else entry)
    return told


def warnings(applied: Applied) -> list[str]:
    """Return a sentence for every pair of terms between which something is lost."""
    return [
        f"{_short(one.target)} is also answered from {_short(one.source)}, which does not mean the "
        f"same ({', '.join(map(_short, one.way.mappings))})"
        for one in applied.used
        if one.way.lossy
    ]


def report(applied: Applied) -> dict[str, Any]:
    """Return all of it as JSON values."""
    return {
        "sets": [{"set": label, "digest": digest} for label, digest in applied.wanted.labels],
        "used": [_use(one, applied) for one in applied.used],
        "structural": list(applied.structural),
        "warnings": warnings(applied),
        "way": "rewritten" if applied.derived is None else "materialised",
        "reason": applied.reason,
    }


def _use(one: Used, applied: Applied) -> dict[str, Any]:
    return {
        "asked": one.target,
        "found": one.source,
        "lossy": one.way.lossy,
        "mappings": [
            {"id": mapping, "set": applied.wanted.set_of.get(mapping, "")}
            for mapping in one.way.mappings
        ],
    }


def _short(iri: str) -> str:
    return iri[max(iri.rfind("#"), iri.rfind("/")) + 1 :] or iri


def _ascii(text: str) -> str:
    plain = text.encode("ascii", "replace").decode()
    return "".join(c if c.isprintable() else "?" for c in plain)
