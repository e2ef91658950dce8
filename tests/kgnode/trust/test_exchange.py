"""A gateway gets a token for one node from the caller's own node, and no way around that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kgnode.errors import ExchangeError, IdentityError
from kgnode.trust import Seen, actor_token, exchange
from kgnode.trust.exchange import GRANT, JWT_TYPE
from kgnode.trust.tokens import Verifier, issue_token
from tests.kgnode.trust.scheme import NOW, SETTINGS, scheme

SCHEME = scheme()
HOME_NODE = "https://node.dnoa.example"
GATEWAY = "https://gateway.neso.example/"
TARGET = "https://node.dnob.example"


def form(**changes: str | None) -> dict[str, str]:
    fields: dict[str, str | None] = {
        "grant_type": GRANT,
        "subject_token": SCHEME.token(audience=GATEWAY),
        "subject_token_type": JWT_TYPE,
        "actor_token": actor_token(SCHEME.keys["NESO"], "NESO", HOME_NODE, NOW),
        "actor_token_type": JWT_TYPE,
        "audience": TARGET,
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def ask(fields: dict[str, str], seen: Seen | None = None, **changes: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "key": SCHEME.keys["DNOA"],
        "org": "DNOA",
        "members": SCHEME.members,
        "node_url": HOME_NODE,
        "settings": SETTINGS,
        "seen": seen or Seen(),
        "now": NOW,
        **changes,
    }
    return exchange(fields, **arguments)


def test_the_token_names_the_caller_and_the_gateway_and_is_for_one_node() -> None:
    answer = ask(form())
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 300
    header = f"Bearer {answer['access_token']}"
    caller = SCHEME.verifier("DNOB").caller(header, NOW)
    assert (caller.org, caller.sub, caller.act) == ("DNOA", "ada", "NESO")
    assert caller.roles == {"planner"}
    assert caller.purpose == "network-planning"
    with pytest.raises(IdentityError):
        SCHEME.verifier("NESO").caller(header, NOW)


def test_it_never_outlives_the_caller_s_token() -> None:
    later = NOW + timedelta(seconds=200)
    fields = form(actor_token=actor_token(SCHEME.keys["NESO"], "NESO", HOME_NODE, later))
    assert ask(fields, now=later)["expires_in"] == 100
    end = NOW + timedelta(seconds=310)
    fields = form(actor_token=actor_token(SCHEME.keys["NESO"], "NESO", HOME_NODE, end))
    with pytest.raises(ExchangeError):
        ask(fields, now=end)


def test_an_actor_token_counts_once() -> None:
    seen, fields = Seen(), form()
    ask(fields, seen)
    with pytest.raises(ExchangeError, match="used before"):
        ask(fields, seen)


def test_remembering_is_bounded_and_fails_closed() -> None:
    seen = Seen(most=2)
    until = NOW + timedelta(seconds=60)
    assert seen.first("A", "1", until, NOW)
    assert seen.first("A", "2", until, NOW)
    assert not seen.first("A", "3", until, NOW)
    assert seen.first("A", "3", until, NOW + timedelta(days=1))


def acted() -> str:
    return issue_token(
        SCHEME.keys["DNOA"],
        "DNOA",
        "ada",
        roles=[],
        purpose=None,
        audience=GATEWAY,
        now=NOW,
        act="NESO",
    )


REFUSED: dict[str, tuple[Callable[[], dict[str, str]], str]] = {
    "another grant": (lambda: form(grant_type="password"), "unsupported_grant_type"),
    "no subject": (lambda: form(subject_token=None), "invalid_request"),
    "no actor": (lambda: form(actor_token=None), "invalid_request"),
    "no audience": (lambda: form(audience=None), "invalid_request"),
    "another subject type": (lambda: form(subject_token_type="saml"), "invalid_request"),
    "another wish": (lambda: form(requested_token_type="refresh"), "invalid_request"),
    "a subject token for a node": (
        lambda: form(subject_token=SCHEME.token(audience=TARGET)),
        "invalid_grant",
    ),
    "a subject token of another organisation": (
        lambda: form(subject_token=SCHEME.token("DNOB", GATEWAY)),
        "invalid_grant",
    ),
    "a subject token for another gateway": (
        lambda: form(subject_token=SCHEME.token(audience="https://gateway.dnob.example")),
        "invalid_grant",
    ),
    "a token that was exchanged already": (
        lambda: form(subject_token=acted()),
        "invalid_grant",
    ),
    "an actor without a gateway": (
        lambda: form(actor_token=actor_token(SCHEME.keys["DNOA"], "DNOA", HOME_NODE, NOW)),
        "invalid_grant",
    ),
    "an actor token for another node": (
        lambda: form(actor_token=actor_token(SCHEME.keys["NESO"], "NESO", TARGET, NOW)),
        "invalid_grant",
    ),
    "an actor token in another's name": (
        lambda: form(actor_token=actor_token(SCHEME.keys["DNOB"], "NESO", HOME_NODE, NOW)),
        "invalid_grant",
    ),
    "an access token as the actor's": (
        lambda: form(actor_token=SCHEME.token("NESO", HOME_NODE)),
        "invalid_grant",
    ),
    "the caller's token as the actor's": (
        lambda: form(actor_token=SCHEME.token(audience=GATEWAY)),
        "invalid_grant",
    ),
    "a stranger as audience": (lambda: form(audience="https://evil.example"), "invalid_target"),
    "a broken audience": (lambda: form(audience="http://["), "invalid_target"),
    "a gateway as audience": (lambda: form(audience=GATEWAY), "invalid_target"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_with_the_protocol_s_word(name: str) -> None:
    make, word = REFUSED[name]
    with pytest.raises(ExchangeError) as caught:
        ask(make())
    assert caught.value.detail["error"] == word
    assert caught.value.status == 400


def test_a_suspended_gateway_or_target_gets_nothing() -> None:
    for suspended in ("NESO", "DNOB", "DNOA"):
        with pytest.raises(ExchangeError):
            ask(form(), members=SCHEME.members.suspend(suspended))


def test_a_gateway_cannot_make_tokens_itself() -> None:
    forged = issue_token(
        SCHEME.keys["NESO"],
        "DNOA",
        "ada",
        roles=["planner"],
        purpose=None,
        audience=TARGET,
        now=NOW,
        act="NESO",
    )
    with pytest.raises(IdentityError):
        SCHEME.verifier("DNOB").caller(f"Bearer {forged}", NOW)


def test_a_gateway_checks_callers_as_a_node_does() -> None:
    gateway = Verifier(lambda _: SCHEME.members, GATEWAY, SETTINGS)
    assert gateway.caller(f"Bearer {SCHEME.token(audience=GATEWAY)}", NOW).org == "DNOA"
    with pytest.raises(IdentityError):
        gateway.caller(f"Bearer {SCHEME.token(audience=TARGET)}", NOW)
    assert replace(SCHEME, now=NOW).members.at_gateway(GATEWAY) is not None
