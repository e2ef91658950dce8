"""From answers of the members to one `Grid`.

In: one `Ask` per organisation; each query is node-local, so its rows belong to the organisation
that gave them, and that is how every part gets its owner. Out: a `Grid`; what an organisation hides
or has not published becomes a `Gap` with what was assumed instead.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import cast

from federation.rerouting import gaps
from federation.rerouting.grid import (
    LOADS,
    MACHINES,
    SWITCHES,
    BoundaryPoint,
    Equipment,
    Grid,
    Injection,
    Level,
    ModelVersion,
    Switch,
    Winding,
)
from federation.rerouting.questions import Ask, Columns, Value, ask_any, ask_columns, question

ASKED = (
    "terminals",
    "equipment",
    "switches",
    "loads",
    "machines",
    "lines",
    "transformer_ends",
    "limits",
    "nodes",
    "voltage_levels",
    "bays",
    "substations",
    "base_voltages",
    "boundary_points",
    "models",
    "forecasts",
    "shapes",
    "outages",
    "register",
)
"""The query files that make a grid."""

Answers = Mapping[str, Mapping[str, Columns]]
"""Organisation -> question -> columns."""


def extract(organisations: Mapping[str, Ask], *, parallel: int = 8) -> Grid:
    """Ask every organisation every question and build the grid.

    Args:
        organisations: member id -> how to ask it.
        parallel: how many requests are under way at once.

    Raises:
        MemberError: an answer is not of the promised form.
    """
    return build(ask_all(organisations, parallel=parallel))


def ask_all(organisations: Mapping[str, Ask], *, parallel: int = 8) -> Answers:
    """Return the answers of all organisations to the questions a grid is made of."""
    with uncollected(), ThreadPoolExecutor(max_workers=parallel) as pool:
        futures = {
            (org, name): pool.submit(ask_any, name, ask)
            for org, ask in organisations.items()
            for name in ASKED
        }
        answers: dict[str, dict[str, Columns]] = {org: {} for org in organisations}
        for (org, name), future in futures.items():
            answers[org][name] = future.result()
    for org, ask in organisations.items():
        if not answers[org]["terminals"]["terminal"]:
            answers[org]["terminals"] = ask_any("terminals_bus_branch", ask)
        if not answers[org]["boundary_points"]["point"]:
            old = ask_columns(question("boundary_nodes_cgmes2"), ask)
            answers[org]["boundary_points"] = old
    return answers


def build(answers: Answers) -> Grid:
    """Return the grid of the answers; models meet where they name the same node."""
    with uncollected():
        return _Builder(answers).grid()


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector from walking millions of new rows again and again.

    Rows are no cycles; at 4.9 million triples it takes two fifths of the time of a grid.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _text(value: Value) -> str:
    return value or ""  # type: ignore[return-value]  # columns of type iri and text hold no other


class _Builder:
    """Builds one grid; kept together because everything refers to node numbers."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.index: dict[str, int] = {}
        self.terminal_node: dict[str, int] = {}
        self.ends: dict[str, list[tuple[int, int, bool]]] = {}
        self.twice: dict[str, list[str]] = {}

    def grid(self) -> Grid:
        self._terminals()
        equipment, switches = self._equipment()
        boundary = self._boundary(equipment)
        self.kv = self._base_voltages()
        levels, node_level = self._levels()
        windings = self._windings()
        rated = frozenset(self._rated())
        return Grid(
            nodes=tuple(self.index),
            node_level=node_level,
            levels=levels,
            substations=dict(self._pairs("substations", "substation", "name")),
            equipment=equipment,
            switches=switches,
            loads=self._injections("loads", "load", equipment, LOADS),
            machines=self._injections("machines", "machine", equipment, MACHINES),
            windings=windings,
            rated=rated,
            base_kv=self._base_kv(),
            boundary=boundary,
            models=self._models(),
            owners=tuple(self.answers),
            gaps=gaps.find(self.answers, equipment, switches, windings, rated, boundary),
            twice={iri: tuple(dict.fromkeys(orgs)) for iri, orgs in self.twice.items()},
            index=self.index,
        )

    def _pairs(self, name: str, key: str, value: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for columns in (answer[name] for answer in self.answers.values()):
            for one, other in zip(columns[key], columns[value], strict=True):
                found.setdefault(_text(one), _text(other))
        return found

    def _node(self, iri: str) -> int:
        return self.index.setdefault(iri, len(self.index))

    def _terminals(self) -> None:
        index = cast("dict[Value, int]", self.index)
        of_terminal = cast("dict[Value, int]", self.terminal_node)
        ends = cast("dict[Value, list[tuple[int, int, bool]]]", self.ends)
        for answer in self.answers.values():
            t = answer["terminals"]
            for terminal, equipment, node, sequence, connected in zip(
                t["terminal"], t["equipment"], t["node"], t["sequence"], t["connected"], strict=True
            ):
                number = index.setdefault(node, len(index))
                if terminal in of_terminal:
                    continue
                of_terminal[terminal] = number
                order = sequence if isinstance(sequence, int) else 99
                end = (order, number, connected is not False)
                ends.setdefault(equipment, []).append(end)

    def _equipment(self) -> tuple[dict[str, Equipment], dict[str, Switch]]:
        equipment: dict[str, Equipment] = {}
        switches: dict[str, Switch] = {}
        for org, answer in self.answers.items():
            e, s = answer["equipment"], answer["switches"]
            positions = dict(
                zip(s["switch"], zip(s["normal_open"], s["open"], strict=True), strict=True)
            )
            for iri, cls, name, container, service in zip(
                e["equipment"], e["class"], e["name"], e["container"], e["in_service"], strict=True
            ):
                key, kind = _text(iri), _text(cls).rpartition("#")[2]
                if key in equipment and equipment[key].owner != org:
                    self.twice.setdefault(key, [equipment[key].owner]).append(org)
                    continue
                ends = sorted(self.ends.get(key, ()))
                on = service is not False
                part = Equipment(
                    key,
                    kind,
                    _text(name) or key,
                    org,
                    _text(container) or None,
                    tuple(node for _, node, _ in ends),
                    tuple(connected and on for _, _, connected in ends),
                )
                equipment[key] = part
                if kind in SWITCHES and len(part.nodes) == 2:
                    normal, actual = positions.get(iri, (None, None))
                    switches[key] = _switch(part, normal, actual)
        return equipment, switches

    def _boundary(self, equipment: Mapping[str, Equipment]) -> tuple[BoundaryPoint, ...]:
        points: dict[str, tuple[str, str, tuple[str, ...]]] = {}
        for answer in self.answers.values():
            b = answer["boundary_points"]
            for point, node, name, one, other in zip(
                b["point"], b["node"], b["name"], b["from_side"], b["to_side"], strict=True
            ):
                sides = tuple(side for side in (_text(one), _text(other)) if side)
                points.setdefault(_text(node), (_text(point), _text(name), sides))
        owners: dict[int, set[str]] = {self._node(node): set() for node in points}
        for part in equipment.values():
            for node in part.nodes:
                if node in owners:
                    owners[node].add(part.owner)
        return tuple(
            BoundaryPoint(
                iri, name or iri, self.index[node], sides, tuple(sorted(owners[self.index[node]]))
            )
            for node, (iri, name, sides) in sorted(points.items())
        )

    def _base_voltages(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for answer in self.answers.values():
            columns = answer["base_voltages"]
            for iri, kv in zip(columns["base_voltage"], columns["kv"], strict=True):
                if isinstance(kv, float):
                    found[_text(iri)] = kv
        return found

    def _base_kv(self) -> dict[str, float]:
        return {
            _text(line): self.kv[_text(base)]
            for answer in self.answers.values()
            for line, base in zip(
                answer["lines"]["line"], answer["lines"]["base_voltage"], strict=True
            )
            if base in self.kv
        }

    def _levels(self) -> tuple[dict[str, Level], tuple[str | None, ...]]:
        levels: dict[str, Level] = {}
        for org, answer in self.answers.items():
            v = answer["voltage_levels"]
            for iri, station, base, name, low, high in zip(
                v["level"],
                v["substation"],
                v["base_voltage"],
                v["name"],
                v["low_kv"],
                v["high_kv"],
                strict=True,
            ):
                levels[_text(iri)] = Level(
                    _text(iri),
                    _text(name),
                    org,
                    _text(station),
                    self.kv.get(_text(base)),
                    cast("float | None", low),
                    cast("float | None", high),
                )
        bays = self._pairs("bays", "bay", "level")
        containers = self._pairs("nodes", "node", "container")
        node_level = [containers.get(node) for node in self.index]
        return levels, tuple(bays.get(c or "", c) for c in node_level)

    def _windings(self) -> dict[str, tuple[Winding, ...]]:
        found: dict[str, list[Winding]] = {}
        for answer in self.answers.values():
            w = answer["transformer_ends"]
            for transformer, number, terminal, kv, mva, x in zip(
                w["transformer"],
                w["number"],
                w["terminal"],
                w["rated_kv"],
                w["rated_mva"],
                w["x_ohm"],
                strict=True,
            ):
                winding = Winding(
                    _text(transformer),
                    cast("int", number),
                    self.terminal_node.get(_text(terminal)),
                    cast("float | None", kv),
                    cast("float | None", mva),
                    cast("float | None", x),
                )
                found.setdefault(_text(transformer), []).append(winding)
        return {key: tuple(sorted(ends, key=lambda end: end.number)) for key, ends in found.items()}

    def _rated(self) -> set[str]:
        at_terminal = {
            terminal: equipment
            for answer in self.answers.values()
            for terminal, equipment in zip(
                answer["terminals"]["terminal"], answer["terminals"]["equipment"], strict=True
            )
        }
        rated: set[str] = set()
        for answer in self.answers.values():
            limits = answer["limits"]
            for terminal, equipment in zip(limits["terminal"], limits["equipment"], strict=True):
                rated.add(_text(equipment) or _text(at_terminal.get(terminal)))
        return rated - {""}

    def _injections(
        self, name: str, key: str, equipment: Mapping[str, Equipment], kinds: frozenset[str]
    ) -> dict[str, Injection]:
        told: dict[str, tuple[float | None, ...]] = {}
        for answer in self.answers.values():
            c = answer[name]
            nothing: list[Value] = [None] * len(c[key])
            columns = [
                c.get(n, nothing) for n in ("p_mw", "q_mvar", "rated_mva", "subtransient_pu")
            ]
            for iri, *values in zip(c[key], *columns, strict=True):
                told[_text(iri)] = tuple(cast("list[float | None]", values))
        return {
            part.iri: Injection(
                part.iri,
                part.name,
                part.owner,
                part.nodes[0],
                *told.get(part.iri, (None, None)),
            )
            for part in equipment.values()
            if part.kind in kinds and part.nodes and all(part.live)
        }

    def _models(self) -> tuple[ModelVersion, ...]:
        found: dict[tuple[str, str], tuple[set[str], str, str]] = {}
        for org, answer in self.answers.items():
            m = answer["models"]
            for iri, profile, version, time in zip(
                m["model"], m["profile"], m["version"], m["scenario_time"], strict=True
            ):
                key = (org, _text(iri))
                entry = found.setdefault(key, (set(), _text(version), _text(time)))
                entry[0].add(_text(profile))
        return tuple(
            ModelVersion(iri, org, tuple(sorted(profiles)), version, time)
            for (org, iri), (profiles, version, time) in sorted(found.items())
        )


def _switch(part: Equipment, normal: Value, actual: Value) -> Switch:
    nodes = (part.nodes[0], part.nodes[1])
    normally = bool(normal)
    position = bool(actual) if actual is not None else normally
    position = position or not all(part.live)
    return Switch(
        part.iri,
        part.kind,
        part.name,
        part.owner,
        part.container,
        nodes,
        normally,
        position,
        actual is not None,
    )
