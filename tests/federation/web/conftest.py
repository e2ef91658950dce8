"""The demo's nodes, also for the pages."""

from tests.federation.demo.conftest import nodes, small

__all__ = ["nodes", "small"]
