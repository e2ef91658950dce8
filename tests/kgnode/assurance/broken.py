"""Three badly broken models, and the page that shows their reports as a modeller sees them.

In: a small sound model written here. Out: docs/assurance-reports.md. Run after a change of packs or
reports: python -m tests.kgnode.assurance.broken
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from kgnode.assurance.choose import packs_for
from kgnode.assurance.report import Report
from kgnode.assurance.validate import validate
from kgnode.cim.reader import ReadContext, read

PAGE = Path(__file__).parents[3] / "docs" / "assurance-reports.md"
CONTEXT = ReadContext("https://dno.example/id#", "https://boundary.example/id#")

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
  xmlns:cim="http://iec.ch/TC57/CIM100#"
  xmlns:md="http://iec.ch/TC57/61970-552/ModelDescription/1#">
  <md:FullModel rdf:about="urn:uuid:{model}">
    <md:Model.created>2026-12-01T08:00:00Z</md:Model.created>
    <md:Model.scenarioTime>2026-12-01T17:30:00Z</md:Model.scenarioTime>
    <md:Model.version>1</md:Model.version>
    <md:Model.modelingAuthoritySet>https://dno.example/cim</md:Model.modelingAuthoritySet>
    <md:Model.profile>http://iec.ch/TC57/ns/CIM/CoreEquipment-EU/3.0</md:Model.profile>
  </md:FullModel>
"""


def uid(name: str) -> str:
    """Return the identifier of a named object."""
    return str(uuid5(NAMESPACE_URL, name))


def thing(cls: str, name: str, **values: str) -> str:
    """Return one object; a value that begins with ``@`` refers to the object of that name."""
    lines = [f'  <cim:{cls} rdf:ID="_{uid(name)}">']
    lines.append(f"    <cim:IdentifiedObject.name>{name}</cim:IdentifiedObject.name>")
    for key, value in values.items():
        tag = "cim:" + key.replace("__", ".")
        if value.startswith("@"):
            lines.append(f'    <{tag} rdf:resource="#_{uid(value[1:])}"/>')
        else:
            lines.append(f"    <{tag}>{value}</{tag}>")
    return "\n".join([*lines, f"  </cim:{cls}>"])


def equipment(cls: str, name: str, level: str, nodes: list[str], **values: str) -> list[str]:
    """Return equipment in a voltage level with one terminal on each node."""
    parts = [thing(cls, name, Equipment__EquipmentContainer=f"@{level}", **values)]
    for number, node in enumerate(nodes, 1):
        parts.append(
            thing(
                "Terminal",
                f"{name} T{number}",
                Terminal__ConductingEquipment=f"@{name}",
                Terminal__ConnectivityNode=f"@{node}",
                ACDCTerminal__sequenceNumber=str(number),
            )
        )
    return parts


def station() -> list[str]:
    """Return a sound 132/33 kV station with a transformer, a line, a breaker and a load."""
    parts = [
        thing("GeographicalRegion", "GB"),
        thing("SubGeographicalRegion", "North", SubGeographicalRegion__Region="@GB"),
        thing("Substation", "Hillside", Substation__Region="@North"),
        thing("Line", "Hillside line", Line__Region="@North"),
    ]
    for volts in ("132", "33"):
        parts.append(thing("BaseVoltage", f"{volts} kV", BaseVoltage__nominalVoltage=volts))
        parts.append(
            thing(
                "VoltageLevel",
                f"Hillside {volts}",
                VoltageLevel__BaseVoltage=f"@{volts} kV",
                VoltageLevel__Substation="@Hillside",
            )
        )
    for node, level in (("A", "132"), ("B", "132"), ("C", "132"), ("D", "33")):
        container = f"@Hillside {level}"
        parts.append(
            thing("ConnectivityNode", node, ConnectivityNode__ConnectivityNodeContainer=container)
        )
    parts += equipment(
        "ACLineSegment", "Line 1", "Hillside line", ["A", "B"],
        ACLineSegment__r="0.7", ACLineSegment__x="11.2", ACLineSegment__bch="0.0002",
        ConductingEquipment__BaseVoltage="@132 kV",
    )  # fmt: skip
    parts += equipment(
        "Breaker", "CB 1", "Hillside 132", ["B", "C"],
        Switch__normalOpen="false", Switch__retained="true",
    )  # fmt: skip
    parts += equipment("PowerTransformer", "T1", "Hillside", ["C", "D"])
    for number, volts in (("1", "132"), ("2", "33")):
        parts.append(
            thing(
                "PowerTransformerEnd", f"T1 end {number}",
                PowerTransformerEnd__PowerTransformer="@T1",
                PowerTransformerEnd__r="0.5", PowerTransformerEnd__x="20" if number == "1" else "0",
                PowerTransformerEnd__ratedU=volts, PowerTransformerEnd__ratedS="90",
                TransformerEnd__Terminal=f"@T1 T{number}", TransformerEnd__endNumber=number,
                TransformerEnd__BaseVoltage=f"@{volts} kV",
            )
        )  # fmt: skip
    parts.append(
        thing(
            "RatioTapChanger", "T1 taps", RatioTapChanger__TransformerEnd="@T1 end 1",
            RatioTapChanger__stepVoltageIncrement="1.43", TapChanger__lowStep="1",
            TapChanger__highStep="19", TapChanger__neutralStep="10",
        )
    )  # fmt: skip
    parts += equipment(
        "EnergyConsumer", "Load 1", "Hillside 33", ["D"],
        EnergyConsumer__p="12.5", EnergyConsumer__q="3.1",
    )  # fmt: skip
    parts.append(
        thing("OperationalLimitType", "PATL", OperationalLimitType__isInfiniteDuration="true")
    )
    parts.append(
        thing("OperationalLimitSet", "Line 1 normal", OperationalLimitSet__Terminal="@Line 1 T1")
    )
    parts.append(
        thing(
            "CurrentLimit", "Line 1 650 A", CurrentLimit__normalValue="650",
            OperationalLimit__OperationalLimitSet="@Line 1 normal",
            OperationalLimit__OperationalLimitType="@PATL",
        )
    )  # fmt: skip
    return parts


def document(parts: list[str]) -> str:
    """Return a whole CIM XML document."""
    return HEAD.format(model=uid("model")) + "\n".join(parts) + "\n</rdf:RDF>\n"


def changed(text: str, *changes: tuple[str, str]) -> str:
    """Return the text with each change made; each must apply."""
    for old, new in changes:
        if old not in text:
            raise ValueError(old)
        text = text.replace(old, new)
    return text


def nowhere(text: str) -> str:
    """Break connections: nodes, equipment and terminals that are not there."""
    node = f'    <cim:Terminal.ConnectivityNode rdf:resource="#_{uid("D")}"/>\n'
    cut = re.compile(rf'  <cim:Terminal rdf:ID="_{uid("CB 1 T2")}">.*?</cim:Terminal>\n', re.S)
    own = f'<cim:TransformerEnd.Terminal rdf:resource="#_{uid("T1 T2")}"/>'
    return cut.sub(
        "",
        changed(
            text,
            (node, ""),
            (f'#_{uid("A")}"', f'#_{uid("a node of another file")}"'),
            (own, own.replace(uid("T1 T2"), uid("Line 1 T1"))),
            (
                f'VoltageLevel.Substation rdf:resource="#_{uid("Hillside")}"',
                'VoltageLevel.Substation rdf:resource="#_gone"',
            ),
        ),
    )


def impossible(text: str) -> str:
    """Break values: signs, units, ranges and text in the place of numbers."""
    return changed(
        text,
        ("<cim:ACLineSegment.r>0.7<", "<cim:ACLineSegment.r>-0.7<"),
        ("<cim:ACLineSegment.x>11.2<", "<cim:ACLineSegment.x>eleven<"),
        ("<cim:PowerTransformerEnd.x>20<", "<cim:PowerTransformerEnd.x>0<"),
        ("<cim:TapChanger.lowStep>1<", "<cim:TapChanger.lowStep>25<"),
        ("<cim:RatioTapChanger.stepVoltageIncrement>1.43<",
         "<cim:RatioTapChanger.stepVoltageIncrement>1430<"),
        ("<cim:CurrentLimit.normalValue>650<", "<cim:CurrentLimit.normalValue>0<"),
        ("<cim:BaseVoltage.nominalVoltage>33<", "<cim:BaseVoltage.nominalVoltage>33000<"),
        ("<cim:Switch.normalOpen>false<", "<cim:Switch.normalOpen>closed<"),
    )  # fmt: skip


def confused(text: str) -> str:
    """Break meaning: a header without its facts, things twice, ends at two voltages."""
    second = thing("EnergyConsumer", "Load 1", EnergyConsumer__p="13.9")
    profile = "http://iec.ch/TC57/ns/CIM/CoreEquipment-EU/3.0"
    end = (
        '<cim:Terminal.ConnectivityNode rdf:resource="#_{}"/>\n'
        "    <cim:ACDCTerminal.sequenceNumber>{}<"
    )
    return changed(
        text,
        (f"    <md:Model.profile>{profile}</md:Model.profile>\n", ""),
        ("2026-12-01T17:30:00Z", "yesterday evening"),
        (end.format(uid("B"), 2), end.format(uid("D"), 1)),
        ("<cim:TransformerEnd.endNumber>2<", "<cim:TransformerEnd.endNumber>1<"),
        ("    <cim:IdentifiedObject.name>CB 1</cim:IdentifiedObject.name>\n", ""),
        ("</rdf:RDF>", second.replace('rdf:ID="_', 'rdf:about="#_') + "\n</rdf:RDF>"),
    )


BROKEN = {
    "Wires that lead nowhere": nowhere,
    "Values that cannot be": impossible,
    "A file that contradicts itself": confused,
}


def judged(text: str) -> Report:
    """Return the report on a document, as ``kgnode validate station.xml`` makes it."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("station.xml").write_text(text)
        staged = read([Path("station.xml")], CONTEXT)
        return validate(staged, packs_for(staged))


def page() -> str:
    """Return the page."""
    sound = document(station())
    lines = [
        "# Reports of three broken files",
        "",
        "One small model, broken in three ways, and what `kgnode validate station.xml` says.",
        "Made by `python -m tests.kgnode.assurance.broken`; do not edit.",
        "",
    ]
    for title, breaking in BROKEN.items():
        text = re.sub(r" [\d.]+ s\.\n\Z", "\n", judged(breaking(sound)).text())
        lines += [f"## {title}", "", "```text", text.rstrip(), "```", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
