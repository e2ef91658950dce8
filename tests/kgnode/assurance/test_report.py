"""Reports say what is wrong, where, and how to mend it, in every form."""

from __future__ import annotations

import json

import pyoxigraph as ox
import pytest

from kgnode.assurance.report import Report
from tests.kgnode.assurance.broken import BROKEN, PAGE, document, judged, page, station


@pytest.fixture(scope="module")
def reports() -> dict[str, Report]:
    sound = document(station())
    return {title: judged(breaking(sound)) for title, breaking in BROKEN.items()}


def test_a_sound_model_passes_with_nothing_to_say() -> None:
    report = judged(document(station()))
    assert report.conforms
    assert report.passes
    assert report.text().startswith("0 causes")


def test_the_first_line_says_how_many_causes(reports: dict[str, Report]) -> None:
    for report in reports.values():
        first = report.text().splitlines()[0]
        assert first.startswith(f"{len(report.causes)} causes in ")
        assert first.endswith("refused by the gate.")


def test_each_cause_names_asset_line_and_mend(reports: dict[str, Report]) -> None:
    for report in reports.values():
        for cause in report.to_json()["causes"]:
            assert cause["message"].endswith(".")
            assert cause["hint"]
            for example in cause["examples"]:
                assert example["class"]
                assert example["file"] == "station.xml"
                assert example["line"] > 1


def test_values_are_quoted_and_objects_are_named(reports: dict[str, Report]) -> None:
    text = reports["Values that cannot be"].text()
    assert 'cim:ACLineSegment "Line 1" of "Hillside line", found "eleven", station.xml:' in text
    assert "expected a number\n" in text
    nowhere = reports["Wires that lead nowhere"].text()
    assert 'found cim:Terminal "Line 1 T1" of "Line 1"' in nowhere


def test_the_page_of_broken_files_is_what_the_tool_says() -> None:
    assert PAGE.read_text() == page(), "run: python -m tests.kgnode.assurance.broken"


def test_turtle_and_jsonld_are_the_standard_report(reports: dict[str, Report]) -> None:
    count = (
        "SELECT (COUNT(?r) AS ?n) WHERE { ?report a <http://www.w3.org/ns/shacl#ValidationReport> ;"
        " <http://www.w3.org/ns/shacl#conforms> false ; <http://www.w3.org/ns/shacl#result> ?r ."
        " ?r <http://www.w3.org/ns/shacl#focusNode> ?f ;"
        " <http://www.w3.org/ns/shacl#resultSeverity> ?s ;"
        " <http://www.w3.org/ns/shacl#sourceShape> ?shape ;"
        " <http://www.w3.org/ns/shacl#sourceConstraintComponent> ?c }"
    )
    for report in reports.values():
        for text, form in (
            (report.turtle(), ox.RdfFormat.TURTLE),
            (report.jsonld(), ox.RdfFormat.JSON_LD),
        ):
            store = ox.Store()
            store.load(text.encode(), format=form)
            (row,) = store.query(count)  # type: ignore[misc]
            assert int(row["n"].value) == len(report.results)


def test_sarif_has_a_rule_for_each_cause_and_places(reports: dict[str, Report]) -> None:
    for report in reports.values():
        run = report.sarif()["runs"][0]
        rules = run["tool"]["driver"]["rules"]
        assert len(rules) == len(report.causes)
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            place = result["locations"][0]["physicalLocation"]
            assert place["artifactLocation"]["uri"] == "station.xml"
            assert place["region"]["startLine"] > 0
        json.dumps(report.sarif())


def test_html_says_how_to_mend_it_before_the_rule(reports: dict[str, Report]) -> None:
    html = reports["Values that cannot be"].html()
    section = html.partition('id="cause-4"')[2].partition("</section>")[0]
    told = ["reactance must be one number", "Mend:", "Line 1", "eleven", "station.xml:61"]
    told += ["Expected a number", "line-x of gb-core"]
    places = [section.index(text) for text in told]
    assert places == sorted(places)
    assert html.count('href="#cause-') == len(reports["Values that cannot be"].causes)


def test_html_escapes_what_comes_from_data() -> None:
    sound = document(station())
    bad = sound.replace(">Load 1<", ">&lt;script&gt;alert(1)&lt;/script&gt;<").replace(
        "<cim:EnergyConsumer.p>12.5<", "<cim:EnergyConsumer.p>&lt;b&gt;much&lt;/b&gt;<"
    )
    html = judged(bad).html()
    assert "<script" not in html
    assert "<b>much" not in html
    assert "&lt;script&gt;" in html
    assert "http" not in html.split("</style>")[0]
