"""A report for people: plain text and one HTML page.

In: a ``Findings``. Out: text. The first line says how many causes there are; each cause says what
is wrong, where, what is expected, and how to mend it. The page carries its own style and no
script, and escapes everything that comes from data or shapes.
"""

from __future__ import annotations

import html as escape

from kgnode.assurance.findings import Cause, Example, Findings

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111}
section{border:1px solid #bbb;border-left:.5rem solid #595959;margin:1rem 0;padding:.5rem 1rem}
section.violation{border-left-color:#b00020}section.warning{border-left-color:#9a5b00}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin:.2rem 0}section p{margin:.2rem 0 .6rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:.4rem 0 .8rem}
dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}code{font-size:.85em;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top}
td,th{padding:.2rem .8rem .2rem 0;border-top:1px solid #ddd}footer{color:#595959;font-size:.9rem}
@media print{section{break-inside:avoid}body{margin:0}}
"""


def text(report: Findings) -> str:
    """Return the report as plain text, one cause after the other."""
    lines = [report.headline, ""]
    for number, cause in enumerate(report.causes, 1):
        lines += [*_cause_lines(number, cause), ""]
    for pack in report.packs:
        lines += [f"Fault of pack {pack.id}: {fault}" for fault in pack.faults]
    lines += [f"Note: {note}" for note in report.notes]
    lines.append(_footer(report))
    return "\n".join(lines) + "\n"


def _cause_lines(number: int, cause: Cause) -> list[str]:
    places = "1 place" if cause.count == 1 else f"{cause.count} places"
    lines = [f"{number}. {cause.severity.capitalize()} in {places}: {cause.message}"]
    rows = [
        ("rule", f"{_rule(cause)}{', ' + cause.path if cause.path else ''}"),
        ("found", cause.found),
        ("expected", cause.expected),
        ("mend", cause.hint),
    ]
    lines += [f"   {name:<9}{value}" for name, value in rows if value]
    for index, example in enumerate(cause.examples):
        lines.append(f"   {'at' if index == 0 else '':<9}{_example(example)}")
    if cause.count > len(cause.examples):
        lines.append(f"   {'':<9}... and {cause.count - len(cause.examples)} more")
    return lines


def _rule(cause: Cause) -> str:
    return f"{cause.rule} of {cause.pack}" if cause.pack else cause.rule


def _example(example: Example) -> str:
    parts = [str(example.asset)]
    if example.value:
        parts.append(f"value {example.value}")
    place = _place(example)
    if place:
        parts.append(place)
    return ", ".join(parts)


def _place(example: Example) -> str:
    asset = example.asset
    return asset.file if asset.line is None else f"{asset.file}:{asset.line}"


def _footer(report: Findings) -> str:
    packs = ", ".join(f"{p.id} {p.version} ({p.shapes} shapes)" for p in report.packs) or "none"
    engines = ", ".join(f"{n} {name}" for name, n in report.engines.items())
    return f"Packs: {packs}. Shapes judged: {engines}. {report.seconds:.2f} s."


def html(report: Findings) -> str:
    """Return the report as one page."""
    e = escape.escape
    body = [f"<h1>{e(report.headline)}</h1>"]
    for number, cause in enumerate(report.causes, 1):
        rows = [
            ("Rule", _rule(cause)),
            ("Path", cause.path),
            ("Found", cause.found),
            ("Expected", cause.expected),
            ("How to mend it", cause.hint),
        ]
        details = "".join(f"<dt>{name}</dt><dd>{e(value)}</dd>" for name, value in rows if value)
        places = "1 place" if cause.count == 1 else f"{cause.count} places"
        body.append(
            f'<section class="{e(cause.severity)}"><h2>{number}. {e(cause.message)}</h2>'
            f"<p>{e(cause.severity.capitalize())} in {places}.</p><dl>{details}</dl>"
            f"{_table(cause)}</section>"
        )
    body += [
        f"<p>Fault of pack {e(p.id)}: {e(fault)}</p>" for p in report.packs for fault in p.faults
    ]
    body += [f"<p>Note: {e(note)}</p>" for note in report.notes]
    body.append(f"<footer>{e(_footer(report))}</footer>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Validation report</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def _table(cause: Cause) -> str:
    e = escape.escape
    valued = any(example.value for example in cause.examples)
    placed = any(_place(example) for example in cause.examples)
    rows = "".join(
        f"<tr><td>{e(str(x.asset))}</td>"
        + (f"<td>{e(x.value)}</td>" if valued else "")
        + (f"<td>{e(_place(x))}</td>" if placed else "")
        + f"<td><code>{e(x.asset.iri)}</code></td></tr>"
        for x in cause.examples
    )
    names = ["Asset", *["Value"] * valued, *["Where"] * placed, "Identifier"]
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    more = cause.count - len(cause.examples)
    rest = f"<p>... and {more} more.</p>" if more else ""
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{rest}"
