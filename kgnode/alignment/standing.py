"""Where a claim stands, and what stewards may do with it.

In: a ``Standing`` and an ``Actor``. Out: the next ``Standing``, or an error that says what is in
the way. Two stewards of different organisations make a claim approved; nothing else does. All
functions are pure: what they return is written by the shelf.
"""

from __future__ import annotations

import re
from collections import abc
from dataclasses import dataclass, field, replace

from kgnode.alignment.curies import is_iri
from kgnode.alignment.mapping import (
    BROAD,
    CLOSE,
    EXACT,
    NARROW,
    RELATED,
    Claim,
    Mapping,
    Status,
    computed_id,
)
from kgnode.alignment.slots import SEMAPV
from kgnode.errors import BadMapping, Forbidden
from kgnode.policy.caller import Caller

STEWARD = "steward"
APPROVALS = 2
"""How many organisations must approve."""

RELATIONS = {
    "exact": EXACT,
    "close": CLOSE,
    "broader": BROAD,
    "narrower": NARROW,
    "related": RELATED,
}
"""Words for the relations that a steward may choose instead of the proposed one."""

OPEN = frozenset({Status.PROPOSED, Status.IN_REVIEW})
LIVE = frozenset({Status.PROPOSED, Status.IN_REVIEW, Status.APPROVED})
MOST_TEXT = 4000
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person as an organisation names them."""

    org: str
    sub: str

    @property
    def name(self) -> str:
        """The person and the organisation, as documents and pages write them."""
        return f"{self.sub} ({self.org})"

    @property
    def iri(self) -> str:
        """An IRI of the person, for ``author_id`` and ``reviewer_id``."""
        safe = re.sub(r"[^A-Za-z0-9._~-]", "-", self.sub)
        return f"urn:gridspine:person:{self.org}:{safe}"


def steward(caller: Caller) -> Actor:
    """Return who acts for a caller.

    Raises:
        Forbidden: the caller is no steward, or a gateway speaks for the caller.
    """
    if caller.org is None or STEWARD not in caller.roles or caller.proof == "none":
        raise Forbidden(
            "Only a steward may change mappings.",
            hint="Use a token whose roles hold steward, from your organisation.",
        )
    if caller.act is not None:
        raise Forbidden(
            f"{caller.act} may not change mappings in the name of {caller.sub}.",
            hint="Go to the node directly.",
        )
    return Actor(caller.org, caller.sub)


@dataclass(frozen=True, slots=True)
class Said:
    """A remark, or an approval, of one person at one time (ISO 8601, UTC)."""

    org: str
    sub: str
    at: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """One claim with all rows that justify it.

    Attributes:
        key: id of its first row, by which commands and pages call it.
        rows: its rows, of equal claim and status.
        approvals: who approved, one an organisation.
        remarks: what was said, in order.
    """

    key: str
    rows: tuple[Mapping, ...]
    approvals: tuple[Said, ...] = ()
    remarks: tuple[Said, ...] = field(default=())

    @property
    def first(self) -> Mapping:
        """The row that speaks for the claim."""
        return self.rows[0]

    @property
    def claim(self) -> Claim:
        """What is claimed."""
        return self.first.claim

    @property
    def status(self) -> Status:
        """Where it is in its life."""
        return self.first.status

    @property
    def live(self) -> bool:
        """Whether it is neither deprecated nor withdrawn."""
        return self.status in LIVE

    def moved(self, status: Status) -> Standing:
        """Return it in another status."""
        return replace(self, rows=tuple(replace(row, status=status) for row in self.rows))

    def said(self, actor: Actor, at: str, text: str) -> Standing:
        """Return it with a remark; an empty text adds none."""
        text = clean(text)
        if not text:
            return self
        return replace(self, remarks=(*self.remarks, Said(actor.org, actor.sub, at, text)))


def standings(rows: abc.Iterable[Mapping]) -> dict[str, Standing]:
    """Return rows gathered by what they claim."""
    gathered: dict[tuple[object, ...], list[Mapping]] = {}
    for row in rows:
        literals = () if row.subject and row.object else (row.subject_label, row.object_label)
        gathered.setdefault((row.claim, row.status, *literals), []).append(row)
    return {group[0].id: Standing(group[0].id, tuple(group)) for group in gathered.values()}


def clean(text: str) -> str:
    """Return a text of people without control characters, so that it stays one cell of one row.

    Raises:
        BadMapping: it is longer than a remark may be.
    """
    if len(text) > MOST_TEXT:
        raise BadMapping(
            f"The text has {len(text)} characters.", hint=f"At most {MOST_TEXT} are kept."
        )
    return _CONTROL.sub(" ", text).strip()


def propose(set_id: str, row: Mapping, actor: Actor, at: str) -> Standing:
    """Return a new claim by a steward; its id follows from what it says.

    Raises:
        BadMapping: a side is no IRI, or both are the same.
    """
    for side, iri in (
        ("subject", row.subject),
        ("predicate", row.predicate),
        ("object", row.object),
    ):
        if not is_iri(iri):
            raise BadMapping(f"The {side} {iri!r} is no IRI.", hint="Write the full IRI.")
    if row.subject == row.object:
        raise BadMapping(f"{row.subject} is mapped to itself.", hint="Name two terms.")
    if row.confidence is not None and not 0.0 <= row.confidence <= 1.0:
        raise BadMapping(f"The confidence is {row.confidence}.", hint="Give 0 to 1.")
    made = replace(
        row,
        id=computed_id(set_id, row.claim, row.justification, 0),
        status=Status.PROPOSED,
        authors=row.authors or (actor.iri,),
        reviewers=(),
        date=at[:10],
        comment=clean(row.comment),
        subject_label=clean(row.subject_label),
        object_label=clean(row.object_label),
    )
    return Standing(made.id, (made,))


def review(standing: Standing, actor: Actor, at: str, text: str = "") -> Standing:
    """Take a claim into review, or say that one is unsure of it."""
    _must(standing, OPEN, "reviewed")
    return standing.moved(Status.IN_REVIEW).said(actor, at, text)


def approve(standing: Standing, actor: Actor, at: str, text: str = "") -> Standing:
    """Approve a claim; it is approved once stewards of two organisations have.

    Raises:
        Forbidden: this person, or this organisation, has approved it already.
        BadMapping: it is not open.
    """
    for approval in standing.approvals:
        if approval.org == actor.org:
            same = approval.sub == actor.sub
            raise Forbidden(
                f"{actor.name if same else actor.org} has approved this mapping already.",
                hint="A steward of another organisation must approve it too.",
                subject=standing.key,
            )
    _must(standing, OPEN, "approved")
    approvals = (*standing.approvals, Said(actor.org, actor.sub, at))
    done = len({approval.org for approval in approvals}) >= APPROVALS
    status = Status.APPROVED if done else Status.IN_REVIEW
    rows = tuple(
        replace(
            row,
            status=status,
            reviewers=tuple(dict.fromkeys((*row.reviewers, actor.iri))),
            other={**row.other, "review_date": at[:10]},
        )
        for row in standing.rows
    )
    return replace(standing, rows=rows, approvals=approvals).said(actor, at, text)


def reject(
    standing: Standing, set_id: str, actor: Actor, at: str, text: str = ""
) -> tuple[Standing, Standing]:
    """Reject a claim: it is withdrawn, and its denial stands so that it is not proposed again."""
    _must(standing, OPEN, "rejected")
    first = standing.first
    denial = replace(
        first,
        negative=True,
        justification=f"{SEMAPV}MappingReview",
        authors=(actor.iri,),
        reviewers=(),
        confidence=None,
        cardinality=None,
        replaced_by=None,
        comment=text or f"Rejected by {actor.name}.",
        other={
            slot: value
            for slot, value in first.other.items()
            if slot in ("subject_type", "object_type", "subject_source", "object_source")
        },
    )
    denied = propose(set_id, denial, actor, at)
    withdrawn = standing.moved(Status.WITHDRAWN).said(actor, at, text or "Rejected.")
    return withdrawn, denied


def retire(
    standing: Standing,
    status: Status,
    actor: Actor,
    at: str,
    *,
    text: str = "",
    replaced_by: str | None = None,
) -> Standing:
    """Deprecate or withdraw a claim, saying what replaces it where something does."""
    allowed = LIVE if status is Status.DEPRECATED else LIVE | {Status.DEPRECATED}
    _must(standing, allowed, status.value)
    if replaced_by == standing.key:
        raise BadMapping("A mapping cannot replace itself.", hint="Name another.")
    moved = standing.moved(status)
    rows = tuple(replace(row, replaced_by=replaced_by or row.replaced_by) for row in moved.rows)
    return replace(moved, rows=rows).said(actor, at, text)


def revise(
    standing: Standing, relation: str, set_id: str, actor: Actor, at: str, text: str = ""
) -> tuple[Standing, Standing]:
    """Say another relation between the same terms: the old claim is withdrawn in its favour.

    Raises:
        BadMapping: no such relation, or it is the one already claimed.
    """
    predicate = RELATIONS.get(relation)
    if predicate is None or predicate == standing.first.predicate:
        raise BadMapping(
            f"The relation cannot become {relation!r}.",
            hint=f"Choose another of {', '.join(RELATIONS)}.",
        )
    _must(standing, OPEN, "revised")
    row = replace(standing.first, predicate=predicate, authors=(), cardinality=None)
    new = propose(set_id, row, actor, at)
    old = retire(standing, Status.WITHDRAWN, actor, at, text=text, replaced_by=new.key)
    return old, new


def _must(standing: Standing, allowed: abc.Collection[Status], verb: str) -> None:
    if standing.status not in allowed:
        raise BadMapping(
            f"The mapping is {standing.status}, so it cannot be {verb}.",
            hint="Propose it anew if it should live again.",
            subject=standing.key,
        )
