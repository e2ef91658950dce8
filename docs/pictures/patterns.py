"""Draw the pictures of docs/alignment-patterns.md.

In: the pictures below, each boxes with positions and the statements between them. Out: one SVG per
picture beside this file. Blue is CIM, green IES4, a broken line what we added to IES4, grey text.

Usage: ``python docs/pictures/patterns.py``
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, LINE, PAD, CHARACTER = 900, 17, 9, 7.1
COLOURS = {"cim": "#005EA5", "ies": "#00806A", "own": "#8A3B75", "text": "#555555"}
Box = tuple[str, float, float, str, str]
"""Key, centre x, centre y, kind and lines parted by ``|``; the last line of a thing is its class."""
Edge = tuple[str, str, str]


@dataclass(frozen=True)
class Picture:
    """A picture: title, height, boxes, statements."""

    title: str
    height: int
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]


PICTURES = {
    "states": Picture(
        "A position becomes a state",
        235,
        (
            ("sw", 95, 115, "cim", "CB 3|cim:Breaker"),
            ("no", 290, 55, "text", "true"),
            ("op", 290, 175, "text", "false"),
            ("dev", 480, 115, "ies", "CB 3|ies:Device"),
            ("usual", 775, 55, "own", "the fusion of its open states|gs:UsuallyOpen"),
            ("now", 775, 175, "own", "its state in the case|gs:ClosedState"),
        ),
        (
            ("sw", "no", "Switch.normalOpen"),
            ("sw", "op", "Switch.open"),
            ("usual", "dev", "isStateOf"),
            ("now", "dev", "isStateOf"),
        ),
    ),
    "measures": Picture(
        "A number becomes a measure, of the thing or of its state",
        300,
        (
            ("m", 90, 150, "cim", "G 1|cim:SynchronousMachine"),
            ("s", 310, 60, "text", "20.7"),
            ("p", 310, 240, "text", "-6.9"),
            ("dev", 450, 150, "ies", "G 1|ies:Device"),
            ("r", 575, 50, "own", "gs:ApparentPower|gs:Rating"),
            ("rv", 795, 50, "ies", "20.7 gs:megavoltampere|ies:MeasureValue"),
            ("st", 465, 250, "own", "in the case|gs:OperatingState"),
            ("ap", 715, 250, "own", "gs:ActivePower"),
            ("av", 815, 165, "ies", "-6.9 gs:megawatt|ies:MeasureValue"),
        ),
        (
            ("m", "s", "RotatingMachine.ratedS"),
            ("m", "p", "RotatingMachine.p"),
            ("dev", "r", "hasCharacteristic"),
            ("r", "rv", "hasValue"),
            ("st", "dev", "isStateOf"),
            ("st", "ap", "hasCharacteristic"),
            ("ap", "av", "hasValue"),
        ),
    ),
    "names": Picture(
        "Text that names becomes a name, text that identifies an identifier",
        245,
        (
            ("s", 95, 125, "cim", "_13|cim:Substation"),
            ("n", 300, 60, "text", "“Ashcombe”"),
            ("i", 300, 190, "text", "“0000-13”"),
            ("f", 455, 125, "ies", "_13|ies:Facility"),
            ("nm", 670, 50, "ies", "“Ashcombe”|ies:Name"),
            ("id", 670, 190, "ies", "“0000-13”|ies:Identifier"),
            ("sch", 775, 118, "own", "gs:MasterResourceIdentifiers"),
        ),
        (
            ("s", "n", "IdentifiedObject.name"),
            ("s", "i", "IdentifiedObject.mRID"),
            ("f", "nm", "hasName"),
            ("f", "id", "isIdentifiedBy"),
            ("id", "sch", "inScheme"),
        ),
    ),
    "ranges": Picture(
        "A limit becomes the bound of a range",
        250,
        (
            ("t", 115, 125, "cim", "T 1|cim:Terminal"),
            ("os", 115, 35, "cim", "cim:OperationalLimitSet"),
            ("l", 310, 80, "cim", "cim:CurrentLimit"),
            ("v", 310, 210, "text", "1049.7"),
            ("e", 450, 125, "ies", "T 1|ies:Element"),
            ("r", 570, 50, "ies", "ies:MeasureRange"),
            ("c", 815, 50, "ies", "ies:ElectricCurrent|gs:Rating"),
            ("cv", 790, 205, "ies", "1049.7|ies:ValueInAmperes"),
        ),
        (
            ("os", "t", "Terminal"),
            ("l", "os", "LimitSet"),
            ("l", "v", "normalValue"),
            ("e", "r", "hasCharacteristic"),
            ("r", "c", "upperBound"),
            ("c", "cv", "hasValue"),
        ),
    ),
    "participation": Picture(
        "An outage becomes an event in which the asset takes part, between two periods",
        300,
        (
            ("o", 90, 150, "cim", "gs:PlannedOutage"),
            ("a", 300, 150, "cim", "SGT 1"),
            ("s", 230, 45, "text", "1 December 08:00"),
            ("e", 230, 255, "text", "3 December 17:00"),
            ("ev", 530, 150, "ies", "outage|ies:Event"),
            ("dev", 830, 150, "ies", "SGT 1|ies:Device"),
            ("tk", 680, 220, "own", "gs:TakenOut"),
            ("b1", 530, 45, "ies", "ies:BoundingState"),
            ("p1", 800, 45, "ies", "20261201T080000|ies:ParticularPeriod"),
            ("b2", 530, 270, "ies", "ies:BoundingState"),
            ("p2", 800, 270, "ies", "20261203T170000|ies:ParticularPeriod"),
        ),
        (
            ("o", "a", "gs:asset"),
            ("o", "s", "gs:start"),
            ("o", "e", "gs:end"),
            ("tk", "ev", "isParticipantIn"),
            ("tk", "dev", "isParticipationOf"),
            ("b1", "ev", "isStartOf"),
            ("b2", "ev", "isEndOf"),
            ("b1", "p1", "inPeriod"),
            ("b2", "p2", "inPeriod"),
        ),
    ),
    "parts": Picture(
        "Containers become wholes; a place is turned round",
        250,
        (
            ("eq", 75, 60, "cim", "cim:Breaker"),
            ("vl", 300, 60, "cim", "cim:VoltageLevel"),
            ("ss", 300, 150, "cim", "cim:Substation"),
            ("lo", 75, 215, "cim", "cim:Location"),
            ("d", 480, 60, "ies", "ies:Device"),
            ("as", 680, 60, "ies", "ies:Asset"),
            ("fa", 680, 150, "ies", "ies:Facility"),
            ("pl", 480, 215, "ies", "ies:Location"),
        ),
        (
            ("eq", "vl", "Container"),
            ("vl", "ss", "Substation"),
            ("lo", "ss", "PowerSystemResources"),
            ("d", "as", "isPartOf"),
            ("as", "fa", "isPartOf"),
            ("fa", "pl", "inLocation"),
        ),
    ),
    "cases": Picture(
        "The case that a model describes becomes a possible world",
        250,
        (
            ("m", 90, 125, "cim", "model|md:FullModel"),
            ("t", 320, 45, "text", "1 December 17:30"),
            ("p", 320, 125, "text", "profile"),
            ("a", 320, 205, "text", "authority"),
            ("d", 530, 125, "ies", "model|ies:DataObject"),
            ("w", 530, 35, "ies", "case|ies:PossibleWorld"),
            ("pd", 800, 35, "ies", "20261201T173000|ies:ParticularPeriod"),
            ("c", 800, 125, "ies", "ies:ContentCategory"),
            ("o", 800, 210, "ies", "ies:Organisation"),
        ),
        (
            ("m", "t", "scenarioTime"),
            ("m", "p", "profile"),
            ("m", "a", "modelingAuthoritySet"),
            ("w", "d", "isRepresentedAs"),
            ("w", "pd", "inPeriod"),
            ("d", "c", "inCategory"),
            ("d", "o", "relationship"),
        ),
    ),
}


def size(box: Box) -> tuple[float, float]:
    """Return half the width and half the height of a box."""
    lines = box[4].split("|")
    return max(map(len, lines)) * CHARACTER / 2 + PAD, len(lines) * LINE / 2 + 5


def border(box: Box, x: float, y: float) -> tuple[float, float]:
    """Return where the line from the box's centre towards a point leaves the box."""
    dx, dy = x - box[1], y - box[2]
    wide, high = size(box)
    share = min(wide / abs(dx) if dx else 9e9, high / abs(dy) if dy else 9e9)
    return box[1] + dx * share, box[2] + dy * share


def draw(picture: Picture) -> str:
    """Return a picture as SVG."""
    boxes = {box[0]: box for box in picture.boxes}
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {picture.height}" '
        f'role="img" aria-labelledby="t" font-family="sans-serif" font-size="13">',
        f'<title id="t">{escape(picture.title)}</title>',
        f'<rect width="{WIDTH}" height="{picture.height}" fill="#fff"/>',
        '<marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0L8 4L0 8z" fill="#444"/></marker>',
    ]
    labels = []
    for start, end, label in picture.edges:
        one, other = boxes[start], boxes[end]
        x1, y1 = border(one, other[1], other[2])
        x2, y2 = border(other, one[1], one[2])
        out.append(
            f'<path d="M{x1:.0f} {y1:.0f}L{x2:.0f} {y2:.0f}" stroke="#444" marker-end="url(#a)"/>'
        )
        labels.append(
            f'<text x="{(x1 + x2) / 2:.0f}" y="{(y1 + y2) / 2 + 4:.0f}" text-anchor="middle" '
            f'font-size="12" stroke="#fff" stroke-width="5" paint-order="stroke">{label}</text>'
        )
    out += labels
    for box in picture.boxes:
        out += _box(box)
    return "\n".join([*out, "</svg>", ""])


def _box(box: Box) -> list[str]:
    _, x, y, kind, text = box
    wide, high = size(box)
    lines = text.split("|")
    out = []
    if kind != "text":
        dashes = ' stroke-dasharray="5 3"' if kind == "own" else ""
        out.append(
            f'<rect x="{x - wide:.0f}" y="{y - high:.0f}" width="{2 * wide:.0f}" '
            f'height="{2 * high:.0f}" rx="5" fill="#fff" stroke="{COLOURS[kind]}" '
            f'stroke-width="1.6"{dashes}/>'
        )
    for number, line in enumerate(lines):
        line_y = y + (number - len(lines) / 2) * LINE + 12.5
        out.append(
            f'<text x="{x:.0f}" y="{line_y:.0f}" text-anchor="middle" '
            f'fill="{COLOURS[kind]}">{escape(line)}</text>'
        )
    return out


if __name__ == "__main__":
    for name, picture in PICTURES.items():
        path = Path(__file__).parent / f"alignment-{name}.svg"
        path.write_text(draw(picture), encoding="utf-8", newline="\n")
