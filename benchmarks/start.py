"""What it costs to begin: installation from the lock, then the small demo, once each.

Run: ``python -m benchmarks.start``. Installs into a fresh environment (packages may come from the
installer's cache, which is said), then runs ``kgfed demo --check --size small`` with it. The demo
checks its own results; the figures stand only if it ends with exit code 0.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figures

PROJECT = Path(__file__).parent.parent


def main() -> None:
    """Install, run, write the figures."""
    with tempfile.TemporaryDirectory(prefix="gridspine-benchmark-") as folder:
        environment = Path(folder) / "environment"
        started = time.perf_counter()
        _run("uv", "venv", "-q", str(environment))
        python = str(environment / "bin" / "python")
        _run("uv", "pip", "install", "-q", "--python", python, "--require-hashes", "-r",
             str(PROJECT / "requirements.lock"))  # fmt: skip
        _run("uv", "pip", "install", "-q", "--python", python, "--no-deps", str(PROJECT))
        installed = time.perf_counter() - started
        size = sum(p.stat().st_size for p in environment.rglob("*") if p.is_file())
        demo = _run(
            str(environment / "bin" / "kgfed"), "demo", "--check", "--size", "small",
            "--dir", str(Path(folder) / "demo"),
        )  # fmt: skip
    result = json.loads(demo)["result"]
    figures = Figures("start")
    note = "packages from the installer's cache where it has them"
    figures.add("installation", installed, "s", note=note)
    figures.add("installed size", size / 1e6, "MB", note="with the demo extra, without tests")
    figures.add("kgfed demo --check --size small", result["seconds"], "s")
    figures.add("peak memory of all its processes", result["peak_memory_mb"], "MB")
    for name, seconds in result["steps"].items():
        figures.add(f"step: {name}", seconds, "s")
    figures.write()


def _run(*command: str) -> bytes:
    return subprocess.run(command, check=True, capture_output=True).stdout


if __name__ == "__main__":
    main()
