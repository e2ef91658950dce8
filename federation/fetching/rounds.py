"""Fetches groups of patterns round by round, each limited by what the rounds before have told.

In: the groups of a plan. Out: triples for the evaluator, replies for the report. Cost: each round
is one exchange with the members in parallel; a group waits for a round only if another pending one
is expected to be much smaller and limits it. A group without matches ends its block and all below.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from federation.fetching.fetch import Fetched, Scope, request
from federation.fetching.frontier import MOST_STARTS, Frontier, from_object, from_subject, walkable
from federation.fetching.values import Values
from federation.members.pool import NTRIPLES, Member
from federation.members.subquery import (
    Malformed,
    SubQuery,
    compose,
    first_rows,
    group_query,
    together,
    widened,
)
from federation.parsing.blocks import Block
from federation.planning.plan import Group
from federation.planning.tokens import Terms
from kgnode.errors import ResultTooLarge

_MUCH = 4
_BATCHES = 10


class Rounds:
    """The state of one query's fetching."""

    def __init__(
        self,
        groups: Sequence[Group],
        members: Mapping[str, Member],
        terms: Terms | None,
        prologue: str,
        scope: Scope,
        fetched: Fetched,
    ) -> None:
        self.pending = list(groups)
        self.members, self.terms, self.prologue = members, terms, prologue
        self.scope, self.fetched = scope, fetched
        self.known: dict[Block, dict[str, set[str]]] = {}
        self.dead: set[Block] = set()

    async def run(self) -> None:
        """Fetch everything.

        Raises:
            ResultTooLarge: more triples than one query may fetch.
        """
        while self.pending:
            self.pending = [group for group in self.pending if not self._is_dead(group.block)]
            ready = [group for group in self.pending if not self._waits(group)]
            self.pending = [group for group in self.pending if group not in ready]
            if not ready:
                break
            self.fetched.rounds += 1
            until = self.scope.until()
            whole = [group for group in ready if self._fits_together(group)]
            if len(whole) < 2:
                whole = []
            single = [group for group in ready if group not in whole]
            await asyncio.gather(
                *(self._fetch(group, until) for group in single),
                *([self._together(whole, until)] if whole else []),
            )
            most = self.scope.settings.federation_max_triples
            if self.fetched.triples > most:
                raise ResultTooLarge(
                    f"The query needs more than {most} triples of the members.",
                    hint="Make it more selective; the setting is federation_max_triples.",
                )

    def _is_dead(self, block: Block | None) -> bool:
        while block is not None:
            if block in self.dead:
                return True
            block = None if block.outlives else block.parent
        return False

    def _waits(self, group: Group) -> bool:
        if (
            not (group.simple or _follows(group))
            or group.cost <= self.scope.settings.federation_small_rows
        ):
            return False
        return any(
            other is not group
            and other.simple
            and other.cost * _MUCH <= group.cost
            and _limits(other.block, group, other.variables & group.variables)
            for other in self.pending
        )

    def _values(self, block: Block, name: str) -> set[str] | None:
        """Return the values a variable can have in a block, None if not known."""
        found = self.known.get(block, {}).get(name)
        for rows in block.values:
            if name in rows.variables:
                column = [row[rows.variables.index(name)] for row in rows.rows]
                if all(term is not None and term[0] == "<" for term in column):
                    here = {term for term in column if term is not None}
                    found = here if found is None else found & here
        for child in block.children:
            if name in child.gives:
                inside = self.known.get(child, {}).get(name)
                if inside is not None:
                    found = inside if found is None else found & inside
        passes = block.limited_by is None or name in block.limited_by
        if block.parent is not None and passes:
            above = self._values(block.parent, name)
            if above is not None:
                found = above if found is None else found & above
        return found

    def _limit(self, group: Group) -> tuple[str, set[str]] | None:
        """Return the variable whose values limit a group best, if that pays."""
        if not group.simple or group.first is not None:
            return None
        best: tuple[str, set[str]] | None = None
        for name in group.variables:
            values = self._values(group.block, name)
            if values is not None and (best is None or len(values) < len(best[1])):
                best = (name, values)
        if best is None or not best[1]:
            return best
        settings = self.scope.settings
        if group.cost <= settings.federation_small_rows:
            return None
        most = min(group.cost / 2, _BATCHES * settings.federation_batch_rows)
        return best if len(best[1]) <= most else None

    def _fits_together(self, group: Group) -> bool:
        """True for a group that one request can fetch together with others, without limits."""
        return (
            group.simple
            and group.first is None
            and not group.filters
            and all(t.graph is None and str(t.predicate)[0] == "<" for t in group.triples)
            and self._limit(group) is None
        )

    async def _together(self, groups: list[Group], until: float) -> None:
        """Fetch several groups whole, with one request to each member."""
        values = {group: Values(self._wanted(group)) for group in groups}
        members = sorted(frozenset().union(*(group.members for group in groups)))
        matched = await asyncio.gather(
            *(self._all_at(member, groups, values, until) for member in members)
        )
        for group in groups:
            if not any(group in found for found in matched):
                self.dead.add(group.block)
            self._learn(group, values[group])

    async def _all_at(
        self, member: str, groups: list[Group], values: dict[Group, Values], until: float
    ) -> set[Group]:
        """Fetch from one member; returns the groups that can have matched."""
        here = [group for group in groups if member in group.members]
        query = together([group.triples for group in here])
        reply = await request(self.members[member], query, self.scope, self.fetched, until)
        if reply.ok:
            try:
                for group in here:
                    values[group].add_triples(reply.body, group.triples, mixed=True)
            except Malformed as error:
                reply = replace(reply, outcome="protocol", detail=str(error), body=b"")
        if reply.ok:
            reply = self.fetched.take(query, reply)
        leaves = [leaf for group in here for leaf in group.leaves]
        self.fetched.note(reply, leaves, rows=reply.body.count(b"\n"))
        if not reply.ok:
            return set(here)
        return {
            group
            for group in here
            if all(f" {t.predicate} ".encode() in reply.body for t in group.triples)
        }

    def _learn(self, group: Group, values: Values) -> None:
        known = self.known.setdefault(group.block, {})
        for name, found in values.sets.items():
            if all(term[0] == "<" for term in found):
                known[name] = known[name] & found if name in known else found

    async def _fetch(self, group: Group, until: float) -> None:
        limit = self._limit(group)
        if limit is not None and not limit[1]:
            self.dead.add(group.block)
            return
        frontier = self._frontier(group)
        if frontier is not None and await self._follow(group, frontier, until):
            return
        wanted = self._wanted(group)
        values = Values(wanted)
        replies = await asyncio.gather(
            *(
                self._one(group, member, query, values, until)
                for member in sorted(group.members)
                for query in self._queries(group, member, limit)
            )
        )
        if not any(replies):
            self.dead.add(group.block)
        self._learn(group, values)

    def _wanted(self, group: Group) -> frozenset[str]:
        """The variables of a group that limit others still to come."""
        if not group.simple:
            return frozenset()
        others = [g for g in self.pending if g is not group and (g.simple or _follows(g))]
        return frozenset(
            name
            for other in others
            for name in group.variables & other.variables
            if _limits(group.block, other, frozenset((name,)))
        )

    def _frontier(self, group: Group) -> Frontier | None:
        """Return where to start following a path, if that is cheaper than fetching its links."""
        if not _follows(group) or group.cost <= self.scope.settings.federation_small_rows:
            return None
        if any(self.members[member].plain for member in group.members):
            return None
        (triple,) = group.triples
        found: Frontier | None = None
        for end, begin in ((triple.subject, from_subject), (triple.object, from_object)):
            starts = {end} if end[0] == "<" else None
            if end[0] == "?" and not triple.predicate.may_be_empty():  # type: ignore[union-attr]
                starts = self._values(group.block, end)
            if starts is None or len(starts) > MOST_STARTS:
                continue
            if found is None or len(starts) < len(found.reached):
                found = begin(triple, starts)
        return found

    async def _follow(self, group: Group, frontier: Frontier, until: float) -> bool:
        """Follow a path until nothing new is reached; False where that goes too far."""
        (triple,) = group.triples
        nothing = Values(())
        matched = 0
        if triple.predicate.may_be_empty():  # type: ignore[union-attr]
            ends = [part for part in widened(triple) if part.predicate[0] == "?"]  # type: ignore[index]
            asked = [(member, query) for member in group.members for query in compose(ends)]
            matched += sum(
                await asyncio.gather(*(self._one(group, m, q, nothing, until) for m, q in asked))
            )
        while True:
            steps = []
            for member in sorted(group.members):
                starts = frontier.next(member, partial(self._held, member))
                if len(starts) > MOST_STARTS:
                    return False
                if starts:
                    steps.append(self._step(group, member, frontier, starts))
            if not steps:
                break
            matched += sum(await asyncio.gather(*steps))
            self.fetched.rounds += 1
        if not matched:
            self.dead.add(group.block)
        return True

    def _held(self, member: str, iris: list[str]) -> list[str]:
        return self.terms.held(member, iris) if self.terms is not None else iris

    async def _step(self, group: Group, member: str, frontier: Frontier, starts: list[str]) -> int:
        """Ask one member what its triples reach; returns a number above zero if anything."""
        query = frontier.query(starts)
        until = self.scope.until()
        reply = await request(self.members[member], query, self.scope, self.fetched, until)
        if reply.ok:
            try:
                frontier.learn(member, reply.body)
                reply = self.fetched.take(query, reply)
            except Malformed as error:
                reply = replace(reply, outcome="protocol", detail=str(error), body=b"")
        self.fetched.note(reply, group.leaves, rows=reply.body.count(b"\n"))
        return reply.body.count(b"\n") if reply.ok else 1

    def _queries(
        self, group: Group, member: str, limit: tuple[str, set[str]] | None
    ) -> Sequence[SubQuery]:
        if group.first is not None:
            made = first_rows(group.triples, group.first)
            return (replace(made, text=f"{self.prologue}\n{made.text}"),)
        if not group.simple:
            return compose(part for triple in group.triples for part in widened(triple))
        filters = [expression.text for expression in group.filters]
        prologue = self.prologue if filters else ""
        if limit is None:
            return (group_query(group.triples, prologue=prologue, filters=filters),)
        if self.members[member].plain and self.scope.identity.key != "public":
            # values found at other members are not for a stranger's eyes
            return (group_query(group.triples),)
        name, values = limit
        listed = sorted(values)
        if self.terms is not None and any(name in (t.subject, t.object) for t in group.triples):
            listed = self.terms.held(member, listed)
        size = self.scope.settings.federation_batch_rows
        return [
            group_query(
                group.triples,
                prologue=prologue,
                filters=filters,
                limited=(name, listed[at : at + size]),
            )
            for at in range(0, len(listed), size)
        ]

    async def _one(
        self, group: Group, member: str, query: SubQuery, values: Values, until: float
    ) -> int:
        """Ask one member one query; returns a number above zero if anything matched."""
        reply = await request(self.members[member], query, self.scope, self.fetched, until)
        matched = 0
        if reply.ok:
            try:
                if query.accept == NTRIPLES:
                    values.add_triples(reply.body, query.patterns)
                else:
                    values.add_table(reply.body)
            except Malformed as error:
                reply = replace(reply, outcome="protocol", detail=str(error), body=b"")
        if reply.ok:
            reply = self.fetched.take(query, reply)
            matched = reply.body.count(b"\n") - (query.accept != NTRIPLES)
        self.fetched.note(reply, group.leaves, rows=matched)
        return matched if reply.ok else 1


def _follows(group: Group) -> bool:
    return len(group.leaves) == 1 and walkable(group.triples[0])


def _limits(block: Block, group: Group, names: frozenset[str]) -> bool:
    """True when values that a block knows of one of the names limit a group."""
    here: Block | None = group.block
    while here is not None and names:
        if here is block or (block.parent is here and names & block.gives):
            return True
        if here.limited_by is not None:
            names &= here.limited_by
        here = here.parent
    return False
