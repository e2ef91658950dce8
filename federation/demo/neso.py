"""The system operator's data: GSP register, planned outages, half-hourly demand profiles.

In: what the transmission and distribution models hold. Out: two Turtle files in the vocabulary
``ontologies/gridspine-planning.ttl``. Powers in MW and MVAr, times in UTC, factors without unit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from federation.demo.dno import Area
from federation.demo.grid import Place
from federation.demo.source import Gsp
from federation.demo.transmission import Attachment

EVENING = 35
"""The half-hour of the scenario time: 17:30 to 18:00."""
PREFIXES = """\
@prefix gs: <https://w3id.org/gridspine#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""


@dataclass(frozen=True)
class Outage:
    """A planned outage: the asset's mRID, its owner, start and end as xsd:dateTime."""

    name: str
    asset: str
    owner: str
    start: str
    end: str


def register(
    place: Place,
    gsps: Sequence[Gsp],
    attached: Mapping[str, Sequence[Attachment]],
    areas: Mapping[str, Area],
) -> str:
    """Return the GSP register as Turtle."""
    blocks = [PREFIXES]
    for gsp in gsps:
        attachments = attached[gsp.ident]
        substations = dict.fromkeys(attachment.substation for attachment in attachments)
        blocks.append(
            f"{_iri(place.identify('gsp', gsp.ident))} a gs:GridSupplyPoint ;\n"
            f'  rdfs:label "{gsp.name}" ;\n  gs:code "{gsp.ident}" ;\n'
            f'  gs:distributor "{gsp.owner}" ;\n'
            f"  gs:declaredDemand {_number(gsp.mw)} ;\n"
            f"  gs:declaredReactiveDemand {_number(gsp.mvar)} ;\n"
            f"  gs:substation {_iris(list(substations))} ;\n"
            f"  gs:supplyArea {_iri(areas[gsp.ident].sub_region)} ;\n"
            f"  gs:supergridTransformer {_iris([a.transformer for a in attachments])} ;\n"
            f"  gs:breaker {_iris([a.breaker for a in attachments])} ;\n"
            f"  gs:boundaryPoint {_iris([a.point.mrid for a in attachments])} .\n"
        )
    return "\n".join(blocks)


def planning(place: Place, outages: Sequence[Outage], areas: Sequence[Area]) -> str:
    """Return outages, demand shapes and the forecast of every primary as Turtle."""
    blocks = [PREFIXES]
    for outage in outages:
        blocks.append(
            f"{_iri(place.identify('outage', outage.name))} a gs:PlannedOutage ;\n"
            f'  rdfs:label "{outage.name}" ;\n  gs:asset {_iri(outage.asset)} ;\n'
            f'  gs:owner "{outage.owner}" ;\n'
            f'  gs:start "{outage.start}"^^xsd:dateTime ;\n'
            f'  gs:end "{outage.end}"^^xsd:dateTime .\n'
        )
    curves = shapes()
    for name, factors in curves.items():
        shape = place.identify("shape", name)
        points = [place.identify("shape", name, number) for number in range(len(factors))]
        blocks.append(
            f'{_iri(shape)} a gs:DemandShape ;\n  rdfs:label "{name}" ;\n'
            f"  gs:basis gs:assumed ;\n  gs:point {_iris(points)} .\n"
        )
        blocks += [
            f"{_iri(point)} gs:halfHour {number} ; gs:factor {_number(factor)} .\n"
            for number, (point, factor) in enumerate(zip(points, factors, strict=True))
        ]
    names = list(curves)
    primaries = [primary for area in areas for primary in area.primaries]
    for number, primary in enumerate(primaries):
        name = names[(0, 0, 1, 0, 2)[number % 5]]
        peak = round(primary.mw / curves[name][EVENING], 4)
        blocks.append(
            f"{_iri(place.identify('forecast', primary.name))} a gs:DemandForecast ;\n"
            f"  gs:primary {_iri(primary.substation)} ;\n  gs:peakDemand {_number(peak)} ;\n"
            f"  gs:shape {_iri(place.identify('shape', name))} ;\n  gs:basis gs:assumed .\n"
        )
    return "\n".join(blocks)


def shapes() -> dict[str, tuple[float, ...]]:
    """Return the three assumed winter-day shapes: 48 factors on the day's peak, starting at 0:00.

    >>> {name: (len(curve), max(curve)) for name, curve in shapes().items()}
    {'domestic': (48, 1.0), 'commercial': (48, 1.0), 'industrial': (48, 1.0)}
    """

    def bump(hour: float, centre: float, width: float) -> float:
        return math.exp(-(((hour - centre) / width) ** 2))

    hours = [number / 2 for number in range(48)]
    curves = {
        "domestic": [0.38 + 0.22 * bump(h, 8, 1.8) + 0.60 * bump(h, 18, 2.8) for h in hours],
        "commercial": [0.30 + 0.70 * bump(h, 13, 4.5) for h in hours],
        "industrial": [0.70 + 0.30 * bump(h, 12.5, 5.5) for h in hours],
    }
    return {
        name: tuple(round(factor / max(curve), 4) for factor in curve)
        for name, curve in curves.items()
    }


def write(folder: Path, name: str, text: str) -> Path:
    """Write a Turtle file and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def _iri(mrid: str) -> str:
    return f"<urn:uuid:{mrid}>"


def _iris(mrids: Sequence[str]) -> str:
    return " , ".join(_iri(mrid) for mrid in mrids)


def _number(value: float) -> str:
    return f'"{value:.10g}"^^xsd:double'
