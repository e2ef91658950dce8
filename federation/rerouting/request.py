"""What a study starts from: the planner's request and what the members told.

In: nothing. Out: the frozen `Request` and `Told`, which also travel to the worker process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from federation.rerouting.extract import Answers
from federation.rerouting.grid import Gap
from federation.rerouting.thresholds import Thresholds


@dataclass(frozen=True)
class Request:
    """What a planner asks.

    Attributes:
        giver, receiver: areas or grid supply points by name; None is any.
        outage: an asset out of service, by IRI or name or by the name of its planned outage, as
            the reason for the search.
        at: time of the study, ISO 8601; planned outages of that time are taken out and demand
            follows its shapes. The models as they stand where None.
        verify: how many candidates, from the top, are proven by load flow.
        n1: ``none``, ``reduced`` or ``full``.
        window: also find the half-hours in which each verified plan holds.
    """

    giver: str | None = None
    receiver: str | None = None
    outage: str | None = None
    at: str | None = None
    verify: int = 10
    n1: str = "reduced"
    window: bool = False
    thresholds: Thresholds = field(default_factory=Thresholds)


@dataclass(frozen=True)
class Told:
    """What the members told.

    Attributes:
        answers: organisation -> question -> columns.
        roles: organisation -> licence role.
        versions: organisation -> digest of the view asked.
        withheld: organisation -> its data sets with network models -> ``none``, ``some`` or
            ``undisclosed``.
        policies: organisation -> digest of the policy decision behind its view.
        mappings: organisation -> mapping sets it applied, with version and digest.
        lost: gaps of members that could not be asked.
        archive: zip of the models, or a PowSyBl file made of them earlier; None where not fetched.
    """

    answers: Answers
    roles: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    withheld: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    policies: Mapping[str, str] = field(default_factory=dict)
    mappings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lost: tuple[Gap, ...] = ()
    archive: Path | None = None
