"""Becomes Oxigraph's server over one file: ``python -m benchmarks.single_store FILE FOLDER PORT``.

In: N-Triples. Out: the process replaced by the server, read-only, the store optimised.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def main(file: str, folder: str, port: str) -> None:
    """Load, optimise, serve."""
    binary = str(Path(sys.executable).with_name("oxigraph"))
    subprocess.run([binary, "load", "--location", folder, "--file", file], check=True)
    subprocess.run([binary, "optimize", "--location", folder], check=True)
    bind = f"127.0.0.1:{port}"
    os.execv(binary, [binary, "serve-read-only", "--location", folder, "--bind", bind])


if __name__ == "__main__":
    main(*sys.argv[1:4])
