"""Mapping sets by name, applied to a query on a view.

In: a query, the sets asked for (``name@version``, ``+close`` behind it for close matches), the view
that would answer. Out: ``Applied``: the text to run, what the view has to hold for it, and which
mappings were at work. Always there are ``cim-namespaces``, CIM's namespaces by table
(docs/reading-cim.md, "Namespaces"), and ``ies4-hierarchy``. What a view uses is asked of it once
and kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import orjson
from pyoxigraph import Store
from tree_sitter import Node as Syntax

from kgnode.alignment.expand import Used
from kgnode.alignment.hierarchy import HIERARCHY, HIERARCHY_VERSION, ies4_hierarchy
from kgnode.alignment.mapping import MappingSet
from kgnode.alignment.rewrite import Rewritten, every_use, groups_asked, rewrite
from kgnode.alignment.rules import Active, Construct, Rules, Way
from kgnode.alignment.structural import structural_maps
from kgnode.alignment.usage import Group, encoded, question, read_usage, repeated, used
from kgnode.cim.namespaces import namespaces, spellings
from kgnode.errors import GridspineError, NotFound
from kgnode.store.derive import Derivation, Rule

NAMESPACES = "cim-namespaces"
NAMESPACES_VERSION = "1"
CLOSE = "+close"
LONGER_BY_MAX = 40_000
"""Characters that rewriting may add; beyond them the engine would be slower than a larger view."""
VIEWS_KEPT = 64
TEXTS_KEPT = 512


class Sets(Protocol):
    """Where released sets are found."""

    def released(self, name: str, version: str | None) -> MappingSet:
        """Return a released set, the latest where no version is given. Raises NotFound."""

    def rules(self, name: str, version: str | None) -> Mapping[str, str]:
        """Return the structural maps released with a set: name -> CONSTRUCT query."""


class Askable(Protocol):
    """A view, as far as it is asked here."""

    @property
    def version(self) -> str:
        """Digest of what it holds."""

    async def call(
        self, function: Callable[[Store, bytes], bytes], argument: bytes, timeout_seconds: float
    ) -> bytes:
        """Run one of our functions on its store."""


@dataclass(frozen=True)
class Wanted:
    """The rules of the sets asked for together.

    Attributes:
        labels: ``name@version`` and the digest of each set by itself.
        set_of: id of a mapping -> label of its set.
    """

    rules: Rules
    labels: tuple[tuple[str, str], ...]
    set_of: dict[str, str]

    @cached_property
    def lossy(self) -> frozenset[str]:
        """The ids of mappings between terms that do not mean the same."""
        steps = (
            step for kind in self.rules.steps.values() for own in kind.values() for step in own
        )
        return frozenset(step.mapping for step in steps if step.lossy)


@dataclass(frozen=True)
class Applied:
    """What became of a query.

    Attributes:
        text: what to run.
        wanted: the sets asked for.
        derived: what the view has to hold as well; None where the query was rewritten.
        used: the mappings at work.
        structural: the structural maps at work.
        reason: why the query was not rewritten.
    """

    text: str
    wanted: Wanted
    derived: Derivation | None
    used: tuple[Used, ...]
    structural: tuple[str, ...] = ()
    reason: str = ""


@dataclass
class _Known:
    """What is known of one view under one set of rules."""

    active: Active
    repeats: dict[Group, bool] = field(default_factory=dict)
    texts: OrderedDict[str, Rewritten] = field(default_factory=OrderedDict)


class Rewriter:
    """Applies mapping sets; one for a node.

    Args:
        sets: the node's released sets; None where it has none but the table of namespaces.
    """

    def __init__(self, sets: Sets | None = None) -> None:
        self._sets = sets
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._wanted: OrderedDict[tuple[str, ...], Wanted] = OrderedDict()

    def wanted(self, names: Sequence[str]) -> Wanted:
        """Return the rules of the sets asked for.

        Raises:
            NotFound: no such set or version.
        """
        key = tuple(dict.fromkeys(names))
        kept = self._wanted.get(key)
        if kept is not None:
            return kept
        made = self._make(key)
        if all("@" in name for name in key):  # what is released under a version never changes
            self._wanted[key] = made
            while len(self._wanted) > VIEWS_KEPT:
                self._wanted.popitem(last=False)
        return made

    def _make(self, names: tuple[str, ...]) -> Wanted:
        pairs: list[tuple[MappingSet, bool]] = []
        constructs: list[Construct] = []
        labels: list[tuple[str, str]] = []
        set_of: dict[str, str] = {}
        table = False
        for name in names:
            if _is_table(name):
                table = True
                labels.append((f"{NAMESPACES}@{NAMESPACES_VERSION}", _table().digest[:16]))
                set_of[NAMESPACES] = labels[-1][0]
                continue
            close = name.endswith(CLOSE)
            found, maps = self._released(name.removesuffix(CLOSE))
            own = Rules.of([found], close, constructs=maps)
            labels.append((f"{found.label}{CLOSE if close else ''}", own.digest[:16]))
            set_of |= {row.id: labels[-1][0] for row in found.mappings}
            pairs.append((found, close))
            constructs += maps
        rules = _table(pairs, constructs) if table else Rules.of(pairs, constructs=constructs)
        return Wanted(rules, tuple(labels), set_of)

    def _released(self, name: str) -> tuple[MappingSet, tuple[Construct, ...]]:
        short, _, version = name.partition("@")
        if short == HIERARCHY and version in ("", HIERARCHY_VERSION):
            return ies4_hierarchy(), ()
        if self._sets is None or short == HIERARCHY:
            raise NotFound(
                f"There is no mapping set {name}.",
                hint=f"Sets here: {NAMESPACES}@{NAMESPACES_VERSION}, "
                f"{HIERARCHY}@{HIERARCHY_VERSION}.",
            )
        found = self._sets.released(short, version or None)
        return found, structural_maps(found.name, self._sets.rules(short, found.version))

    async def apply(
        self,
        text: str,
        tree: Callable[[], Syntax | None],
        names: Sequence[str],
        view: Askable,
    ) -> Applied:
        """Return what becomes of a query on a view.

        Args:
            text: the query.
            tree: gives its syntax tree; None where it cannot be read with certainty.
            names: the sets asked for.
            view: the view that would answer the query as it is.
        """
        wanted = self.wanted(names)
        known = await self.known(wanted, view)
        rewritten = await self._rewritten(text, tree, known, view)
        made: tuple[str, ...] = ()
        derived = None
        if rewritten.text is None:
            derived = derivation(known.active)
            made = tuple(one.name for one in known.active.constructs)
        return Applied(
            text if rewritten.text is None else rewritten.text,
            wanted,
            derived,
            rewritten.used,
            made,
            rewritten.reason,
        )

    async def known(self, wanted: Wanted, view: Askable) -> _Known:
        """Return what is known of a view, asking it the first time."""
        key = (view.version, wanted.rules.digest)
        found = self._known.get(key)
        if found is None:
            told = await view.call(used, question(wanted.rules), 120.0)
            found = _Known(Active.over(wanted.rules, read_usage(told)))
            self._known[key] = found
            while len(self._known) > VIEWS_KEPT:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return found

    async def _rewritten(
        self, text: str, tree: Callable[[], Syntax | None], known: _Known, view: Askable
    ) -> Rewritten:
        active = known.active
        if active.idle:
            return Rewritten(text, ())
        kept = known.texts.get(text)
        if kept is not None:
            return kept
        root = tree()
        if root is None:
            return Rewritten(None, every_use(active, None), "the query cannot be read in full")
        source = text.encode()
        groups = groups_asked(root, source, active)
        asked = [group for group in groups if group not in known.repeats]
        if asked:
            known.repeats.update(zip(asked, await _repeats(view, asked), strict=True))
        kept = rewrite(root, source, active, lambda group: known.repeats.get(group, True))
        if kept.text is not None and len(kept.text) > len(text) + LONGER_BY_MAX:
            kept = replace(kept, text=None, reason="the rewritten query would be too long")
        known.texts[text] = kept
        while len(known.texts) > TEXTS_KEPT:
            known.texts.popitem(last=False)
        return kept


async def _repeats(view: Askable, groups: Sequence[Group]) -> list[bool]:
    """Ask a view what its patterns find twice; where that takes too much, say yes."""
    try:
        return list(orjson.loads(await view.call(repeated, encoded(groups), 60.0)))
    except GridspineError:
        return [True] * len(groups)


def derivation(active: Active) -> Derivation:
    """Return what a view has to hold so that every query is answered from it as written."""
    return Derivation(
        *_turned(active.forward),
        tuple(construct.text for construct in active.constructs),
        _turned(active.made) if any(active.made.values()) else ((), (), ()),
    )


def _turned(
    found: Mapping[str, Mapping[str, Mapping[str, Way]]],
) -> tuple[tuple[Rule, ...], tuple[Rule, ...], tuple[Rule, ...]]:
    classes, properties, individuals = (
        tuple((source, tuple(targets)) for source, targets in found[kind].items())
        for kind in ("class", "property", "individual")
    )
    return classes, properties, individuals


def _is_table(name: str) -> bool:
    short, _, version = name.removesuffix(CLOSE).partition("@")
    if short == NAMESPACES and version not in ("", NAMESPACES_VERSION):
        raise NotFound(
            f"There is no mapping set {name}.", hint=f"There is {NAMESPACES}@{NAMESPACES_VERSION}."
        )
    return short == NAMESPACES


def _table(
    pairs: Sequence[tuple[MappingSet, bool]] = (), constructs: Sequence[Construct] = ()
) -> Rules:
    return Rules.of(
        pairs,
        constructs=constructs,
        spellings=spellings,
        spelled_by=NAMESPACES,
        namespaces=namespaces(),
    )
