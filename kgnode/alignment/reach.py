"""What lies above what, once mappings join vocabularies: a graph of terms asked for reachability.

In: mappings and terms. Out: ``Reach``: whether one term is above another, through which mappings,
and which terms a term is mapped to. Terms that are above each other are one component; what lies
above a component is kept as bits of one number, so that a whole set is worked out in one pass.
"""

from __future__ import annotations

from collections import abc, defaultdict, deque

from kgnode.alignment.mapping import BOTH_WAYS, DOWNWARD, UPWARD, Mapping
from kgnode.alignment.terms import Terms
from kgnode.names import authority


class Reach:
    """Terms with what stands above each: by mappings and by their vocabularies.

    Args:
        rows: mappings that are claimed, not denied ones.
        terms: what the vocabularies say.

    Attributes:
        up: term -> what mappings put directly above it, with the id of one that does.
        edges: (lower, upper, id) of each mapping that orders its terms; equality both ways.
    """

    def __init__(self, rows: abc.Iterable[Mapping], terms: Terms) -> None:
        self.terms = terms
        self.up: dict[str, dict[str, str]] = defaultdict(dict)
        self.edges: list[tuple[str, str, str]] = []
        for row in rows:
            if row.predicate in UPWARD or row.predicate in BOTH_WAYS:
                self.edges.append((row.subject, row.object, row.id))
            if row.predicate in DOWNWARD or row.predicate in BOTH_WAYS:
                self.edges.append((row.object, row.subject, row.id))
        for lower, upper, identifier in self.edges:
            self.up[lower].setdefault(upper, identifier)
        self._place: dict[str, int] = {}
        self._names: list[str] = []
        self._above: list[int] = []
        self._component: list[int] = []
        self._close()

    def over(self, term: str) -> tuple[str, ...]:
        """Return what stands directly above a term."""
        return (*self.terms.get(term).parents, *self.up.get(term, ()))

    def is_above(self, upper: str, lower: str) -> bool:
        """Whether one term is the other or above it."""
        if upper == lower:
            return True
        low = self._place.get(lower)
        if low is not None:
            high = self._place.get(upper)
            return high is not None and bool(self._above[self._component[low]] >> high & 1)
        own = self.terms.above(lower)
        return upper in own or any(self.is_above(upper, one) for one in own if one in self._place)

    def among(self, term: str, mask: int) -> tuple[str, ...]:
        """Return the terms of a mask that are the term or above it."""
        place = self._place.get(term)
        if place is None:
            return ()
        found, bits = [], self._above[self._component[place]] & mask
        while bits:
            low = bits & -bits
            found.append(self._names[low.bit_length() - 1])
            bits ^= low
        return tuple(found)

    def mask(self, terms: abc.Iterable[str]) -> int:
        """Return terms as a mask for ``among``."""
        found = 0
        for term in terms:
            place = self._place.get(term)
            if place is not None:
                found |= 1 << place
        return found

    def behind(self, lower: str, upper: str) -> tuple[str, ...]:
        """Return the mappings on a shortest way up from one term to another."""
        before: dict[str, str] = {lower: ""}
        waiting = deque([lower])
        while waiting and upper not in before:
            here = waiting.popleft()
            for over in self.over(here):
                if over not in before:
                    before[over] = here
                    waiting.append(over)
        ids, here = [], upper
        while before.get(here):
            low = before[here]
            if here not in self.terms.get(low).parents:
                ids.append(self.up[low][here])
            here = low
        return tuple(reversed(ids))

    def images(self, term: str, namespaces: abc.Container[str]) -> tuple[str, ...]:
        """Return what a term, or else its nearest mapped ancestors, is mapped to there."""
        level, seen = [term], {term}
        while level:
            found = {
                image
                for one in level
                for image in self.up.get(one, ())
                if authority(image) in namespaces
            }
            if found:
                return tuple(sorted(found))
            level = [up for one in level for up in self.terms.get(one).parents if up not in seen]
            seen.update(level)
        return ()

    def _close(self) -> None:
        """Number all terms that mappings reach and work out what is above each."""
        waiting = [term for lower, upper, _ in self.edges for term in (lower, upper)]
        while waiting:
            term = waiting.pop()
            if term not in self._place:
                self._place[term] = len(self._names)
                self._names.append(term)
                waiting.extend(self.over(term))
        over = [[self._place[up] for up in self.over(name)] for name in self._names]
        self._component = [-1] * len(over)
        for number, members in enumerate(_components(over)):
            bits = 0
            for member in members:
                self._component[member] = number
                bits |= 1 << member
            for member in members:
                for up in over[member]:
                    if self._component[up] != number:
                        bits |= self._above[self._component[up]]
            self._above.append(bits)


def _components(over: abc.Sequence[abc.Sequence[int]]) -> abc.Iterator[list[int]]:
    """Yield strongly connected components, upper ones first (Tarjan 1972), without recursion."""
    order = [-1] * len(over)
    low = [0] * len(over)
    held = [False] * len(over)
    stack: list[int] = []
    count = 0
    for start in range(len(over)):
        if order[start] >= 0:
            continue
        work = [(start, 0)]
        while work:
            node, at = work.pop()
            if at == 0:
                order[node] = low[node] = count
                count += 1
                stack.append(node)
                held[node] = True
            else:
                low[node] = min(low[node], low[over[node][at - 1]])
            while at < len(over[node]):
                up = over[node][at]
                at += 1
                if order[up] < 0:
                    work += [(node, at), (up, 0)]
                    break
                if held[up]:
                    low[node] = min(low[node], order[up])
            else:
                if low[node] == order[node]:
                    members = []
                    while True:
                        member = stack.pop()
                        held[member] = False
                        members.append(member)
                        if member == node:
                            break
                    yield members
