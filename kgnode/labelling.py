"""The step of publishing that labels: everything anew, or only the lines a difference changed.

In: staged models, the version in force, and the rules. Out: per model, per label set, the triples.
Where every rule looks at a triple's own property alone and the rules are those in force, the lines
that a difference leaves carry the labels they carry now: their cells are patched. In every other
case the rules run over all that is staged, since a label that is out of date opens what is closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pyoxigraph import BlankNode

from kgnode.cim.difference import Changed, line
from kgnode.cim.spool import Spool
from kgnode.cim.staged import Model, Staged
from kgnode.policy.labels import Cells, assign
from kgnode.policy.labels_file import LabelRules
from kgnode.staging import must_relabel
from kgnode.store.canonical import Patched
from kgnode.store.cells import Manifest, StoredModel
from kgnode.store.record import Record


def label_models(
    staged: Staged,
    rules: LabelRules,
    org: str,
    dataset_id: str,
    current: Manifest | None,
    record: Record,
) -> Mapping[str, Cells]:
    """Return model IRI -> label set -> triples; the same cells whichever way they are made.

    Raises:
        BadLabels: a rule's query is not SPARQL or selects no ``?this``.
    """
    found: dict[str, Cells] = {}
    others = []
    for model in staged.models:
        base = None if must_relabel(current, rules) else _base(staged, model, current)
        if base is None:
            others.append(model)
            continue
        changed = staged.changes[model.iri]
        fresh = _labelled(staged, model, changed, rules, org, dataset_id)
        found[model.iri] = _patched(record, base, changed, fresh)
    found.update(assign(replace(staged, models=tuple(others)), rules, org, dataset_id))
    return found


def _base(staged: Staged, model: Model, current: Manifest | None) -> StoredModel | None:
    """Return the stored model that a difference started from; None where there is none."""
    changed = staged.changes.get(model.iri)
    if changed is None or any(
        isinstance(term, BlankNode) for t in changed.added for term in (t.subject, t.object)
    ):
        return None
    for old in current.models if current else ():
        if (old.iri, old.content_hash) == (changed.base, changed.base_hash):
            return old
    return None


def _labelled(
    staged: Staged, model: Model, changed: Changed, rules: LabelRules, org: str, dataset_id: str
) -> dict[frozenset[str], frozenset[bytes]]:
    """Return label set -> lines of what a difference added."""
    spool = Spool()
    spool.write(b"".join(map(line, changed.added)))
    alone = replace(staged, models=(model,), spools={model.iri: spool}, beside={})
    cells = assign(alone, rules, org, dataset_id)[model.iri]
    return {labels: frozenset(map(line, triples)) for labels, triples in cells.items()}


def _patched(
    record: Record,
    base: StoredModel,
    changed: Changed,
    fresh: Mapping[frozenset[str], frozenset[bytes]],
) -> Cells:
    """Return the cells of a base without what was taken away and with what was added."""
    removed = frozenset(map(line, changed.removed))
    files = {cell.labels: record.cell_file(cell) for cell in base.cells}
    return {
        labels: Patched(files.get(labels), removed, fresh.get(labels, frozenset()))
        for labels in files.keys() | fresh.keys()
    }
