"""Difference models among staged models become the versions they lead to.

In: staged models, and a way to find the current version of a model that is kept. Out: staged models
without differences. Several differences that follow one another are applied in their order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kgnode.cim.difference import Changed, Version, apply
from kgnode.cim.spool import Spool
from kgnode.cim.staged import Model, Staged
from kgnode.errors import DifferenceMismatch

Lookup = Callable[[str], Version | None]
"""Finds a kept version by its model IRI."""


def apply_differences(staged: Staged, lookup: Lookup) -> Staged:
    """Return the models with every difference model applied to the version it starts from.

    A version that is among the models and is only a starting point is not among the result.

    Raises:
        DifferenceMismatch: a starting point is not known, or a difference does not fit it.
    """
    if not staged.differences:
        return staged
    waiting = [model for model in staged.models if model.iri in staged.differences]
    models = {model.iri: model for model in staged.models if model.iri not in staged.differences}
    spools: dict[str, Spool] = {iri: staged.spools[iri] for iri in models}
    replaced: set[str] = set()
    changes: dict[str, Changed] = {}
    while waiting:
        ready = next((m for m in waiting if not _starts_from(m, waiting)), None)
        if ready is None:
            raise DifferenceMismatch(
                f"{waiting[0].iri} and others start from one another.",
                hint="Give differences that follow one another.",
                file=waiting[0].file,
            )
        waiting.remove(ready)
        base = _base(ready, staged, models, spools, lookup)
        own = Version(ready.header, list(staged.spools[ready.iri]), ready.spelling)
        applied = apply(base, own, staged.differences[ready.iri])
        replaced.add(base.header.iri)
        before = changes.pop(base.header.iri, None)
        changes[ready.iri] = before.then(applied.changed) if before else applied.changed
        for iri in (base.header.iri, ready.iri):
            models.pop(iri, None)
            spools.pop(iri, None)
        models[ready.iri] = replace(
            ready,
            header=applied.header,
            content_hash=applied.spool.digest,
            triples=applied.spool.lines,
            spelling=applied.spelling,
        )
        spools[ready.iri] = applied.spool
    return replace(
        staged,
        models=tuple(models.values()),
        spools=spools,
        differences={},
        replaced=frozenset(replaced - models.keys()),
        changes=changes,
    )


def _starts_from(model: Model, others: list[Model]) -> bool:
    return any(other.iri in model.header.supersedes for other in others if other is not model)


def _base(
    model: Model,
    staged: Staged,
    models: dict[str, Model],
    spools: dict[str, Spool],
    lookup: Lookup,
) -> Version:
    for iri in (*model.header.supersedes, model.iri):
        known = models.get(iri)
        if known is not None:
            return Version(known.header, spools[iri], known.spelling, known.content_hash)
        kept = lookup(iri)
        if kept is not None:
            return kept
    raise DifferenceMismatch(
        f"{model.iri} starts from {' or '.join(model.header.supersedes) or 'an unnamed model'}, "
        "which is not here.",
        hint="Give that model too, or publish it first.",
        file=model.file,
        subject=model.iri,
    )
