"""The command ``kgfed reroute``: a study from a served gateway, as words or as JSON.

In: a gateway's address or home and what the planner asks. Out: the study; the gateway asks every
member as the caller whose token is given.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
import urllib3

from federation.ask import unreachable
from federation.home import GatewayHome
from kgnode.console import Outcome, out, report, table
from kgnode.errors import BadRequest, GridspineError, IdentityError, MemberError, MissingFile

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_TIMEOUT_SECONDS = 900.0


@app.command()
def reroute(
    where: Annotated[str, typer.Argument(help="Address of a gateway, or its home.")],
    giver: Annotated[str | None, typer.Option("--from", help="Supply point to relieve.")] = None,
    receiver: Annotated[str | None, typer.Option("--to", help="Supply point to load.")] = None,
    outage: Annotated[str | None, typer.Option(help="Asset out of service.")] = None,
    at: Annotated[str | None, typer.Option(help="Time of the study, ISO 8601.")] = None,
    verify: Annotated[int, typer.Option(help="How many plans to prove by load flow.")] = 10,
    full: Annotated[bool, typer.Option("--full", help="N-1 of all branches, not a part.")] = False,
    window: Annotated[bool, typer.Option("--window", help="Find the half-hours it holds.")] = False,
    token: Annotated[Path | None, typer.Option(help="File with an access token.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Study which demand could move from one grid supply point to another."""

    def run() -> Outcome:
        if verify < 0:
            raise BadRequest("--verify cannot be negative.", hint="0 only searches.")
        asked: dict[str, Any] = {
            "from": giver,
            "to": receiver,
            "outage": outage,
            "at": at,
            "verify": verify,
            "n1": "full" if full else "reduced",
            "window": window,
        }
        result = ask_gateway(_address(where), asked, _secret(token))
        return Outcome(result, lambda: say(result))

    report("reroute", run, as_json=as_json)


def ask_gateway(url: str, asked: dict[str, Any], token: str | None = None) -> dict[str, Any]:
    """Ask a gateway for a study.

    Raises:
        MemberError: the gateway cannot be reached or failed.
        IdentityError: it does not accept the token.
        BadRequest: it refuses the question; the message is the gateway's.
    """
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    endpoint = url.rstrip("/") + "/reroute"
    try:
        response = urllib3.request(
            "POST",
            endpoint,
            body=orjson.dumps(asked),
            headers=headers,
            timeout=_TIMEOUT_SECONDS,
            redirect=False,
            retries=False,
        )
    except urllib3.exceptions.HTTPError as error:
        raise unreachable(endpoint, error) from error
    try:
        document = dict(orjson.loads(response.data))
    except (ValueError, TypeError) as error:
        raise MemberError(f"{endpoint} did not answer with JSON.") from error
    if response.status == 200:
        return document
    kinds: dict[int, type[GridspineError]] = {401: IdentityError, 400: BadRequest, 404: BadRequest}
    kind = kinds.get(response.status, MemberError)
    message = str(document.get("detail") or f"{endpoint} answered {response.status}.")
    raise kind(message, hint=str(document.get("hint", "")))


def say(study: dict[str, Any]) -> None:
    """Print a study in words."""
    rows = [[a["gsp"], ", ".join(a["owners"]), a["loads"], a["demand_mw"]] for a in study["areas"]]
    table(("area", "owners", "loads", "demand MW"), rows)
    points = study["open_points"]
    crossing = sum(point["cross_owner"] for point in points)
    out.print(f"{len(points)} open points between areas, {crossing} between owners.")
    plans = [
        [
            plan["verdict"],
            plan["moved"]["net_mw"],
            plan["from"],
            plan["to"],
            plan["close"]["name"],
            ", ".join(switch["name"] for switch in plan["open"]),
            plan["reasons"][0] if plan["reasons"] else "",
        ]
        for plan in study["candidates"]
    ]
    table(("verdict", "net MW", "from", "to", "close", "open", "reason"), plans)
    for mismatch in study["mismatches"]:
        out.print(f"mismatch: {mismatch['message']}", markup=False)
    for gap in study["missing"]:
        owner = gap["owner"] or "nobody known"
        out.print(f"missing from {owner}: {gap['what']}, assumed {gap['assumed']}", markup=False)


def _address(where: str) -> str:
    if where.startswith(("http://", "https://")):
        return where
    return GatewayHome(Path(where)).identity.url


def _secret(token: Path | None) -> str | None:
    if token is None:
        return None
    if not token.is_file():
        raise MissingFile(f"{token} does not exist.", file=str(token))
    return token.read_text().strip()
