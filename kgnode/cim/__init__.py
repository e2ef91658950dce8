"""CIM XML and RDF in and out: what modellers' files say, as typed triples with an owner."""

from __future__ import annotations

from kgnode.cim.headers import Header
from kgnode.cim.reader import ReadContext, read
from kgnode.cim.repairs import Place, Repair
from kgnode.cim.staged import Model, Staged, Statements

__all__ = ["Header", "Model", "Place", "ReadContext", "Repair", "Staged", "Statements", "read"]
