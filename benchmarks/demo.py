"""The demo from installed packages to its summary: seconds of each step, memory of all processes.

Run: ``python -m benchmarks.demo [small|gb] [PICTURE]``; with PICTURE, a screenshot of the page that
draws the network, as the system operator's planner sees it, is kept there. The demo itself checks
the results: every answer against one store with all files, load flow and supply areas against
PowSyBl on the files. Memory is the sum of proportional set sizes: shared pages count once.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.figures import Figures
from federation.demo.personas import PERSONAS
from kgnode.remote import on_home

AIM_SECONDS, AIM_MB = 90, 3000
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
PROJECT = Path(__file__).parent.parent


def main(size: str, picture: str | None = None) -> None:
    """Run the demo once and write its figures."""
    with tempfile.TemporaryDirectory(prefix="gridspine-benchmark-") as folder:
        demo = Path(folder) / "demo"
        command = [sys.executable, "-m", "federation", "demo", "--size", size, "--json"]
        running = subprocess.Popen(
            [*command, "--dir", str(demo)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
        )
        assert running.stderr is not None
        for line in running.stderr:
            print(line, end="")
            if line.startswith("Open "):
                if picture:
                    photograph(line.split()[1], demo, Path(picture))
                break
        running.send_signal(signal.SIGINT)
        out, said = running.communicate(timeout=60)
    document: dict[str, Any] = json.loads(out)
    assert running.returncode == 0, (document, said)
    result = document["result"]
    assert all(one["equals_one_store"] for one in result["questions"])
    assert result["load_flow"]["equal"] and result["areas_equal"] and result["demand_equal"]

    figures = Figures("demo" if size == "gb" else f"demo-{size}")
    busy = f"load average {os.getloadavg()[1]:.1f} over five minutes at the end"
    figures.add("triples in the nodes", sum(n["triples"] for n in result["nodes"]), "triples",
                aim="at least 250,000" if size == "gb" else "")  # fmt: skip
    figures.add("boundary points paired", result["paired"], f"of {result['boundary_points']}")
    figures.add("loads not fed", result["unfed_loads"], "loads", aim="0")
    figures.add("largest difference of the load flows", result["load_flow"]["largest_difference"],
                "kV, MW, A ...", peer="PowSyBl on the files", aim="under 1e-6")  # fmt: skip
    for question in result["questions"]:
        figures.add(f"question {question['name']}", question["milliseconds"], "ms",
                    peer="one store, equal rows", note=f"{question['rows']} rows")  # fmt: skip
    for step, seconds in result["steps"].items():
        figures.add(f"step: {step}", seconds, "s")
    figures.add("from installed packages to the summary", result["seconds"], "s",
                aim=f"under {AIM_SECONDS}", note=busy)  # fmt: skip
    figures.add("peak memory of all processes", result["peak_memory_mb"], "MB",
                aim=f"under {AIM_MB}", note="proportional set sizes")  # fmt: skip
    figures.write()


def photograph(gateway: str, demo: Path, picture: Path) -> None:
    """Keep what the first persona sees of the network."""
    from playwright.sync_api import sync_playwright

    persona = PERSONAS[0]
    arguments = {
        "sub": persona.id,
        "roles": list(persona.roles),
        "purpose": persona.purpose,
        "audience": gateway,
    }
    home = demo / "homes" / str(persona.org)
    token = on_home(home, "token", arguments, lambda _step: None)["token"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        context.add_cookies([{"name": "gridspine_token", "value": str(token), "url": gateway}])
        page = context.new_page()
        page.goto(f"{gateway}/network")
        page.wait_for_selector("body[data-drawn=yes]", timeout=60_000)
        page.screenshot(path=str(picture))
        browser.close()


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["gb"]))
