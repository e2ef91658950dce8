"""Receipts bind content, packs and outcome; a forged or foreign one does not hold."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kgnode.assurance.receipt import TYPE, check_receipt, receipt
from kgnode.errors import BadRequest
from kgnode.trust.keys import generate_key, verify_compact
from tests.kgnode.assurance.broken import BROKEN, document, judged, station


@dataclass(frozen=True)
class Model:
    iri: str
    content_hash: str
    base: str = "https://a.example/id#"


MODELS = [Model("urn:uuid:a", "a" * 64), Model("urn:uuid:b", "b" * 64)]


def test_a_receipt_says_what_was_judged_and_how_it_ended() -> None:
    key = generate_key()
    for text, passes in (
        (document(station()), True),
        (BROKEN["Values that cannot be"](document(station())), False),
    ):
        report = judged(text)
        made = receipt(report, MODELS, lambda payload: key.sign(payload, TYPE))
        held = check_receipt(
            made, lambda compact: verify_compact(compact, {key.kid: key.public}, TYPE)[1]
        )
        assert held.passes is passes
        assert held.covers(MODELS)
        assert not held.covers([Model("urn:uuid:a", "c" * 64)])
        assert held.packs[0][:2] == ("gb-core", report.packs[0].version)
        assert held.counts == dict(report.counts)
        assert "pyoxigraph" in held.software


def test_a_receipt_of_another_key_or_changed_on_the_way_does_not_hold() -> None:
    key, other = generate_key(), generate_key()
    made = receipt(judged(document(station())), MODELS, lambda payload: key.sign(payload, TYPE))
    with pytest.raises(BadRequest, match="does not hold"):
        check_receipt(made, lambda c: verify_compact(c, {other.kid: other.public}, TYPE)[1])
    head, payload, signature = made.split(".")
    forged = ".".join((head, payload[:-4] + "AAAA", signature))
    with pytest.raises(BadRequest, match="does not hold"):
        check_receipt(forged, lambda c: verify_compact(c, {key.kid: key.public}, TYPE)[1])
    with pytest.raises(BadRequest, match="does not hold"):
        check_receipt("no receipt", lambda c: verify_compact(c, {key.kid: key.public}, TYPE)[1])
