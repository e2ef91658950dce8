"""Read a shapes graph: every targeted shape and what it refers to, checked on the way.

In: a ``Graph`` of triples. Out: ``Shapes``, with the faults found: words SHACL does not have and
queries that are no SPARQL. Broken or cyclic shapes are refused, since SHACL leaves recursion
undefined (3.4.3), and so are queries that reach outside the data.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyoxigraph as ox

from kgnode.assurance.graph import TYPE, Graph, Subject, Term
from kgnode.assurance.paths import Path, read_path
from kgnode.assurance.shapes import VIOLATION, Constraint, Shape, Shapes, Target, sh
from kgnode.assurance.sparql import Sparql, check, parses, refuse_service
from kgnode.assurance.terms import COMPONENTS, KNOWN, SH
from kgnode.errors import BadShapes
from kgnode.names import GS, RDFS, XSD, shorten

_TRUE = ox.Literal("true", datatype=ox.NamedNode(XSD + "boolean"))
_CLASS_TYPES = (RDFS + "Class", "http://www.w3.org/2002/07/owl#Class")
_LISTS = frozenset(("in", "languageIn", "and", "or", "xone"))
_QUERIES = frozenset(SH + form for form in ("select", "ask", "construct", "update"))
_IMPORTS = ox.NamedNode("http://www.w3.org/2002/07/owl#imports")
DEEPEST = 50
"""Shapes within shapes; what judges them goes down one by one."""


def read_shapes(graph: Graph) -> Shapes:
    """Read every targeted shape of a graph and what it refers to.

    Raises:
        BadShapes: a shape is broken, or refers to itself.
    """
    _refuse_reaching_out(graph)
    reader = _Reader(graph)
    targeted = []
    for node in graph.all_subjects():
        if reader.has_target(node):
            reader.read(node)
            targeted.append(reader.by_id[node])
    shapes = Shapes(graph, reader.by_id, tuple(targeted), (*_unknown_words(graph), *reader.faults))
    _refuse_cycles(shapes)
    return shapes


def _refuse_reaching_out(graph: Graph) -> None:
    """Refuse any query of the document that asks another server, whoever would run it."""
    for subject, predicate, value in graph:
        if predicate.value in _QUERIES and isinstance(value, ox.Literal):
            refuse_service(Sparql(predicate.value[len(SH) :], value.value, subject))


def _unknown_words(graph: Graph) -> Iterator[str]:
    seen: set[str] = set()
    for subject, predicate, value in graph:
        for term in (predicate, value):
            if not isinstance(term, ox.NamedNode) or not term.value.startswith(SH):
                continue
            local = term.value[len(SH) :]
            used_as_word = term is predicate or predicate == TYPE
            if used_as_word and local not in KNOWN and local not in seen:
                seen.add(local)
                near = next((word for word in KNOWN if word.lower() == local.lower()), None)
                meant = f"; sh:{near} was probably meant" if near else ""
                yield f"sh:{local} at {_named(subject)} is no word of SHACL{meant}."


def _named(node: Term) -> str:
    return shorten(node.value) if isinstance(node, ox.NamedNode) else "a nameless shape"


def _refuse_cycles(shapes: Shapes) -> None:
    done: set[Term] = set()
    depths: dict[Term, int] = {}
    for root in shapes.targeted:
        trail: list[Term] = []
        stack: list[tuple[Shape, Iterator[Shape]]] = [(root, shapes.nested(root))]
        trail.append(root.id)
        while stack:
            shape, below = stack[-1]
            following = next(below, None)
            if following is None:
                stack.pop()
                trail.pop()
                done.add(shape.id)
                below_it = (depths[nested.id] for nested in shapes.nested(shape))
                depths[shape.id] = 1 + max(below_it, default=0)
                if depths[shape.id] > DEEPEST:
                    raise BadShapes(
                        f"Shapes are nested more than {DEEPEST} deep below {_named(shape.id)}.",
                        hint="Refer to fewer shapes one after the other.",
                        subject=str(shape.id),
                    )
            elif following.id in trail:
                raise BadShapes(
                    f"The shape {_named(following.id)} refers to itself.",
                    hint="SHACL leaves recursive shapes undefined (3.4.3); break the circle.",
                    subject=str(following.id),
                )
            elif following.id not in done:
                stack.append((following, shapes.nested(following)))
                trail.append(following.id)


class _Reader:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.by_id: dict[Term, Shape] = {}
        self.faults: list[str] = []
        self.components = tuple(self._custom_components())

    def has_target(self, node: Subject) -> bool:
        properties = self.graph.properties(node)
        if any(
            sh(name) in properties
            for name in ("targetClass", "targetNode", "targetSubjectsOf", "targetObjectsOf")
        ):
            return True
        if sh("target") in properties:
            return True
        return self._is_class(node) and self._is_shape(node)

    def _is_class(self, node: Subject) -> bool:
        types = {t.value for t in self.graph.objects(node, TYPE) if isinstance(t, ox.NamedNode)}
        return bool(types.intersection(_CLASS_TYPES))

    def _is_shape(self, node: Subject) -> bool:
        types = self.graph.objects(node, TYPE)
        return sh("NodeShape") in types or sh("PropertyShape") in types

    def read(self, node: Term) -> None:
        """Read a shape and all it refers to."""
        pending = [node]
        while pending:
            current = pending.pop()
            if current in self.by_id:
                continue
            if isinstance(current, ox.Literal):
                raise BadShapes(
                    f"The literal {current.value!r} stands where a shape should.",
                    hint="Refer to a node shape or a property shape.",
                )
            shape = self._shape(current)
            self.by_id[current] = shape
            pending.extend(shape.properties)
            for constraint in shape.constraints:
                pending.extend(constraint.shapes)
                pending.extend(constraint.siblings)

    def _shape(self, node: Subject) -> Shape:
        graph = self.graph
        path = None
        paths = graph.objects(node, sh("path"))
        if len(paths) > 1:
            raise BadShapes(
                f"{_named(node)} has {len(paths)} values of sh:path.",
                hint="A property shape has exactly one path.",
                subject=str(node),
            )
        if paths:
            path = read_path(graph, paths[0])
        severity = graph.value(node, sh("severity"))
        name = graph.value(node, sh("name")) or graph.value(node, ox.NamedNode(RDFS + "label"))
        hint = graph.value(node, ox.NamedNode(GS + "hint"))
        return Shape(
            id=node,
            path=path,
            targets=tuple(self._targets(node)),
            constraints=tuple(self._constraints(node, path)),
            properties=tuple(graph.objects(node, sh("property"))),
            severity=severity.value if isinstance(severity, ox.NamedNode) else VIOLATION,
            messages=self._messages(node),
            deactivated=_TRUE in graph.objects(node, sh("deactivated")),
            name=name.value if isinstance(name, ox.Literal) else "",
            hint=hint.value if isinstance(hint, ox.Literal) else "",
            advanced=tuple(a for a in ("expression", "js") if graph.objects(node, sh(a))),
        )

    def _messages(self, node: Term) -> tuple[ox.Literal, ...]:
        found = self.graph.objects(node, sh("message"))
        return tuple(m for m in found if isinstance(m, ox.Literal))

    def _targets(self, node: Subject) -> Iterator[Target]:
        for kind in ("Class", "Node", "SubjectsOf", "ObjectsOf"):
            for term in self.graph.objects(node, sh(f"target{kind}")):
                yield Target(kind[0].lower() + kind[1:], term)
        if self._is_class(node) and self._is_shape(node):
            yield Target("class", node)
        for term in self.graph.objects(node, sh("target")):
            select = self.graph.value(term, sh("select"))
            if isinstance(select, ox.Literal):
                query = self.sparql(term, "select", select)
                if self._usable(node, query):
                    yield Target("sparql", term, query)
            else:
                yield Target("other", term)

    def _constraints(self, node: Subject, path: Path | None) -> Iterator[Constraint]:
        for predicate, values in list(self.graph.properties(node).items()):
            kind = predicate.value[len(SH) :] if predicate.value.startswith(SH) else ""
            component = COMPONENTS.get(kind)
            if component is None:
                continue
            for value in list(values):
                yield from self._constraint(node, kind, SH + component, value)
        for iri, parameters in self.components:
            given = {name: self.graph.objects(node, term) for name, (term, _) in parameters.items()}
            if all(given[name] or optional for name, (_, optional) in parameters.items()):
                validator = self._validator(ox.NamedNode(iri), path)
                if validator is not None and any(given.values()):
                    values_of = {name: found[0] for name, found in given.items() if found}
                    yield Constraint("custom", iri, sparql=validator, parameters=values_of)

    def _constraint(
        self, node: Subject, kind: str, component: str, value: Term
    ) -> Iterator[Constraint]:
        graph = self.graph
        if kind in _LISTS:
            members = graph.items(value)
            nested = members if kind in ("and", "or", "xone") else ()
            yield Constraint(kind, component, members, nested)
        elif kind in ("node", "not"):
            yield Constraint(kind, component, (value,), (value,))
        elif kind == "pattern":
            flags = graph.value(node, sh("flags"))
            text = flags.value if isinstance(flags, ox.Literal) else ""
            yield Constraint(kind, component, (value,), flags=text)
        elif kind in ("qualifiedMinCount", "qualifiedMaxCount"):
            for qualified in graph.objects(node, sh("qualifiedValueShape")):
                siblings = self._siblings(node, qualified)
                yield Constraint(kind, component, (value,), (qualified,), siblings)
        elif kind == "closed":
            if value == _TRUE:
                yield Constraint(kind, component, tuple(self._allowed(node)))
        elif kind == "uniqueLang":
            if value == _TRUE:
                yield Constraint(kind, component)
        elif kind == "sparql":
            select = graph.value(value, sh("select"))
            if _TRUE in graph.objects(value, sh("deactivated")):
                return
            if not isinstance(select, ox.Literal):
                raise BadShapes(
                    f"The SPARQL constraint of {_named(node)} has no sh:select.",
                    hint="Give it one sh:select with a SELECT query.",
                    subject=str(node),
                )
            query = self.sparql(value, "select", select)
            if not self._usable(node, query):
                graph.drop(node, sh("sparql"), value)
                return
            hint = graph.value(value, ox.NamedNode(GS + "hint"))
            text = hint.value if isinstance(hint, ox.Literal) else ""
            yield Constraint(kind, component, sparql=query, hint=text)
        else:
            yield Constraint(kind, component, (value,))

    def _usable(self, node: Subject, query: Sparql) -> bool:
        """Whether a query can be judged; one that is no SPARQL is a fault of the pack."""
        check(query)
        why = parses(query)
        if why:
            self.faults.append(
                f"The query of {_named(node)} is no valid SPARQL and is not judged: {why}."
            )
        return not why

    def _allowed(self, node: Subject) -> Iterator[Term]:
        ignored = self.graph.value(node, sh("ignoredProperties"))
        if ignored is not None:
            yield from self.graph.items(ignored)
        for prop in self.graph.objects(node, sh("property")):
            for path in self.graph.objects(prop, sh("path")):
                if isinstance(path, ox.NamedNode):
                    yield path

    def _siblings(self, node: Subject, qualified: Term) -> tuple[Term, ...]:
        if _TRUE not in self.graph.objects(node, sh("qualifiedValueShapesDisjoint")):
            return ()
        return tuple(
            {
                other: None
                for parent in self.graph.subjects(sh("property"), node)
                for prop in self.graph.objects(parent, sh("property"))
                for other in self.graph.objects(prop, sh("qualifiedValueShape"))
                if other != qualified
            }
        )

    def _custom_components(
        self,
    ) -> Iterator[tuple[str, dict[str, tuple[ox.NamedNode, bool]]]]:
        kinds: list[Subject] = [sh("ConstraintComponent")]
        for kind in kinds:
            below = self.graph.subjects(ox.NamedNode(RDFS + "subClassOf"), kind)
            kinds += [sub for sub in below if sub not in kinds]
        for node in (node for kind in kinds for node in self.graph.subjects(TYPE, kind)):
            parameters: dict[str, tuple[ox.NamedNode, bool]] = {}
            for parameter in self.graph.objects(node, sh("parameter")):
                path = self.graph.value(parameter, sh("path"))
                if isinstance(path, ox.NamedNode):
                    local = path.value[max(path.value.rfind("#"), path.value.rfind("/")) + 1 :]
                    optional = _TRUE in self.graph.objects(parameter, sh("optional"))
                    parameters[local] = (path, optional)
            if parameters and isinstance(node, ox.NamedNode) and not node.value.startswith(SH):
                yield node.value, parameters

    def _validator(self, component: Term, path: Path | None) -> Sparql | None:
        own = "nodeValidator" if path is None else "propertyValidator"
        for name in (own, "validator"):
            for node in self.graph.objects(component, sh(name)):
                for form in ("select", "ask"):
                    text = self.graph.value(node, sh(form))
                    if isinstance(text, ox.Literal):
                        query = self.sparql(node, form, text)
                        check(query)
                        return query
        return None

    def sparql(self, node: Term, form: str, text: ox.Literal) -> Sparql:
        lines = [
            f"PREFIX {prefix}: <{namespace}>" for prefix, namespace in self._prefixes(node).items()
        ]
        query = Sparql(form, "\n".join([*lines, text.value]), node, self._messages(node))
        refuse_service(query)
        return query

    def _prefixes(self, node: Term) -> dict[str, str]:
        found: dict[str, str] = {}
        pending, seen = list(self.graph.objects(node, sh("prefixes"))), set()
        while pending:
            source = pending.pop()
            if source in seen:
                continue
            seen.add(source)
            pending.extend(self.graph.objects(source, _IMPORTS))
            for declaration in self.graph.objects(source, sh("declare")):
                prefix = self.graph.value(declaration, sh("prefix"))
                namespace = self.graph.value(declaration, sh("namespace"))
                if isinstance(prefix, ox.Literal) and namespace is not None:
                    found.setdefault(prefix.value, namespace.value)
        return found
