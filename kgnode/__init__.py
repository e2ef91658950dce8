"""A node of the ecosystem: one organisation's models, checked, labelled and answering SPARQL."""

from __future__ import annotations

__version__ = "0.1.0"
