"""The four-authority set as models, with what a test wants hidden taken out beforehand.

What is hidden is missing in the graph and in the network alike, as it is when a node's policy hides
it from a planner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

from federation.rerouting.extract import ask_all
from federation.rerouting.study import Told
from kgnode.cim.headers import Header
from kgnode.cim.reader import ReadContext, read
from kgnode.cim.writer import ExportModel, write_zip
from tests.federation.rerouting.conftest import ask

Hides = Callable[[ox.Triple], bool]


@dataclass(frozen=True)
class Owned:
    """One model of an organisation."""

    org: str
    header: Header
    triples: tuple[ox.Triple, ...]


def owned_models(path: Path) -> tuple[Owned, ...]:
    """The models of a zip, by organisation."""
    staged = read([path], ReadContext("https://x.example/id#", "https://boundary.example/id#"))
    return tuple(
        Owned(
            str(model.header.authority).split("//")[1].split(".")[0].upper(),
            model.header,
            tuple(staged.graph(model.iri)),
        )
        for model in staged.models
    )


def told(
    models: Sequence[Owned],
    folder: Path,
    hidden: Mapping[str, Hides],
    withheld: Mapping[str, str] | None = None,
) -> Told:
    """What the members tell a planner from whom some of it is hidden, by organisation."""
    stores: dict[str, ox.Store] = {}
    exported: list[ExportModel] = []
    for number, model in enumerate(models):
        hides = hidden.get(model.org)
        shown = [t for t in model.triples if hides is None or not hides(t)]
        stores.setdefault(model.org, ox.Store()).extend(ox.Quad(*t) for t in shown)
        name = f"{number}_{'_'.join(model.header.keywords)}.xml"
        exported.append(ExportModel(model.header, shown, None, name))
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / "models.zip"
    write_zip(exported, archive)
    answers = ask_all({org: ask(store) for org, store in stores.items()})
    declared = {org: "some" if org in hidden else "none" for org in stores}
    said = {org: {"network": word} for org, word in {**declared, **(withheld or {})}.items()}
    return Told(answers=answers, withheld=said, archive=archive)


def properties(*names: str) -> Hides:
    """Hide properties by the beginning of their local names."""
    return lambda triple: triple.predicate.value.rpartition("#")[2].startswith(names)


RATINGS = properties("CurrentLimit.")
DEMAND = properties("EnergyConsumer.")
IMPEDANCES = properties("ACLineSegment.r", "ACLineSegment.x")
POSITIONS = properties("Switch.open")
CONNECTIVITY = properties("Terminal.ConnectivityNode")
EVERYTHING: Hides = lambda _: True  # noqa: E731 - reads like the others
KINDS: Mapping[str, Hides] = {
    "ratings": RATINGS,
    "demand": DEMAND,
    "impedances": IMPEDANCES,
    "positions": POSITIONS,
    "connectivity": CONNECTIVITY,
    "everything": EVERYTHING,
}


def some_of(hides: Hides, share: int) -> Hides:
    """Hide only a share (of 16) of what matches, chosen by the subject."""

    def chosen(triple: ox.Triple) -> bool:
        return hides(triple) and int(str(triple.subject)[-3:-1], 16) % 16 < share

    return chosen
