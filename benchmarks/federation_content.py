"""What the federation benchmark serves: the demo's GB network, or three owners with 300k triples.

In: a folder for files. Out: ``Content``. The three owners hold the set of four authorities (the
folder of test data by ``GRIDSPINE_DATA``) five times over, each copy with identifiers of its own,
and the boundary set each.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from benchmarks.federation_stage import Content
from benchmarks.networks import replicate
from federation.demo.scenario import DataSet, Organisation, build
from kgnode.home import DEFAULT_BOUNDARY_BASE

Name = Literal["gb", "small", "owners"]
DATA = Path(os.environ.get("GRIDSPINE_DATA", Path(__file__).parents[2] / "shared" / "data"))
COPIES = 5
OWNERS = ("TNO", "DNOA", "DNOB")


def content(name: Name, folder: Path) -> Content:
    """Make the files and return what to serve."""
    if name == "owners":
        return _owners(folder)
    made = build(name, 1, folder)
    boundary = made.organisation("NESO").datasets[0]
    first = made.organisation("NESO")
    others = tuple(o for o in made.organisations if o.id != "NESO")
    return Content((first, *others), boundary, made.boundary_base)


def _owners(folder: Path) -> Content:
    files = replicate(DATA / "cim" / "gsp_four_authorities.zip", COPIES, folder)
    nowhere = folder / "unused"

    def dataset(name: str) -> DataSet:
        found = tuple(path for path in files if f"_{name}_" in path.name)
        return DataSet(name.lower(), f"Model of {name}", found, nowhere, nowhere)

    organisations = tuple(
        Organisation(name, name, "TNO" if name == "TNO" else "DNO", (dataset(name),))
        for name in OWNERS
    )
    return Content(organisations, dataset("BOUNDARY"), DEFAULT_BOUNDARY_BASE)
