"""Difference models: what a version adds and takes away (IEC 61970-552, dm:DifferenceModel).

In: the forward, reverse and precondition statements of a document. Out: a ``Difference`` that can
be applied to the version it was made from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kgnode.cim.spool import Spool

Section = Literal["forwardDifferences", "reverseDifferences", "preconditions"]
SECTIONS: tuple[Section, ...] = ("forwardDifferences", "reverseDifferences", "preconditions")


@dataclass(frozen=True)
class Difference:
    """The parts of a difference model.

    Attributes:
        forward: statements the new version has and the old one has not.
        reverse: statements the old version has and the new one has not.
        preconditions: statements that must stand in the old version, and stay.
    """

    forward: Spool
    reverse: Spool
    preconditions: Spool
