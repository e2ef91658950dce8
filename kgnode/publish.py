"""The publish flow: read -> type -> validate -> label -> store -> announce.

In: files and what the owner wants of them. Out: a new version of a data set, or an error and
nothing changed. The rules of versions are those of docs/publishing.md: models given replace those
they supersede or that have equal authority, profiles and scenario time; the rest is kept by
reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kgnode.assurance.data import merge_staged
from kgnode.assurance.guard import validate_guarded
from kgnode.assurance.limits import Limits
from kgnode.assurance.packs import Pack
from kgnode.assurance.report import Report
from kgnode.assurance.standing import Standing, Step, net
from kgnode.assurance.validate import Engine, validate
from kgnode.cim.difference import KeptLines, Version, line
from kgnode.cim.reader import ReadContext, read
from kgnode.cim.repairs import refuse
from kgnode.cim.staged import Model, Staged
from kgnode.cim.succession import Lookup, apply_differences
from kgnode.errors import BadRequest, NotCim, RedefinesOther, RefusedByShapes
from kgnode.labelling import label_models
from kgnode.names import IDENTIFIER, dataset_iri, resource_folder
from kgnode.policy.labels import Cells, header_labels
from kgnode.policy.labels_file import CLOSED, LabelRules
from kgnode.settings import Settings
from kgnode.staging import (
    Beside,
    complete,
    made_by_differences,
    must_relabel,
    restaged,
    rules_digest,
    standing_lines,
    together,
    typed,
)
from kgnode.store.cells import Manifest, NewModel, StoredModel
from kgnode.store.record import Record

Mode = Literal["add", "replace"]

LABELS_TEXT = "labels_text"
"""Attribute of a version: the labels file that made its labels; the owner's alone."""


@dataclass(frozen=True)
class Wish:
    """What the owner wants of one publish.

    Attributes:
        dataset: data set id inside the organisation.
        mode: ``add`` to what is there, or ``replace`` all of it.
        aside: keep out of the default graph.
        force: publish even where another data set's subjects are redefined.
        strict: refuse files that need repairs.
        dry_run: do everything but store.
        packs: shape packs that the data must pass.
        labels: rules; closed to all but the owner where there are none.
        attributes: title, licence, contact and the like, for the catalogue.
        keep: versions kept.
    """

    dataset: str
    packs: tuple[Pack, ...] = ()
    labels: LabelRules | None = None
    mode: Mode = "add"
    aside: bool = False
    force: bool = False
    strict: bool = False
    dry_run: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)
    keep: int = 10


@dataclass(frozen=True)
class Published:
    """What a publish did.

    Attributes:
        manifest: the new current version; None after a dry run.
        labels: triples by label set, as a sorted tuple of label IRIs.
        report: what the shapes said; None where no pack was named.
    """

    manifest: Manifest | None
    staged: Staged
    kept: tuple[StoredModel, ...]
    labels: Mapping[tuple[str, ...], int]
    report: Report | None


def publish(
    record: Record,
    org: str,
    paths: Sequence[Path],
    wish: Wish,
    context: ReadContext,
    *,
    sign_receipt: Callable[[Report, Sequence[Model]], str | None] = lambda _report, _models: None,
    announce: Callable[[Manifest], None] = lambda _manifest: None,
    step: Callable[[str], None] = lambda _name: None,
    standing: Standing | None = None,
) -> Published:
    """Publish files as a version of a data set.

    Args:
        record: where it is kept.
        org: the home's organisation.
        paths: files, folders and archives.
        wish: data set, gate, labels and mode.
        context: bases for identifiers and the bounds of reading.
        sign_receipt: makes the signed receipt of a validation, or returns None.
        announce: tells others of the new version, after it is safe.
        step: told the name of each step as it begins.
        standing: what was judged before, where the process lives on.

    Raises:
        InputError: the files cannot be read, or redefine another data set.
        RefusedByShapes: the gate found violations; ``detail`` is the validation's result.
    """
    dataset = _dataset(org, wish)
    current = record.current(dataset)

    step("read and type")
    staged, kept, beside = _stage(record, org, paths, wish, context, current)

    step("validate")
    report = _gate(staged, beside, wish.packs, context.settings, standing)
    if report is not None and not report.passes:
        raise _refusal(report)
    if not wish.aside and not wish.force:
        _refuse_redefinition(staged, dataset, beside.datasets, record)

    step("label")
    rules = wish.labels or CLOSED
    cells = label_models(staged, rules, org, wish.dataset, current, record)
    if wish.dry_run:
        return Published(None, staged, kept, _counted(cells), report)

    step("store")
    manifest = record.publish(
        dataset,
        [*kept, *(_new(model, cells[model.iri]) for model in staged.models)],
        aside=wish.aside,
        attributes=_attributes(wish, current, report, sign_receipt, staged.models)
        | labels_told(current, rules, cells),
        keep=wish.keep,
    )

    step("announce")
    announce(manifest)
    return Published(manifest, staged, kept, _labels(manifest), report)


def _dataset(org: str, wish: Wish) -> str:
    if not IDENTIFIER.match(wish.dataset):
        raise BadRequest(
            f"{wish.dataset!r} cannot be a data set id.",
            hint="Use a letter, then letters, digits, dots, dashes or underscores.",
        )
    return dataset_iri(org, wish.dataset)


def _stage(
    record: Record,
    org: str,
    paths: Sequence[Path],
    wish: Wish,
    context: ReadContext,
    current: Manifest | None,
) -> tuple[Staged, tuple[StoredModel, ...], Beside]:
    """Read the files, and stage with them what is kept and what they depend on.

    Returns:
        What is labelled and stored anew; what is kept by reference; what was staged beside it.
    """
    staged = apply_differences(read(paths, context), _versions(record, current))
    if not staged.models:
        raise NotCim("The files hold no model.", hint="Name CIM XML, RDF, or archives of them.")
    if wish.strict:
        refuse(staged.repairs)
    kept = _kept(current, staged, wish.mode)
    if must_relabel(current, wish.labels or CLOSED):
        staged, kept = together(staged, restaged(record, kept)), ()
    staged, beside = complete(staged, kept, record, dataset_iri(org, wish.dataset))
    return staged, kept, beside


def _new(model: Model, cells: Cells) -> NewModel:
    return NewModel(
        iri=model.iri,
        header=model.header,
        content_hash=model.content_hash,
        base=model.base,
        spelling=model.spelling,
        cells=cells,
    )


def _gate(
    staged: Staged,
    beside: Beside,
    packs: Sequence[Pack],
    settings: Settings,
    standing: Standing | None,
) -> Report | None:
    """Judge by the packs, from what stands judged where differences lead on from it."""
    if not packs:
        return None
    cim = all(model.header.kind != "rdf" for model in staged.models)
    if standing is not None and cim and shipped(packs):
        now = {**{m.iri: m.content_hash for m in staged.models}, **beside.contents}
        step = _step(staged, now) if made_by_differences(staged) else None
        report = standing.report(
            frozenset(now.items()), packs, step, lambda: merge_staged(staged), staged.place
        )
        if report is not None:
            return report
    return judge(staged, packs, settings)


def _step(staged: Staged, now: Mapping[str, str]) -> Step:
    """Return what differences changed in the merge of all models staged."""
    before = {iri: content for iri, content in now.items() if iri not in staged.changes}
    before |= {changed.base: changed.base_hash for changed in staged.changes.values()}
    changes = [(changed.added, changed.removed) for changed in staged.changes.values()]
    taken = {line(triple) for _, removed in changes for triple in removed}
    still = standing_lines(staged, taken)
    return Step(frozenset(before.items()), *net(changes, lambda triple: line(triple) in still))


def shipped(packs: Sequence[Pack]) -> bool:
    """Whether all packs come with the product."""
    folder = resource_folder("shapes").resolve()
    return all(folder in pack.folder.resolve().parents for pack in packs)


def judge(
    staged: Staged, packs: Sequence[Pack], settings: Settings, engine: Engine = "auto"
) -> Report:
    """Validate; packs that do not come with the product run where they can be ended.

    Raises:
        Deadline: they took longer than ``validation_timeout_seconds``.
    """
    if shipped(packs):
        return validate(staged, packs, engine=engine)
    limits = Limits(
        deadline_seconds=settings.validation_timeout_seconds,
        memory_bytes=settings.validation_memory_bytes,
    )
    return validate_guarded(staged, packs, engine=engine, limits=limits)


def _versions(record: Record, current: Manifest | None) -> Lookup:
    """Return a way to find the version of a model that a difference model starts from."""

    def version(iri: str) -> Version | None:
        for model in current.models if current else ():
            if model.iri == iri:
                lines = KeptLines(tuple(record.cell_file(cell) for cell in model.cells))
                spelling = record.spelling(model.content_hash)
                return Version(model.header, lines, spelling, model.content_hash)
        return None

    return version


def _kept(current: Manifest | None, staged: Staged, mode: Mode) -> tuple[StoredModel, ...]:
    """The models of the current version that the new ones do not replace."""
    if current is None or mode == "replace":
        return ()
    return tuple(
        old
        for old in current.models
        if old.iri not in staged.replaced
        and not any(new.iri == old.iri or new.header.replaces(old.header) for new in staged.models)
    )


def _refusal(report: Report) -> RefusedByShapes:
    result = report.to_json()
    causes = result["causes"]
    worst = next(cause for cause in causes if cause["severity"].lower() == "violation")
    example = worst["examples"][0] if worst["examples"] else {}
    count = result["counts"]["violation"]
    named = example.get("name") or example.get("focus") or "an asset"
    expected = (
        f": expected {worst['expected']}, found {worst['found']}" if worst["expected"] else ""
    )
    return RefusedByShapes(
        f"{count} violations of the shapes; the first: {example.get('class') or 'asset'} "
        f"{named}{expected}.",
        hint=worst["hint"] or "See the whole report: kgnode validate FILE... --format text.",
        file=example.get("file"),
        line=example.get("line"),
        subject=example.get("focus"),
        count=count,
        detail={"validation": result},
    )


def _refuse_redefinition(
    staged: Staged, dataset: str, depended: frozenset[str], record: Record
) -> None:
    """Refuse subjects that another data set of the default graph already types.

    A copy of the very same model (equal content, such as one boundary set in two data sets) does
    not redefine anything; nor does a model that declares the other one as its dependency.
    """
    contents = {model.content_hash for model in staged.models}
    others = [
        (manifest.dataset, model)
        for manifest in record.datasets()
        if manifest.dataset != dataset and not manifest.aside and manifest.dataset not in depended
        for model in manifest.models
        if model.content_hash not in contents
    ]
    if not others:
        return
    subjects: set[bytes] = set()
    for model in staged.models:
        with staged.graph(model.iri).ntriples() as stream:
            subjects.update(typed(stream))
    for other, stored in others:
        for cell in stored.cells:
            with record.cell_file(cell).open("rb") as stream:
                found = next((s for s in typed(stream) if s in subjects), None)
            if found is not None:
                raise RedefinesOther(
                    f"{found.decode()} is already defined in data set {other}.",
                    hint="Publish --aside to keep it out of the default graph, or --force.",
                    subject=found.decode().strip("<>"),
                )


def _attributes(
    wish: Wish,
    current: Manifest | None,
    report: Report | None,
    sign_receipt: Callable[[Report, Sequence[Model]], str | None],
    models: Sequence[Model],
) -> dict[str, Any]:
    """What the catalogue says: what was said before, what is said now, and the gate's result."""
    attributes = dict(current.attributes) if current else {}
    attributes.update({key: value for key, value in wish.attributes.items() if value is not None})
    attributes["packs"] = [f"{pack.id}@{pack.version}" for pack in wish.packs]
    attributes["conforms"] = None if report is None else report.conforms
    attributes["validation"] = None if report is None else report.to_json()
    attributes["receipt"] = None if report is None else sign_receipt(report, models)
    return attributes


def labels_told(
    current: Manifest | None, rules: LabelRules, cells: Mapping[str, Cells]
) -> dict[str, Any]:
    """What the record keeps of the labels: meaning, file and digest of the rules, those of headers.

    The file stands in the version that it labelled, so that neither can be had without the other.
    """
    before = current.attributes.get("header_labels") if current else None
    return {
        "labels": rules.to_json(),
        LABELS_TEXT: rules.text,
        "rules": rules_digest(rules),
        "header_labels": {**(before or {}), **header_labels(cells)},
    }


def _counted(
    cells: Mapping[str, Mapping[frozenset[str], Iterable[Any]]],
) -> dict[tuple[str, ...], int]:
    counts: dict[tuple[str, ...], int] = {}
    for by_labels in cells.values():
        for labels, triples in by_labels.items():
            key = tuple(sorted(labels))
            counts[key] = counts.get(key, 0) + sum(1 for _ in triples)
    return counts


def _labels(manifest: Manifest) -> dict[tuple[str, ...], int]:
    counts: dict[tuple[str, ...], int] = {}
    for cell in manifest.cells:
        key = tuple(sorted(cell.labels))
        counts[key] = counts.get(key, 0) + cell.triples
    return counts
