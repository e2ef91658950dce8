"""How fast decisions are with thousands of policies, and how long verifying a long audit log takes.

Peer of the decisions: the same policies in one Cedar set, without slices; of the views: deciding
anew each time. Results are asserted equal before a figure is written.
"""

from __future__ import annotations

import random
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import cedarpy
import orjson

from benchmarks.figures import Figures, alternate
from kgnode.audit import verify
from kgnode.audit.chain import HEAD_TYP, SEAL, SEAL_TYP, START, chained, segment_name
from kgnode.cim.headers import Header
from kgnode.names import ODRL_PROFILE, dataset_iri, label_iri
from kgnode.policy.caller import Caller
from kgnode.policy.cedar import policy_set, request
from kgnode.policy.decide import visible
from kgnode.policy.policies import Policies, Target
from kgnode.store.cells import Cell, Manifest, StoredModel
from kgnode.trust import SigningKey, generate_key

POLICIES = 5_000
DATASETS = 25
ORGANISATIONS = 200
LABELS = ("topology", "ratings", "demand", "generation", "site")
ENTRIES = 1_000_000
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def document(number: int, random_: random.Random) -> bytes:
    """One policy: a label of a data set for one organisation, with purpose and date."""
    dataset = f"d{number % DATASETS}"
    return orjson.dumps(
        {
            "@context": "gridspine-odrl",
            "@type": "Set",
            "uid": f"urn:gridspine:policy:DNOA:{number}",
            "profile": ODRL_PROFILE,
            "permission": [
                {
                    "target": label_iri("DNOA", dataset, random_.choice(LABELS)),
                    "action": "read",
                    "assignee": {
                        "organisation": [f"ORG{random_.randrange(ORGANISATIONS)}"],
                        "role": [random_.choice(["planner", "steward"])],
                    },
                    "constraint": [
                        {
                            "leftOperand": "purpose",
                            "operator": "isAnyOf",
                            "rightOperand": ["network-planning", "system-operation"],
                        },
                        {
                            "leftOperand": "dateTime",
                            "operator": "lt",
                            "rightOperand": "2027-12-31T23:59:59Z",
                        },
                    ],
                }
            ],
            "prohibition": [],
        }
    )


def decisions(figures: Figures) -> None:
    """Decisions per second: many callers on many labels, no decision cached."""
    random_ = random.Random(1)
    policies = Policies.from_documents(document(n, random_) for n in range(POLICIES))
    callers = [
        Caller(f"ORG{n}", "x", frozenset({role}), "network-planning")
        for n in range(ORGANISATIONS)
        for role in ("planner", "steward")
    ]
    targets = [
        Target(label_iri("DNOA", f"d{n}", name), dataset_iri("DNOA", f"d{n}"))
        for n in range(DATASETS)
        for name in LABELS
    ]
    questions = [(caller, random_.sample(targets, 5)) for caller in callers for _ in range(25)]
    cold = time.perf_counter()
    for caller, wanted in questions:
        policies.decide(caller, wanted, NOW)
    cold = time.perf_counter() - cold
    warm = time.perf_counter()
    allowed = [
        sum(d.allowed for d in policies.decide(caller, wanted, NOW).values())
        for caller, wanted in questions
    ]
    warm = time.perf_counter() - warm
    count = sum(len(wanted) for _, wanted in questions)
    whole = cedarpy.PolicySet.from_str(policy_set(c for p in policies.policies for c in p.clauses))
    nobody = cedarpy.Entities.from_json_str("[]")
    sample = questions[::200]
    started = time.perf_counter()
    for index, (caller, wanted) in zip(range(0, len(questions), 200), sample, strict=True):
        asked = [request(caller, t.label, t.dataset, t.areas, NOW) for t in wanted]
        found = cedarpy.is_authorized_batch(asked, whole, nobody)
        assert sum(result.allowed for result in found) == allowed[index]
    unsliced = time.perf_counter() - started
    rate, peer = count / warm, sum(len(w) for _, w in sample) / unsliced
    aim = "at least 5,000"
    figures.add("decisions, 5,000 policies", rate, "1/s", aim=aim, peer=f"one set: {peer:.0f}/s")
    figures.add("decisions, slices made on the way", count / cold, "1/s", aim=aim)
    assert any(allowed)


def views(figures: Figures) -> None:
    """Cost of deciding what a caller sees, when nothing has changed since last time."""
    random_ = random.Random(2)
    policies = Policies.from_documents(document(n, random_) for n in range(POLICIES))
    manifests = [_manifest(n) for n in range(DATASETS)]
    caller = Caller("ORG7", "x", frozenset({"planner"}), "network-planning")

    def kept() -> object:
        return visible(caller, manifests, policies, org="DNOA", now=NOW)

    def anew() -> object:
        return visible(caller, list(map(_again, manifests)), policies, org="DNOA", now=NOW)

    assert kept() == anew()
    fast, slow = alternate(kept, anew)
    figures.add("deciding a view, unchanged", fast * 1e6, "us", peer=f"anew: {slow * 1e6:.0f} us")


def _manifest(number: int) -> Manifest:
    dataset = f"d{number}"
    cells = tuple(
        Cell(f"urn:c:{dataset}:{n}", "urn:m", frozenset({label_iri("DNOA", dataset, name)}), 1)
        for n, name in enumerate(LABELS)
    )
    model = StoredModel("urn:m", Header("urn:m", "rdf"), "c0ffee", "urn:b", cells, 5)
    return Manifest(dataset_iri("DNOA", dataset), 1, NOW, (model,), False)


def _again(manifest: Manifest) -> Manifest:
    return Manifest(
        manifest.dataset, manifest.number, manifest.created, manifest.models, manifest.aside
    )


def audit(figures: Figures) -> None:
    """Seconds to verify a log of a million entries, and to find the one that was changed."""
    key = generate_key()
    keys = {key.kid: key.public}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = _log(folder, key)
        report = verify(folder, keys)
        assert report.sound, report.problems
        assert report.entries == ENTRIES
        aim = "under 300"
        figures.add("verify 1M audit entries", report.seconds, "s", aim=aim, note=f"{size} MB")
        path = folder / segment_name(2)
        content = path.read_bytes()
        path.write_bytes(content.replace(b'"rows":600000,', b'"rows":600001,', 1))
        found = verify(folder, keys)
        assert len(found.problems) == 1
        assert "entry 600000 was changed" in found.problems[0]


def _log(folder: Path, key: SigningKey) -> int:
    """Write a log of the real form in two segments, a seal each 1,000 entries."""
    previous, size = START, 0
    for segment in (1, 2):
        with (folder / segment_name(segment)).open("wb") as stream:
            for number in range((segment - 1) * ENTRIES // 2 + 1, segment * ENTRIES // 2 + 1):
                entry = orjson.dumps(
                    {
                        "time": "2026-12-01T12:00:00+00:00",
                        "org": f"ORG{number % 50}",
                        "sub": f"user{number % 997}",
                        "roles": ["planner"],
                        "purpose": "network-planning",
                        "query": "SELECT ?s WHERE { ?s a <http://iec.ch/TC57/CIM100#Breaker> }",
                        "rows": number,
                        "version": "a" * 32,
                        "policy": "b" * 32,
                        "outcome": "ok",
                    }
                )
                previous, line = chained(previous, b'{"n":%d,"entry":%s}' % (number, entry))
                stream.write(line + b"\n")
                if number % 1000 == 0:
                    said = orjson.dumps({"n": number, "hash": previous})
                    body = SEAL + key.sign(said, SEAL_TYP).encode() + b'"}'
                    previous, line = chained(previous, body)
                    stream.write(line + b"\n")
            size += stream.tell()
    head = orjson.dumps({"n": ENTRIES, "hash": previous, "segment": 2})
    (folder / "head").write_text(key.sign(head, HEAD_TYP))
    return size >> 20


if __name__ == "__main__":
    kept = Figures("policy")
    decisions(kept)
    views(kept)
    audit(kept)
    kept.write()
