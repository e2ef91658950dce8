"""What a serving gateway holds: its home, the members in force, the federation, the latest reports.

In: a gateway home. Out: ``Gateway``, which answers protocol requests (SPARQL 1.1 Protocol with
``partial=allow`` and ``report=inline``) and says with each the status and where its report is.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import orjson

from federation.answer import Ask, FederatedAnswer, answer
from federation.home import GatewayHome
from federation.members.http import HttpPool
from federation.members.identity import Exchanger
from federation.members.pool import Member
from federation.report import Report
from federation.run import Federation
from kgnode.errors import BadRequest, NotComplete, NotFound
from kgnode.policy.caller import Caller
from kgnode.problems import problem
from kgnode.query.answer import SparqlAnswer
from kgnode.query.protocol import SparqlRequest
from kgnode.settings import Settings
from kgnode.trust import Verifier, actor_token

_REPORTS_KEPT = 2000
_JSON = "application/sparql-results+json"


class Reports:
    """The latest reports, found again by an id that cannot be guessed."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def keep(self, report: Report, query: str) -> str:
        """Keep a report and return its id."""
        name = secrets.token_urlsafe(16)
        self._kept[name] = {**report.to_json(), "query": query}
        while len(self._kept) > _REPORTS_KEPT:
            self._kept.popitem(last=False)
        return name

    def complete(self, name: str, report: Report) -> None:
        """Bring a kept report up to date once its answer has passed."""
        if name in self._kept:
            self._kept[name] |= report.to_json()

    def get(self, name: str) -> dict[str, Any]:
        """Return a report.

        Raises:
            NotFound: there is none of that id, or no longer.
        """
        if name not in self._kept:
            raise NotFound("There is no such report, or no longer.", hint="Ask the query again.")
        return self._kept[name]


class Gateway:
    """What all routes share."""

    def __init__(self, home: GatewayHome, settings: Settings) -> None:
        self.home = home
        self.settings = settings
        self.members = home.members(settings)
        self.members.current(datetime.now(UTC))
        self.verifier = Verifier(self.members.current, home.identity.url, settings)
        self.http = HttpPool()
        key, org = home.key(), home.identity.org
        self.exchanger = Exchanger(key, org, self.members.current, self.http)
        self.federation = Federation.of((), settings, lambda m: actor_token(key, org, m.node))
        self.reports = Reports()
        self._sequence = -1

    def refresh(self) -> Federation:
        """Return the federation with the members of the document in force."""
        document = self.members.current(datetime.now(UTC))
        if document.sequence != self._sequence:
            self.federation.members = {
                m.id: Member(
                    m.id,
                    m.name,
                    m.node,
                    m.gateway,
                    m.licence_role,
                    True,
                    m.datasets,
                    m.kind,
                    m.max_rows,
                )
                for m in document.members
                if m.status == "active"
            }
            self._sequence = document.sequence
        return self.federation

    async def ask(
        self, request: SparqlRequest, caller: Caller, *, streamed: bool = False
    ) -> FederatedAnswer:
        """Answer a protocol request; ``streamed`` where a large answer may come in pieces."""
        if request.query is None:
            raise BadRequest("The request has no query.", hint="Send it in the field query.")
        for wanted in request.mappings:
            if not all(wanted.partition("@")[::2]):
                raise BadRequest(
                    f"mappings={wanted[:80]} names no version; members may hold different ones.",
                    hint="Ask for name@version.",
                )
        return await answer(
            Ask(
                request.query,
                self.exchanger.identity(caller),
                request.accept,
                request.parameters.get("partial") == ("allow",),
                request.timeout_seconds,
                request.default_graphs,
                request.named_graphs,
                request.at,
                request.mappings,
                _flag(request, "source"),
                streamed,
            ),
            self.refresh(),
        )

    async def sparql(self, request: SparqlRequest, caller: Caller) -> SparqlAnswer:
        """Answer for the SPARQL endpoint: status and report in headers."""
        root = self.home.identity.url.rstrip("/")
        try:
            inline = request.parameters.get("report") == ("inline",)
            got = await self.ask(request, caller, streamed=not inline)
        except NotComplete as error:
            document = problem(error)
            lost = (("Gridspine-Status", str(error.detail.get("answer_status"))),)
            body = orjson.dumps(document)
            return SparqlAnswer(502, lost, "application/problem+json", content=body)
        name = self.reports.keep(got.report, request.query or "")
        headers: tuple[tuple[str, str], ...] = (
            ("Gridspine-Status", got.status),
            ("Gridspine-Report", f"{root}/reports/{name}"),
        )
        if got.report.mappings:
            headers += (("Gridspine-Mappings", ", ".join(got.report.mappings)),)
        if got.report.warnings:
            headers += (("Gridspine-Mapping-Warnings", " | ".join(got.report.warnings)),)
        body = got.body
        if got.rest is not None:
            return SparqlAnswer(200, headers, got.media_type, self._passed_on(got, name))
        if inline:
            if got.media_type != _JSON:
                raise BadRequest(
                    "report=inline goes with SPARQL JSON results only.",
                    hint=f"Accept {_JSON}, or follow the Gridspine-Report header.",
                )
            body = orjson.dumps({**orjson.loads(body), "report": got.report.to_json()})
        return SparqlAnswer(200, headers, got.media_type, content=body)

    async def _passed_on(self, got: FederatedAnswer, name: str) -> AsyncIterator[bytes]:
        """Yield a streamed answer, then keep what came of it in its report."""
        if got.rest is None or got.final is None:
            return
        try:
            async for piece in got.rest:
                yield piece
        finally:
            await got.rest.aclose()
        self.reports.complete(name, got.final())


def _flag(request: SparqlRequest, name: str) -> bool:
    """Read a parameter that is 1, 0 or left out."""
    given = request.parameters.get(name, ("0",))
    if given not in (("0",), ("1",)):
        raise BadRequest(f"{name}={given[0][:40]} is not known.", hint=f"Use {name}=1.")
    return given == ("1",)
