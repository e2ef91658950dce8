"""A difference published on a served node, beside judging in full.

In: a GB network of about a million triples, published, and difference models of 500 triples. Out:
seconds from the files to the new version in benchmarks/results/assurance_gate.json, and of the step
that validates; the report is asserted equal to that of judging everything.

Run: python -m benchmarks.assurance_gate
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.assurance import DATA, NETWORKS
from benchmarks.figures import Figures
from benchmarks.networks import replicate
from kgnode.assurance.standing import Standing
from kgnode.home import Home
from kgnode.names import CIM100, dataset_iri
from kgnode.node import Node
from kgnode.operations import perform
from kgnode.settings import load_settings
from kgnode.trust.membership import initialise

ROUNDS = 5


def gate(figures: Figures) -> None:
    """Publish differences of 500 triples on about 1M to a node that keeps what it judged."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = replicate(DATA / NETWORKS["authorities"], 17, root / "files")
        initialise(root / "home", "GB", "Great Britain", None)
        node = Node(Home(root / "home"), load_settings())
        node.standing = Standing(4 << 30)
        first = _judged(node, files)
        took = []
        for number in range(ROUNDS):
            change = _change(node, root, number)
            took.append(_judged(node, [change]))
        change = _change(node, root, ROUNDS)
        stepwise = _judged(node, [change], dry_run=True)
        node.standing = None
        full = _judged(node, [change], dry_run=True)
        node.close()
    told, plainly = ({**run.told, "seconds": 0} for run in (stepwise, full))
    figures.equal_results = figures.equal_results and told == plainly
    figures.add(
        "difference of 500 triples on about 1M, published",
        statistics.median(run.seconds for run in took),
        "s",
        aim="under 1",
        peer=f"the first publish of all {first.seconds:.1f} s",
        note=f"{statistics.median(run.processor_seconds for run in took):.2f} s of processor time, "
        f"from the file to the new version; median of {ROUNDS}",
    )
    figures.add(
        "the step of it that validates",
        statistics.median(run.gate_seconds for run in took),
        "s",
        peer=f"in full {full.gate_seconds:.2f} s",
        note=f"{sum(told['counts'].values())} results",
    )
    assert figures.equal_results, (told, plainly)


@dataclass(frozen=True)
class Run:
    """What the gate said of a publish, and how long it took in all and at the gate."""

    told: dict[str, Any]
    seconds: float
    processor_seconds: float
    gate_seconds: float


def _judged(node: Node, files: list[Path], **more: object) -> Run:
    began: dict[str, float] = {}
    arguments = {"files": [str(f) for f in files], "dataset": "n", "packs": ["gb-core"], **more}
    start, processor = time.perf_counter(), time.process_time()
    told = perform(
        node, "publish", arguments, lambda name: began.setdefault(name, time.perf_counter())
    )
    return Run(
        told["validation"],
        time.perf_counter() - start,
        time.process_time() - processor,
        began["label"] - began["validate"],
    )


def _change(node: Node, root: Path, number: int) -> Path:
    path = root / f"change{number}.xml"
    path.write_text(_difference(node, 500, number))
    return path


def _difference(node: Node, number: int, version: int) -> str:
    """Return a difference model that gives that many loads' equipment another name."""
    manifest = node.record.current(dataset_iri("GB", "n"))
    assert manifest is not None
    model = max(manifest.models, key=lambda model: model.triples)
    names = [
        triple
        for cell in model.cells
        for triple in node.record.triples(cell.iri)
        if triple.predicate.value == CIM100 + "IdentifiedObject.name"
    ]
    chosen = random.Random(version).sample(names, number // 2)

    def part(section: str, suffix: str) -> str:
        told = "".join(
            f'<rdf:Description rdf:about="{triple.subject.value}"><cim:IdentifiedObject.name>'
            f"{triple.object.value}{suffix}</cim:IdentifiedObject.name></rdf:Description>"
            for triple in chosen
        )
        tag = f"dm:DifferenceModel.{section}"
        return f'<{tag} rdf:parseType="Statements">{told}</{tag}>'

    header = model.header
    profiles = "".join(f"<md:Model.profile>{p}</md:Model.profile>" for p in header.profiles)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:cim="{CIM100}"
 xmlns:md="http://iec.ch/TC57/61970-552/ModelDescription/1#"
 xmlns:dm="http://iec.ch/TC57/61970-552/DifferenceModel/1#">
<dm:DifferenceModel rdf:about="urn:uuid:11111111-0000-4000-8000-{version + 2:012}">
<md:Model.scenarioTime>{header.scenario_time}</md:Model.scenarioTime>
<md:Model.created>2026-11-01T00:00:00Z</md:Model.created>
<md:Model.version>2</md:Model.version>
<md:Model.modelingAuthoritySet>{header.authority}</md:Model.modelingAuthoritySet>
{profiles}{part("reverseDifferences", "")}{part("forwardDifferences", " II")}
<md:Model.Supersedes rdf:resource="{model.iri}"/>
</dm:DifferenceModel></rdf:RDF>"""


if __name__ == "__main__":
    figures = Figures("assurance_gate")
    gate(figures)
    figures.write()
