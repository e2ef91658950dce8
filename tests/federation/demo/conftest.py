"""Demos built once for all tests of this folder."""

from __future__ import annotations

import pytest

from federation.demo.scenario import Scenario, build


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    return build("small", 1, tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def gb(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    return build("gb", 1, tmp_path_factory.mktemp("gb"))
