"""What all tests share: where the real data lies, and a guard that CI skips nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent
IN_CI = os.environ.get("CI") == "true"

settings.register_profile(
    "gridspine",
    deadline=None,
    derandomize=IN_CI,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("gridspine")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real test data; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("GRIDSPINE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        reason = f"GRIDSPINE_DATA: {folder} does not exist"
        if IN_CI:
            pytest.fail(f"{reason}, and CI must not skip the real data")
        pytest.skip(reason)
    return folder
