"""The long comparison with pySHACL on real models, and the page that shows its figures.

In: the test data. Out: the table of docs/proofs/assurance.md: for each set and pack how many shapes
and results were compared and how many differed. Run: python -m tests.conformance.shacl_proofs
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kgnode.assurance.packs import load_packs
from kgnode.assurance.register import add_pack
from kgnode.assurance.validate import validate
from tests.conformance import test_shacl_engines as engines

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "proofs" / "assurance.md"
DATA = Path(os.environ.get("GRIDSPINE_DATA", ROOT.parent / "shared" / "data"))
SETS = (
    ("MicroGrid, CGMES 3.0", engines.MICROGRID_3, "entsoe_cgmes3"),
    ("MicroGrid, CGMES 2.4.15", engines.MICROGRID_2, "entsoe_cgmes2415"),
    ("ReliCapGrid", engines.RELICAPGRID, "entsoe_cgmes3"),
)
TABLE = re.compile(
    r"(<!-- figures -->\n.*?\|\n\|[-:|]+\|\n).*?(<!-- end of figures -->)", re.DOTALL
)


def rows() -> Iterator[str]:
    """Yield a row of the page for each set and pack."""
    with tempfile.TemporaryDirectory() as folder:
        for title, names, official in SETS:
            staged = engines.stage(DATA, names)
            triples = sum(model.triples for model in staged.models)
            registered = add_pack(DATA / "shapes" / official, Path(folder), id=official)
            for pack in (*load_packs(["gb-core"]), registered):
                start = time.perf_counter()
                found = engines.differences(staged, pack)
                seconds = time.perf_counter() - start
                report = validate(staged, [pack])
                cells = (
                    title,
                    f"{triples:,}",
                    pack.id,
                    f"{report.engines['compiled']:,}",
                    str(report.engines["pyshacl"]),
                    f"{len(report.results):,}",
                    str(len(found)),
                    f"{seconds:.0f}",
                )
                yield f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    made = "".join(rows())
    PAGE.write_text(TABLE.sub(lambda m: m[1] + made + m[2], PAGE.read_text()))
