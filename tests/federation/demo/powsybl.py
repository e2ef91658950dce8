"""Files as a PowSyBl network, solved, for the tests of this folder."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def load(files: Sequence[Path]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pypowsybl

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as stream:
        for file in files:
            stream.write(file, file.name)
    return pypowsybl.network.load_from_binary_buffer(
        archive, parameters={"iidm.import.cgmes.cgm-with-subnetworks": "true"}
    )


def solve(network: Any, **changes: Any) -> str:
    import pypowsybl.loadflow as loadflow

    settings = {
        "distributed_slack": True,
        "voltage_init_mode": loadflow.VoltageInitMode.DC_VALUES,
        **changes,
    }
    return str(loadflow.run_ac(network, loadflow.Parameters(**settings))[0].status.name)
