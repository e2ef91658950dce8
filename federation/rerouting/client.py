"""A gateway from Python: what `kgnode.client` does, and networks for a planner's own tools.

In: a gateway's address and a token. Out: the assembled model as the caller may see it: CIM as a
zip, a PowSyBl network, or a pandapower network in the state that PowSyBl solved.

    from federation.rerouting.client import GatewayClient

    gateway = GatewayClient("http://127.0.0.1:8600", token)
    net = gateway.pandapower_network()
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import urllib3

from federation.ask import unreachable
from federation.rerouting.network import Network, load_files
from federation.rerouting.panda import pandapower_network
from kgnode.client import Client
from kgnode.problems import from_problem

ASSEMBLY_SECONDS = 600.0
"""How long assembling may take: every member is asked for its models."""


class GatewayClient(Client):
    """One gateway (arguments as `kgnode.client.Client`)."""

    def model_zip(self) -> bytes:
        """Return the assembled model, as the caller may see it, as a zip of CIM XML.

        Raises:
            GridspineError: the gateway refuses, or cannot be reached; the words are its own.
        """
        address = self.endpoint.removesuffix("/sparql") + "/reroute/model.zip"
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        seconds = max(self.timeout_seconds, ASSEMBLY_SECONDS)
        try:
            got = urllib3.request(
                "GET", address, headers=headers, timeout=seconds, redirect=False, retries=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(address, error) from error
        if got.status != 200:
            raise from_problem(got.data)
        return got.data

    def network(self) -> Network:
        """Return the assembled model as a pypowsybl network, joined at boundary points.

        Raises:
            GridspineError: as `model_zip`, or the models make no network.
        """
        with tempfile.TemporaryDirectory(prefix="gridspine-client-") as folder:
            path = Path(folder) / "model.zip"
            path.write_bytes(self.model_zip())
            return load_files([path])

    def pandapower_network(self) -> Any:
        """Return the assembled model as a pandapower network, solved once by PowSyBl.

        Raises:
            GridspineError: as `network`, or as `panda.pandapower_network`.
        """
        return pandapower_network(self.network())
