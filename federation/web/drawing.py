"""The network as a drawing, from what the members show the caller.

In: rows of the queries beside this module. Out: a ``Drawing``: places with a position, lines
between them, supply areas. Lines of two owners that meet at a boundary node become one; a line is
open where a switch at one of its ends is. What a policy hides is simply not drawn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

QUERIES = Path(__file__).parent / "queries"
NAMES = ("positions", "levels", "lines", "nodes", "open", "supply_points", "basis")
"""The questions of a drawing; each is a file of that name."""

Row = Mapping[str, str]


@dataclass(frozen=True)
class Place:
    """A substation (or a voltage level of `substation` with a position of its own): degrees."""

    id: str
    substation: str
    name: str
    x: float
    y: float
    kv: float
    area: int
    member: str


@dataclass(frozen=True)
class Line:
    """A line between two places, by their numbers; ``crosses`` is '', 'areas' or 'owners'.

    Two halves that meet at a boundary point are one line with two ``ids``.
    """

    ids: tuple[str, ...]
    name: str
    kv: float
    ends: tuple[int, int]
    open: bool
    crosses: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Switch:
    """An open switch, by the numbers of its place and of the line that it opens (-1: none)."""

    id: str
    name: str
    place: int
    line: int


@dataclass(frozen=True)
class Area:
    """A normal supply area: its code, name, owner, declared demand, where its label goes."""

    code: str
    name: str
    owner: str
    mw: float
    x: float
    y: float


@dataclass(frozen=True)
class Drawing:
    """All that the page draws.

    Attributes:
        systems: names of the coordinate systems used; they say where a drawing is schematic.
        basis: how many things are ``invented``, ``assumed`` ..., by the data's own word.
    """

    places: tuple[Place, ...]
    lines: tuple[Line, ...]
    areas: tuple[Area, ...]
    switches: tuple[Switch, ...]
    systems: tuple[str, ...]
    basis: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the drawing as plain values."""
        return asdict(self)


def query(name: str) -> str:
    """Return the text of a question."""
    return (QUERIES / f"{name}.rq").read_text(encoding="utf-8")


def draw(rows: Mapping[str, Sequence[Row]], served: Mapping[str, str] | None = None) -> Drawing:
    """Return the drawing of the rows of all questions.

    Args:
        rows: the rows of each question in ``NAMES``.
        served: which member serves each voltage level and line.
    """
    served = served or {}
    spots = {row["thing"]: (float(row["x"]), float(row["y"])) for row in rows["positions"]}
    points = sorted(rows["supply_points"], key=lambda row: (row["code"], row["substation"]))
    order = {code: number for number, code in enumerate(dict.fromkeys(r["code"] for r in points))}
    area_of = {row["region"]: order[row["code"]] for row in points}
    places, of_level = _places(rows["levels"], spots, area_of, served)
    areas = _areas(points, order, spots, places)
    place_of = {
        row["node"]: of_level[row["level"]] for row in rows["nodes"] if row["level"] in of_level
    }
    lines = _lines(rows, places, place_of, areas, served)
    return Drawing(
        tuple(places),
        tuple(line for line, _ in lines),
        tuple(areas),
        tuple(_switches(rows["open"], place_of, [nodes for _, nodes in lines])),
        tuple(sorted({row["system"] for row in rows["positions"]})),
        {row["basis"].rpartition("#")[2]: int(row["things"]) for row in rows["basis"]},
    )


def _places(
    levels: Sequence[Row],
    spots: Mapping[str, tuple[float, float]],
    area_of: Mapping[str, int],
    served: Mapping[str, str],
) -> tuple[list[Place], dict[str, int]]:
    """Return the places and, for each voltage level, the number of its place."""
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in levels:
        key = row["level"] if row["level"] in spots else row["substation"]
        if key in spots:
            grouped[key].append(row)
    places: list[Place] = []
    of_level: dict[str, int] = {}
    for key, rows in sorted(grouped.items()):
        for row in rows:
            of_level[row["level"]] = len(places)
        kv = max(float(row["kv"]) for row in rows)
        area = area_of.get(rows[0]["region"], -1)
        name = rows[0]["level_name" if key == rows[0]["level"] else "name"]
        member = served.get(rows[0]["level"], "")
        places.append(Place(key, rows[0]["substation"], name, *spots[key], kv, area, member))
    return places, of_level


def _areas(
    points: Sequence[Row],
    order: Mapping[str, int],
    spots: Mapping[str, tuple[float, float]],
    places: Sequence[Place],
) -> list[Area]:
    first = {row["code"]: row for row in reversed(points)}
    found = []
    for code, number in order.items():
        row = first[code]
        members = [place for place in places if place.area == number]
        middle = (
            (sum(p.x for p in members) / len(members), sum(p.y for p in members) / len(members))
            if members
            else (0.0, 0.0)
        )
        x, y = spots.get(row["substation"], middle)
        found.append(Area(code, row["name"], row["owner"], float(row["mw"]), x, y))
    return found


def _lines(
    rows: Mapping[str, Sequence[Row]],
    places: Sequence[Place],
    place_of: Mapping[str, int],
    areas: Sequence[Area],
    served: Mapping[str, str],
) -> list[tuple[Line, set[str]]]:
    """Return the lines, each with the nodes that it ends at."""
    opened = {row["node"] for row in rows["open"]}
    ends: dict[str, set[str]] = defaultdict(set)
    said: dict[str, Row] = {}
    for row in rows["lines"]:
        ends[row["line"]].add(row["node"])
        said[row["line"]] = row
    found = []
    for ids, nodes, row, met in _joined(ends, said, place_of):
        spots = sorted(place_of[node] for node in nodes if node in place_of)
        if len(spots) != 2 or spots[0] == spots[1]:
            continue
        crosses = _crosses(places[spots[0]], places[spots[1]], areas)
        is_open = not opened.isdisjoint(nodes)
        name = met or row["name"]
        kv, two = float(row["kv"]), (spots[0], spots[1])
        members = tuple(sorted({served[one] for one in ids if one in served}))
        found.append((Line(ids, name, kv, two, is_open, crosses, members), nodes))
    return sorted(found, key=lambda pair: (pair[0].kv, pair[0].name, pair[0].ids))


def _switches(
    opened: Sequence[Row], place_of: Mapping[str, int], ends: Sequence[set[str]]
) -> list[Switch]:
    """Return the open switches that stand at an end of a line."""
    line_at = {node: number for number, nodes in enumerate(ends) for node in nodes}
    found = {
        row["switch"]: Switch(
            row["switch"], row["name"], place_of[row["node"]], line_at.get(row["node"], -1)
        )
        for row in opened
        if row["node"] in place_of
    }
    return sorted(found.values(), key=lambda switch: (switch.name, switch.id))


def _joined(
    ends: Mapping[str, set[str]], said: Mapping[str, Row], place_of: Mapping[str, int]
) -> list[tuple[tuple[str, ...], set[str], Row, str]]:
    """Return the nodes of each line; halves that meet outside any place are put together."""
    halves: dict[str, list[str]] = defaultdict(list)
    found: list[tuple[tuple[str, ...], set[str], Row, str]] = []
    for line, nodes in sorted(ends.items()):
        outside = sorted(nodes - place_of.keys())
        if outside:
            halves[outside[0]].append(line)
        else:
            found.append(((line,), nodes, said[line], ""))
    for _, pair in sorted(halves.items()):
        if len(pair) == 2:
            names = sorted(said[line]["name"] for line in pair)
            name = _common(*(name.split() for name in names)) or " / ".join(names)
            nodes = ends[pair[0]] | ends[pair[1]]
            found.append((tuple(pair), nodes, said[pair[0]], name))
    return found


def _common(one: list[str], two: list[str]) -> str:
    """Return the words with which two names begin alike."""
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False))
    return " ".join(word for word, _ in alike)


def _crosses(one: Place, two: Place, areas: Sequence[Area]) -> str:
    if one.area == two.area or one.area < 0 or two.area < 0:
        return ""
    return "areas" if areas[one.area].owner == areas[two.area].owner else "owners"
