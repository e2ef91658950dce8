"""One validation result (SHACL 3.6), whichever engine found it.

In: terms of the data and the shape. Out: frozen ``Result``s; ``key`` is what two engines must
agree on: focus node, path, value, component, source shape's severity.
"""

from __future__ import annotations

from dataclasses import dataclass

from kgnode.assurance.graph import Term
from kgnode.assurance.paths import Path
from kgnode.assurance.shapes import Constraint, Shape


@dataclass(frozen=True, eq=False)
class Result:
    """One result.

    Attributes:
        focus: the focus node.
        path: the result path, or None for node shapes.
        value: the value node, or None where the constraint has none (counts, hasValue).
        component: IRI of the constraint component.
        shape: the shape it failed.
        constraint: the constraint within the shape; None where only pySHACL knows it.
        severity: IRI.
        message: one sentence; the shape's own where it has one.
        pack: id of the pack the shape came with.
        engine: ``compiled`` or ``pyshacl``.
    """

    focus: Term
    path: Path | None
    value: Term | None
    component: str
    shape: Shape
    constraint: Constraint | None
    severity: str
    message: str
    pack: str = ""
    engine: str = "compiled"

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What makes results equal between engines: focus, path, value, component, severity."""
        return (
            str(self.focus),
            "" if self.path is None else self.path.sparql(),
            "" if self.value is None else str(self.value),
            self.component,
            self.severity,
        )
