"""The demo's gateway: an ordinary one, with the personas at its door.

In: a gateway home, a file that names the homes, a port. Out: the gateway served until it is told to
stop. Whoever picks a persona gets a token from that persona's own node, as if they had signed in.
"""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

from federation.demo.personas import PERSONAS
from federation.web.app import build
from kgnode.remote import on_home
from kgnode.web.serve import listen, run, serve_until_told, server


def main(home: Path, homes_file: Path, port: int) -> None:
    """Serve the gateway on loopback."""
    homes = {name: Path(path) for name, path in orjson.loads(homes_file.read_bytes()).items()}
    app = build(home)
    url = app.state.gateway.home.identity.url

    def token_of(name: str) -> str | None:
        persona = next((one for one in PERSONAS if one.id == name), None)
        if persona is None or persona.org is None:
            return None
        arguments = {
            "sub": persona.id,
            "roles": list(persona.roles),
            "purpose": persona.purpose,
            "audience": url,
        }
        return str(on_home(homes[persona.org], "token", arguments, lambda _step: None)["token"])

    app.state.personas = {persona.id: persona.title for persona in PERSONAS}
    app.state.token_of = token_of
    app.state.samples = (Path(__file__).parent / "questions",)
    running = server(app, lifespan="on")
    run(serve_until_told({running: listen("127.0.0.1", port)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
