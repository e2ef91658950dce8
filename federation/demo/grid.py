"""The models of one network owner while they are being made: EQ, SSH and GL together.

In: verbs of the domain (a substation, a bay, a line). Out: three CGMES 3.0 documents
(IEC 61970-452 and -456, NC profiles not used). Impedances in ohm and siemens, voltages in kV,
powers in MW, MVAr and MVA, currents in A, lengths in km.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from federation.demo.emit import Document, ModelHeader, Ref, Term, Value, identify

PROFILE = "http://iec.ch/TC57/ns/CIM/"
SCENARIO_TIME = "2026-12-01T17:30:00Z"
CREATED = "2026-11-20T00:00:00Z"
LIMITS = {"PATL": (0, "patl", 1.0), "TATL20": (1200, "tatl", 1.2)}
"""Limit types: seconds (0 is for ever), kind, factor on the rating."""


@dataclass(frozen=True)
class Place:
    """The namespace of identifiers: which demo, which seed, which owner."""

    size: str
    seed: int
    owner: str

    def identify(self, *path: object) -> str:
        """Return the mRID of a thing of this owner."""
        return identify(self.size, self.seed, self.owner, *path)


@dataclass(frozen=True)
class Level:
    """A voltage level: its mRID, nominal voltage, its substation's mRID, its full name."""

    mrid: str
    kv: float
    substation: str
    name: str


def header(
    place: Place, kind: str, profiles: tuple[str, ...], depends: tuple[str, ...], description: str
) -> ModelHeader:
    """Return the header of one of the owner's models."""
    return ModelHeader(
        iri=f"urn:uuid:{place.identify('model', kind)}",
        authority=f"https://{place.owner.lower()}.example/cim",
        profiles=tuple(f"{PROFILE}{name}/3.0" for name in profiles),
        scenario_time=SCENARIO_TIME,
        created=CREATED,
        description=description,
        dependent_on=depends,
    )


class Grid:
    """What one owner models; the equipment verbs are in ``equipment``."""

    def __init__(self, place: Place, description: str, boundary: str, crs: tuple[str, str]) -> None:
        """Start three empty documents.

        Args:
            place: size, seed and owner.
            description: goes into the headers.
            boundary: IRI of the boundary model that EQ depends on.
            crs: name and URN of the coordinate system of the positions.
        """
        self.place = place
        eq = header(place, "EQ", ("CoreEquipment-EU", "Operation-EU"), (boundary,), description)
        ssh = header(place, "SSH", ("SteadyStateHypothesis-EU",), (eq.iri,), description)
        gl = header(place, "GL", ("GeographicalLocation-EU",), (eq.iri,), description)
        self.eq, self.ssh, self.gl = Document(eq), Document(ssh), Document(gl)
        self._base: dict[float, str] = {}
        self.crs = self.gl.define(
            "CoordinateSystem",
            self.identify("crs"),
            {"IdentifiedObject.name": crs[0], "CoordinateSystem.crsUrn": crs[1]},
        )
        for name, (seconds, kind, _) in LIMITS.items():
            self.eq.define(
                "OperationalLimitType",
                self.identify("limit-type", name),
                {
                    "IdentifiedObject.name": name,
                    "OperationalLimitType.acceptableDuration": float(seconds),
                    "OperationalLimitType.isInfiniteDuration": seconds == 0,
                    "OperationalLimitType.direction": Term(
                        "cim:OperationalLimitDirectionKind.absoluteValue"
                    ),
                    "eu:OperationalLimitType.kind": Term(f"eu:LimitKind.{kind}"),
                },
            )

    def identify(self, *path: object) -> str:
        """Return the mRID of a thing of this owner."""
        return self.place.identify(*path)

    def base_voltage(self, kv: float) -> str:
        """Return the mRID of the base voltage, defined at first use."""
        if kv not in self._base:
            self._base[kv] = self.eq.define(
                "BaseVoltage",
                self.identify("base-voltage", kv),
                {"IdentifiedObject.name": f"{kv:g} kV", "BaseVoltage.nominalVoltage": kv},
            )
        return self._base[kv]

    def region(self, name: str) -> str:
        """Define a geographical region and return its mRID."""
        return self.eq.define(
            "GeographicalRegion", self.identify("region", name), {"IdentifiedObject.name": name}
        )

    def sub_region(self, region: str, name: str, description: str) -> str:
        """Define a part of a region; in the DNOs it is one normal supply area."""
        return self.eq.define(
            "SubGeographicalRegion",
            self.identify("sub-region", name),
            {
                "IdentifiedObject.name": name,
                "IdentifiedObject.description": description,
                "SubGeographicalRegion.Region": Ref(region),
            },
        )

    def substation(self, name: str, sub_region: str, basis: dict[str, Value]) -> str:
        """Define a substation; ``basis`` says what of it is invented."""
        return self.eq.define(
            "Substation",
            self.identify("substation", name),
            {"IdentifiedObject.name": name, "Substation.Region": Ref(sub_region), **basis},
        )

    def level(self, substation: str, name: str, kv: float) -> Level:
        """Define a voltage level with limits of +-6 %."""
        mrid = self.eq.define(
            "VoltageLevel",
            self.identify("level", name),
            {
                "IdentifiedObject.name": name,
                "VoltageLevel.Substation": Ref(substation),
                "VoltageLevel.BaseVoltage": Ref(self.base_voltage(kv)),
                "VoltageLevel.lowVoltageLimit": 0.94 * kv,
                "VoltageLevel.highVoltageLimit": 1.06 * kv,
            },
        )
        return Level(mrid, kv, substation, name)

    def node(self, level: Level, name: str) -> str:
        """Define a connectivity node."""
        return self.eq.define(
            "ConnectivityNode",
            self.identify("node", name),
            {
                "IdentifiedObject.name": name,
                "ConnectivityNode.ConnectivityNodeContainer": Ref(level.mrid),
            },
        )

    def position(self, thing: str, x: float, y: float) -> None:
        """Place a thing: x and y in the units of the coordinate system (degrees)."""
        location = self.gl.define(
            "Location",
            self.identify("location", thing),
            {
                "Location.CoordinateSystem": Ref(self.crs),
                "Location.PowerSystemResources": Ref(thing),
            },
        )
        self.gl.add(
            "PositionPoint",
            self.identify("point", thing),
            {
                "PositionPoint.Location": Ref(location),
                "PositionPoint.sequenceNumber": 0,
                "PositionPoint.xPosition": f"{x:.4f}",
                "PositionPoint.yPosition": f"{y:.4f}",
            },
        )

    def write(self, folder: Path) -> tuple[Path, ...]:
        """Write the three files and return their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        owner = self.place.owner
        return tuple(
            document.write(folder / f"20261201T1730Z_{owner}_{kind}_001.xml")
            for kind, document in (("EQ", self.eq), ("SSH", self.ssh), ("GL", self.gl))
        )
