"""Model headers: who made a model, for which profiles and time, and what it stands on.

In: the statements of an ``md:FullModel``, ``dm:DifferenceModel`` (IEC 61970-552) or
``dcat:Dataset`` (network codes) element. Out: one frozen ``Header`` per model. Two models are
versions of one another as docs/reading-cim.md says (clause "Versions").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from kgnode.names import DM, MD

Kind = Literal["full", "difference", "dataset", "rdf"]

DCAT = "http://www.w3.org/ns/dcat#"
DCT = "http://purl.org/dc/terms/"
PROV = "http://www.w3.org/ns/prov#"
DCATCIM = "https://cim4.eu/ns/dcatcim#"

FULL_MODEL = f"{MD}FullModel"
DIFFERENCE_MODEL = f"{DM}DifferenceModel"
DATASET = f"{DCAT}Dataset"
KINDS: Mapping[str, Kind] = {
    FULL_MODEL: "full",
    DIFFERENCE_MODEL: "difference",
    DATASET: "dataset",
}
"""Class of the header element -> kind of the model."""

FIELDS: Mapping[str, str] = {
    f"{MD}Model.profile": "profiles",
    f"{MD}Model.modelingAuthoritySet": "authority",
    f"{MD}Model.version": "version",
    f"{MD}Model.scenarioTime": "scenario_time",
    f"{MD}Model.created": "created",
    f"{MD}Model.description": "description",
    f"{MD}Model.Supersedes": "supersedes",
    f"{MD}Model.DependentOn": "dependent_on",
    f"{DCT}conformsTo": "profiles",
    f"{DCT}publisher": "authority",
    f"{DCAT}version": "version",
    f"{DCAT}startDate": "scenario_time",
    f"{PROV}generatedAtTime": "created",
    f"{DCT}issued": "created",
    f"{DCT}description": "description",
    f"{DCT}title": "description",
    f"{DCT}replaces": "supersedes",
    f"{PROV}wasRevisionOf": "supersedes",
    f"{DCAT}previousVersion": "supersedes",
    f"{DCT}requires": "dependent_on",
}
"""Header property -> field; of several that give one single-valued field, the first wins."""

_MANY = frozenset({"profiles", "supersedes", "dependent_on"})
_KEYWORDS = (
    ("EquipmentBoundary", "EQBD"),
    ("TopologyBoundary", "TPBD"),
    ("CoreEquipment", "EQ"),
    ("EquipmentCore", "EQ"),
    ("EquipmentOperation", "OP"),
    ("EquipmentShortCircuit", "SC"),
    ("ShortCircuit", "SC"),
    ("Operation-EU", "OP"),
    ("SteadyStateHypothesis", "SSH"),
    ("StateVariables", "SV"),
    ("Topology", "TP"),
    ("Dynamics", "DY"),
    ("DiagramLayout", "DL"),
    ("GeographicalLocation", "GL"),
)


@dataclass(frozen=True)
class Header:
    """What a model says of itself.

    Attributes:
        iri: the model's IRI, also the name of its graph.
        kind: ``full``, ``difference``, ``dataset`` (network codes) or ``rdf`` (no header).
        profiles: profile IRIs, as published, in the order of the file.
        authority: modelling authority set or publisher.
        version: version as written.
        scenario_time: time the model describes, as written (CGMES 2.4.15 has no zone).
        created: time of making, as written.
        description: free text.
        supersedes: IRIs of models that this one replaces.
        dependent_on: IRIs of models that this one needs.
        cim: CIM namespace of the data; None where none is used.
    """

    iri: str
    kind: Kind = "full"
    profiles: tuple[str, ...] = ()
    authority: str | None = None
    version: str | None = None
    scenario_time: str | None = None
    created: str | None = None
    description: str | None = None
    supersedes: tuple[str, ...] = ()
    dependent_on: tuple[str, ...] = ()
    cim: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the header as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Header:
        """Return the header that ``to_json`` wrote."""
        values = dict(document)
        for name in _MANY:
            values[name] = tuple(values.get(name) or ())
        return cls(**values)

    @classmethod
    def of(
        cls, iri: str, kind: Kind, statements: Iterable[tuple[str, str]], cim: str | None = None
    ) -> Header:
        """Build a header from (property IRI, text or IRI) pairs."""
        single: dict[str, str] = {}
        many: dict[str, list[str]] = {name: [] for name in _MANY}
        for name, text in statements:
            field = FIELDS.get(name)
            value = text.strip()
            if field is None or not value:
                continue
            if field in _MANY:
                if value not in many[field]:
                    many[field].append(value)
            else:
                single.setdefault(field, value)
        return cls(
            iri=iri,
            kind=kind,
            profiles=tuple(many["profiles"]),
            supersedes=tuple(many["supersedes"]),
            dependent_on=tuple(many["dependent_on"]),
            cim=cim,
            **single,
        )

    def replaces(self, other: Header) -> bool:
        """Tell whether this model takes the place of ``other`` in a data set.

        It does when it is the same model, when it supersedes it, or when both have one authority,
        the same profiles and the same scenario time.
        """
        if self.iri == other.iri or other.iri in self.supersedes:
            return True
        if self.authority is None or not self.profiles:
            return False
        return (self.authority, set(self.profiles), self.scenario_time) == (
            other.authority,
            set(other.profiles),
            other.scenario_time,
        )

    @property
    def keywords(self) -> tuple[str, ...]:
        """Short names of the profiles (``EQ``, ``SSH`` ...), in the usual order of file names."""
        found = []
        for profile in self.profiles:
            keyword = next((k for part, k in _KEYWORDS if part in profile), None)
            if keyword and keyword not in found:
                found.append(keyword)
        order = [keyword for _, keyword in _KEYWORDS]
        return tuple(sorted(found, key=order.index))

    @property
    def is_boundary(self) -> bool:
        """Whether the model is a boundary set: its objects belong to all authorities alike."""
        if any("Boundary" in profile for profile in self.profiles):
            return True
        return "boundary" in (self.authority or "").lower()
