"""The labels file: which labels a data set has, and the rules that give them to its triples.

In: YAML with ``labels`` (sensitivity, reason, review) and ``rules`` (label and one of class,
property, within, select). Out: frozen ``LabelRules``. A file that is not understood whole is
refused with the line; without a file everything is closed to all but the owner.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from kgnode.assurance.requests import refuse_requests
from kgnode.errors import BadLabels, MissingFile
from kgnode.names import CIM16, CIM100, CIM_UCAIUG, IDENTIFIER, PREFIXES, uuid_urn

Sensitivity = Literal["open", "shared", "closed"]
Kind = Literal["class", "property", "within", "select"]

SENSITIVITIES = ("open", "shared", "closed")
KINDS = ("class", "property", "within", "select")
MAX_BYTES = 4 << 20
CIM_NAMESPACES = (CIM100, CIM16, CIM_UCAIUG)
"""``cim:`` in a labels file means the term in whichever of these the data uses."""


@dataclass(frozen=True)
class Label:
    """What a label says about the data that carries it.

    Attributes:
        name: its name within the data set.
        sensitivity: how much is told of it: open and shared labels are named to those who may
            know the data set, closed ones to nobody but the owner.
        reason: why the data is handled this way, in the owner's words.
        review: the day on which the owner looks at it again.
    """

    name: str
    sensitivity: Sensitivity
    reason: str = ""
    review: date | None = None


@dataclass(frozen=True)
class Rule:
    """One rule: the triples it matches carry the label.

    Attributes:
        label: name of the label it gives.
        kind: what it looks at.
        values: IRIs of classes, properties or areas; for ``select`` the one query; ``*`` is all.
        incoming: whether triples whose object is a matched subject carry the label too.
        line: 1-based line in the file.
    """

    label: str
    kind: Kind
    values: tuple[str, ...]
    incoming: bool
    line: int


@dataclass(frozen=True)
class LabelRules:
    """A labels file that has been understood; ``text`` is the file itself."""

    labels: tuple[Label, ...] = ()
    rules: tuple[Rule, ...] = ()
    file: str | None = None
    prefixes: Mapping[str, str] = field(default_factory=dict)
    text: str = field(default="", repr=False, compare=False)

    @property
    def looks_beyond(self) -> bool:
        """Whether a change of one model may change the labels of another that stays as it is."""
        return any(r.kind != "property" and r.values != ("*",) for r in self.rules)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Return what a data set's record keeps of its labels: meaning, areas, properties.

        ``areas`` are given only where every rule of the label is bound to an area, since only
        then does all that carries the label lie within them.
        """
        return {label.name: self._label_json(label) for label in self.labels}

    def _label_json(self, label: Label) -> dict[str, Any]:
        rules = [rule for rule in self.rules if rule.label == label.name]
        bounded = bool(rules) and all(rule.kind == "within" for rule in rules)
        return {
            "sensitivity": label.sensitivity,
            "reason": label.reason,
            "review": label.review.isoformat() if label.review else None,
            "areas": sorted({v for r in rules for v in r.values}) if bounded else [],
            "properties": sorted({v for r in rules if r.kind == "property" for v in r.values}),
        }


CLOSED = LabelRules()
"""The rules of a data set without a labels file: nothing matches, so nobody but the owner sees."""


def load_labels(source: Path | bytes, file: str | None = None) -> LabelRules:
    """Read a labels file.

    Args:
        source: the file or its content.
        file: its name in messages when the content is given.

    Raises:
        MissingFile: it cannot be read.
        BadLabels: it is not understood; message and line say where.
    """
    if isinstance(source, Path):
        file = str(source)
        try:
            source = source.read_bytes()
        except OSError as error:
            raise MissingFile(
                f"The labels file {file} cannot be read.", hint="Check the path.", file=file
            ) from error
    return replace(_Reader(file).read(source), text=source.decode())


class _Reader:
    """Walks the YAML nodes, so that each refusal knows its line."""

    def __init__(self, file: str | None) -> None:
        self.file = file
        self.prefixes: dict[str, str] = {}

    def refuse(self, message: str, node: yaml.Node | int, hint: str = "") -> BadLabels:
        line = node if isinstance(node, int) else _line(node)
        return BadLabels(
            message,
            hint=hint or "docs/policy.md shows a labels file.",
            file=self.file,
            line=line or None,
        )

    def read(self, content: bytes) -> LabelRules:
        if len(content) > MAX_BYTES:
            raise self.refuse(f"The labels file is larger than {MAX_BYTES >> 20} MiB.", 0)
        try:
            text = content.decode("utf-8-sig")
            for event in yaml.parse(text, Loader=yaml.SafeLoader):
                if isinstance(event, yaml.AliasEvent):
                    raise self.refuse(
                        "References between parts (&name, *name) are not read in a labels file.",
                        _line(event),
                        'Write the part out; a star alone must be quoted: "*".',
                    )
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except UnicodeDecodeError as error:
            raise self.refuse("The labels file is not UTF-8.", 0) from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or "not YAML"
            line = mark.line + 1 if mark is not None else 0
            raise self.refuse(f"The labels file is not YAML: {problem}.", line) from error
        if root is None:
            raise self.refuse("The labels file is empty.", 0)
        top = self.mapping(root, "The labels file", ("prefixes", "labels", "rules"))
        if "prefixes" in top:
            for key, value in self.pairs(top["prefixes"], "prefixes"):
                self.prefixes[key] = self.text(value, f"Prefix {key}")
        labels = tuple(self.labels(top))
        rules = tuple(self.rules(top, {label.name for label in labels}))
        return LabelRules(labels, rules, self.file, dict(self.prefixes))

    def pairs(self, node: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise self.refuse(f"{what} must be a mapping of names to values.", node)
        seen: set[str] = set()
        for key, value in node.value:
            name = self.text(key, "A name")
            if name in seen:
                raise self.refuse(f"{what} says {name!r} twice.", key)
            seen.add(name)
            yield name, value

    def mapping(self, node: yaml.Node, what: str, known: tuple[str, ...]) -> dict[str, yaml.Node]:
        found = {}
        for name, value in self.pairs(node, what):
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                raise self.refuse(
                    f"{what} has {name!r}, which is not known.",
                    value,
                    f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}.",
                )
            found[name] = value
        return found

    def text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise self.refuse(f"{what} must be a text.", node)
        return cast(str, node.value).strip()

    def texts(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        if isinstance(node, yaml.SequenceNode):
            if not node.value:
                raise self.refuse(f"{what} is an empty list.", node)
            return tuple(self.text(item, what) for item in node.value)
        return (self.text(node, what),)

    def labels(self, top: dict[str, yaml.Node]) -> Iterator[Label]:
        if "labels" not in top:
            raise self.refuse("The labels file declares no labels.", 1)
        for name, node in self.pairs(top["labels"], "labels"):
            if not IDENTIFIER.match(name):
                raise self.refuse(
                    f"{name!r} cannot be the name of a label.",
                    node,
                    "Use a letter, then letters, digits, dots, dashes or underscores.",
                )
            parts = self.mapping(node, f"Label {name}", ("sensitivity", "reason", "review"))
            if "sensitivity" not in parts:
                raise self.refuse(f"Label {name} states no sensitivity.", node)
            sensitivity = self.text(parts["sensitivity"], "sensitivity")
            if sensitivity not in SENSITIVITIES:
                raise self.refuse(
                    f"{sensitivity!r} is not a sensitivity.",
                    parts["sensitivity"],
                    f"Use one of: {', '.join(SENSITIVITIES)}.",
                )
            reason = self.text(parts["reason"], "reason") if "reason" in parts else ""
            review = self.day(parts["review"]) if "review" in parts else None
            yield Label(name, cast(Sensitivity, sensitivity), reason, review)

    def day(self, node: yaml.Node) -> date:
        try:
            return date.fromisoformat(self.text(node, "review"))
        except ValueError as error:
            raise self.refuse("review must be a day.", node, "Write it as 2027-06-01.") from error

    def rules(self, top: dict[str, yaml.Node], labels: set[str]) -> Iterator[Rule]:
        if "rules" not in top:
            return
        if not isinstance(top["rules"], yaml.SequenceNode):
            raise self.refuse("rules must be a list.", top["rules"])
        for node in top["rules"].value:
            yield self.rule(node, labels)

    def rule(self, node: yaml.Node, labels: set[str]) -> Rule:
        parts = self.mapping(node, "A rule", ("label", "incoming", *KINDS))
        if "label" not in parts:
            raise self.refuse("A rule names no label.", node)
        label = self.text(parts["label"], "label")
        if label not in labels:
            raise self.refuse(
                f"A rule gives the label {label!r}, which is not declared.",
                parts["label"],
                "Declare it under labels.",
            )
        kinds = [kind for kind in KINDS if kind in parts]
        if len(kinds) != 1:
            raise self.refuse(
                "A rule must have exactly one of class, property, within and select.",
                node,
                "Write two rules to give a label twice; a triple carries the labels of all rules.",
            )
        kind = cast(Kind, kinds[0])
        incoming = self.incoming(parts, kind)
        values = self.texts(parts[kind], kind)
        line = _line(node)
        return Rule(label, kind, self.values(kind, values, parts[kind]), incoming, line)

    def incoming(self, parts: dict[str, yaml.Node], kind: Kind) -> bool:
        if "incoming" not in parts:
            return kind != "property"
        if kind == "property":
            raise self.refuse("incoming has no meaning for a property rule.", parts["incoming"])
        said = self.text(parts["incoming"], "incoming")
        if said not in ("true", "false"):
            raise self.refuse("incoming must be true or false.", parts["incoming"])
        return said == "true"

    def values(self, kind: Kind, values: tuple[str, ...], node: yaml.Node) -> tuple[str, ...]:
        if kind == "select":
            if len(values) != 1:
                raise self.refuse("select must be one query.", node)
            refuse_requests(values[0], lambda message: self.refuse(message, node))
            return values
        if kind == "class" and "*" in values:
            return ("*",)
        return tuple(iri for value in values for iri in self.iris(kind, value, node))

    def iris(self, kind: Kind, value: str, node: yaml.Node) -> tuple[str, ...]:
        if kind == "within":
            urn = uuid_urn(value)
            if urn is not None:
                return (urn,)
        prefix, colon, local = value.partition(":")
        if prefix == "cim" and "cim" not in self.prefixes:
            return tuple(namespace + local for namespace in CIM_NAMESPACES)
        namespace = self.prefixes.get(prefix) or PREFIXES.get(prefix)
        if namespace is not None and not local.startswith("//"):
            return (namespace + local,)
        if not colon or not (local.startswith("//") or prefix == "urn") or _unusable(value):
            raise self.refuse(
                f"{value!r} is not an IRI, and its prefix is not known.",
                node,
                "Write the whole IRI, or declare the prefix under prefixes.",
            )
        return (value,)


def _line(part: yaml.Node | yaml.Event) -> int:
    return part.start_mark.line + 1 if part.start_mark is not None else 0


def _unusable(iri: str) -> bool:
    """Tell whether a text has characters that no IRI has (RFC 3987 section 2.2)."""
    return any(character <= " " or character in '<>"{}|\\^`' for character in iri)
