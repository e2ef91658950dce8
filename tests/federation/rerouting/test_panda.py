"""Networks from the Python client: PowSyBl's and pandapower's solve to the same voltages."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from federation.rerouting.client import GatewayClient
from federation.rerouting.loadflow import Pinned, load_flow
from federation.rerouting.network import Network, load_files
from federation.rerouting.panda import pandapower_network
from kgnode.errors import IdentityError, InputError, MemberError
from tests.federation.rerouting.conftest import Fresh

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pandapower = pytest.importorskip("pandapower")


def _differences(network: Network, net: Any) -> tuple[float, float]:
    """Return the largest difference of per-unit voltage and of angle in degrees, by bus name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pandapower.runpp(net, init="dc", tolerance_mva=1e-8, numba=False)
    flow = load_flow(network, Pinned(tap_control=False))
    buses = flow.tables["buses"].loc[list(net.bus["name"])]
    per_unit = buses["v_mag"].to_numpy() / net.bus["vn_kv"].to_numpy()
    volts = abs(per_unit - net.res_bus["vm_pu"].to_numpy()).max()
    return volts, abs(buses["v_angle"].to_numpy() - net.res_bus["va_degree"].to_numpy()).max()


def test_pandapower_repeats_the_load_flow_of_powsybl(fresh_four: Fresh) -> None:
    network = fresh_four()
    net = pandapower_network(network)
    volts, degrees = _differences(network, net)
    assert volts < 1e-8 and degrees < 1e-6
    assert len(net.load) == 48 and len(net.trafo) == 128
    assert set(net.load["name"]) == set(network.get_loads().index)


def test_open_ends_charging_and_taps_are_carried_over(fresh_four: Fresh) -> None:
    network = fresh_four()
    line = network.get_lines(attributes=["connected1"]).index[0]
    network.update_lines(id=line, connected1=False)
    for own in network.get_lines(attributes=["b1"]).index:
        network.update_lines(id=own, b1=2e-5, b2=2e-5)
    halves = network.get_boundary_lines(attributes=["b"]).index
    network.update_boundary_lines(id=list(halves), b=[3e-5] * len(halves))
    units = network.get_2_windings_transformers(attributes=["b"]).index
    network.update_2_windings_transformers(
        id=list(units), g=[1e-6] * len(units), b=[-1e-5] * len(units)
    )
    net = pandapower_network(network)
    volts, degrees = _differences(network, net)
    assert volts < 1e-8 and degrees < 1e-6
    assert len(net.shunt) > 200


def test_a_network_that_does_not_converge_is_said(fresh_four: Fresh) -> None:
    network = fresh_four()
    loads = network.get_loads(attributes=["p0"]).index
    network.update_loads(id=list(loads), p0=[900.0] * len(loads))
    with pytest.raises(InputError, match="does not converge"):
        pandapower_network(network)


@pytest.fixture(scope="module")
def served(four_zip: Path) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers["Authorization"] == "Bearer anna"
            assert self.path == "/reroute/model.zip"
            problem = b'{"code": "identity", "detail": "Not you.", "status": 401}'
            self.send_response(200 if known else 401)
            self.end_headers()
            self.wfile.write(four_zip.read_bytes() if known else problem)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_client_gives_both_networks_as_the_caller_may_see_them(
    served: str, four_zip: Path
) -> None:
    client = GatewayClient(served, "anna")
    assert client.model_zip() == four_zip.read_bytes()
    network = client.network()
    assert len(network.get_tie_lines()) == 11
    net = client.pandapower_network()
    volts, degrees = _differences(load_files([four_zip]), net)
    assert volts < 1e-8 and degrees < 1e-6


def test_the_client_says_what_the_gateway_says(served: str) -> None:
    with pytest.raises(IdentityError, match="Not you"):
        GatewayClient(served, "bob").network()
    with pytest.raises(MemberError, match="cannot be reached"):
        GatewayClient("http://127.0.0.1:1").model_zip()
