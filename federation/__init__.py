"""The federation: queries over many nodes, answered as one, and what planners build on that."""

from __future__ import annotations
