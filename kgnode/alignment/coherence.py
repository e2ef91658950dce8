"""The program that asks HermiT whether axioms are coherent, and which few of them are not.

In, on standard input: JSON with a background and axioms by id, all N-Triples. Out, on standard
output: JSON with the classes that can have no member and a set of axioms behind it of which none
can be left out (QuickXplain, Junker 2004). A process of its own: it can be killed at any moment.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

import orjson
import owlready2
import owlready2.reasoning

MEMORY_MB = 1024


def unsatisfiable(background: str, axioms: Sequence[str]) -> list[str]:
    """Return the classes that can have no member under the axioms, sorted."""
    world = owlready2.World()
    content = "\n".join((background, *axioms)).encode()
    world.get_ontology("urn:gridspine:coherence#").load(fileobj=io.BytesIO(content))
    try:
        owlready2.sync_reasoner_hermit(world, debug=0)
    except owlready2.OwlReadyInconsistentOntologyError:
        return ["http://www.w3.org/2002/07/owl#Thing"]
    found = (one.iri for one in world.inconsistent_classes() if one is not owlready2.Nothing)
    return sorted(found)


class _Search:
    """Looks for few axioms that are enough to make a class empty."""

    def __init__(self, background: str, axioms: dict[str, str]) -> None:
        self.background = background
        self.axioms = axioms

    def bad(self, ids: Sequence[str]) -> bool:
        return bool(unsatisfiable(self.background, [self.axioms[one] for one in ids]))

    def culprits(self, ids: list[str], hints: Sequence[Sequence[str]]) -> list[str]:
        """Return axioms of which none can be left out; hints are sets likely to do."""
        for hint in hints:
            known = [one for one in hint if one in self.axioms]
            if known and self.bad(known):
                return self._explain([], known, False)
        return self._explain([], ids, False)

    def _explain(self, fixed: list[str], ids: list[str], grown: bool) -> list[str]:
        if grown and self.bad(fixed):
            return []
        if len(ids) == 1:
            return ids
        half = len(ids) // 2
        left, right = ids[:half], ids[half:]
        of_right = self._explain(fixed + left, right, True)
        of_left = self._explain(fixed + of_right, left, bool(of_right))
        return of_left + of_right


def main() -> None:
    """Read the question, write the answer."""
    owlready2.reasoning.JAVA_MEMORY = MEMORY_MB
    asked = orjson.loads(sys.stdin.buffer.read())
    background, axioms = asked["background"], dict(asked["axioms"])
    found = unsatisfiable(background, list(axioms.values()))
    culprits: list[str] = []
    own: list[str] = []
    if found:
        own = unsatisfiable(background, [])
        if not own:
            culprits = _Search(background, axioms).culprits(list(axioms), asked["hints"])
    answer = {"unsatisfiable": found, "background": own, "culprits": culprits}
    sys.stdout.buffer.write(orjson.dumps(answer))


if __name__ == "__main__":
    main()
