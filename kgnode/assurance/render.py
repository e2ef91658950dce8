"""A report for people: plain text and one HTML page.

In: a ``Findings``. Out: text. The first line says how many causes there are; each cause says what
is wrong, where, what is expected, and how to mend it. The page carries its own style and no
script, and escapes everything that comes from data or shapes.
"""

from __future__ import annotations

import html as escape

from kgnode.assurance.findings import Cause, Example, Findings

_FEW = 4
"""Causes from which on the page begins with a list of them."""
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111}
section{border:1px solid #bbb;border-left:.5rem solid #595959;margin:1rem 0;padding:.6rem 1rem}
section.violation{border-left-color:#b00020}section.warning{border-left-color:#9a5b00}
h1{font-size:1.5rem;line-height:1.3}h2{font-size:1.15rem;margin:0}p{margin:.4rem 0}
small{color:#595959;font-size:.85rem;font-weight:400}nav ol{padding-left:1.8rem}
nav li::marker{font-weight:700}nav li.violation::marker{color:#b00020}
nav li.warning::marker{color:#9a5b00}a{color:#0b4f8a}
.mend{background:#eef5ee;border-radius:.25rem;padding:.3rem .6rem}
.rule{color:#595959;font-size:.85rem}td code{color:#595959}
code,td{overflow-wrap:anywhere}code{font-size:.85em}
table{border-collapse:collapse;width:100%;margin:.4rem 0}td,th{text-align:left;vertical-align:top}
td,th{padding:.25rem .8rem .25rem 0;border-top:1px solid #ddd}thead th{border-top:0;font-size:.9rem}
footer{color:#595959;font-size:.9rem}
@media print{section{break-inside:avoid}body{margin:0}nav{display:none}}
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
    lines = [f"{number}. {_kind(cause)}: {cause.message}"]
    for index, example in enumerate(cause.examples):
        lines.append(f"   {'at' if index == 0 else '':<9}{_example(example)}")
    if cause.count > len(cause.examples):
        lines.append(f"   {'':<9}... and {cause.count - len(cause.examples)} more")
    rows = [
        ("found", "" if any(example.value for example in cause.examples) else cause.found),
        ("expected", cause.expected),
        ("mend", cause.hint),
        ("rule", f"{_rule(cause)}{', ' + cause.path if cause.path else ''}"),
    ]
    return [*lines, *(f"   {name:<9}{value}" for name, value in rows if value)]


def _kind(cause: Cause) -> str:
    places = "1 place" if cause.count == 1 else f"{cause.count} places"
    return f"{cause.severity.capitalize()} in {places}"


def _rule(cause: Cause) -> str:
    return f"{cause.rule} of {cause.pack}" if cause.pack else cause.rule


def _example(example: Example) -> str:
    parts = [str(example.asset)]
    if example.value:
        parts.append(f"found {example.value}")
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
    body = [f"<h1>{e(report.headline)}</h1>", _contents(report)]
    body += [_section(number, cause) for number, cause in enumerate(report.causes, 1)]
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


def _contents(report: Findings) -> str:
    """Return the list of causes, where there are more than fit a screen."""
    if len(report.causes) < _FEW:
        return ""
    rows = "".join(
        f'<li class="{escape.escape(cause.severity)}"><a href="#cause-{number}">'
        f"{escape.escape(cause.message)}</a> <small>{escape.escape(_kind(cause))}</small></li>"
        for number, cause in enumerate(report.causes, 1)
    )
    return f'<nav aria-label="Causes"><ol>{rows}</ol></nav>'


def _section(number: int, cause: Cause) -> str:
    """Return one cause: what is wrong and how to mend it, then where, then the rule."""
    e = escape.escape
    mend = f'<p class="mend"><strong>Mend:</strong> {e(cause.hint)}</p>' if cause.hint else ""
    asked = [f"Expected {e(cause.expected)}"] if cause.expected else []
    asked += [f"at <code>{e(cause.path)}</code>"] if cause.path else []
    rule = f"Rule <code>{e(_rule(cause))}</code>"
    return (
        f'<section id="cause-{number}" class="{e(cause.severity)}">'
        f"<h2>{number}. {e(cause.message)} <small>{e(_kind(cause))}</small></h2>"
        f"{mend}{_table(cause)}"
        f'<p class="rule">{" ".join(asked)}{". " if asked else ""}{rule}.</p></section>'
    )


def _table(cause: Cause) -> str:
    e = escape.escape
    found = any(example.value for example in cause.examples) or bool(cause.found)
    placed = any(_place(example) for example in cause.examples)
    rows = "".join(
        f"<tr><td>{e(str(x.asset) if x.asset.name else x.asset.cls or 'object')}"
        f"<br><code>{e(x.asset.iri)}</code></td>"
        + (f"<td>{e(x.value or cause.found)}</td>" if found else "")
        + (f"<td>{e(_place(x))}</td>" if placed else "")
        + "</tr>"
        for x in cause.examples
    )
    names = ["Asset", *["Found"] * found, *["File and line"] * placed]
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    more = cause.count - len(cause.examples)
    rest = f"<p>... and {more} more.</p>" if more else ""
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{rest}"
