"""The handlers of a node's HTTP interface that programs use.

In: requests. Out: JSON, RDF or binary answers, each for the caller's own view; errors are raised
and become problem documents in one place (``app``). Which path leads here stands in ``app.ROUTES``.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
from fastapi import File, Form, Query, Request, Response, UploadFile

from kgnode import __version__
from kgnode.alignment.notice import asked_for
from kgnode.assurance.packs import list_packs
from kgnode.catalogue import RDF_FORMATS, Entry, entries, serialised
from kgnode.errors import BadRequest, ExchangeError, NotFound
from kgnode.policy.caller import Caller
from kgnode.policy.decide import Visible
from kgnode.policy.explain import why
from kgnode.query.narrow import Reach
from kgnode.query.protocol import moment, split_names
from kgnode.trust import exchange
from kgnode.trust.keys import unchecked_payload
from kgnode.web.front import Front
from kgnode.web.leases import leased
from kgnode.web.metrics import MEDIA_TYPE as METRICS

JSON = "application/json"
PUBLISHERS = ("publisher",)
SHARED_MAX_BYTES = 64 << 20
"""Longest body of shared hashes: 8 million terms."""


def front(request: Request) -> Front:
    """Return the shared state of the application a request came to."""
    state: Front = request.app.state.front
    return state


def json_answer(content: Any, **headers: str) -> Response:
    """Return JSON values as an answer."""
    return Response(orjson.dumps(content, default=str), media_type=JSON, headers=headers)


async def summary(request: Request) -> Response:
    """The caller's own view in numbers: per predicate and class, with authorities."""
    here, seen, reach = _shown(request)
    if (unchanged := _unchanged(request, here, reach, seen)) is not None:
        unchanged.headers.update(_lease(request, here, unchanged.headers["ETag"]))
        return unchanged
    counted = orjson.loads(await here.summary(reach, _mappings(request)))
    document = {
        "node": here.node.org,
        "version": reach.version,
        "datasets": [
            {"iri": iri, "withheld": withheld} for iri, withheld in sorted(seen.withheld.items())
        ],
        **counted,
        "graphs": sorted({cell.model for cell in reach.named}),
    }
    answer = _versioned(request, here, orjson.dumps(document), JSON, reach, seen)
    answer.headers.update(_lease(request, here, answer.headers["ETag"]))
    return answer


async def summary_terms(
    request: Request, predicate: Annotated[str | None, Query(max_length=2000)] = None
) -> Response:
    """Sorted 64-bit hashes, little endian, of the IRIs in the caller's view.

    With ``predicate``, those of the literals that stand at it.
    """
    here, seen, reach = _shown(request)
    if (unchanged := _unchanged(request, here, reach, seen)) is not None:
        return unchanged
    if predicate is None:
        content = await here.term_hashes(reach, _mappings(request))
    else:
        content = await here.literal_hashes(reach, _mappings(request), predicate)
    return _versioned(request, here, content, "application/octet-stream", reach, seen)


async def summary_shared(
    request: Request, names: Annotated[bool, Query(description="the IRIs, not the places")] = False
) -> Response:
    """Where the posted hashes stand in the caller's view, per predicate and class.

    With ``names``, the IRIs behind them instead.
    """
    here, _, reach = _shown(request)
    body = await _body(request, SHARED_MAX_BYTES)
    tell = here.named_terms if names else here.shared_terms
    counted = orjson.loads(await tell(reach, _mappings(request), body))
    version = {"Gridspine-Version": reach.version}
    return json_answer({"version": reach.version, **counted}, **version)


def _shown(request: Request) -> tuple[Front, Visible, Reach]:
    """What the caller sees, now or ``at`` a moment, and the cells and rules behind it."""
    here = front(request)
    seen = here.desk.see(here.caller(request), moment(request.query_params.get("at")))
    reach = here.desk.reach(seen)
    if names := _mappings(request):
        reach = replace(reach, rules=here.desk.rewriter().wanted(names).rules.digest)
    return here, seen, reach


def _lease(request: Request, here: Front, tag: str) -> dict[str, str]:
    """The header of a lease on the summary that goes out, where a gateway asks for one."""
    return leased(request, here, tag, _mappings(request), _tag_at)


def _tag_at(here: Front, caller: Caller, names: Sequence[str], now: datetime) -> str:
    """The entity tag of a caller's summary at a moment."""
    seen = here.desk.see(caller, None, now)
    reach = here.desk.reach(seen)
    if names:
        reach = replace(reach, rules=here.desk.rewriter().wanted(names).rules.digest)
    return _entity_tag(reach.version, seen)


def _mappings(request: Request) -> tuple[str, ...]:
    """The mapping sets under which a summary is asked for."""
    return split_names(request.query_params.getlist("mappings"))


def _unchanged(request: Request, here: Front, reach: Reach, seen: Visible) -> Response | None:
    """The answer to a client that has this version, given before any view is made."""
    headers = _tagged(request, here, reach.version, seen)
    known = (part.strip() for part in request.headers.get("if-none-match", "").split(","))
    return Response(status_code=304, headers=headers) if headers["ETag"] in known else None


def _versioned(
    request: Request, here: Front, content: bytes, media_type: str, reach: Reach, seen: Visible
) -> Response:
    headers = _tagged(request, here, reach.version, seen)
    return Response(content, media_type=media_type, headers=headers)


def _tagged(request: Request, here: Front, version: str, seen: Visible) -> dict[str, str]:
    names = _mappings(request)
    asked = asked_for(here.desk.rewriter().wanted(names)) if names else ()
    return {
        "ETag": _entity_tag(version, seen),
        "Gridspine-Version": version,
        "Gridspine-Policy": seen.digest,
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, Cookie",
        **dict(asked),
    }


def _entity_tag(version: str, seen: Visible) -> str:
    told = hashlib.blake2b(
        version.encode() + repr(sorted(seen.withheld.items())).encode(), digest_size=16
    )
    return f'"{told.hexdigest()}"'


async def _body(request: Request, most_bytes: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most_bytes:
            raise BadRequest(f"The body is longer than {most_bytes} bytes.", hint="Send less.")
        parts.append(part)
    return b"".join(parts)


def catalogue_entries(here: Front, seen: Visible) -> tuple[Entry, ...]:
    """Return the catalogue as a caller sees it."""
    whole = frozenset(
        manifest.dataset
        for manifest in here.node.record.datasets()
        if all(cell in seen.cells for cell in manifest.cells)
    )
    return entries(seen.discoverable, seen.cells, here.node.home.identity, seen.withheld, whole)


def rdf_or_json(found: Sequence[Entry], accept: str) -> Response:
    """Return entries in the first RDF format the client names, else as JSON."""
    wanted = [part.partition(";")[0].strip() for part in accept.split(",")]
    for media_type in wanted:
        if media_type in RDF_FORMATS:
            return Response(serialised(found, media_type), media_type=media_type)
    return json_answer([entry.to_json() for entry in found])


async def policy_why(
    request: Request,
    dataset: Annotated[str, Query(max_length=400)],
    label: Annotated[str | None, Query(max_length=400)] = None,
    property: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:
    """Why the caller may, or may not, read a label or property of a data set."""
    here = front(request)
    caller = here.caller(request)
    told = why(
        caller,
        here.see(caller),
        here.node.record.datasets(),
        here.node.policies(),
        now=here.now(),
        dataset=dataset,
        label=label,
        prop=property,
    )
    return json_answer(told)


async def token(request: Request) -> Response:
    """Token exchange (RFC 8693): a gateway's token of one of our callers for another node."""
    here = front(request)
    form = {key: str(value) for key, value in (await request.form()).items()}
    identity = here.node.home.identity
    told: dict[str, Any] = {"action": "token", "audience": form.get("audience", "")[:400]}
    try:
        issued = exchange(
            form,
            key=here.node.key,
            org=here.node.org,
            members=here.node.members.current(here.now()),
            node_url=identity.node_url or "",
            settings=here.node.settings,
            seen=here.node.seen_actors,
            now=here.now(),
        )
    except ExchangeError as error:
        here.node.audit.record({**told, "outcome": error.code, "reason": error.message})
        raise
    claims = unchecked_payload(issued["access_token"])  # ours, made just now
    told |= {name: claims.get(name) for name in ("org", "sub", "roles", "purpose", "act")}
    here.node.audit.record({**told, "outcome": "ok"})
    return json_answer(issued, **{"Cache-Control": "no-store"})


async def asset(request: Request, iri: Annotated[str, Query(max_length=2000)]) -> Response:
    """Everything the caller's view says of one asset."""
    here = front(request)
    view, reach = await here.view(here.see(here.caller(request)))
    found = await here.asset(view, iri)
    if found == b"null":
        raise NotFound(f"Nothing is known of {iri}.", hint="It does not exist, or is not shown.")
    return Response(found, media_type=JSON, headers={"Gridspine-Version": reach.version})


async def publish(
    request: Request,
    id: str,
    files: Annotated[list[UploadFile], File()],
    title: Annotated[str | None, Form()] = None,
    licence: Annotated[str | None, Form()] = None,
    contact: Annotated[str | None, Form()] = None,
    packs: Annotated[list[str] | None, Form()] = None,
    replace: Annotated[bool, Form()] = False,
    aside: Annotated[bool, Form()] = False,
    strict: Annotated[bool, Form()] = False,
    dry_run: Annotated[bool, Form()] = False,
) -> Response:
    """Publish uploaded files as a new version of a data set; the owner's publishers only."""
    here = front(request)
    here.owner(request, *PUBLISHERS)
    arguments = {
        "dataset": id,
        "title": title,
        "licence": licence,
        "contact": contact,
        "packs": pack_names(here, packs),
        "replace": replace,
        "aside": aside,
        "strict": strict,
        "dry_run": dry_run,
    }
    with tempfile.TemporaryDirectory(dir=here.node.home.path / "run") as folder:
        arguments["files"] = await stored(files, Path(folder))
        result = await here.perform("publish", arguments)
    return json_answer(result)


def pack_names(here: Front, packs: list[str] | None) -> list[str]:
    """Return names of packs from outside; a path would let a caller read the node's files.

    Raises:
        BadRequest: a name is a path.
        NotFound: there is no pack of that name; whether a file has it is not looked at.
    """
    known = {pack.id for pack in list_packs(here.node.home.path / "packs")} if packs else ()
    for name in packs or ():
        if "/" in name or "\\" in name or name.startswith("."):
            raise BadRequest(f"{name!r} is no name of a pack.", hint="See /packs.")
        if name.partition("@")[0] not in known:
            raise NotFound(f"There is no pack {name}.", hint="See /packs.")
    return list(packs or ())


async def stored(files: list[UploadFile], folder: Path) -> list[str]:
    """Store uploads under names of our own, keeping only a harmless form of the given name."""
    stored = []
    for number, upload in enumerate(files):
        kept = "".join(c if c.isalnum() or c in "-_." else "_" for c in upload.filename or "file")
        path = folder / f"{number:03d}_{kept[-100:]}"
        with path.open("wb") as stream:
            while chunk := await upload.read(1 << 20):
                stream.write(chunk)
        stored.append(str(path))
    return stored


async def healthz(request: Request) -> Response:
    """Whether the process lives."""
    return json_answer({"status": "ok", "version": __version__})


async def readyz(request: Request) -> Response:
    """Whether the node can answer: the record reads and the policies are understood."""
    here = front(request)
    here.node.record.datasets()
    ready = here.node.policies().closed is None
    body = orjson.dumps({"ready": ready})
    return Response(body, status_code=200 if ready else 503, media_type=JSON)


async def metrics(request: Request) -> Response:
    """Numbers for monitoring, in the Prometheus text format; for operators of this node."""
    here = front(request)
    if not here.node.settings.metrics_open:
        here.owner(request, "operator", "auditor")
    return Response(here.metrics.exposition(), media_type=METRICS)
