"""What each kind of caller sees of the small demo, as the table in docs/who-sees-what.md.

In: the small demo's files, labels files and policies. Out: the page, by
``python -m tests.federation.demo.sees``; a test fails when it is not fresh.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from federation.demo.scenario import Scenario, build
from kgnode.cim.reader import ReadContext, read
from kgnode.names import dataset_iri
from kgnode.policy.caller import Caller
from kgnode.policy.decide import visible
from kgnode.policy.labels import assign, load_labels
from kgnode.policy.policies import Policies
from kgnode.store.cells import Cell, Manifest, StoredModel

PAGE = Path(__file__).parents[3] / "docs" / "who-sees-what.md"
NOW = datetime(2026, 12, 1, 17, 30, tzinfo=UTC)
PURPOSE = "network-planning"
CALLERS = (
    ("the public", Caller.public()),
    *(
        (f"{org} {role}", Caller(org, role, frozenset({role}), PURPOSE, proof="token"))
        for org in ("NESO", "DNOB")
        for role in ("planner", "steward", "auditor")
    ),
    ("NESO planner, purpose unstated", Caller("NESO", "p", frozenset({"planner"}), proof="token")),
    ("the owner's operator", None),
)
"""Who is shown; None is the operator of whichever organisation owns the data set."""


def homes(scenario: Scenario) -> Iterator[tuple[str, str, Manifest, Policies]]:
    """Yield organisation, data set, its manifest and its policies, in memory."""
    for organisation in scenario.organisations:
        base = f"https://{organisation.id.lower()}.example/id#"
        documents = [dataset.policy.read_bytes() for dataset in organisation.datasets]
        for dataset in organisation.datasets:
            staged = read(dataset.files, ReadContext(base, scenario.boundary_base))
            rules = load_labels(dataset.labels)
            models = []
            assigned = assign(staged, rules, organisation.id, dataset.id)
            for model in staged.models:
                cells = tuple(
                    Cell(f"{model.iri}/{n}", model.iri, labels, len(part))  # type: ignore[arg-type]
                    for n, (labels, part) in enumerate(assigned[model.iri].items())
                )
                models.append(
                    StoredModel(model.iri, model.header, "", model.base, cells, model.triples)
                )
            iri = dataset_iri(organisation.id, dataset.id)
            attributes = {"labels": rules.to_json()}
            manifest = Manifest(iri, 1, NOW, tuple(models), False, attributes)
            yield organisation.id, dataset.id, manifest, Policies.from_documents(documents)


def rows(scenario: Scenario) -> list[tuple[str, str, int, list[int]]]:
    """Return organisation, data set, its triples, and how many of them each caller sees."""
    found = []
    for org, dataset, manifest, policies in homes(scenario):
        counts = []
        for _, caller in CALLERS:
            asking = caller or Caller(org, "o", frozenset({"operator"}), proof="token")
            seen = visible(asking, [manifest], policies, org=org, now=NOW)
            counts.append(sum(cell.triples for cell in seen.cells))
        found.append((org, dataset, manifest.triples, counts))
    return found


def page(scenario: Scenario) -> str:
    """Return the page."""
    found = rows(scenario)
    titles = [f"{org}/{dataset}" for org, dataset, _, _ in found]
    lines = [
        "# Who sees what in the demo",
        "",
        "Made by `python -m tests.federation.demo.sees` from the small demo's files, labels files "
        "and policies; do not edit.",
        "Triples that each caller sees of each data set, with the purpose network-planning unless "
        "said otherwise.",
        "",
        f"| Caller | {' | '.join(titles)} |",
        f"|---|{'---:|' * len(titles)}",
    ]
    for index, (name, _) in enumerate(CALLERS):
        cells = [f"{counts[index]:,}" for _, _, _, counts in found]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines.append(f"| *all there is* | {' | '.join(f'{total:,}' for _, _, total, _ in found)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(page(build("small", 1, Path(folder))))
