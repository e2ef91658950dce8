"""Whether a mapping set is coherent with its vocabularies, by an OWL reasoner, within a time.

In: mappings, what the vocabularies say, and seconds. Out: a ``Verdict``: coherent, or the classes
that could have no member with a smallest set of mappings behind it; or not reasoned, and why (no
Java, no time). The reasoner runs in a process group that is killed when its time is over.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections import abc
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from kgnode.alignment.conflicts import conflicts
from kgnode.alignment.mapping import BOTH_WAYS, DOWNWARD, UPWARD, Mapping
from kgnode.alignment.slots import OWL
from kgnode.alignment.terms import Terms
from kgnode.names import RDF, RDFS, XSD

_AXIOMS = {
    "class": (f"{OWL}equivalentClass", f"{RDFS}subClassOf"),
    "property": (f"{OWL}equivalentProperty", f"{RDFS}subPropertyOf"),
}


@dataclass(frozen=True)
class Verdict:
    """What a reasoner said of a set.

    Attributes:
        reasoned: whether it came to an answer.
        coherent: whether every class can have a member; None where not reasoned.
        reason: why it was not reasoned.
        reasoner: which one.
        axioms: how many mappings became axioms.
        unsatisfiable: classes that could have no member.
        culprits: ids of mappings behind it of which none can be left out.
    """

    reasoned: bool
    coherent: bool | None = None
    reason: str = ""
    reasoner: str = "HermiT"
    axioms: int = 0
    unsatisfiable: tuple[str, ...] = ()
    culprits: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def reason(
    mappings: abc.Iterable[Mapping], terms: Terms, seconds: float, java: str | None = None
) -> Verdict:
    """Ask HermiT about a set.

    Args:
        mappings: the rows; denied ones and those between text say nothing.
        terms: what the vocabularies say.
        seconds: how long it may take.
        java: the program; the one on the path where not given.
    """
    rows = [row for row in mappings if row.between_terms and not row.negative]
    axioms = {row.id: text for row in rows if (text := _axiom(row, terms))}
    if not (java or shutil.which("java")):
        return Verdict(False, reason="There is no Java here.", axioms=len(axioms))
    hints = sorted(
        (list(one.mappings) for one in conflicts(rows, terms) if one.kind == "disjoint"), key=len
    )
    question = {
        "background": _background(rows, terms),
        "axioms": list(axioms.items()),
        "hints": hints[:8],
    }
    answer = _asked(orjson.dumps(question), seconds)
    if isinstance(answer, str):
        return Verdict(False, reason=answer, axioms=len(axioms))
    return Verdict(
        True,
        coherent=not answer["unsatisfiable"],
        axioms=len(axioms),
        unsatisfiable=tuple(answer["unsatisfiable"]),
        culprits=tuple(answer["culprits"]),
    )


def _asked(question: bytes, seconds: float) -> dict[str, Any] | str:
    """Return the reasoner's answer, or why there is none."""
    with subprocess.Popen(
        [sys.executable, "-m", "kgnode.alignment.coherence"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as child:
        try:
            out, err = child.communicate(question, timeout=seconds)
        except subprocess.TimeoutExpired:
            _kill(child.pid)
            return f"The reasoner did not end within {seconds:g} seconds."
        except BaseException:
            _kill(child.pid)
            raise
    if child.returncode != 0:
        said = err.decode(errors="replace").strip().splitlines()
        return f"The reasoner failed: {said[-1] if said else child.returncode}."
    found: dict[str, Any] = orjson.loads(out)
    return found


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _axiom(row: Mapping, terms: Terms) -> str:
    kinds = {terms.get(row.subject).kind, terms.get(row.object).kind} - {""}
    kind = row.kind or (kinds.pop() if len(kinds) == 1 else None)
    if kind not in _AXIOMS or kinds - {kind}:
        return ""
    if kind == "property" and _of_data(row.subject, terms) != _of_data(row.object, terms):
        return ""
    equal, under = _AXIOMS[kind]
    if row.predicate in BOTH_WAYS:
        return _triple(row.subject, equal, row.object)
    if row.predicate in UPWARD:
        return _triple(row.subject, under, row.object)
    return _triple(row.object, under, row.subject) if row.predicate in DOWNWARD else ""


def _of_data(iri: str, terms: Terms) -> bool:
    """Whether a property has values rather than things, as far as its ranges tell."""
    ranges = [one for above in terms.above(iri) for one in terms.get(above).ranges]
    return bool(ranges) and all(one.startswith((XSD, f"{RDFS}Literal")) for one in ranges)


def _background(rows: abc.Iterable[Mapping], terms: Terms) -> str:
    """Return what the vocabularies say of the mapped terms and all that stands above them."""
    lines: list[str] = []
    waiting = [side for row in rows for side in (row.subject, row.object)]
    seen: set[str] = set()
    while waiting:
        iri = waiting.pop()
        if iri in seen or iri.startswith((OWL, XSD, RDFS, RDF)):
            continue
        seen.add(iri)
        term = terms.get(iri)
        if term.kind == "property":
            data = _of_data(iri, terms)
            lines.append(_triple(iri, f"{RDF}type", OWL + _PROPERTY[data]))
            lines += [_triple(iri, f"{RDFS}subPropertyOf", one) for one in term.parents]
            lines += [_triple(iri, f"{RDFS}domain", one) for one in term.domains[:1]]
            lines += [_triple(iri, f"{RDFS}range", one) for one in term.ranges[:1] if not data]
            waiting += [*term.parents, *term.domains[:1], *(term.ranges[:1] if not data else ())]
        elif term.kind == "class":
            lines.append(_triple(iri, f"{RDF}type", f"{OWL}Class"))
            lines += [_triple(iri, f"{RDFS}subClassOf", one) for one in term.parents]
            lines += [_triple(iri, f"{OWL}disjointWith", one) for one in term.disjoint]
            waiting += [*term.parents, *term.disjoint]
    return "\n".join(lines)


_PROPERTY = {True: "DatatypeProperty", False: "ObjectProperty"}


def _triple(subject: str, predicate: str, object_: str) -> str:
    return f"<{subject}> <{predicate}> <{object_}> ."
