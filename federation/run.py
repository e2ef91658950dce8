"""One attempt at one query: know the members, plan, fetch or push, evaluate.

In: a parsed query, the federation, the scope of one request. Out: the serialised answer in the
wanted format, with ``fetched`` saying what it rests on. Whether that is good enough is judged by
``answer``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from federation.evaluation.evaluate import Evaluators, Task
from federation.evaluation.sourced import tracing
from federation.fetching.fetch import Fetched, Scope, request
from federation.fetching.freshness import Watch, disagreeing
from federation.fetching.relay import Relay, begin
from federation.fetching.rounds import Rounds
from federation.fetching.whole import Whole
from federation.members.leases import Leases, Proof
from federation.members.plain import PlainEndpoints
from federation.members.pool import Member, MemberPool, Reply
from federation.members.subquery import SubQuery, compose
from federation.members.summaries import Known, Summaries
from federation.parsing.algebra import Graph, Select, Triple, walk_query
from federation.parsing.blocks import Block, Leaf, blocks
from federation.planning.literals import LiteralDesk, Literals
from federation.planning.plan import Plan, make, spelled
from federation.planning.tokens import TermDesk, Terms
from federation.report import Step
from kgnode.query.parse import ParsedQuery
from kgnode.query.serialise import engine_format
from kgnode.settings import Settings, load_settings

_PLANS_KEPT = 256
_EVERYTHING = Leaf(Triple("?s", "?p", "?o"), "a part that is not followed")
_EVERYTHING_NAMED = Leaf(Triple("?s", "?p", "?o", "?g"), "a part that is not followed")
_DESCRIBED = Leaf(Triple("?s", "?p", "?o"))


@dataclass
class Federation:
    """All that answering needs; one per process and event loop."""

    members: Mapping[str, Member]
    pool: MemberPool
    summaries: Summaries
    terms: TermDesk
    literals: LiteralDesk
    plain: PlainEndpoints
    evaluators: Evaluators
    leases: Leases
    settings: Settings = field(default_factory=load_settings)
    plans: dict[tuple[str, str, bool, bool], tuple[tuple[Any, ...], Plan]] = field(
        default_factory=dict
    )

    @classmethod
    def of(
        cls,
        members: Sequence[Member],
        settings: Settings | None = None,
        proof: Proof | None = None,
    ) -> Federation:
        """Return a federation of these members; ``proof`` shows them whose gateway asks."""
        settings = settings or load_settings()
        leases = Leases(proof)
        pool = MemberPool(answer_bytes=settings.query_max_bytes)
        return cls(
            {member.id: member for member in members if member.active},
            pool,
            Summaries(pool, leases),
            TermDesk(pool),
            LiteralDesk(pool),
            PlainEndpoints(pool, settings.federation_probe_seconds),
            Evaluators(settings.federation_evaluators, max_bytes=settings.query_max_bytes),
            leases,
            settings,
        )

    async def close(self) -> None:
        """Give leases back, end the evaluators and close the connections."""
        await self.leases.close()
        self.pool.close()
        await self.evaluators.close()


@dataclass
class Run:
    """One attempt."""

    parsed: ParsedQuery
    query: Select | None
    media_type: str
    federation: Federation
    scope: Scope
    sources: bool = False
    """True where each row is to say which members it came from."""
    streamed: bool = False
    """True where a large answer may be passed on while it comes: ``relay`` then has it."""
    relay: Relay | None = field(init=False, default=None)
    fetched: Fetched = field(init=False)
    known: dict[str, Known] = field(default_factory=dict)
    terms: Terms | None = None
    watch: Watch = field(init=False)
    leaves: Sequence[Leaf] = ()

    def __post_init__(self) -> None:
        self.fetched = Fetched(self.scope.dataset)

    @property
    def _members(self) -> Mapping[str, Member]:
        return self.federation.members

    async def carry_out(self, renew: frozenset[str]) -> bytes:
        """Return the answer; members in ``renew`` are asked for their summaries anew."""
        scope, federation = self.scope, self.federation
        self.known = await federation.summaries.of(
            self._members.values(), scope.identity, scope.deadline, renew=renew
        )
        scope.barred.update(disagreeing(self.known))
        self.known |= {m: replace(self.known[m], summary=None) for m in scope.barred}
        self.watch = Watch(federation.summaries, scope, self.known)
        if self.query is None:
            await self._everything((_EVERYTHING, _EVERYTHING_NAMED))
            return await self._evaluate(self._graphs())
        if not scope.narrowed and len(self._members) > 1:
            self.terms = await federation.terms.of(
                self._members, self.known, scope.identity, scope.deadline
            )
        plan = await self._plan(self.query)
        left_out = self._members.keys() - (frozenset() if scope.narrowed else plan.asked)
        looking = asyncio.ensure_future(self._look(left_out))
        try:
            body = await self._answer(self.query, plan)
            await looking
        except BaseException:
            self.hang_up()
            raise
        finally:
            looking.cancel()
        asked = plan.hosts if self.relay is not None else self.fetched.sources.keys()
        await self._look(self._members.keys() - asked - self.watch.seen.keys())
        return body

    def hang_up(self) -> None:
        """Let go of an answer under way that is not wanted."""
        if self.relay is not None:
            self.relay.close()

    async def _look(self, members: Iterable[str]) -> None:
        await self.watch.look([self._members[member] for member in sorted(members)])

    def outdated(self) -> frozenset[str]:
        """Return the members that hold something else than the plan took them for."""
        found = self.fetched.stale(self.known)
        changed = self.watch.changed() - self.fetched.sources.keys()
        for member in changed:
            self.fetched.outdated(member, self.leaves)
        self.fetched.notes += self.watch.notes()
        return found | changed

    async def _answer(self, query: Select, plan: Plan) -> bytes:
        self.leaves = plan.leaves
        scope = self.scope
        if plan.push is not None:
            note = plan.push.note
            self._explain(plan, "pushdown" if len(plan.hosts) == 1 else "rows", note)
            whole = Whole(
                self._members,
                scope,
                self.fetched,
                self.federation.evaluators,
                self.federation.terms,
            )
            media = engine_format(self.media_type, self.parsed.form)
            had: Sequence[Reply] = ()
            if self.streamed:
                self.relay = await begin(plan, self.known, media, whole)
                had = (self.relay.small() or ()) if self.relay is not None else ()
                if self.relay is not None and not had:
                    return b""
                self.relay = None
            body = await whole.carry_out(query, plan, media, had)
            if body is not None:
                return body
            self.fetched = Fetched(scope.dataset, notes=self.fetched.notes)
        return await self._fragments(query, plan)

    async def _plan(self, query: Select) -> Plan:
        """Return the plan, kept while no member's view changes."""
        scope = self.scope
        key = (scope.identity.key, self.parsed.text, scope.narrowed, self.sources)
        refused = await self._refused(query)
        basis = (
            self.terms,
            tuple(k.summary.version if k.summary else None for k in self.known.values()),
            refused,
        )
        kept = self.federation.plans.get(key)
        if kept is not None and kept[0][0] is basis[0] and kept[0][1:] == basis[1:]:
            return kept[1]
        literals = Literals()
        if self.terms is not None:
            literals = await self.federation.literals.of(
                _triples(query), self._members, self.known, scope.identity, scope.deadline
            )
        plan = make(
            query,
            self.parsed.without_dataset(),
            self.known,
            self.terms,
            literals,
            refused,
            narrowed=self.scope.narrowed,
            repeatable=self.parsed.repeatable,
            pushable=not self.sources,
        )
        if len(self.federation.plans) >= _PLANS_KEPT:
            self.federation.plans.clear()
        self.federation.plans[key] = (basis, plan)
        return plan

    async def _refused(self, query: Select) -> dict[str, frozenset[Triple]]:
        """Return the patterns that each plain endpoint says it has no match for."""
        found: dict[str, frozenset[Triple]] = {}
        strangers = [member for member in self._members.values() if member.plain]
        if not strangers or self.scope.identity.view or self.scope.narrowed:
            return found
        plain, triples = self.federation.plain, _triples(query)
        for member in strangers:
            found[member.id], age = await plain.refused(member, triples, self.scope.deadline)
            if age > time.monotonic() - self.scope.start:
                self.fetched.notes.append(
                    f"{member.id} tells no versions; it was left out by what it said up to "
                    f"{age:.0f} s ago."
                )
        return found

    # the query in groups of patterns

    async def _fragments(self, query: Select, plan: Plan) -> bytes:
        self._explain(plan, "fragment")
        groups = plan.groups
        uses_graphs = any(isinstance(node, Graph) for node in walk_query(query))
        if query.form == "DESCRIBE":
            await self._everything((_DESCRIBED,))
            groups = [group for group in groups if group.leaves[0].triple.graph is not None]
        await Rounds(
            groups, self._members, self.terms, query.prologue, self.scope, self.fetched
        ).run()
        return await self._evaluate(self._graphs() if uses_graphs else (), plan.root)

    async def _everything(self, leaves: Sequence[Leaf]) -> None:
        """Fetch all that every member shows."""
        queries = compose(leaf.triple for leaf in leaves)
        await asyncio.gather(
            *(
                self._all_of(member, query, leaves)
                for member in self._members.values()
                for query in queries
            )
        )
        self.fetched.rounds += 1

    async def _all_of(self, member: Member, query: SubQuery, leaves: Sequence[Leaf]) -> None:
        reply = await request(member, query, self.scope, self.fetched, self.scope.until())
        if reply.ok:
            reply = self.fetched.take(query, reply)
        self.fetched.note(reply, leaves)

    def _graphs(self) -> tuple[str, ...]:
        """The names that GRAPH can range over, as far as a member has them."""
        named = {iri[1:-1] for k in self.known.values() if k.summary for iri in k.summary.graphs}
        if self.scope.narrowed:
            named &= set(self.scope.dataset[1])
        return tuple(sorted(named))

    async def _evaluate(self, graphs: Sequence[str], root: Block | None = None) -> bytes:
        task = Task(
            engine_format(self.media_type, self.parsed.form),
            self.parsed.without_dataset(),
            tuple(graphs),
        )
        if self.sources and self.query is not None and root is not None:
            task = replace(task, **tracing(self.query, root))
        evaluators = self.federation.evaluators
        return (await self.fetched.evaluate(task, evaluators, self.scope.deadline)).body

    def _explain(self, plan: Plan, way: str, note: str = "") -> None:
        self.fetched.steps = []
        if plan.push is not None and way != "fragment":
            nodes = tuple((m, note or "holds whole solutions") for m in sorted(plan.hosts))
            left = tuple((m, "no solution") for m in sorted(set(self._members) - plan.hosts))
            text = " . ".join(spelled(triple) for triple in plan.choices)
            self.fetched.steps.append(Step(text, "pushdown" if way == "pushdown" else "rows",
                                           nodes, left))  # fmt: skip
            return
        for group in plan.groups:
            choices = [plan.choices[triple] for triple in group.triples]
            whys = {c.member: c.why for made in choices for c in made if c.taken}
            lost = {c.member: c.why for made in choices for c in made if not c.taken}
            self.fetched.steps.append(
                Step(
                    str(group),
                    "fragment",
                    tuple((m, whys.get(m, "")) for m in sorted(group.members)),
                    tuple(
                        (m, lost.get(m, "no join partner"))
                        for m in sorted(set(self._members) - group.members)
                    ),
                )
            )


def _triples(query: Select) -> list[Triple]:
    return [leaf.triple for block in blocks(query).every() for leaf in block.leaves]
