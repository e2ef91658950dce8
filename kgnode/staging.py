"""Stored models staged again, so that rules and shapes see a data set as one.

In: a record and models in it. Out: ``Staged`` as reading gives it. Labels and shapes look across
models (an SSH value is protected because EQ says where its equipment stands), so what is kept and
what is depended on must be staged with what is new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyoxigraph import NamedNode, RdfFormat

from kgnode.cim.spool import Spool
from kgnode.cim.staged import Account, Model, Staged
from kgnode.policy.labels_file import LabelRules
from kgnode.store.cells import Manifest, StoredModel
from kgnode.store.record import Record


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
    return Staged(tuple(again), (), spools)


def together(new: Staged, kept: Staged) -> Staged:
    """Return two stagings as one; the repairs are those of the new one."""
    return Staged(
        new.models + kept.models,
        new.repairs,
        {**new.spools, **kept.spools},
        new.differences,
        new.replaced,
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


def complete(staged: Staged, kept: Sequence[StoredModel], record: Record) -> Beside:
    """Load into the staged store what is kept, and all that any of it depends on.

    Only models of the record are found; they are context, not models of the staging.

    """
    present = {model.iri for model in staged.models}
    sources: set[str] = set()
    contents = {model.iri: model.content_hash for model in kept}
    for model in kept:
        _load(staged, model, record, present)
    known = {
        model.iri: (manifest.dataset, model)
        for manifest in record.datasets()
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
            _load(staged, model, record, present)
            waiting.extend(model.header.dependent_on)
    return Beside(frozenset(sources), contents)


def _load(staged: Staged, model: StoredModel, record: Record, present: set[str]) -> None:
    if model.iri in present:
        return
    present.add(model.iri)
    for cell in model.cells:
        staged.store.bulk_load(
            path=record.cell_file(cell),
            format=RdfFormat.N_TRIPLES,
            to_graph=NamedNode(model.iri),
        )


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
