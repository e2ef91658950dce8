"""The demo's stewards approve the product's mapping sets, so that they work in queries.

In: the homes and who issues tokens. Out: each set released and signed by one member and adopted by
the others, and the competency questions saved, so that a preview has something to ask. It goes
through the doors of real stewards; every approval bears the name of a persona of the demo, and on a
node of one's own the sets stay proposed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import federation.rerouting
from federation.demo.personas import STEWARDS, Persona
from kgnode.errors import BadRequest
from kgnode.home import write_atomically
from kgnode.remote import on_home

COMPETENCY = Path(federation.rerouting.__file__).parent / "competency"
NOTICE = "Approved by personas of a demonstration; nobody has judged it."


def approve_sets(
    token: Callable[[Persona, str], str | None],
    homes: Mapping[str, Path],
    urls: Mapping[str, str],
    owner: str,
    say: Callable[[str], None],
) -> tuple[str, ...]:
    """Approve, release and adopt every set that comes with the product.

    Args:
        token: issues a persona's token for an address.
        homes: organisation -> home.
        urls: organisation -> address of its node.
        owner: the organisation that releases.
        say: told what was done.

    Returns:
        The releases, as ``name@version``.
    """
    home = homes[owner]

    def do(place: Path, verb: str, **arguments: Any) -> dict[str, Any]:
        result: dict[str, Any] = on_home(place, f"mappings-{verb}", arguments, lambda _: None)
        return result

    done = []
    approved = 0
    for one in do(home, "list")["sets"]:
        name = one["name"]
        if one["released"]:
            done.append(f"{name}@{one['released'][-1]}")
            continue
        for steward in STEWARDS:
            proof = token(steward, urls[owner])
            do(home, "approve", set=name, all=True, text=NOTICE, token=proof)
        release = do(home, "release", set=name, reasoner=False, notice=NOTICE)["release"]
        carried = do(home, "export", set=name, version=release["version"], **{"as": "release"})
        for org, other in homes.items():
            if org != owner:
                _adopt(do, other, carried["content"])
        approved += release["approved"]
        done.append(f"{name}@{release['version']}")
    for place in homes.values():
        _keep_questions(place)
    say(f"stewards of the demo approved {approved:,} mappings: {', '.join(done)}")
    return tuple(done)


def _adopt(do: Callable[..., dict[str, Any]], home: Path, content: str) -> None:
    try:
        do(home, "adopt", content=content)
    except BadRequest as error:
        if "released already" not in error.message:
            raise


def _keep_questions(home: Path) -> None:
    """Save the competency questions, in the words of CIM and of IES4, as queries of a home."""
    for path in (*COMPETENCY.glob("*.rq"), *(COMPETENCY / "ies4").glob("*.rq")):
        words = "ies4" if path.parent.name == "ies4" else "cim"
        write_atomically(home / "queries" / f"{words}-{path.name}", path.read_bytes())
