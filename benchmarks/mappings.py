"""Governing mapping sets: conflicts among 2,000 mappings, a file of 5,000 rows read and checked.

In: nothing; two vocabularies of classes and properties are generated, with a few conflicts planted.
Out: ``benchmarks/results/mappings.json``. Peers: the same check with each term's ancestors walked
anew (a plain version), and sssom-py reading the same file; both must find the same.
"""

from __future__ import annotations

import itertools
import logging
import random
import tempfile
import warnings
from pathlib import Path

from benchmarks.figures import Figures, alternate
from kgnode.alignment import sssom_tsv
from kgnode.alignment.conflicts import conflicts
from kgnode.alignment.mapping import BROAD, EXACT, NARROW, Mapping, MappingSet
from kgnode.alignment.slots import SEMAPV
from kgnode.alignment.terms import Term, Terms

HERE, THERE = "https://here.example/ont#", "https://there.example/ont#"
SEED = 20_261
DEPTH = 8
REVIEW = f"{SEMAPV}MappingReview"


def vocabulary(namespace: str, count: int, draw: random.Random) -> list[Term]:
    """Return a tree of classes about eight deep; the two halves below the top share no member."""
    terms = [Term(f"{namespace}Top", "Top", kind="class")]
    for number in range(count):
        above = terms[draw.randrange(max(len(terms) // DEPTH, 1))] if number > 1 else terms[0]
        name = f"{namespace}Class{number}"
        apart = (f"{namespace}Class0",) if number == 1 else ()
        terms.append(
            Term(name, f"Class {number}", parents=(above.iri,), kind="class", disjoint=apart)
        )
    return terms


def world(count: int) -> tuple[Terms, list[Mapping]]:
    """Return terms, and mappings that keep to the halves, but some lead across or in circles."""
    draw = random.Random(SEED)
    here, there = vocabulary(HERE, count, draw), vocabulary(THERE, count, draw)
    terms = Terms([*here, *there])
    own = {term.iri for term in here if f"{HERE}Class0" in terms.above(term.iri)}
    halves = [
        sorted(t.iri for t in there if f"{THERE}Class{half}" in terms.above(t.iri))
        for half in (0, 1)
    ]
    rows = []
    for number in range(count):
        subject = here[1 + number].iri
        side = 0 if subject in own else 1
        if draw.random() < 0.005:
            side = 1 - side
        object_ = draw.choice(halves[side])
        predicate = draw.choices([BROAD, EXACT, NARROW], [96, 3, 1])[0]
        rows.append(Mapping(f"{HERE}m{number}", subject, predicate, object_, justification=REVIEW))
    return terms, rows


def plain_findings(rows: list[Mapping], terms: Terms) -> tuple[set[str], set[str]]:
    """Terms in two disjoint classes and mappings in circles, by walking from every term."""
    up: dict[str, set[str]] = {}
    for row in rows:
        if row.predicate in (BROAD, EXACT):
            up.setdefault(row.subject, set()).add(row.object)
        if row.predicate in (NARROW, EXACT):
            up.setdefault(row.object, set()).add(row.subject)

    def above(term: str) -> set[str]:
        seen, waiting = {term}, [term]
        while waiting:
            here = waiting.pop()
            for over in (*terms.get(here).parents, *up.get(here, ())):
                if over not in seen:
                    seen.add(over)
                    waiting.append(over)
        return seen

    apart = {term.iri: set(term.disjoint) for term in terms if term.disjoint}
    in_both, circling = set(), set()
    for term in up:
        reached = above(term)
        for one, others in apart.items():
            if one in reached and others & reached:
                in_both.add(term)
    for row in rows:
        if row.predicate == EXACT:
            continue
        low, high = row.subject, row.object
        if row.predicate == NARROW:
            low, high = high, low
        if low in above(high):
            circling.add(row.id)
    return in_both, circling


def same(rows: list[Mapping], terms: Terms) -> bool:
    """Tell whether the product finds what the plain version finds."""
    found = conflicts(rows, terms)
    in_both, circling = plain_findings(rows, terms)
    told = set(itertools.chain.from_iterable(c.mappings for c in found if c.kind == "cycle"))
    terms_told = {c.terms[0] for c in found if c.kind == "disjoint"}
    return circling <= told and terms_told <= in_both and bool(terms_told) == bool(in_both)


def file_of(rows: list[Mapping], folder: Path) -> Path:
    """Write rows as an SSSOM file."""
    found = MappingSet(
        "https://here.example/set",
        "set",
        licence="https://creativecommons.org/publicdomain/zero/1.0/",
        curies={"here": HERE, "there": THERE},
        mappings=tuple(rows),
    )
    path = folder / "set.sssom.tsv"
    path.write_bytes(sssom_tsv.write(found))
    return path


def peer_triples(path: Path) -> set[tuple[str, str, str]]:
    """Read the file with sssom-py and return what it claims, as it writes it."""
    from sssom.parsers import parse_sssom_table

    table = parse_sssom_table(str(path)).df
    return set(zip(table.subject_id, table.predicate_id, table.object_id, strict=True))


def shortened(row: Mapping) -> tuple[str, str, str]:
    """Return what a row claims in the prefixes of the file."""
    return (
        row.subject.replace(HERE, "here:"),
        f"skos:{row.predicate.rpartition('#')[2]}",
        row.object.replace(THERE, "there:"),
    )


def main() -> None:
    """Measure and write."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    out = Figures("mappings")
    terms, rows = world(2_000)
    out.equal_results = same(rows, terms)
    ours, plain = alternate(lambda: conflicts(rows, terms), lambda: plain_findings(rows, terms), 7)
    found = conflicts(rows, terms)
    kinds = f"{sum(c.severity == 'error' for c in found)} errors, {len(found)} conflicts in all"
    out.add("conflict check, 2,000 mappings", ours * 1000, "ms", aim="200 ms", note=kinds)
    out.add("conflict check against a plain walk", plain / ours, "times faster", peer="plain walk")
    terms, rows = world(5_000)
    with tempfile.TemporaryDirectory() as folder:
        path = file_of(rows, Path(folder))
        read = sssom_tsv.read(path)
        short = {shortened(row) for row in read.mappings}
        out.equal_results = out.equal_results and short == peer_triples(path)
        both, peer = alternate(
            lambda: conflicts(sssom_tsv.read(path).mappings, terms), lambda: peer_triples(path), 5
        )
        alone, _ = alternate(lambda: sssom_tsv.read(path), lambda: None, 5)
    out.add("5,000-row file read and checked", both, "s", aim="1 s")
    out.add("reading it against sssom-py", peer / alone, "times faster", peer="sssom-py")
    if not out.equal_results:
        raise SystemExit("the peers do not find the same")
    out.write()


if __name__ == "__main__":
    main()
