"""Judge what a caller may see: the same packs on a view, for consumers of others' data.

In: the store of a view (its default graph is the merge of what the caller may read) and an order as
JSON. Out: the result document of ``kgnode validate`` or of ``kgnode gaps``, with a note that it is
about a view. Nothing but the view is read, so nothing hidden can show; what is hidden can only seem
to be missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pyoxigraph as ox

from kgnode.assurance import gaps
from kgnode.assurance.data import CONTEXT, Data
from kgnode.assurance.limits import Limits
from kgnode.assurance.packs import load_packs
from kgnode.assurance.validate import validate_data

NOTE = (
    "Judged on what you may see: values and objects that the owner withholds from you seem to be "
    "missing here."
)
RESULTS_PER_CHECK = 10_000


def order(
    task: str, packs: Sequence[str], registered: Path | None = None, seconds: float | None = None
) -> bytes:
    """Return the order for ``answer``: ``validate`` or ``gaps``, by which packs, for how long."""
    folder = None if registered is None else str(registered)
    return orjson.dumps(
        {"task": task, "packs": list(packs), "registered": folder, "seconds": seconds}
    )


def answer(store: ox.Store, ordered: bytes) -> bytes:
    """Return what an order asks of a view, as JSON.

    Runs inside an evaluator (``View.call`` with ``leaves``): focus nodes are marked in graphs
    beside the data, so nobody else may ask this copy of the view afterwards.

    Raises:
        NotFound: no such pack. Deadline: the time has passed.
    """
    wanted = orjson.loads(ordered)
    registered = Path(wanted["registered"]) if wanted["registered"] else None
    packs = load_packs(wanted["packs"], registered)
    data = Data(_writable(store))
    if wanted["task"] == "gaps":
        document = gaps.find(data, packs).to_json()
        return orjson.dumps({**document, "notes": [NOTE]})
    limits = Limits(results_per_check=RESULTS_PER_CHECK, deadline_seconds=wanted["seconds"])
    report = validate_data(data, packs, engine="quick", limits=limits)
    return orjson.dumps(replace(report, notes=(NOTE, *report.notes)).to_json())


def _writable(store: ox.Store) -> ox.Store:
    """Return the store itself, or its default graph in memory where it is only read."""
    probe = ox.Quad(CONTEXT, CONTEXT, CONTEXT, CONTEXT)
    try:
        store.add(probe)
        store.remove_graph(CONTEXT)
    except OSError:
        copied = ox.Store()
        copied.bulk_extend(store.quads_for_pattern(None, None, None, ox.DefaultGraph()))
        return copied
    return store
