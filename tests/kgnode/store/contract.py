"""What every adapter of the record port must do; each adapter's test module inherits from this."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Quad, Store

from kgnode.errors import NotFound
from kgnode.names import XSD
from kgnode.store.cells import NewModel, WholeGraph
from kgnode.store.record import Record

from .conftest import DATASET, header, model, triples

ONE = "<urn:a> <urn:p> <urn:b> .\n"
TWO = '<urn:a> <urn:p> "two"@en .\n'


class RecordContract:
    """Subclasses give a fixture ``record`` and a fixture ``reopen``."""

    def put(self, record: Record, *models: object, dataset: str = DATASET, **kwargs: object):
        given = {"aside": False, "attributes": {}, "keep": 10, **kwargs}
        return record.publish(dataset, models, **given)  # type: ignore[arg-type]

    def test_what_is_published_is_read_back_after_it_is_opened_again(
        self, record: Record, reopen: Callable[[], Record]
    ) -> None:
        made = self.put(
            record,
            model(
                "urn:m:1", {"a": ONE, "a b": TWO, "": "<urn:s> <urn:p> 4 .\n".replace("4", '"4"')}
            ),
            attributes={"title": "Network", "packs": [{"id": "x", "version": "1"}]},
        )
        record = reopen()
        found = record.current(DATASET)
        assert found == made
        assert found is not None
        assert found.attributes["packs"] == [{"id": "x", "version": "1"}]
        content = {cell.labels: set(record.triples(cell.iri)) for cell in found.cells}
        assert content[frozenset({"urn:label:a"})] == set(triples(ONE))
        assert content[frozenset({"urn:label:a", "urn:label:b"})] == set(triples(TWO))
        assert len(content[frozenset()]) == 1
        assert found.triples == 3
        assert record.spelling(found.models[0].content_hash) == b"spelling of urn:m:1"

    def test_a_model_kept_by_reference_shares_its_cells(self, record: Record) -> None:
        first = self.put(record, model("urn:m:1", {"a": ONE}), model("urn:m:2", {"a": TWO}))
        kept = next(m for m in first.models if m.iri == "urn:m:2")
        second = self.put(record, model("urn:m:1", {"a": TWO}, "other"), kept)
        assert second.number == 2
        assert set(first.cells) & set(second.cells) == set(kept.cells)

    def test_the_same_content_gives_the_same_cells_whatever_its_order(self, record: Record) -> None:
        first = self.put(record, model("urn:m:1", {"a": ONE + TWO}))
        second = self.put(record, model("urn:m:1", {"a": TWO + ONE + ONE}))
        assert first.cells == second.cells
        assert second.triples == 2

    def test_changed_labelling_rules_never_reuse_a_cell(self, record: Record) -> None:
        first = self.put(record, model("urn:m:1", {"a": ONE, "b": TWO}))
        second = self.put(record, model("urn:m:1", {"a": ONE + TWO}))
        of_a = [c for m in (first, second) for c in m.cells if c.labels == {"urn:label:a"}]
        assert len({cell.iri for cell in of_a}) == 2
        assert set(record.triples(of_a[0].iri)) == set(triples(ONE))

    def test_a_whole_graph_is_kept_as_its_triples_are(self, record: Record) -> None:
        store = Store()
        store.extend(
            Quad(t.subject, t.predicate, t.object, NamedNode("urn:m:1")) for t in triples(ONE + TWO)
        )
        whole = {frozenset({"urn:label:a"}): WholeGraph(store, "urn:m:1")}
        given = NewModel("urn:m:1", header("urn:m:1"), "1", "urn:base:", b"", whole)
        fast = self.put(record, given)
        slow = self.put(record, model("urn:m:1", {"a": ONE + TWO}))
        assert fast.cells == slow.cells

    def test_a_stream_is_kept_as_its_triples_are(self, record: Record) -> None:
        class Stream(list[object]):
            def ntriples(self) -> io.BytesIO:
                return io.BytesIO((ONE + TWO).encode())

        cells = {frozenset({"urn:label:a"}): Stream()}
        given = NewModel("urn:m:1", header("urn:m:1"), "1", "urn:base:", b"", cells)
        fast = self.put(record, given)
        slow = self.put(record, model("urn:m:1", {"a": ONE + TWO}))
        assert fast.cells == slow.cells

    def test_spellings_of_one_value_are_one_triple(self, record: Record) -> None:
        first, second = (
            "".join(
                f"<urn:a> <urn:p> {literal} .\n"
                for literal in (
                    f'"{integer}"^^<{XSD}integer>',
                    f'"{double}"^^<{XSD}double>',
                    f'"{boolean}"^^<{XSD}boolean>',
                    f'"{time}"^^<{XSD}dateTime>',
                    f'"{text}"',
                    f'"x"@{language}',
                )
            )
            for integer, double, boolean, time, text, language in (
                ("01", "1.0E1", "1", "2026-01-01T00:00:00.000Z", "caf\\u00E9", "EN-gb"),
                ("1", "10", "true", "2026-01-01T00:00:00Z", "caf\u00e9", "en-GB"),
            )
        )
        made = self.put(record, model("urn:m:1", {"a": first}))
        again = self.put(record, model("urn:m:1", {"a": second}))
        both = self.put(record, model("urn:m:1", {"a": first + second}))
        assert made.cells == again.cells == both.cells
        assert both.triples == 6

    def test_blank_nodes_are_given_names_of_their_model(self, record: Record) -> None:
        blank = '_:x <urn:p> _:y .\n_:y <urn:q> "not _:a blank" .\n'
        made = self.put(record, model("urn:m:1", {"a": blank}), model("urn:m:2", {"a": blank}))
        found = [t for cell in made.cells for t in record.triples(cell.iri)]
        subjects = {t.subject.value for t in found}
        assert subjects == {f"urn:gridspine:bnode:urn:m:{m}:{name}" for m in "12" for name in "xy"}
        assert {t.object.value for t in found if t.predicate.value == "urn:q"} == {"not _:a blank"}

    def test_history_is_kept_to_the_number_asked_for(self, record: Record) -> None:
        for number in range(5):
            self.put(record, model("urn:m:1", {"a": ONE}, f"h{number}"), keep=3)
        assert [m.number for m in record.history(DATASET)] == [5, 4, 3]
        with pytest.raises(NotFound):
            record.spelling("h0")

    def test_at_gives_the_version_current_then(self, record: Record) -> None:
        noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
        hour = timedelta(hours=1)
        for number in range(3):
            self.put(record, model("urn:m:1", {"a": ONE}), created=noon + number * hour)
        assert record.at(DATASET, noon - hour) is None
        assert record.at(DATASET, noon).number == 1  # type: ignore[union-attr]
        assert record.at(DATASET, noon + 1.5 * hour).number == 2  # type: ignore[union-attr]
        assert record.at(DATASET, noon + 9 * hour).number == 3  # type: ignore[union-attr]

    def test_a_clock_set_back_does_not_reorder_history(self, record: Record) -> None:
        noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
        self.put(record, model("urn:m:1", {"a": ONE}), created=noon)
        second = self.put(record, model("urn:m:1", {"a": ONE}), created=noon - timedelta(hours=1))
        assert second.created > noon
        assert record.at(DATASET, noon).number == 1  # type: ignore[union-attr]

    def test_withdrawing_removes_all_versions_and_their_triples(
        self, record: Record, reopen: Callable[[], Record]
    ) -> None:
        first = self.put(record, model("urn:m:1", {"a": ONE}))
        other = self.put(record, model("urn:m:2", {"a": TWO}), dataset="urn:other")
        record.withdraw(DATASET)
        for _ in range(2):
            assert record.current(DATASET) is None
            assert record.history(DATASET) == ()
            assert record.datasets() == (other,)
            with pytest.raises(NotFound):
                list(record.triples(first.cells[0].iri))
            with pytest.raises(NotFound):
                record.cell_file(first.cells[0])
            record = reopen()
        with pytest.raises(NotFound):
            record.withdraw(DATASET)
        assert self.put(record, model("urn:m:1", {"a": ONE})).number == 3

    def test_a_kept_model_that_is_gone_is_refused(self, record: Record) -> None:
        gone = self.put(record, model("urn:m:1", {"a": ONE})).models[0]
        record.withdraw(DATASET)
        with pytest.raises(NotFound):
            self.put(record, gone, dataset="urn:other")
        assert record.datasets() == ()

    def test_a_backup_restores_what_was_there(self, record: Record, tmp_path: Path) -> None:
        made = self.put(record, model("urn:m:1", {"a": ONE}), model("urn:m:2", {"b": TWO}))
        record.backup(tmp_path / "backup")
        self.put(record, model("urn:m:1", {"a": TWO}, "later"))
        record.withdraw(DATASET)
        self.put(record, model("urn:m:3", {"a": ONE}), dataset="urn:other")
        record.restore(tmp_path / "backup")
        assert record.datasets() == (made,)
        for cell in made.cells:
            assert len(list(record.triples(cell.iri))) == cell.triples
