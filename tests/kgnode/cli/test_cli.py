"""The command line: one document with --json, the right exit code, and nothing half-written."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kgnode.cimxml import document, region, substation, write

Run = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture(scope="session")
def kgnode() -> Run:
    def run(*arguments: object, **more: Any) -> tuple[int, dict[str, Any], str]:
        command = [sys.executable, "-m", "kgnode", *map(str, arguments), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, **more)
        return done.returncode, json.loads(done.stdout or "{}"), done.stderr

    return run


@pytest.fixture
def home(kgnode: Run, tmp_path: Path) -> Path:
    code, _, _ = kgnode("init", tmp_path / "home", "--org", "TNO", "--name", "Transmission")
    assert code == 0
    return tmp_path / "home"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write(tmp_path, "eq.xml", document("eq", region() + substation("Keadby")))


def bomb(path: Path) -> Path:
    """A zip of one file of blanks that unpacks a thousandfold."""
    start = document("eq", region()).partition("<cim:")[0]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", start + " " * (64 << 20))
    return path


def bad_inputs(folder: Path) -> dict[str, Path]:
    """Files that cannot be published, by the code they must be refused with."""
    whole = document("eq", region())
    return {
        "missing_file": folder / "nowhere.xml",
        "empty_input": write(folder, "empty.xml", ""),
        "not_xml": write(folder, "broken.xml", whole.replace("</cim:Sub", "</cim:Other", 1)),
        "truncated_input": write(folder, "cut.xml", whole[: len(whole) * 2 // 3]),
        "not_cim": write(folder, "page.xml", "<html><body>no</body></html>"),
        "archive_too_large": bomb(folder / "bomb.zip"),
    }


def test_bad_input_is_refused_with_its_code_a_hint_and_nothing_stored(
    kgnode: Run, home: Path, tmp_path: Path
) -> None:
    for expected, path in bad_inputs(tmp_path).items():
        code, told, _ = kgnode("publish", home, path, "--dataset", "network")
        (problem,) = told["problems"]
        assert (code, problem["code"]) == (2, expected), path
        assert problem["message"].endswith(".") and problem["hint"]
        assert path.name in (problem["file"] or problem["message"])
    code, told, _ = kgnode("doctor", home)
    assert told["result"]["datasets"] == []


def test_an_existing_home_is_never_overwritten(kgnode: Run, home: Path) -> None:
    before = (home / "keys" / "signing.json").read_bytes()
    code, told, _ = kgnode("init", home, "--org", "TNO", "--name", "Again")
    assert (code, told["problems"][0]["code"]) == (2, "home_exists")
    assert (home / "keys" / "signing.json").read_bytes() == before


def test_a_folder_that_is_no_home_is_named(kgnode: Run, tmp_path: Path) -> None:
    code, told, _ = kgnode("doctor", tmp_path)
    assert (code, told["problems"][0]["code"]) == (2, "home_missing")
    assert str(tmp_path) in told["problems"][0]["message"]


def test_a_refusal_by_shapes_is_exit_3_and_names_the_asset(
    kgnode: Run, home: Path, tmp_path: Path
) -> None:
    bare = substation("Keadby").replace("Substation.Region", "Substation.NoRegion")
    file = write(tmp_path, "bad.xml", document("eq", bare))
    code, told, _ = kgnode("publish", home, file, "--dataset", "network", "--pack", "gb-core")
    (problem,) = told["problems"]
    assert (code, problem["code"]) == (3, "refused_by_shapes")
    assert "Keadby" in problem["message"] and problem["file"].endswith("bad.xml")
    assert problem["line"] > 0
    assert told["result"]["validation"]["counts"]["violation"] >= 1
    code, told, _ = kgnode("validate", file, "--pack", "gb-core")
    assert code == 3 and told["result"]["counts"]["violation"] >= 1


def test_publish_query_and_versions_agree(kgnode: Run, home: Path, model: Path) -> None:
    code, told, _ = kgnode("publish", home, model, "--dataset", "network")
    assert code == 0 and told["ok"] and told["result"]["version"] == 1
    question = "SELECT (COUNT(*) AS ?n) { ?s a <http://iec.ch/TC57/CIM100#Substation> }"
    code, told, _ = kgnode("query", home, question)
    assert code == 0
    assert told["result"]["sparql"]["results"]["bindings"][0]["n"]["value"] == "1"
    code, told, _ = kgnode("versions", home, "--dataset", "network")
    assert [v["version"] for v in told["result"]["versions"]] == [1]


def test_a_malformed_query_says_where(kgnode: Run, home: Path) -> None:
    code, told, _ = kgnode("query", home, "SELECT ?s WHERE { ?s ?p }")
    assert (code, told["problems"][0]["code"]) == (2, "malformed_query")
    code, told, _ = kgnode("query", home, "SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }")
    assert (code, told["problems"][0]["code"]) == (2, "refused_query")


def test_without_json_words_go_to_people(home: Path, model: Path) -> None:
    command = [sys.executable, "-m", "kgnode", "publish", str(home), str(model)]
    done = subprocess.run([*command, "--dataset", "network"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "version 1" in done.stdout
    wrong = subprocess.run([*command, "--dataset", "no spaces"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: ") and "Traceback" not in wrong.stderr


@pytest.fixture
def served(home: Path) -> Iterator[tuple[Path, str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "kgnode", "serve", str(home), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    process.stdout.readline()
    yield home, f"http://127.0.0.1:{port}"
    process.terminate()
    assert process.wait(15) == 0
    assert not (home / "run" / "node.sock").exists()
    process.stdout.close()


def test_commands_on_a_served_home_go_through_the_process_that_serves_it(
    kgnode: Run, served: tuple[Path, str], model: Path, tmp_path: Path
) -> None:
    home, url = served
    code, told, _ = kgnode("publish", home, model, "--dataset", "network")
    assert (code, told["result"]["version"]) == (0, 1)
    code, told, _ = kgnode("publish", home, write(tmp_path, "e.xml", ""), "--dataset", "network")
    assert (code, told["problems"][0]["code"]) == (2, "empty_input")
    code, told, _ = kgnode("query", home, "ASK { ?s ?p ?o }")
    assert told["result"]["sparql"]["boolean"] is True
    code, told, _ = kgnode("query", url, "ASK { ?s ?p ?o }")
    assert told["result"]["sparql"]["boolean"] is False, "closed to the public"
    port = url.rpartition(":")[2]
    code, told, _ = kgnode("serve", home, "--port", port)
    assert (code, told["problems"][0]["code"]) == (2, "home_in_use")


def test_an_occupied_port_is_named(kgnode: Run, home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, told, _ = kgnode("serve", home, "--port", port)
    assert (code, told["problems"][0]["code"]) == (2, "port_in_use")
    assert str(port) in told["problems"][0]["message"] and told["problems"][0]["hint"]


def test_a_home_held_by_a_process_without_a_socket_is_in_use(kgnode: Run, home: Path) -> None:
    held = threading.Event()
    code = (
        "import sys,time; from pathlib import Path; from kgnode.store.record import open_record;"
        "r = open_record(Path(sys.argv[1]) / 'record'); print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        held.set()
        exit_code, told, _ = kgnode("doctor", home)
        assert (exit_code, told["problems"][0]["code"]) == (2, "home_in_use")
    finally:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()


def test_an_unreachable_address_is_no_traceback(kgnode: Run) -> None:
    started = time.monotonic()
    code, told, errors = kgnode("query", "http://127.0.0.1:9", "ASK {}")
    assert (code, told["problems"][0]["code"]) == (5, "member_error")
    assert "Traceback" not in errors and time.monotonic() - started < 60
