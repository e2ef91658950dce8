"""A plan as a page to print and take to a meeting: HTML without script, one style sheet.

In: a kept study and one of its plans as JSON, also those kept by an earlier version. Out: HTML.
Everything that members said is escaped; links are relative to the plan's own address.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import jinja2

from kgnode import __version__


def plan_page(study_id: str, study: dict[str, Any], plan: dict[str, Any]) -> str:
    """Return a plan as a page."""
    along = plan["thermal"].get("along") or []
    loaded = [part for part in along if part["after"] is not None]
    limiting = max(loaded, key=lambda part: part["after"], default={"asset": None})
    names = {outage["asset"]: outage["name"] for outage in study.get("outages", ())}
    return _templates.get_template("plan.html").render(
        study_id=study_id,
        study={"at": None, "outage": None, **study},
        outage=names.get(study.get("outage_asset"), study.get("outage")),
        plan={**plan, "thermal": {**plan["thermal"], "along": along}},
        limits=study.get("thresholds"),
        limiting=limiting["asset"],
        rows=max(len(plan["open"]), 1 + len(plan["also_close"])),
        version=__version__,
    )


def moment(text: str) -> str:
    """Return a time in words, as it is where it is none.

    >>> moment("2026-12-01T17:30:00+00:00")
    '1 December 2026, 17:30 UTC'
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text
    time = (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    return f"{time.day} {time:%B %Y, %H:%M} UTC"


def times(half_hours: Sequence[int]) -> str:
    """Return half-hours of a day as spans of time.

    >>> times([0, 1, 2, 14, 47])
    '00:00 to 01:30, 07:00 to 07:30, 23:30 to 24:00'
    """
    spans: list[list[int]] = []
    for half_hour in sorted(half_hours):
        if spans and spans[-1][1] == half_hour:
            spans[-1][1] += 1
        else:
            spans.append([half_hour, half_hour + 1])
    clock = [[f"{end // 2:02d}:{end % 2 * 30:02d}" for end in span] for span in spans]
    return ", ".join(" to ".join(span) for span in clock)


def short(iri: str) -> str:
    """Return the first part of an identifier: enough to tell models apart on paper.

    >>> short("urn:uuid:c9e6193f-c5e2-5a8c-8221-d495c62abbac")
    'c9e6193f'
    """
    return iri.removeprefix("urn:uuid:").partition("-")[0] if iri.startswith("urn:uuid:") else iri


_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("federation.rerouting", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {"moment": moment, "times": times, "short": short}
