"""Run compiled checks: plans in, results out.

In: ``Data``, shapes and the subclass closure. Out: ``Result``s, and the shapes that have to go to
pySHACL. Logic (sh:and, sh:or, sh:xone, sh:not, sh:node, qualified shapes) is set algebra over the
value nodes that fail the nested shapes, which are themselves judged set at a time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import pyoxigraph as ox

from kgnode.assurance.columns import terms_of
from kgnode.assurance.compile import (
    LOGIC,
    SHAPES_GRAPH,
    Fused,
    Member,
    Plan,
    bound,
    constants,
    path_text,
    require_supported,
)
from kgnode.assurance.conditions import violates
from kgnode.assurance.data import Data, original
from kgnode.assurance.graph import Term
from kgnode.assurance.hierarchy import Closure, Pair
from kgnode.assurance.limits import Limits, Meter
from kgnode.assurance.paths import Path, predicate
from kgnode.assurance.queries import count_check, range_check, reaches, single_checks, with_values
from kgnode.assurance.results import Result
from kgnode.assurance.screen import Screen, bounds
from kgnode.assurance.shapes import Shape, Shapes
from kgnode.assurance.sources import Source, Sources, Unsupported
from kgnode.assurance.sparql import asking, over, prepare
from kgnode.assurance.words import fill, term_text, text_of

_MANY = 2**62
_COLUMNS = 40
"""Checks fused into one query at most."""

Row = tuple[Term, ...]
Found = TypeVar("Found")


class Judge:
    """Judges the shapes of one pack on one data set with compiled checks."""

    def __init__(
        self,
        data: Data,
        shapes: Shapes,
        pairs: Sequence[Pair],
        pack: str = "",
        *,
        inherit: bool = True,
        screen: bool = True,
        meter: Meter | None = None,
    ) -> None:
        self._data = data
        self._meter = meter or Meter(Limits())
        self._shapes = shapes
        self._pack = pack
        self.sources = Sources(data, Closure((*pairs, *data.subclasses)), inherit=inherit)
        self._screen = Screen(data, self.sources) if screen else None
        self._failing: dict[tuple[Term, str], frozenset[Term]] = {}

    def split(self) -> tuple[list[Shape], list[tuple[Shape, str]]]:
        """Return the targeted shapes that are compiled, and those that are not with the reason."""
        mine: list[Shape] = []
        others: list[tuple[Shape, str]] = []
        for shape in self._shapes.targeted:
            try:
                require_supported(self._shapes, shape, derived=self._data.derived)
            except Unsupported as reason:
                if self._has_focus(shape):
                    others.append((shape, str(reason)))
            else:
                mine.append(shape)
        return mine, others

    def _has_focus(self, shape: Shape) -> bool:
        """Whether a shape may have focus nodes; a target not compiled counts as if it had."""
        try:
            return not shape.deactivated and not self.sources.of(shape).empty
        except Unsupported:
            return True

    def judge(self, roots: Iterable[Shape]) -> Iterator[Result]:
        """Yield the results of targeted shapes on their targets."""
        yield from self.run(self.plan(roots))

    def plan(self, roots: Iterable[Shape]) -> Plan:
        """Return what is to be run for targeted shapes."""
        plan = Plan()
        for root in roots:
            if not root.deactivated:
                plan.add(self._shapes, root, self.sources.of(root))
        if self._screen is not None:
            self._screen.prepare(plan)
        return plan

    def run(self, plan: Plan) -> Iterator[Result]:
        """Yield the results of a plan, with terms as the shapes and files wrote them."""
        yield from map(self._spelled, self._run(plan))

    def _spelled(self, result: Result) -> Result:
        """Return the result with its terms as the shapes and files wrote them."""
        if not (isinstance(result.value, ox.Literal) or isinstance(result.focus, ox.Literal)):
            return result
        terms = [result.focus] if result.value is None else [result.focus, result.value]
        exact = [self.sources.spelled.get(found, original(found)) for found in terms]
        if exact == terms:
            return result
        return replace(result, focus=exact[0], value=exact[1] if exact[1:] else None)

    def _run(self, plan: Plan) -> Iterator[Result]:
        missing: dict[str, list[Fused]] = defaultdict(list)
        for fused in plan.fused.values():
            yield from self._values(fused)
            yield from self._counts(fused)
            missing[fused.source.pattern].append(fused)
        for group in missing.values():
            yield from self._absent(group)
        for source, member in plan.single:
            yield from self._single(source, member)
        for source, path, shape in plan.nested:
            yield from self._nested(source, path, shape)

    def _nested(self, source: Source, path: Path, shape: Shape) -> Iterator[Result]:
        """4.7.2: a property shape on the values of another, once for each way there."""
        plan = Plan()
        plan.add(self._shapes, shape, source.step(path))
        found = list(self._run(plan))
        if found:
            ways = Counter(value for _, value in self._pairs(source, path))
            for result in found:
                yield from [result] * ways[result.focus]

    def _rows(self, query: str, names: Sequence[str], what: str = "") -> Iterator[Row]:
        """Yield the distinct rows of a query, as many as the limits allow."""
        self._meter.check_time()
        seen: set[Row] = set()
        for solution in self._data.store.query(query):  # type: ignore[union-attr]
            row = tuple(solution[name] for name in names)
            if row in seen:
                continue
            if what and self._meter.full(len(seen), what):
                return
            seen.add(row)
            yield row
            if not len(seen) % 1024:
                self._meter.check_time()

    def _kept(self, found: Iterable[Found], what: str) -> Iterator[Found]:
        """Yield what is known to be wrong, as much as the limits allow."""
        self._meter.check_time()
        for number, item in enumerate(found):
            if self._meter.full(number, what):
                return
            yield item

    def _pairs(self, source: Source, path: Path | None) -> Iterator[Row]:
        """Yield (focus node, value node)."""
        pattern = with_values(source, path)
        yield from self._rows(f"SELECT ?this ?value WHERE {{ {pattern} }}", ("this", "value"))

    def _result(
        self,
        member: Member,
        focus: Term,
        value: Term | None = None,
        *,
        path: Path | None = None,
        message: str = "",
    ) -> Result:
        shape, constraint = member.shape, member.constraint
        self._meter.results += 1
        return Result(
            focus=focus,
            path=path if path is not None else shape.path,
            value=value,
            component=constraint.component,
            shape=shape,
            constraint=constraint,
            severity=shape.severity,
            message=message or text_of(shape.messages),
            pack=self._pack,
        )

    def _values(self, fused: Fused) -> Iterator[Result]:
        """Judge all constraints on single value nodes of one path in one scan."""
        members = fused.values
        if not members:
            return
        source: Source | None = fused.source
        if self._screen is not None:
            source = self._screen.narrow(fused.source, self._screen.suspects(fused))
        if source is None:
            return
        value = "?this" if fused.path is None else "?value"
        tests = [violates(m.constraint, value, self.sources.is_instance) for m in members]
        flags = [f"f{number}" for number in range(len(tests))]
        columns = " ".join(f"({test} AS ?{flag})" for test, flag in zip(tests, flags, strict=True))
        shown = "" if fused.path is None else "?value"
        wrong = f"FILTER({' || '.join(tests)})"
        pattern = source.pattern if fused.path is None else source.values(fused.path)
        query = f"SELECT ?this {shown} {columns} WHERE {{ {pattern} {wrong} }}"
        names = ["this", value[1:], *flags]
        for focus, node, *marks in self._rows(query, names, _named(members[0])):
            for member, mark in zip(members, marks, strict=True):
                if mark.value == "true":
                    yield self._result(member, focus, node)

    def _counts(self, fused: Fused) -> Iterator[Result]:
        """Judge all counts on one path; equal bounds of several shapes share a query."""
        counts = [m for m in fused.counts if not m.presence]
        if fused.path is None or not counts:
            return
        if self._screen is not None:
            low, high = bounds(counts)
            known = self._screen.miscounted(fused.source, fused.path, low, high)
            terms = None if known is None else terms_of(known)
            if known is not None and terms is not None:
                rows = zip(terms, (known[text] for text in sorted(known)), strict=True)
                yield from self._out_of_bounds(self._kept(rows, _named(counts[0])), counts)
                return
            if low == 0 and high is not None and self._screen.never_more(fused.path, high):
                return
        source = fused.source
        if not fused.path.simple and len(counts) > 1:
            yield from self._range(source, fused.path, counts)
            return
        alike: dict[str, list[Member]] = defaultdict(list)
        for member in counts:
            check = count_check(source, member)
            if check is not None:
                alike[check.query].append(member)
        for query, members in alike.items():
            for (focus,) in self._rows(query, ("this",), _named(members[0])):
                for member in members:
                    yield self._result(member, focus)

    def _range(self, source: Source, path: Path, members: Sequence[Member]) -> Iterator[Result]:
        """Judge several counts on one path that is no property, in one scan."""
        low, high = bounds(members)
        check = range_check(source, path, low, _MANY if high is None else high)
        rows = self._rows(check.query, check.names, _named(members[0]))
        counted = ((focus, int(number.value)) for focus, number in rows)
        yield from self._out_of_bounds(counted, members)

    def _out_of_bounds(
        self, rows: Iterable[tuple[Term, int]], members: Sequence[Member]
    ) -> Iterator[Result]:
        """Judge the counts of values that rows give for focus nodes."""
        asked = [(m, bound(m.constraint), m.constraint.kind == "minCount") for m in members]
        for focus, found in rows:
            for member, number, is_least in asked:
                if found < number if is_least else found > number:
                    yield self._result(member, focus)

    def _absent(self, group: Sequence[Fused]) -> Iterator[Result]:
        """Judge all "at least one" of the same focus nodes in one scan."""
        wanted = [(f, [m for m in f.counts if m.presence]) for f in group]
        wanted = [(fused, members) for fused, members in wanted if members]
        left = []
        for fused, members in wanted:
            known = terms = None
            if self._screen is not None:
                known = self._screen.lacking(fused.source, fused.path)
                terms = None if known is None else terms_of(known)
            if terms is None:
                left.append((fused, members))
                continue
            for focus in self._kept(terms, _named(members[0])):
                for member in members:
                    yield self._result(member, focus)
        for start in range(0, len(left), _COLUMNS):
            yield from self._lacking(left[start : start + _COLUMNS])

    def _lacking(self, part: Sequence[tuple[Fused, list[Member]]]) -> Iterator[Result]:
        tests = [f"NOT EXISTS {{ {reaches(fused.path)} }}" for fused, _ in part]
        columns = " ".join(f"({test} AS ?f{n})" for n, test in enumerate(tests))
        wrong = f"FILTER({' || '.join(tests)})"
        query = f"SELECT ?this {columns} WHERE {{ {part[0][0].source.pattern} {wrong} }}"
        names = ["this", *(f"f{n}" for n in range(len(tests)))]
        for focus, *marks in self._rows(query, names, _named(part[0][1][0])):
            for (_, members), mark in zip(part, marks, strict=True):
                for member in members if mark.value == "true" else ():
                    yield self._result(member, focus)

    def _single(self, source: Source, member: Member) -> Iterator[Result]:
        kind = member.constraint.kind
        if kind in LOGIC:
            yield from self._logic(source, member)
        elif kind.startswith("qualified"):
            yield from self._qualified(source, member)
        elif kind == "sparql":
            yield from self._sparql(source, member)
        elif kind == "custom":
            yield from self._custom(source, member)
        else:
            for check in single_checks(source, member):
                for row in self._rows(check.query, check.names, _named(member)):
                    found = dict(zip(check.names, row, strict=True))
                    path = found.get(check.predicate) if check.predicate else None
                    yield self._result(
                        member,
                        row[0],
                        found.get(check.value),
                        path=None if path is None else predicate(path.value),
                    )

    def _fails(self, node: Term, source: Source) -> frozenset[Term]:
        """Return the nodes of a source that do not conform to a shape."""
        key = (node, source.pattern)
        if key not in self._failing:
            plan = Plan()
            plan.add(self._shapes, self._shapes.by_id[node], source)
            self._failing[key] = frozenset(result.focus for result in self._run(plan))
        return self._failing[key]

    def _logic(self, source: Source, member: Member) -> Iterator[Result]:
        path, constraint = member.shape.path, member.constraint
        below = source if path is None else source.step(path)
        failing = [self._fails(node, below) for node in constraint.shapes]
        test = LOGIC[constraint.kind]
        if constraint.kind in ("and", "node", "or") and failing and not any(failing):
            return
        for focus, value in self._pairs(source, path):
            if test(sum(value in bad for bad in failing), len(failing)):
                yield self._result(member, focus, value)

    def _qualified(self, source: Source, member: Member) -> Iterator[Result]:
        path, constraint = member.shape.path, member.constraint
        assert path is not None  # noqa: S101
        below = source.step(path)
        fails = self._fails(constraint.shapes[0], below)
        siblings = [self._fails(node, below) for node in constraint.siblings]
        fitting: dict[Term, int] = defaultdict(int)
        for focus, value in self._pairs(source, path):
            if value not in fails and all(value in others for others in siblings):
                fitting[focus] += 1
        number = bound(constraint)
        if constraint.kind == "qualifiedMaxCount":
            bad = [focus for focus, count in fitting.items() if count > number]
        else:
            rows = self._rows(f"SELECT ?this WHERE {{ {source.pattern} }}", ("this",))
            bad = [focus for (focus,) in rows if fitting.get(focus, 0) < number]
        for focus in bad:
            yield self._result(member, focus)

    def _sparql(self, source: Source, member: Member) -> Iterator[Result]:
        query = member.constraint.sparql
        assert query is not None  # noqa: S101
        values = constants(member.shape, member.constraint)
        if "shapesGraph" in values:
            self._data.store.extend(ox.Quad(*triple, SHAPES_GRAPH) for triple in self._shapes.graph)
        ready = prepare(query, values, path_text(member.shape))
        names = tuple(dict.fromkeys(("this", *ready.projection)))
        text = over(ready, source.pattern)
        for row in self._rows(text, names, _named(member)):
            solution = dict(zip(names, row, strict=True))
            focus = row[0]
            value = solution.get("value")
            if value is None and member.shape.path is None:
                value = focus
            found = solution.get("path")
            message = text_of(member.shape.messages) or text_of(query.messages)
            yield self._result(
                member,
                focus,
                value,
                path=predicate(found.value) if isinstance(found, ox.NamedNode) else None,
                message=fill(message, {**member.constraint.parameters, **solution}),
            )

    def _custom(self, source: Source, member: Member) -> Iterator[Result]:
        query = member.constraint.sparql
        assert query is not None  # noqa: S101
        if query.form == "select":
            yield from self._sparql(source, member)
            return
        values = constants(member.shape, member.constraint)
        ready = prepare(query, values, path_text(member.shape))
        text = asking(ready, with_values(source, member.shape.path))
        for focus, value in self._rows(text, ("this", "value"), _named(member)):
            message = text_of(member.shape.messages) or text_of(query.messages)
            solution = {**member.constraint.parameters, "this": focus, "value": value}
            yield self._result(member, focus, value, message=fill(message, solution))


def _named(member: Member) -> str:
    return f"{term_text(member.shape.id)} ({member.constraint.kind})"
