"""Demos built once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from federation.demo.scenario import Scenario, build
from tests.federation.cluster import Cluster
from tests.federation.demo.cluster import running


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    return build("small", 1, tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def gb(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    return build("gb", 1, tmp_path_factory.mktemp("gb"))


@pytest.fixture(scope="session")
def nodes(small: Scenario) -> Iterator[Cluster]:
    with running(small) as cluster:
        yield cluster
