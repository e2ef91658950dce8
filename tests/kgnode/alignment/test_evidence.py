"""Each kind of evidence stands for itself, and a suggestion is never more than a suggestion."""

from __future__ import annotations

from kgnode.alignment.coverage import Report, by_term, models_of, stand, use_cases
from kgnode.alignment.evidence import Evidence, Weigher, suggestions, total
from kgnode.alignment.gap_report import html_of, text_of
from kgnode.alignment.mapping import BROAD, EXACT, Mapping, Status
from kgnode.alignment.standing import Standing
from kgnode.alignment.terms import Term, Terms
from kgnode.alignment.use import Use, asked_in, named

A, B = "https://a.example#", "https://b.example#"
TERMS = Terms(
    [
        Term(f"{A}PowerLine", "PowerLine", "A line that carries power.", (f"{A}Gear",), "class"),
        Term(f"{A}Gear", "Gear", kind="class"),
        Term(f"{A}Substation", "Substation", kind="class"),
        Term(f"{B}Line", "Power Line", "A power line, carrying power.", (f"{B}Asset",), "class"),
        Term(f"{B}Asset", "Asset", kind="class"),
        Term(f"{B}Facility", "Facility", kind="class"),
        Term(f"{B}powerLine", "power line", kind="property"),
    ]
)
USE = Use(
    classes={f"{A}PowerLine": 10, f"{A}Substation": 4, f"{B}Facility": 3},
    properties={f"{A}name": 20},
    together={frozenset({f"{A}Substation", f"{B}Facility"}): 3},
    asked={f"{B}Line": 2},
)
GEAR = Mapping("gear", f"{A}Gear", EXACT, f"{B}Asset")


def scores(subject: str, object_: str, *rows: Mapping) -> dict[str, float | None]:
    found = Weigher(TERMS, rows, USE).weigh(subject, object_)
    return {one.kind: one.score for one in found}


def test_the_four_kinds_are_told_apart() -> None:
    found = scores(f"{A}PowerLine", f"{B}Line", GEAR)
    assert found["label"] == 1.0
    assert found["definition"] is not None
    assert found["definition"] > 0.7
    assert found["structure"] == 1.0
    assert found["instances"] is None
    assert scores(f"{A}PowerLine", f"{B}Line")["structure"] is None
    denied = Mapping("no", f"{A}Gear", EXACT, f"{B}Asset", negative=True)
    assert scores(f"{A}PowerLine", f"{B}Line", denied)["structure"] is None


def test_shared_instances_find_what_labels_miss() -> None:
    found = suggestions([f"{A}Substation"], B, Weigher(TERMS, [GEAR], USE), set())
    best = found[f"{A}Substation"][0]
    assert best.object == f"{B}Facility"
    assert {e.kind for e in best.evidence if e.score and e.score > 0.9} == {"instances"}
    assert best.to_json()["alone"]


def test_what_is_known_or_denied_is_not_suggested_nor_another_kind_of_term() -> None:
    weigher = Weigher(TERMS, [GEAR], USE)
    known = {(f"{A}PowerLine", f"{B}Line")}
    for candidates in (
        suggestions([f"{A}PowerLine"], B, weigher, known)[f"{A}PowerLine"],
        suggestions([f"{A}PowerLine"], B, weigher, set())[f"{A}PowerLine"],
    ):
        objects = [one.object for one in candidates]
        assert f"{B}powerLine" not in objects
    assert f"{B}Line" not in [
        one.object for one in suggestions([f"{A}PowerLine"], B, weigher, known)[f"{A}PowerLine"]
    ]


def test_the_total_never_falls_with_more_evidence() -> None:
    one = [Evidence("label", 0.5, "")]
    assert total(one) <= total([*one, Evidence("structure", 0.1, "")])
    assert total([]) == 0.0


def standing(key: str, subject: str, predicate: str, object_: str, status: Status) -> Standing:
    return Standing(key, (Mapping(key, subject, predicate, object_, status=status),))


CLAIMS = [
    standing("m1", f"{A}PowerLine", EXACT, f"{B}Line", Status.APPROVED),
    standing("m2", f"{A}Substation", BROAD, f"{B}Facility", Status.IN_REVIEW),
    Standing(
        "m3", (Mapping("m3", f"{A}name", EXACT, f"{B}n", negative=True, status=Status.APPROVED),)
    ),
    standing("m4", f"{A}Substation", EXACT, f"{B}Asset", Status.WITHDRAWN),
]


def states(claims: list[Standing], target: str | None = None) -> dict[str, str]:
    return {one.term: one.state for one in stand(USE.terms, claims, USE, TERMS, target)}


def test_each_term_stands_as_its_best_living_mapping_says() -> None:
    found = states(CLAIMS)
    assert found[f"{A}PowerLine"] == "exact"
    assert found[f"{A}Substation"] == "open"
    assert found[f"{A}name"] == "denied"
    assert states([])[f"{A}PowerLine"] == "none"
    assert states(CLAIMS, target=A)[f"{A}PowerLine"] == "none"
    lossy = [standing("m", f"{A}Substation", BROAD, f"{B}Facility", Status.APPROVED)]
    assert states(lossy)[f"{A}Substation"] == "lossy"


def test_a_term_that_a_structural_map_reads_or_makes_is_covered() -> None:
    text = f"CONSTRUCT {{ ?s <{B}named> ?n }} WHERE {{ ?s <{A}name> ?n ; a <{A}PowerLine> }}"
    maps = by_term({"s/names": text}, B)
    found = {one.term: one for one in stand(USE.terms, CLAIMS, USE, TERMS, B, maps)}
    assert found[f"{A}name"].state == "structural"
    assert found[f"{A}name"].mappings == ("s/names",)
    assert found[f"{A}PowerLine"].state == "exact"
    assert found[f"{A}Substation"].state == "open"
    elsewhere = by_term({"s/names": text}, "https://c.example#")
    assert states(CLAIMS)[f"{A}name"] == "denied" and not elsewhere
    case = use_cases({"c": [f"SELECT * {{ ?s <{A}name> ?n }}"]}, [], USE, TERMS, B, maps)[0]
    assert case.to_json()["missing"] == []


def test_the_queue_begins_with_what_is_used_and_asked_for_most() -> None:
    order = [one.term for one in stand(USE.terms, [], USE, TERMS)]
    assert order[0] == f"{B}Line", "asked for twice"
    assert order.index(f"{A}name") < order.index(f"{A}PowerLine") < order.index(f"{B}Facility")


def report() -> Report:
    cases = {"<lines>": [f"SELECT * {{ ?s a <{A}PowerLine> ; <{A}name> ?n }}"]}
    return Report(
        "Report <script>alert(1)</script>",
        "2026-01-02T03:04:05+00:00",
        "the public",
        ("one@1",),
        models_of(USE),
        stand(USE.terms, CLAIMS, USE, TERMS),
        use_cases(cases, CLAIMS, USE, TERMS),
    )


def test_the_report_tells_models_needs_alignment_and_gaps() -> None:
    told = report().to_json()
    assert {one["namespace"]: one["classes"] for one in told["models"]} == {A: 2, B: 1}
    case = told["cases"][0]
    assert (case["needs"], case["met"]) == (2, 1)
    assert case["missing"] == [f"{A}name"]
    assert told["counts"]["exact"] == {"terms": 2, "uses": 10}
    assert [one["state"] for one in told["gaps"]] == ["denied", "open", "open"]


def test_the_document_says_the_same_and_runs_nothing() -> None:
    text, html = text_of(report()), html_of(report())
    for part in ("Existing models", "Requirements", "Alignment", "Gaps", f"{A}name"):
        assert part in text
        assert part in html
    assert "<script>" not in html
    assert "&lt;lines&gt;" in html


def test_terms_are_read_from_queries_by_syntax() -> None:
    query = f"PREFIX p: <{A}> SELECT * {{ ?s p:x 'p:not' ; ^p:y/<{B}z> ?o }} # p:comment"
    assert named(query) == {f"{A}x", f"{A}y", f"{B}z"}
    assert named("no query") == frozenset()
    assert asked_in([query, query])[f"{A}x"] == 2
