"""Validate what a caller may see: the same packs on a view, for consumers of others' data.

In: the store of a view (its default graph is the merge of what the caller may read) and packs. Out:
the result document of ``kgnode validate`` as JSON, with a note that it is about a view. Nothing but
the view is read, so nothing hidden can show; what is hidden can only seem to be missing.
"""

from __future__ import annotations

from pathlib import Path

import orjson
import pyoxigraph as ox

from kgnode.assurance.data import Data
from kgnode.assurance.limits import Limits
from kgnode.assurance.packs import load_packs
from kgnode.assurance.validate import validate_data

NOTE = (
    "Judged on what you may see: values and objects that the owner withholds from you seem to be "
    "missing here."
)


def validate_view(
    store: ox.Store,
    packs: tuple[str, ...] = ("gb-core",),
    registered: Path | None = None,
    limits: Limits | None = None,
) -> bytes:
    """Return the result document of a validation of a view, as JSON.

    Runs inside an evaluator (``View.call``), on its own copy of the store, and ends with it.

    Raises:
        NotFound: no such pack. Deadline: the time has passed.
    """
    names = list(packs)
    limits = limits or Limits(results_per_check=10_000)
    report = validate_data(Data(store), load_packs(names, registered), limits=limits)
    document = report.to_json()
    document["notes"] = [NOTE, *document["notes"]]
    return orjson.dumps(document)
