"""Re-routing at national size: 350 supply points, about 4.8 million triples.

In: the four-authority set, copied 88 times with identifiers of their own and joined in a chain of
400 kV lines between the transmission owner's machines. Out: seconds and peak memory of each stage,
each in a process of its own as the gateway's worker is: grid and areas, import, load from the
binary form, one plan with N-1. The copied set is kept under the temporary directory. Seconds are of
the clock, with those of the processor in the note. Results are right where every supply point is an
area of its own and PowSyBl joins every boundary point and feeds every load.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import pickle
import re
import resource
import tempfile
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.figures import Figures

NATIONAL_GSPS = 350
GSPS_PER_COPY, POINTS_PER_COPY = 4, 11
_UUID = re.compile(rb"([#_:])([0-9a-f]{4})([0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-)")
_MODEL = re.compile(rb"<md:FullModel.*?</md:FullModel>", re.DOTALL)
_MACHINE = re.compile(rb'<cim:SynchronousMachine rdf:ID="(_[^"]+)"')
_LINE_KV = re.compile(
    rb'<cim:ACLineSegment rdf:ID.*?ConductingEquipment.BaseVoltage rdf:resource="#(_[^"]+)"',
    re.DOTALL,
)


def national(figures: Figures, path: Path, supply_points: int = NATIONAL_GSPS) -> None:
    """Measure every stage and add its figures."""
    with tempfile.TemporaryDirectory(prefix="gridspine-national-") as folder:
        home = Path(folder)
        copies = -(-supply_points // GSPS_PER_COPY)
        (home / "national.zip").symlink_to(kept(path, copies))
        note = f"{copies * GSPS_PER_COPY} supply points"
        told = _apart(_graph, home)
        figures.equal_results = figures.equal_results and told["areas"] == copies * GSPS_PER_COPY
        seconds = told["questions"] + told["grid"] + told["supply areas"]
        triples = f"{told['triples']:,} triples, {told['areas']} areas; "
        parts = ", ".join(f"{k} {told[k]:.1f} s" for k in ("questions", "grid", "supply areas"))
        said = f"{triples}{parts}; {told['cpu']}"
        figures.add("national: extract and areas", seconds, "s", aim="10 s", note=said)
        figures.add("national: candidate search", told["search"], "s", note=f"{told['found']}")
        figures.add("national: peak memory, graph", told["peak"], "MiB", note="with the stores")
        figures.write()
        made = _apart(_import, home)
        whole = made["ties"] == copies * POINTS_PER_COPY and made["unfed"] == 0
        figures.equal_results = figures.equal_results and whole
        figures.add(
            "national: import of the models",
            made["import"],
            "s",
            note=f"once per set of views; {made['cpu']}",
        )
        figures.add("national: peak memory, import", made["peak"], "MiB", note=note)
        figures.write()
        proven = _apart(_prove, home)
        figures.equal_results = figures.equal_results and proven["verified"]
        figures.add("national: cached load", proven["load"], "s", aim="10 s", note=note)
        size, cpu = f"{proven['buses']} buses; ", proven["cpu"]
        figures.add("national: base case settled", proven["base"], "s", note=size + cpu["base"])
        figures.add("national: one plan without N-1", proven["plan"], "s", note=size + cpu["plan"])
        tried = f"{proven['tried']} losses, with the plan's states; {cpu['n1']}"
        figures.add("national: one plan with N-1", proven["n1"], "s", aim="20 s", note=tried)
        figures.add("national: peak memory, worker", proven["peak"], "MiB", note=note)
        figures.write()


def kept(path: Path, copies: int) -> Path:
    """Return the national models as one zip, written unless an earlier run left them."""
    digest = hashlib.sha256(path.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:16]
    found = Path(tempfile.gettempdir()) / f"gridspine-national-{digest}-{copies}.zip"
    if not found.exists():
        part = found.with_suffix(f".{os.getpid()}")
        write(path, part, copies)
        part.rename(found)
    return found


def write(path: Path, target: Path, copies: int) -> None:
    """Write the national models as one zip."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as out:
        for name in sorted(source.namelist()):
            content = source.read(name)
            model = _MODEL.search(content)
            assert model is not None
            end = content.rindex(b"</rdf:RDF>")
            body = content[model.end() : end]
            with out.open(name, "w", force_zip64=True) as file:
                file.write(content[: model.end()])
                for copy in range(copies):
                    file.write(_copied(body, copy))
                if "TNO" in name:
                    file.write(_links(source, copies, steady="SSH" in name))
                file.write(content[end:])


def _copied(body: bytes, copy: int) -> bytes:
    """Give every identifier a first part of the copy's own, and every supply point a name."""
    mark = f"{copy:04x}".encode()
    body = _UUID.sub(rb"\g<1>" + mark + rb"\g<3>", body)
    number = f"{copy:02d}".encode()
    return re.sub(rb"(TIE\d+ |GSP)(?=\d{3})", rb"\g<1>" + number, body)


def _links(source: zipfile.ZipFile, copies: int, *, steady: bool) -> bytes:
    """Return lines from the first machine's node of each copy to that of the next."""
    model = source.read(next(n for n in source.namelist() if "TNO_EQ" in n))
    machine, voltage = _MACHINE.search(model), _LINE_KV.search(model)
    assert machine is not None and voltage is not None
    terminal = re.search(
        rb"<cim:Terminal rdf:ID=(?:(?!</cim:Terminal>).)*?ConductingEquipment rdf:resource=\"#"
        + machine.group(1)
        + rb".*?</cim:Terminal>",
        model,
        re.DOTALL,
    )
    assert terminal is not None
    node = re.search(rb'ConnectivityNode rdf:resource="#(_[^"]+)"', terminal.group(0))
    assert node is not None
    made = []
    for copy in range(copies - 1):
        own = [f"_{copy:04x}{part:04x}-0000-4000-8000-00000000aaaa" for part in (1, 2, 3)]
        ends = [_copied(b"#" + node.group(1), c).decode()[1:] for c in (copy, copy + 1)]
        kv = _copied(b"#" + voltage.group(1), copy).decode()[1:]
        made.append(_steady(own) if steady else _link(own, ends, kv))
    return "".join(made).encode()


def _link(own: list[str], ends: list[str], kv: str) -> str:
    line = (
        f'<cim:ACLineSegment rdf:ID="{own[0]}"><cim:ACLineSegment.r>0.5</cim:ACLineSegment.r>'
        "<cim:ACLineSegment.x>8</cim:ACLineSegment.x><cim:ACLineSegment.bch>0</cim:ACLineSegment.bch>"
        "<cim:ACLineSegment.gch>0</cim:ACLineSegment.gch>"
        f'<cim:ConductingEquipment.BaseVoltage rdf:resource="#{kv}"/>'
        f"<cim:IdentifiedObject.name>link {own[0][1:5]}</cim:IdentifiedObject.name>"
        "</cim:ACLineSegment>\n"
    )
    for number, (terminal, node) in enumerate(zip(own[1:], ends, strict=True), 1):
        line += (
            f'<cim:Terminal rdf:ID="{terminal}">'
            f'<cim:Terminal.ConductingEquipment rdf:resource="#{own[0]}"/>'
            f'<cim:Terminal.ConnectivityNode rdf:resource="#{node}"/>'
            f"<cim:ACDCTerminal.sequenceNumber>{number}</cim:ACDCTerminal.sequenceNumber>"
            f"<cim:IdentifiedObject.name>link end {number}</cim:IdentifiedObject.name>"
            "</cim:Terminal>\n"
        )
    return line


def _steady(own: list[str]) -> str:
    service = "<cim:Equipment.inService>true</cim:Equipment.inService>"
    said = f'<cim:ACLineSegment rdf:about="#{own[0]}">{service}</cim:ACLineSegment>\n'
    for terminal in own[1:]:
        said += (
            f'<cim:Terminal rdf:about="#{terminal}">'
            "<cim:ACDCTerminal.connected>true</cim:ACDCTerminal.connected></cim:Terminal>\n"
        )
    return said


def _apart(stage: Callable[[Path], dict[str, Any]], home: Path) -> dict[str, Any]:
    """Run a stage in a fresh process and return its figures."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as worker:
        return worker.submit(stage, home).result()


def peak_mib() -> float:
    """Return the most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class _Clock:
    """Seconds of the clock and of the processor (all threads) from lap to lap, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.cpu: dict[str, str] = {}
        self._last = time.perf_counter(), time.process_time()

    def lap(self, name: str) -> None:
        """Keep what passed since the last lap."""
        now = time.perf_counter(), time.process_time()
        self.seconds[name] = now[0] - self._last[0]
        self.cpu[name] = f"{now[1] - self._last[1]:.1f} s of the processor"
        self._last = now


def _graph(home: Path) -> dict[str, Any]:
    """Load stores, then measure questions, grid, areas and the search; keep the answers."""
    from benchmarks.rerouting_sets import ask, stores_of
    from federation.rerouting.areas import supply_areas
    from federation.rerouting.extract import ask_all, build
    from federation.rerouting.transfers import find_candidates

    stores = stores_of({"": [home / "national.zip"]})
    start, clock = time.process_time(), _Clock()
    answers = ask_all({org: ask(store) for org, store in stores.items()}, parallel=2)
    clock.lap("questions")
    grid = build(answers)
    clock.lap("grid")
    areas = supply_areas(grid)
    clock.lap("supply areas")
    cpu = f"{time.process_time() - start:.1f} s of the processor"
    search = find_candidates(grid, areas)
    clock.lap("search")
    (home / "answers.pickle").write_bytes(pickle.dumps(answers))
    return {
        **clock.seconds,
        "cpu": cpu,
        "found": f"{len(search.candidates)} candidates",
        "triples": sum(len(store) for store in stores.values()),
        "areas": len(areas.areas),
        "peak": peak_mib(),
    }


def _import(home: Path) -> dict[str, Any]:
    """Import the models and keep their binary form, as the worker does once per set of views."""
    from federation.rerouting.network import joined
    from federation.rerouting.service import keep_network

    clock = _Clock()
    keep_network(home / "national.zip", home / "national.biidm")
    clock.lap("import")
    import pypowsybl.network

    network = pypowsybl.network.load(str(home / "national.biidm"))
    state = joined(network)
    return {
        "import": clock.seconds["import"],
        "cpu": clock.cpu["import"],
        "ties": state.tie_lines,
        "unfed": len(state.unfed_loads),
        "peak": peak_mib(),
    }


def _prove(home: Path) -> dict[str, Any]:
    """Load the binary form and prove one plan, without N-1 and then with it."""
    from federation.rerouting.areas import supply_areas
    from federation.rerouting.bench import Bench
    from federation.rerouting.extract import build
    from federation.rerouting.network import quiet_import
    from federation.rerouting.proof import load_network
    from federation.rerouting.transfers import find_candidates
    from federation.rerouting.verification import Verification

    grid = build(pickle.loads((home / "answers.pickle").read_bytes()))
    areas = supply_areas(grid)
    key = sorted(areas.gsps)[0]
    candidate = next(c for c in find_candidates(grid, areas, giver=key).candidates if c.net_mw < 30)
    quiet_import()
    import pypowsybl.network  # noqa: F401 - a worker starts PowSyBl once, not for each network

    clock = _Clock()
    network = load_network(home / "national.biidm")
    clock.lap("load")
    bench = Bench(network, grid, areas)
    clock.lap("base")
    verification = Verification(bench)
    verification.footprints.of(candidate)
    clock.lap("footprint")
    plain = verification.verify(candidate, n1="none")
    clock.lap("plan")
    whole = verification.verify(candidate, n1="reduced")
    clock.lap("n1")
    return {
        **clock.seconds,
        "cpu": clock.cpu,
        "buses": len(bench.base.tables["buses"]),
        "verified": not plain.failed and whole.n1 is not None and whole.thermal == plain.thermal,
        "tried": whole.n1.tried if whole.n1 else 0,
        "peak": peak_mib(),
    }
