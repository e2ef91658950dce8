"""Carries out a query that goes whole to its hosts.

In: a plan with a ``Push``. Out: the answer, from the hosts' rows, yes or no, or triples; None where
it must be done in another way, because a host's answer is too large or a sum cannot be made of
parts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from federation.evaluation.evaluate import Evaluators, Part, Task
from federation.fetching.fetch import Fetched, Scope, request
from federation.members.pool import NTRIPLES, Member, Reply
from federation.members.subquery import Malformed, SubQuery, rows
from federation.parsing.algebra import Select
from federation.planning.plan import Plan
from federation.planning.push import Push, rows_only
from federation.planning.replicas import Replicas
from federation.planning.tokens import TermDesk


@dataclass
class Whole:
    """What one attempt at a pushed query works with."""

    members: Mapping[str, Member]
    scope: Scope
    fetched: Fetched
    evaluators: Evaluators
    desk: TermDesk

    async def carry_out(
        self, query: Select, plan: Plan, media: str, had: Sequence[Reply] = ()
    ) -> bytes | None:
        """Return the answer in the wanted format, None where it must be done in another way.

        ``had`` are the hosts' replies where they have been asked already.
        """
        push = plan.push
        while push is not None:
            replies, had = await self._ask(plan, push, had), ()
            if any(reply.outcome == "truncated" for reply in replies):
                return None  # its parts may still be small enough
            also = ""
            if push.replicas is not None:
                doubles = await self._doubles(plan, push, push.replicas)
                if doubles is None:
                    return None
                also = push.replicas.also(doubles)
            usable = [reply for reply in replies if reply.ok]
            if push.finish == "ask":
                return await self._yes(usable, media)
            kind = "nt" if push.accept == NTRIPLES else "tsv"
            self.fetched.parts = [Part(r.member, kind, r.body) for r in usable]
            task = replace(_finish(push, media), also=also)
            done = await self.fetched.evaluate(task, self.evaluators, self.scope.deadline)
            if not done.unbound:
                return done.body
            push = rows_only(query) if push.replicas is None else None
        return None

    async def _ask(self, plan: Plan, push: Push, had: Sequence[Reply]) -> list[Reply]:
        query = SubQuery(push.text, push.accept, ())
        hosts = [] if had else sorted(plan.hosts)
        replies = had or await asyncio.gather(
            *(
                request(self.members[m], query, self.scope, self.fetched, self.scope.until())
                for m in hosts
            )
        )
        self.fetched.rounds += 1
        for reply in replies:
            if reply.outcome != "truncated":
                self.fetched.note(reply, plan.leaves, max(0, reply.body.count(b"\n") - 1))
        return list(replies)

    async def _doubles(self, plan: Plan, push: Push, replicas: Replicas) -> list[list[str]] | None:
        """Return the matches of shared subjects at all hosts; None if they cannot be had."""
        hosts = [self.members[member] for member in sorted(plan.hosts)]
        if not push.doubles:
            return []
        scope = self.scope
        subjects = await self.desk.named(list(push.doubles), hosts, scope.identity, scope.deadline)
        if subjects is None:
            return None
        query = replicas.matches(subjects)
        replies = await asyncio.gather(
            *(request(host, query, scope, self.fetched, scope.until()) for host in hosts)
        )
        self.fetched.rounds += 1
        found: list[list[str]] = []
        for reply in replies:
            try:
                names, table = rows(reply.body) if reply.ok else (replicas.columns, [])
            except Malformed as error:
                reply = replace(reply, outcome="protocol", detail=str(error), body=b"")
                names, table = replicas.columns, []
            if names != replicas.columns:
                return None
            self.fetched.note(reply, plan.leaves, len(table))
            found += table
        return found

    async def _yes(self, replies: list[Reply], media: str) -> bytes:
        yes = False
        for reply in replies:
            try:
                yes = yes or orjson.loads(reply.body)["boolean"] is True
            except (ValueError, KeyError, TypeError):
                leaves = list(self.fetched.feeds[reply.member])
                bad = replace(reply, outcome="protocol", detail="no boolean", body=b"")
                self.fetched.note(bad, leaves)
        task = Task(media, "ASK {}" if yes else "ASK { FILTER(false) }")
        return (await self.evaluators.evaluate(task, (), self.scope.deadline)).body


def _finish(push: Push, media: str) -> Task:
    if push.finish == "triples":
        return Task(media, "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }")
    return Task(
        media,
        op=push.finish,
        columns=push.columns,
        before=push.before,
        after=push.after,
        offset=push.offset,
        limit=push.limit,
        whole_only=push.whole_only,
    )
