"""How a query will be answered: whole at single members, or in groups of patterns.

In: the algebra, the members' summaries and shared terms. Out: a ``Plan``: for each pattern the
members that can match it, each with the reason; a ``Push`` where the query can go whole to its
hosts; else the groups of patterns that are fetched together because they only join inside members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from federation.members.summaries import SKOLEM, Known
from federation.parsing.algebra import Expression, Path, Select, Triple
from federation.parsing.blocks import Block, Leaf, blind, blocks, portable
from federation.planning.literals import Literals
from federation.planning.locality import Locality, united
from federation.planning.push import Push, compose, counted
from federation.planning.sources import Choice, choose
from federation.planning.tokens import Terms

_REQUEST_ROWS = 50


@dataclass(eq=False)
class Group:
    """Patterns of one block fetched together; ``estimate`` in rows, before any limits."""

    block: Block
    leaves: list[Leaf]
    members: frozenset[str]
    estimate: float
    filters: list[Expression] = field(default_factory=list)
    first: Select | None = None
    """The subquery with ORDER BY and LIMIT whose whole pattern this is: each member's first rows
    hold the first of all."""

    @property
    def triples(self) -> list[Triple]:
        """The patterns."""
        return [leaf.triple for leaf in self.leaves]

    @property
    def variables(self) -> frozenset[str]:
        """All variables of the patterns."""
        return frozenset().union(*(triple.variables for triple in self.triples))

    @property
    def cost(self) -> float:
        """What fetching the group whole costs, in rows: each request counts as some."""
        return self.estimate + _REQUEST_ROWS * len(self.members)

    @property
    def simple(self) -> bool:
        """True when the group can be limited by values: no path of unknown length in it."""
        return all(isinstance(triple.predicate, str) for triple in self.triples)

    def __str__(self) -> str:
        """The patterns in query notation."""
        return " . ".join(spelled(triple) for triple in self.triples)


@dataclass
class Plan:
    """The plan of one query; ``groups`` are for where there is no push, or it comes to nothing."""

    choices: dict[Triple, tuple[Choice, ...]]
    root: Block | None = None
    push: Push | None = None
    hosts: frozenset[str] = frozenset()
    groups: list[Group] = field(default_factory=list)

    @property
    def leaves(self) -> list[Leaf]:
        """All patterns of the query."""
        every = self.root.every() if self.root is not None else []
        return [leaf for block in every for leaf in block.leaves]

    @property
    def asked(self) -> frozenset[str]:
        """The members that the plan means to ask."""
        return self.hosts if self.push else frozenset().union(*(g.members for g in self.groups))


def make(
    query: Select,
    text: str,
    known: Mapping[str, Known],
    terms: Terms | None,
    literals: Literals,
    refused: Mapping[str, frozenset[Triple]],
    *,
    narrowed: bool,
    repeatable: bool,
    pushable: bool = True,
) -> Plan:
    """Return the plan of a query."""
    root = blocks(query)
    every = [leaf for block in root.every() for leaf in block.leaves]
    choices = {
        triple: _routed(triple, choose(triple, known, refused, narrowed=narrowed), terms, literals)
        for triple in dict.fromkeys(leaf.triple for leaf in every)
    }
    hosts = {t: frozenset(c.member for c in made if c.taken) for t, made in choices.items()}
    plan = Plan(choices, root)
    locality = Locality(hosts, terms) if terms is not None and not narrowed else None
    blank = any(k.summary.blank_nodes for k in known.values() if k.summary)
    whole = locality is not None and repeatable and query.form != "DESCRIBE"
    whole = whole and (not blank or (blind(query) and SKOLEM not in text))
    if whole and pushable and locality is not None and every:
        found = united(root, locality)
        if found is not None and all(known[member].summary for member in found):
            plan.hosts = found
            plan.push = compose(query, root, text, len(found) == 1, locality)
        if plan.push is None and (push := counted(query, locality)) is not None:
            plan.hosts, plan.push = frozenset().union(*hosts.values()), push
    for block in root.every():
        usable = locality if repeatable else None
        plan.groups += _grouped(block, choices, hosts, usable, blank)
    return plan


def _routed(
    triple: Triple, made: tuple[Choice, ...], terms: Terms | None, literals: Literals
) -> tuple[Choice, ...]:
    """Leave out members that hold none of a pattern's IRIs, or not its literal.

    A path may go through members that hold neither end, unless it stays inside each.
    """
    if terms is None:
        return made
    if isinstance(triple.predicate, Path):
        taken = [c.member for c in made if c.taken]
        if triple.predicate.has_empty() or not terms.stays(triple, taken):
            return made
    wanted = [term for term in (triple.subject, triple.object) if term[0] == "<"]
    return tuple(
        Choice(c.member, False, "does not hold that term")
        if c.taken
        and not (
            all(terms.holds(c.member, iri) for iri in wanted) and literals.holds(c.member, triple)
        )
        else c
        for c in made
    )


def _grouped(
    block: Block,
    choices: Mapping[Triple, tuple[Choice, ...]],
    hosts: Mapping[Triple, frozenset[str]],
    locality: Locality | None,
    blank: bool,
) -> list[Group]:
    """Merge patterns of a block whose joins cannot cross members."""
    groups: list[list[Leaf]] = []
    for leaf in block.leaves:
        joined = [
            group
            for group in groups
            if locality is not None and any(_mergeable(leaf, o, locality) for o in group)
        ]
        merged = [leaf]
        for together in joined:
            merged = together + merged
            groups.remove(together)
        groups.append(merged)
    made = [_group(block, leaves, choices, hosts) for leaves in groups]
    if locality is not None:
        for group in made:
            _narrow(group, blank)
    return made


def _group(
    block: Block,
    leaves: list[Leaf],
    choices: Mapping[Triple, tuple[Choice, ...]],
    hosts: Mapping[Triple, frozenset[str]],
) -> Group:
    members = frozenset.intersection(*(hosts[leaf.triple] for leaf in leaves))
    by_subject: dict[str, float] = {}
    for leaf in leaves:
        rows = _estimate(leaf.triple, choices[leaf.triple], members)
        subject = leaf.triple.subject
        by_subject[subject] = min(rows, by_subject.get(subject, rows))
    # a star has as many rows as its shortest pattern, a chain as its longest step
    return Group(block, leaves, members, max(by_subject.values()))


def _narrow(group: Group, blank: bool) -> None:
    """Let members filter, or cut to a subquery's first rows, where that is sound."""
    query, names = group.block.query, group.variables
    if not blank and query is not None and _first_rows(query, group.block, group):
        group.first = query
        group.estimate = float((query.limit or 0) + query.offset) * max(1, len(group.members))
    elif group.simple:
        group.filters = [
            f
            for f in group.block.filters
            if f.variables and f.variables <= names and portable(f, blank=blank)
        ]


def _first_rows(query: Select, block: Block, group: Group) -> bool:
    """True when members can order and cut a subquery by themselves."""
    alone = len(group.leaves) == len(block.leaves) and not block.children and not block.values
    plain = not query.grouped and not query.distinct and not query.reduced
    bound = all(e.variables <= group.variables and portable(e) for e in query.order_by)
    whole = not query.star and all(p.expression is None for p in query.projection)
    return (
        alone and plain and bound and whole and group.simple and query.limit is not None
        and bool(query.order_by) and not query.trailing_values
        and all(triple.graph is None for triple in group.triples)
        and all(portable(f) for f in block.filters)
    )  # fmt: skip


def _mergeable(one: Leaf, other: Leaf, locality: Locality) -> bool:
    """Plain patterns on the default graph that share a variable and stay inside members."""
    pair = (one.triple, other.triple)
    if any(isinstance(t.predicate, Path) or t.graph is not None for t in pair):
        return False
    if not pair[0].variables & pair[1].variables:
        return False
    return locality.pair(*pair, None)


def _estimate(triple: Triple, made: tuple[Choice, ...], members: frozenset[str]) -> float:
    """Rows to expect: the summaries' counts, much less where an end is given."""
    count = float(sum(c.count for c in made if c.member in members))
    if isinstance(triple.predicate, Path):
        return count
    if triple.subject[0] != "?":
        return min(count, 8.0)
    class_pattern = triple.predicate == "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
    if triple.object[0] != "?" and not class_pattern:
        return count / 50
    return count


def spelled(triple: Triple) -> str:
    """A pattern in query notation, paths included."""
    predicate = triple.predicate
    verb = _path(predicate) if isinstance(predicate, Path) else predicate
    text = f"{triple.subject} {verb} {triple.object}"
    return text if triple.graph is None else f"GRAPH {triple.graph} {{ {text} }}"


def _path(path: Path) -> str:
    inner = [_path(part) for part in path.parts]
    match path.kind:
        case "link":
            return path.iri
        case "inverse":
            return f"^{inner[0]}"
        case "sequence":
            return f"({'/'.join(inner)})"
        case "choice":
            return f"({'|'.join(inner)})"
        case "none_of":
            return f"!({'|'.join(inner)})"
        case _:
            return inner[0] + {"star": "*", "plus": "+", "maybe": "?"}[path.kind]
