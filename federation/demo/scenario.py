"""Build the whole demo: four organisations with their files, conditions and facts to check.

In: a size, a seed, an empty folder. Out: a ``Scenario``; the folder then holds one sub-folder per
organisation with CIM XML (CGMES 3.0), Turtle, labels files and policies. Two builds with the same
size and seed are byte-equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from federation.demo import conditions, neso, transmission
from federation.demo.boundary import Boundary
from federation.demo.conditions import Label
from federation.demo.dno import Area, Distribution
from federation.demo.grid import Grid, Place
from federation.demo.neso import Outage
from federation.demo.placenames import invent
from federation.demo.source import Source
from federation.demo.ties import Tie, Ties
from federation.demo.transmission import Transmission
from kgnode.errors import BadRequest
from kgnode.home import DEFAULT_BOUNDARY_BASE

Size = Literal["small", "gb"]
QUESTIONS = Path(__file__).parent / "questions"
LICENCE = "https://opensource.org/license/bsd-3-clause"
SCHEMATIC = "Schematic drawing in degrees, not geographic"
DNOS = {"DNOA": "Ashdown Distribution (invented)", "DNOB": "Bellmoor Distribution (invented)"}


@dataclass(frozen=True)
class DataSet:
    """One data set to publish: its files, its conditions, its title."""

    id: str
    title: str
    files: tuple[Path, ...]
    labels: Path
    policy: Path
    licence: str = LICENCE


@dataclass(frozen=True)
class Organisation:
    """One member: id, name, licence role and data sets, in the order to publish them."""

    id: str
    name: str
    licence_role: str
    datasets: tuple[DataSet, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of all data sets."""
        return tuple(file for dataset in self.datasets for file in dataset.files)


@dataclass(frozen=True)
class GspFact:
    """What must hold of a grid supply point; mRIDs of what belongs to it."""

    ident: str
    name: str
    owner: str
    mw: float
    mvar: float
    supply_area: str
    breakers: tuple[str, ...]
    transformers: tuple[str, ...]
    loads: tuple[str, ...]
    machines: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Figures that the nodes' answers and the load flow are checked against."""

    gsps: tuple[GspFact, ...]
    boundary_points: int
    ties: tuple[Tie, ...]
    neighbours: tuple[tuple[str, str], ...]
    outages: int
    reference_machine: str

    @property
    def replaced_mw(self) -> float:
        """Demand that the distribution networks took over."""
        return sum(gsp.mw for gsp in self.gsps)

    @property
    def ties_between_gsps(self) -> tuple[Tie, ...]:
        """Ties whose ends lie in two supply areas."""
        return tuple(tie for tie in self.ties if tie.gsps[0] != tie.gsps[1])

    @property
    def ties_across_owners(self) -> tuple[Tie, ...]:
        """Ties whose ends belong to two owners."""
        return tuple(tie for tie in self.ties if tie.owners[0] != tie.owners[1])


@dataclass(frozen=True)
class Scenario:
    """Everything the demo starts from."""

    size: Size
    seed: int
    folder: Path
    boundary_base: str
    organisations: tuple[Organisation, ...]
    facts: Facts

    def organisation(self, ident: str) -> Organisation:
        """Return a member by its id."""
        return next(one for one in self.organisations if one.id == ident)

    @property
    def network_files(self) -> tuple[Path, ...]:
        """The CIM files that make one merged network (without positions)."""
        return tuple(
            file
            for one in self.organisations
            for file in one.files
            if file.suffix == ".xml" and "_GL_" not in file.name
        )


def build(size: Size, seed: int, folder: Path) -> Scenario:
    """Write all files of a demo and return its scenario.

    Args:
        size: ``small`` (29-bus GB network) or ``gb`` (2,224 buses).
        seed: decides every invented name and value.
        folder: where the files go, one folder per organisation.

    Raises:
        MissingExtra: pandapower is not installed.
        BadRequest: the size is not known.
    """
    source = _source(size, seed)
    boundary = Boundary(size, seed)
    tno = transmission.build(source, Place(size, seed, "TNO"), boundary)
    distributions = _distributions(source, size, seed, boundary)
    for gsp in source.gsps:
        site = next(site for site in source.sites if gsp.bus in site.buses)
        distributions[gsp.owner].add(gsp, tno.attachments[gsp.ident], site.x, site.y)
    areas = {ident: area for one in distributions.values() for ident, area in one.areas.items()}
    ties = _ties(source, distributions, areas, boundary, f"{size}/{seed}")
    outages = _outages(source, tno, areas)
    organisations = (
        _network("TNO", "Transmission owner (demo)", "TNO", folder, tno.grid, None),
        *(
            _network(
                ident,
                DNOS[ident],
                "DNO",
                folder,
                one.grid,
                next(iter(one.areas.values())).primaries[-1].substation,
            )
            for ident, one in distributions.items()
        ),
        _operator(folder, Place(size, seed, "NESO"), source, tno, areas, boundary, outages),
    )
    facts = Facts(
        tuple(_gsp_fact(areas[gsp.ident], tno) for gsp in source.gsps),
        len(boundary.points),
        tuple(ties.made),
        source.neighbours,
        len(outages),
        tno.reference_machine,
    )
    return Scenario(size, seed, folder, DEFAULT_BOUNDARY_BASE, organisations, facts)


def questions() -> tuple[Path, ...]:
    """Return the question files, in the order the demo asks them."""
    return tuple(sorted(QUESTIONS.glob("*.rq")))


def _source(size: Size, seed: int) -> Source:
    if size == "small":
        from federation.demo import gb29

        return gb29.read()
    if size == "gb":
        from federation.demo import gb

        return gb.read(seed)
    raise BadRequest(f"There is no demo of size {size!r}.", hint="Use --size small or --size gb.")


def _distributions(
    source: Source, size: Size, seed: int, boundary: Boundary
) -> dict[str, Distribution]:
    made = {}
    for owner in DNOS:
        grid = Grid(
            Place(size, seed, owner),
            f"{DNOS[owner]}: 132, 33 and 11 kV network generated for the demo",
            boundary.iri,
            (SCHEMATIC, source.crs[1]),
        )
        made[owner] = Distribution(grid, invent(f"{seed}/{owner}"), f"{size}/{seed}")
    return made


def _ties(
    source: Source,
    distributions: dict[str, Distribution],
    areas: dict[str, Area],
    boundary: Boundary,
    seed: str,
) -> Ties:
    ties = Ties(distributions, boundary, seed)
    for area in areas.values():
        ties.inside(area)
    for first, second in source.neighbours:
        ties.between(areas[first], areas[second])
    return ties


def _outages(source: Source, tno: Transmission, areas: dict[str, Area]) -> tuple[Outage, ...]:
    first, last = source.gsps[0], source.gsps[-1]
    near_last = tno.circuits[tno.attachments[last.ident][0].substation][0]
    on_path = {
        mrid
        for gsp in source.gsps
        for attached in tno.attachments[gsp.ident]
        for mrid in tno.circuits.get(attached.substation, ())
    }
    elsewhere = next(
        mrid for lines in tno.circuits.values() for mrid in lines if mrid not in on_path
    )
    cross = areas[first.ident].bulks[0].transformers[0]
    return (
        Outage(
            f"{first.name} SGT1 maintenance",
            tno.attachments[first.ident][0].transformer,
            "TNO",
            "2026-12-01T08:00:00Z",
            "2026-12-03T17:00:00Z",
        ),
        Outage(
            f"{last.name} circuit refurbishment",
            near_last,
            "TNO",
            "2026-12-01T06:00:00Z",
            "2026-12-12T18:00:00Z",
        ),
        Outage(
            "Line inspection elsewhere",
            elsewhere,
            "TNO",
            "2026-12-02T08:00:00Z",
            "2026-12-02T16:00:00Z",
        ),
        Outage(
            f"{areas[first.ident].bulks[0].name} T1 maintenance",
            cross,
            first.owner,
            "2026-12-07T08:00:00Z",
            "2026-12-09T17:00:00Z",
        ),
    )


def _network(
    ident: str, name: str, role: str, folder: Path, grid: Grid, site: str | None
) -> Organisation:
    home = folder / ident
    files = grid.write(home)
    labels, policy = conditions.write(home, ident, "network", conditions.NETWORK, site)
    title = f"Network model of {name}"
    return Organisation(ident, name, role, (DataSet("network", title, files, labels, policy),))


def _operator(
    folder: Path,
    place: Place,
    source: Source,
    tno: Transmission,
    areas: dict[str, Area],
    boundary: Boundary,
    outages: Sequence[Outage],
) -> Organisation:
    home = folder / "NESO"
    register = neso.register(place, source.gsps, tno.attachments, areas)
    planning = neso.planning(place, outages, list(areas.values()))
    parts: tuple[tuple[str, str, Path, dict[str, Label]], ...] = (
        (
            "boundary",
            "Boundary points between owners",
            boundary.write(home),
            dict(conditions.BOUNDARY),
        ),
        (
            "register",
            "GSP register",
            neso.write(home, "register.ttl", register),
            dict(conditions.REGISTER),
        ),
        (
            "planning",
            "Planned outages and demand profiles",
            neso.write(home, "planning.ttl", planning),
            dict(conditions.PLANNING),
        ),
    )
    datasets = []
    for ident, title, file, labels in parts:
        written = conditions.write(home, "NESO", ident, labels, None)
        datasets.append(DataSet(ident, title, (file,), *written))
    return Organisation("NESO", "System operator (demo)", "ESO", tuple(datasets))


def _gsp_fact(area: Area, tno: Transmission) -> GspFact:
    attached = tno.attachments[area.gsp.ident]
    return GspFact(
        ident=area.gsp.ident,
        name=area.gsp.name,
        owner=area.gsp.owner,
        mw=area.gsp.mw,
        mvar=area.gsp.mvar,
        supply_area=area.sub_region,
        breakers=tuple(one.breaker for one in attached),
        transformers=tuple(one.transformer for one in attached),
        loads=tuple(load for primary in area.primaries for load in primary.loads),
        machines=tuple(area.machines),
    )
