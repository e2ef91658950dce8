"""Validate in a process of its own, which can be ended: for packs that nobody vouches for.

In: staged models, packs and a deadline. Out: the same ``Report``, or ``Deadline`` when the process
had to be ended. Oxigraph cannot be interrupted inside a query, and pySHACL neither; the process
also bounds memory, so that a hostile rule takes nothing but its own time.
"""

from __future__ import annotations

import os
import pickle
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kgnode.assurance.findings import Cause
from kgnode.assurance.limits import Limits, deadline
from kgnode.assurance.packs import Pack
from kgnode.assurance.report import Report
from kgnode.assurance.validate import Engine, validate
from kgnode.cim.headers import Header
from kgnode.cim.staged import Staged
from kgnode.errors import GridspineError, StoreFull, Unexpected


@dataclass(frozen=True)
class _Model:
    """What judging needs of a model."""

    iri: str
    header: Header
    content_hash: str


class _Shipped:
    """Staged models as the other process finds them in the job's folder."""

    def __init__(
        self, folder: Path, models: tuple[_Model, ...], beside: Mapping[str, tuple[Path, ...]]
    ) -> None:
        self.models = models
        self.beside = beside
        self._files = {model.iri: folder / f"{n}.nt" for n, model in enumerate(models)}

    def graph(self, iri: str) -> _Shipped._Statements:
        """Return the statements of a model."""
        return self._Statements(self._files[iri])

    def place(self, _: str) -> None:
        """Places are found by the process that has the files."""

    @dataclass(frozen=True)
    class _Statements:
        path: Path

        def ntriples(self) -> object:
            """Return the statements as a stream."""
            return self.path.open("rb")


def validate_guarded(
    staged: Staged,
    packs: Sequence[Pack],
    *,
    engine: Engine = "auto",
    limits: Limits,
) -> Report:
    """Return the report of another process, ended at the deadline.

    Raises:
        Deadline: the time has passed; nothing is left running.
        BadShapes: a pack's shapes are broken.
    """
    folder = Path(tempfile.mkdtemp(prefix="gridspine-validate-"))
    try:
        _write_job(folder, staged, packs, engine, limits)
        _run(folder, limits)
        outcome = pickle.loads((folder / "outcome").read_bytes())  # noqa: S301  # our own process
    except OSError as error:
        raise StoreFull(
            f"The validation's temporary folder cannot be used: {error.strerror}.",
            hint="Free space in the folder for temporary files.",
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if isinstance(outcome, GridspineError):
        raise outcome
    report: Report = outcome
    return replace(report, causes=tuple(_placed(cause, staged) for cause in report.causes))


def _write_job(
    folder: Path, staged: Staged, packs: Sequence[Pack], engine: Engine, limits: Limits
) -> None:
    models = tuple(_Model(m.iri, m.header, m.content_hash) for m in staged.models)
    for number, model in enumerate(models):
        with (folder / f"{number}.nt").open("wb") as out:
            shutil.copyfileobj(staged.graph(model.iri).ntriples(), out)
    beside = {iri: tuple(p.resolve() for p in paths) for iri, paths in staged.beside.items()}
    fresh = tuple(replace(pack, _made={}) for pack in packs)
    (folder / "job").write_bytes(pickle.dumps((models, beside, fresh, engine, limits)))


def _run(folder: Path, limits: Limits) -> None:
    command = [sys.executable, "-m", "kgnode.assurance.guard", str(folder)]
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "TMPDIR", "HOME")
    }
    try:
        done = subprocess.run(  # noqa: S603  # our own module, no shell
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limits.deadline_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise deadline(limits.deadline_seconds or 0) from error
    if not (folder / "outcome").is_file():
        raise Unexpected(
            f"The validation's process ended with {done.returncode} and no report.",
            hint="A rule may have needed more memory than validation_memory_bytes allows: leave "
            "that pack out.",
        )


def _placed(cause: Cause, staged: Staged) -> Cause:
    examples = []
    for example in cause.examples:
        place = staged.place(example.asset.iri)
        asset = example.asset
        if place is not None:
            asset = replace(asset, file=place.file, line=place.line)
        examples.append(replace(example, asset=asset))
    return replace(cause, examples=tuple(examples))


def main(folder: Path) -> None:
    """Do the job in a folder and leave its outcome there."""
    job = pickle.loads((folder / "job").read_bytes())  # noqa: S301  # written by our own process
    models, beside, packs, engine, limits = job
    if limits.memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    outcome: Report | GridspineError
    try:
        shipped = _Shipped(folder, models, beside)
        outcome = validate(shipped, packs, engine=engine, limits=limits)  # type: ignore[arg-type]
    except GridspineError as error:
        outcome = error
    except (RecursionError, MemoryError) as error:
        outcome = Unexpected(
            f"The validation ended with {type(error).__name__}.",
            hint="A rule of the packs is nested too deep or needs too much memory: leave that "
            "pack out.",
        )
    fresh = folder / "outcome.new"
    fresh.write_bytes(pickle.dumps(outcome))
    fresh.replace(folder / "outcome")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
