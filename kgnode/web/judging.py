"""The handlers that judge data by shape packs: a caller's own view, or files sent for it.

In: requests. Out: the result documents of ``kgnode validate`` and ``kgnode gaps``. A view is judged
inside an evaluator that has nothing but the view, so that no answer can tell what is hidden.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import File, Form, Query, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool

from kgnode.assurance import view as judged
from kgnode.assurance.packs import list_packs, load_packs
from kgnode.cim.reader import read
from kgnode.operations import repairs
from kgnode.publish import judge
from kgnode.web.api import JSON, front, json_answer, pack_names, stored

CHECKERS = ("publisher", "steward", "operator")
Names = Annotated[list[str] | None, Query(max_length=20)]


async def validate_view(request: Request, pack: Names = None) -> Response:
    """Judge the caller's own view by packs; what is withheld seems to be missing."""
    return await _of_view(request, "validate", pack)


async def gaps(request: Request, pack: Names = None) -> Response:
    """Which data of the caller's own view no pack covers, and which shapes never match."""
    return await _of_view(request, "gaps", pack)


async def _of_view(request: Request, task: str, names: list[str] | None) -> Response:
    here = front(request)
    caller = here.caller(request)
    own = here.node.settings
    seconds = own.validation_view_seconds
    if caller.is_public:
        seconds = min(seconds, own.query_timeout_public_seconds)
    registered = here.node.home.path / "packs"
    chosen = pack_names(here, names) or [p.id for p in list_packs(registered) if p.default]
    view, reach = await here.view(here.see(caller))
    ordered = judged.order(task, chosen, registered, seconds)
    found = await view.call(judged.answer, ordered, seconds, leaves=True)
    headers = {"Gridspine-Version": reach.version, "Cache-Control": "private, no-cache"}
    return Response(found, media_type=JSON, headers=headers)


async def check(
    request: Request,
    files: Annotated[list[UploadFile], File()],
    packs: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Validate uploaded files against packs of this node without storing them."""
    here = front(request)
    here.owner(request, *CHECKERS)
    named = pack_names(here, packs)
    with tempfile.TemporaryDirectory(dir=here.node.home.path / "run") as folder:
        kept = [Path(path) for path in await stored(files, Path(folder))]

        def run() -> dict[str, Any]:
            staged = read(kept, here.node.read_context())
            chosen = load_packs(named or ["gb-core"], here.node.home.path / "packs")
            report = judge(staged, chosen, here.node.settings)
            return {**report.to_json(), "repairs": repairs(staged)}

        return json_answer(await run_in_threadpool(run))


async def packs(request: Request) -> Response:
    """The shape packs this node knows."""
    here = front(request)
    here.caller(request)
    found = list_packs(here.node.home.path / "packs")
    return json_answer([{"id": pack.id, "version": pack.version} for pack in found])
