"""Whether a whole query stays inside single members.

In: the blocks of a query, which members can match each pattern, the shared terms. Out: the members
that can host solutions, if every solution lies inside one member and no two members hold the same
one; else None. Then the query can go whole to each host and the answers be united.

The argument: two patterns joined on a variable at which their tokens never meet across members have
their matches at one member. A chain of such pairs keeps all patterns of a solution at one member,
and also rules out that a second member holds the same solution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from federation.parsing.algebra import Triple
from federation.parsing.blocks import Block, Leaf
from federation.planning.tokens import Terms

Hosts = Mapping[Triple, frozenset[str]]


@dataclass(frozen=True)
class Locality:
    """Asks the shared terms about pairs of patterns."""

    hosts: Hosts
    terms: Terms

    def pair(self, one: Triple, other: Triple, names: frozenset[str] | None) -> bool:
        """True when two patterns cannot match at different members of one solution."""
        here, there = self.hosts[one], self.hosts[other]
        if len(here) == 1 and here == there:
            return True
        shared = one.variables & other.variables
        if names is not None:
            shared &= names
        return any(self.terms.local(one, here, other, there, name) for name in shared)

    def alone(self, triple: Triple) -> bool:
        """True when no match of a pattern can stand at two members."""
        here = self.hosts[triple]
        return len(here) <= 1 or any(
            self.terms.local(triple, here, triple, here, name) for name in triple.variables
        )

    def keeps(self, triple: Triple, name: str) -> bool:
        """True when all matches with one value of a variable are at one member."""
        here = self.hosts[triple]
        return len(here) <= 1 or self.terms.local(triple, here, triple, here, name)


def united(root: Block, locality: Locality) -> frozenset[str] | None:
    """Return the members that can host solutions of the whole query, or None."""
    if any(block.named for block in root.every()):
        return None
    if not all(
        locality.terms.stays(leaf.triple, locality.hosts[leaf.triple])
        for block in root.every()
        for leaf in block.leaves
    ):
        return None
    if root.leaves:
        return _hosted(root, locality)
    if root.unions != 1 or root.values or any(c.kind != "union" for c in root.children):
        return None
    found: frozenset[str] = frozenset()
    for branch in root.children:
        hosts = _hosted(branch, locality) if branch.leaves else None
        if hosts is None:
            return None
        found |= hosts
    return found


def _hosted(root: Block, locality: Locality) -> frozenset[str] | None:
    """The members for a root, or for one branch of a top-level UNION."""
    triples = [leaf.triple for leaf in root.leaves]
    if not _connected(triples, [], None, locality):
        return None
    hosts = frozenset.intersection(*(locality.hosts[triple] for triple in triples))
    if len(hosts) > 1 and not (
        len(set(triples)) > 1 or any(locality.alone(triple) for triple in triples)
    ):
        return None
    if not all(_hangs_on(child, root.leaves, locality) for child in root.children):
        return None
    return hosts


def _hangs_on(block: Block, above: list[Leaf], locality: Locality) -> bool:
    """True when a child's matches are at the member of its parent's."""
    triples = [leaf.triple for leaf in block.leaves]
    anchors = [leaf.triple for leaf in above]
    if triples and not (anchors and _connected(triples, anchors, block.limited_by, locality)):
        return False
    if block.query is not None and not _keeps_groups(block, locality):
        return False
    inherited = [leaf for leaf in above if block.limited_by is None]
    below = block.leaves + inherited
    return all(_hangs_on(child, below, locality) for child in block.children)


def _keeps_groups(block: Block, locality: Locality) -> bool:
    query = block.query
    if query is None or query.sliced or not block.leaves:
        return query is None
    if not query.grouped:
        return True
    keys = {p.variable for p in query.group_by if p.expression is None}
    return any(
        locality.keeps(leaf.triple, key)
        for leaf in block.leaves
        for key in keys & leaf.triple.variables
    )


def _connected(
    triples: list[Triple], anchors: list[Triple], names: frozenset[str] | None, locality: Locality
) -> bool:
    """True when chains of local pairs reach all triples, from the anchors if there are any."""
    left = list(dict.fromkeys(triples))
    if anchors:
        reached = [t for t in left if any(locality.pair(t, a, names) for a in anchors)]
    else:
        reached = left[:1]
    left = [t for t in left if t not in reached]
    while reached and left:
        here = reached.pop()
        step = [t for t in left if locality.pair(here, t, None)]
        reached += step
        left = [t for t in left if t not in step]
    return not left
