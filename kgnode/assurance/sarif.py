"""The report as SARIF 2.1.0, which editors and code forges show beside the lines.

In: a ``Findings``. Out: a JSON-ready log with one run; each cause is a rule, each example a result.
"""

from __future__ import annotations

from typing import Any

from kgnode.assurance.findings import Cause, Example, Findings

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"warning": "warning", "info": "note"}


def log(report: Findings) -> dict[str, Any]:
    """Return the SARIF log."""
    rules = [
        {
            "id": f"{cause.pack}/{cause.shape}/{cause.component}",
            "shortDescription": {"text": cause.message},
            "help": {"text": cause.hint},
            "defaultConfiguration": {"level": _LEVELS.get(cause.severity, "error")},
        }
        for cause in report.causes
    ]
    results = [
        _result(index, rules[index]["id"], cause, example)
        for index, cause in enumerate(report.causes)
        for example in cause.examples
    ]
    driver = {"name": "Gridspine", "informationUri": "https://w3id.org/gridspine", "rules": rules}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _result(index: int, rule: object, cause: Cause, example: Example) -> dict[str, Any]:
    asset = example.asset
    location: dict[str, Any] = {
        "logicalLocations": [{"name": str(asset), "fullyQualifiedName": asset.iri}]
    }
    if asset.file:
        physical: dict[str, Any] = {"artifactLocation": {"uri": asset.file}}
        if asset.line is not None:
            physical["region"] = {"startLine": asset.line}
        location["physicalLocation"] = physical
    found = f" Found: {example.value}." if example.value else ""
    return {
        "ruleId": rule,
        "ruleIndex": index,
        "level": _LEVELS.get(cause.severity, "error"),
        "message": {"text": f"{example.message}{found} {cause.hint}"},
        "locations": [location],
        "properties": {"count": cause.count},
    }
