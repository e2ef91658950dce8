"""Make shapes/cim-classes.csv: the CIM class hierarchy, from the profile vocabularies (RDFS).

In: folders of RDFS profile vocabularies, one per CIM version. Out: one line per class, superclass
and the versions that state it. Run: python ontologies/make_classes.py FOLDER_CIM16 FOLDER_CIM100
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from pathlib import Path

import pyoxigraph as ox

SUBCLASS = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
TARGET = Path(__file__).parent.parent / "shapes" / "cim-classes.csv"


def pairs(folder: Path) -> set[tuple[str, str]]:
    """Return the (class, superclass) pairs of local names within one namespace."""
    found = set()
    for file in sorted(folder.glob("*.rdf")):
        for quad in ox.parse(
            file.read_bytes(), format=ox.RdfFormat.RDF_XML, base_iri="urn:vocabulary:"
        ):
            if quad.predicate.value == SUBCLASS and isinstance(quad.object, ox.NamedNode):
                below, above = quad.subject.value, quad.object.value  # type: ignore[union-attr]
                if "CIM" in below and below.rpartition("#")[0] == above.rpartition("#")[0]:
                    found.add((below.rpartition("#")[2], above.rpartition("#")[2]))
    return found


def main(cim16: str, cim100: str) -> None:
    """Write the table."""
    versions: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, folder in (("cim16", cim16), ("cim100", cim100)):
        for pair in pairs(Path(folder)):
            versions[pair].append(name)
    with TARGET.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("class", "superclass", "versions"))
        for (below, above), names in sorted(versions.items()):
            writer.writerow((below, above, " ".join(sorted(names))))


if __name__ == "__main__":
    main(*sys.argv[1:])
