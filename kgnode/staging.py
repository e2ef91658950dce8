"""Stored models staged again, so that rules and shapes see a data set as one.

In: a record and models in it. Out: ``Staged`` as reading gives it. Labels and shapes look across
models (an SSH value is protected because EQ says where its equipment stands), so what is kept and
what is depended on must be staged with what is new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from kgnode.cim.spool import Spool
from kgnode.cim.staged import Account, Model, Staged
from kgnode.names import RDF
from kgnode.policy.labels_file import LabelRules
from kgnode.policy.lines import terms
from kgnode.store.cells import Manifest, StoredModel
from kgnode.store.record import Record

_TYPE = f"<{RDF}type>".encode()


def restaged(record: Record, models: Sequence[StoredModel]) -> Staged:
    """Return models of the record as they were when they were read."""
    again: list[Model] = []
    spools: dict[str, Spool] = {}
    for stored in models:
        spool = Spool()
        for cell in stored.cells:
            spool.write(record.cell_file(cell).read_bytes())
        spools[stored.iri] = spool
        again.append(
            Model(
                iri=stored.iri,
                header=stored.header,
                content_hash=stored.content_hash,
                triples=stored.triples,
                file=f"(published before) {stored.iri}",
                base=stored.base,
                spelling=record.spelling(stored.content_hash),
                account=Account(),
            )
        )
    return Staged(tuple(again), (), spools, again=frozenset(spools))


def together(new: Staged, kept: Staged) -> Staged:
    """Return two stagings as one; the repairs are those of the new one."""
    return Staged(
        new.models + kept.models,
        new.repairs,
        {**new.spools, **kept.spools},
        new.differences,
        new.replaced,
        new.changes,
        again=kept.again,
    )


@dataclass(frozen=True)
class Beside:
    """What was staged beside the models of a staging.

    Attributes:
        datasets: IRIs of the data sets that something depended on comes from.
        contents: IRI -> content hash of each model, those that are kept among them.
    """

    datasets: frozenset[str]
    contents: Mapping[str, str]


def complete(
    staged: Staged, kept: Sequence[StoredModel], record: Record, dataset: str
) -> tuple[Staged, Beside]:
    """Put beside the staged models what is kept, and all that any of it depends on.

    Only models of the record are found; they are context, not models of the staging. A model of
    ``dataset`` itself that is not kept is on its way out: what depends on it is not shown it, since
    the version that takes its place is among the models.
    """
    present = {model.iri for model in staged.models}
    sources: set[str] = set()
    contents = {model.iri: model.content_hash for model in kept}
    files: dict[str, tuple[Path, ...]] = {}

    def put(model: StoredModel) -> None:
        if model.iri not in present:
            present.add(model.iri)
            files[model.iri] = tuple(record.cell_file(cell) for cell in model.cells)

    for model in kept:
        put(model)
    known = {
        model.iri: (manifest.dataset, model)
        for manifest in record.datasets()
        if manifest.dataset != dataset
        for model in manifest.models
    }
    waiting = [iri for model in staged.models for iri in model.header.dependent_on]
    waiting += [iri for model in kept for iri in model.header.dependent_on]
    while waiting:
        iri = waiting.pop()
        if iri in known and iri not in present:
            dataset, model = known[iri]
            sources.add(dataset)
            contents[iri] = model.content_hash
            put(model)
            waiting.extend(model.header.dependent_on)
    return replace(staged, beside=files), Beside(frozenset(sources), contents)


def made_by_differences(staged: Staged) -> bool:
    """Whether all models staged are the record's own or made of them, so in the record's form."""
    known = staged.again.union(staged.changes)
    return bool(staged.changes) and all(model.iri in known for model in staged.models)


def standing_lines(staged: Staged, wanted: AbstractSet[bytes]) -> set[bytes]:
    """Return those of some lines that stand in any model staged or beside.

    All of them must be in the record's form (``made_by_differences``), in which equal triples are
    equal lines. Cost: one pass over the lines, none of which becomes an object of its own.
    """
    found: set[bytes] = set()
    for opened in _streams(staged) if wanted else ():
        with opened as stream:
            found.update(line for line in stream if line in wanted)
    return found


def _streams(staged: Staged) -> Iterator[BinaryIO]:
    """Yield the lines of all models staged and beside."""
    for spool in staged.spools.values():
        yield spool.open()
    for files in staged.beside.values():
        for file in files:
            yield file.open("rb")


def typed(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the subjects of the typings in N-Triples, as terms."""
    for line in stream:
        if _TYPE in line or b"\\" in line:
            subject, predicate, _ = terms(line)
            if predicate == _TYPE:
                yield subject


def must_relabel(current: Manifest | None, rules: LabelRules) -> bool:
    """Tell whether models that stay need labels anew.

    They do where a rule looks beyond the model it labels, or the rules are not those in force.
    """
    if current is None:
        return False
    return rules.looks_beyond or current.attributes.get("rules") != rules_digest(rules)


def rules_digest(rules: LabelRules) -> str:
    """Return a digest of the rules, to tell whether they have changed."""
    return hashlib.sha256(repr((rules.labels, rules.rules)).encode()).hexdigest()[:32]
