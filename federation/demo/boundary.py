"""The boundary set: the points where two owners' networks meet, in a model of its own.

In: the name and the two owners of each point. Out: an EQBD document (CGMES 3.0) with
``BoundaryPoint``, its connectivity node and the line that holds the node.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from federation.demo.emit import Document, Ref
from federation.demo.grid import Place, header


@dataclass(frozen=True)
class Point:
    """A boundary point: its mRID, its name, the mRID of its node and the two owners."""

    mrid: str
    name: str
    node: str
    owners: tuple[str, str]


class Boundary:
    """A boundary set that grows point by point."""

    def __init__(self, size: str, seed: int) -> None:
        self.place = Place(size, seed, "BOUNDARY")
        self.document = Document(
            header(
                self.place,
                "EQBD",
                ("EquipmentBoundary-EU",),
                (),
                "Boundary points of the demo federation",
            )
        )
        self.points: list[Point] = []

    @property
    def iri(self) -> str:
        """The IRI of the boundary model."""
        return self.document.header.iri

    def point(self, name: str, owners: tuple[str, str]) -> Point:
        """Define a boundary point between two owners."""
        line = self.document.define(
            "Line", self.place.identify("line", name), {"IdentifiedObject.name": f"{name} line"}
        )
        node = self.document.define(
            "ConnectivityNode",
            self.place.identify("node", name),
            {
                "IdentifiedObject.name": f"{name} node",
                "ConnectivityNode.ConnectivityNodeContainer": Ref(line),
            },
        )
        mrid = self.document.define(
            "eu:BoundaryPoint",
            self.place.identify("point", name),
            {
                "IdentifiedObject.name": name,
                "eu:BoundaryPoint.ConnectivityNode": Ref(node),
                "eu:BoundaryPoint.fromEndIsoCode": "GB",
                "eu:BoundaryPoint.toEndIsoCode": "GB",
                "eu:BoundaryPoint.fromEndName": owners[0],
                "eu:BoundaryPoint.toEndName": owners[1],
                "eu:BoundaryPoint.fromEndNameTso": owners[0],
                "eu:BoundaryPoint.toEndNameTso": owners[1],
                "eu:BoundaryPoint.isDirectCurrent": False,
                "eu:BoundaryPoint.isExcludedFromAreaInterchange": False,
            },
        )
        found = Point(mrid, name, node, owners)
        self.points.append(found)
        return found

    def write(self, folder: Path) -> Path:
        """Write the set and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        return self.document.write(folder / "20261201T1730Z_BOUNDARY_EQBD_001.xml")
