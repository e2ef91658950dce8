"""The coverage and gap report as a document for people: plain text or one HTML page.

In: a ``Report``. Out: text or HTML that needs nothing else to be read; what the report quotes is
escaped.
"""

from __future__ import annotations

from collections import abc
from html import escape

from kgnode.alignment.coverage import STATES, Covered, Report
from kgnode.names import shorten

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;color:#17212b;max-width:60rem;margin:2rem auto;"
    "padding:0 1rem}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:"
    ".3rem .6rem;border-bottom:1px solid #d6dde4;vertical-align:top}td.n,th.n{text-align:right}"
    "h2{margin-top:2rem}code{font-size:.9em}"
)

Rows = abc.Iterable[abc.Sequence[object]]


def text_of(report: Report) -> str:
    """Return the report as plain text."""
    lines = [report.title, "=" * len(report.title), ""]
    lines += [f"Made {report.made}, for {report.view}.", f"Sets: {', '.join(report.sets)}.", ""]
    for title, columns, rows in _parts(report):
        lines += [title, "-" * len(title)]
        lines += _lines(columns, [[str(cell) for cell in row] for row in rows])
        lines.append("")
    return "\n".join(lines)


def html_of(report: Report) -> str:
    """Return the report as one HTML page."""
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        f"<title>{escape(report.title)}</title><style>{_STYLE}</style>",
        f"<h1>{escape(report.title)}</h1>",
        f"<p>Made {escape(report.made)}, for {escape(report.view)}. "
        f"Sets: {escape(', '.join(report.sets))}.</p>",
    ]
    for title, columns, rows in _parts(report):
        head = "".join(f"<th scope='col'{_number(one)}>{escape(one)}</th>" for one in columns)
        body = "".join(
            "<tr>"
            + "".join(
                f"<td{_number(name)}>{escape(str(cell))}</td>"
                for name, cell in zip(columns, row, strict=True)
            )
            + "</tr>"
            for row in rows
        )
        parts.append(
            f"<h2>{escape(title)}</h2><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )
    return "\n".join((*parts, "</html>\n"))


def _number(column: str) -> str:
    return " class='n'" if column in _NUMBERS else ""


_NUMBERS = frozenset({"Classes", "Properties", "Triples", "Terms", "Uses", "Asked", "Needs", "Met"})


def _parts(report: Report) -> abc.Iterator[tuple[str, tuple[str, ...], Rows]]:
    """The tables of the report, in the order of the argument it makes."""
    yield (
        "Existing models",
        ("Namespace", "Classes", "Properties", "Triples"),
        [list(row) for row in report.models],
    )
    if report.cases:
        yield (
            "Requirements: what the use cases need",
            ("Use case", "Needs", "Met", "Lossy", "Missing"),
            [
                [
                    told["name"],
                    told["needs"],
                    told["met"],
                    _few(told["lossy"]),
                    _few(told["missing"]),
                ]
                for told in (case.to_json() for case in report.cases)
            ],
        )
    yield (
        "Alignment: how the terms stand",
        ("State", "Meaning", "Terms", "Uses"),
        [
            [state, words, report.counts[state]["terms"], report.counts[state]["uses"]]
            for state, words in STATES.items()
        ],
    )
    yield (
        "Gaps: terms without an approved mapping, the most used first",
        ("Term", "Kind", "State", "Uses", "Asked"),
        [[shorten(one.term), one.kind, one.state, one.used, one.asked] for one in report.gaps],
    )
    yield (
        "Covered terms",
        ("Term", "State", "Led to", "Uses", "Asked"),
        [_covered(one) for one in report.terms if one.state in ("exact", "lossy", "structural")],
    )


def _covered(one: Covered) -> list[object]:
    targets = _few([shorten(target) for target in one.targets])
    return [shorten(one.term), one.state, targets, one.used, one.asked]


def _few(names: abc.Sequence[str]) -> str:
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"{', '.join(names[:12])}{more}"


def _lines(columns: abc.Sequence[str], rows: list[list[str]]) -> list[str]:
    if not rows:
        return ["none"]
    widths = [max(len(name), *(len(row[at]) for row in rows)) for at, name in enumerate(columns)]
    return [
        "  ".join(
            cell.rjust(width) if name in _NUMBERS else cell.ljust(width)
            for cell, width, name in zip(row, widths, columns, strict=True)
        ).rstrip()
        for row in ([*columns], *rows)
    ]
