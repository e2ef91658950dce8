"""Studies over a federation: members asked as the caller, load flow in a worker process.

In: the members, the pool that asks them, the caller's identity and a `Request`. Out: the study as
JSON. The worker loads PowSyBl once and keeps a binary network per set of views, so that neither the
gateway's event loop nor a second study waits for an import; a cached network never serves a caller
whose views differ.
"""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from federation.members.pool import Identity, Member, MemberPool
from federation.rerouting.asking import Answered, ask_members, fetch_models, same_views
from federation.rerouting.extract import build
from federation.rerouting.grid import Gap, Grid
from federation.rerouting.study import Request, Told, run_study
from kgnode.cim.writer import write_zip
from kgnode.errors import GridspineError, MemberError, NotFound

NETWORKS_KEPT = 8
"""Networks in the cache folder, oldest out first."""


class Rerouting:
    """Makes studies; one per gateway process.

    Args:
        folder: where networks are cached; a temporary one where None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._temporary = None if folder else tempfile.mkdtemp(prefix="gridspine-reroute-")
        self.folder = folder or Path(str(self._temporary))
        self.folder.mkdir(parents=True, exist_ok=True)
        self._worker: ProcessPoolExecutor | None = None
        self._turn = asyncio.Lock()

    async def study(
        self,
        members: Sequence[Member],
        pool: MemberPool,
        identity: Identity,
        request: Request,
        *,
        seconds: float = 300.0,
    ) -> dict[str, Any]:
        """Make a study of what the members show to this identity.

        Raises:
            BadRequest: a named supply point or asset is not there.
            MemberError: a member broke off, or the worker ended.
        """
        answered = await ask_members(pool, identity, members, seconds=seconds)
        archive, gaps = await self._archive(members, pool, identity, answered, seconds)
        told = Told(
            answers=answered.answers,
            roles={member.id: member.licence_role for member in members},
            versions=answered.versions,
            withheld=answered.withheld,
            policies=answered.policies,
            mappings=answered.mappings,
            lost=(*answered.lost, *gaps),
            archive=archive,
        )
        async with self._turn:
            return await self._work(told, request)

    async def model_zip(
        self,
        members: Sequence[Member],
        pool: MemberPool,
        identity: Identity,
        *,
        seconds: float = 300.0,
    ) -> bytes:
        """Return the assembled model, as this identity sees it, as a zip of CIM XML.

        Raises:
            NotFound: the members show this identity no network model.
            MemberError: a member broke off.
        """
        answered = await ask_members(pool, identity, members, seconds=seconds)
        grid = await asyncio.to_thread(build, answered.answers)
        models = await fetch_models(pool, identity, members, grid.models, seconds=seconds)
        if not models:
            raise NotFound("The members show you no network model.", hint="Ask the owners.")
        with tempfile.TemporaryDirectory(prefix="gridspine-model-") as folder:
            path = Path(folder) / "model.zip"
            await asyncio.to_thread(write_zip, models, path)
            return path.read_bytes()

    async def _archive(
        self,
        members: Sequence[Member],
        pool: MemberPool,
        identity: Identity,
        answered: Answered,
        seconds: float,
    ) -> tuple[Path | None, tuple[Gap, ...]]:
        """Return the cached network of these views, else the models fetched as a zip."""
        grid = await asyncio.to_thread(build, answered.answers)
        name = network_name(grid, answered.versions)
        cached = self.folder / f"{name}.biidm"
        if cached.is_file():
            return cached, ()
        try:
            models = await fetch_models(pool, identity, members, grid.models, seconds=seconds)
            # what is kept under a view's name must not come of another view, of more rights maybe
            await same_views(pool, identity, members, answered.versions, seconds=seconds)
        except MemberError as error:
            return None, (Gap("", f"the models ({error.message})", "no load flow"),)
        if not models:
            return None, (Gap("", "any network model", "no load flow"),)
        path = self.folder / f"{name}.zip"
        await asyncio.to_thread(write_zip, models, path)
        return path, ()

    async def _work(self, told: Told, request: Request) -> dict[str, Any]:
        if self._worker is None:
            context = multiprocessing.get_context("spawn")
            self._worker = ProcessPoolExecutor(1, context)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._worker, work, told, request)
        except BrokenProcessPool as error:
            self._worker = None
            raise MemberError(
                "The study's worker process ended.",
                hint="It may have run out of memory; ask for fewer plans (--verify).",
            ) from error

    def close(self) -> None:
        """End the worker and remove a temporary cache."""
        if self._worker is not None:
            self._worker.shutdown(wait=False, cancel_futures=True)
            self._worker = None
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)


def network_name(grid: Grid, versions: Mapping[str, str]) -> str:
    """Return a name that is the same only for the same models in the same views."""
    parts = sorted([m.owner, m.iri, versions.get(m.owner, "")] for m in grid.models)
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:32]


def work(told: Told, request: Request) -> dict[str, Any]:
    """Run a study in the worker; the network is kept in binary form beside its zip."""
    if told.archive is not None and told.archive.suffix == ".zip":
        binary = told.archive.with_suffix(".biidm")
        try:
            keep_network(told.archive, binary)
        except GridspineError:
            return run_study(told, request).to_json()  # which says why there is no load flow
        told = replace(told, archive=binary)
    return run_study(told, request).to_json()


def keep_network(archive: Path, binary: Path) -> None:
    """Make the network of a zip, save it in binary form and drop the zip.

    Raises:
        GridspineError: the models make no network.
    """
    from federation.rerouting.network import load_files

    network = load_files([archive])
    part = binary.with_name(f".{binary.name}")
    network.save(str(part.with_suffix(".biidm")), format="BIIDM")
    part.with_suffix(".biidm").replace(binary)
    archive.unlink()
    kept = sorted(binary.parent.glob("*.biidm"), key=lambda path: path.stat().st_mtime)
    for old in kept[:-NETWORKS_KEPT]:
        old.unlink(missing_ok=True)
