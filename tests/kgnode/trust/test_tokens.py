"""A token proves who calls or gets one useful word; forged ones of every kind are refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgnode.errors import IdentityError, MembersExpired
from kgnode.policy.caller import Caller
from kgnode.problems import problem
from kgnode.trust import generate_key, issue_token
from kgnode.trust.tokens import TYP, WORDS
from tests.kgnode.trust.scheme import NOW, Scheme, scheme

SCHEME = scheme()
NODE = "https://node.dnob.example"


def part(document: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    head, body, signature = token.split(".")
    decoded = [json.loads(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4))) for p in (head, body)]
    return decoded[0], decoded[1], signature


def claims(**changes: Any) -> dict[str, Any]:
    stated = {
        "iss": "DNOA",
        "org": "DNOA",
        "sub": "ada",
        "roles": ["planner"],
        "purpose": "network-planning",
        "aud": NODE,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 300,
        "jti": "x1",
        **changes,
    }
    return {name: value for name, value in stated.items() if value is not None}


def signed(document: Any, org: str = "DNOA", typ: str = TYP) -> str:
    return SCHEME.keys[org].sign(json.dumps(document).encode(), typ)


def refused(token: str, scheme_: Scheme = SCHEME) -> str:
    with pytest.raises(IdentityError) as caught:
        scheme_.verifier().caller(f"Bearer {token}", NOW)
    document = problem(caught.value)
    assert document["status"] == 401
    assert document["detail"] == WORDS[document["reason"]]
    assert token not in json.dumps(document)
    return str(document["reason"])


def test_a_good_token_gives_the_caller() -> None:
    caller = SCHEME.verifier().caller(f"Bearer {SCHEME.token()}", NOW)
    assert caller == Caller(
        "DNOA",
        "ada",
        frozenset({"planner"}),
        "network-planning",
        None,
        frozenset({"DNO"}),
        "token",
    )


def test_es256_and_ed25519_are_both_taken() -> None:
    verifier = SCHEME.verifier("NESO")
    for org in ("DNOA", "DNOB"):
        token = SCHEME.token(org, "https://node.neso.example")
        assert verifier.caller(f"bearer {token}", NOW).org == org


def test_no_token_is_the_public() -> None:
    assert SCHEME.verifier().caller(None) == Caller.public()


def test_a_trailing_slash_in_the_audience_makes_no_difference() -> None:
    assert SCHEME.verifier().caller(f"Bearer {SCHEME.token(audience=NODE + '/')}", NOW).org


def test_groups_are_bound_to_the_organisation() -> None:
    token = signed(claims(groups=["planning", "ESO"]))
    caller = SCHEME.verifier().caller(f"Bearer {token}", NOW)
    assert caller.groups == {"DNO", "DNOA/planning", "DNOA/ESO"}


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer", "Bearer ", "token x", "\x00"])
def test_other_schemes_are_refused(header: str) -> None:
    with pytest.raises(IdentityError) as caught:
        SCHEME.verifier().caller(header, NOW)
    assert caught.value.detail["reason"] == "scheme"


def test_a_token_for_another_node_is_refused() -> None:
    assert refused(SCHEME.token(audience="https://node.neso.example")) == "audience"


def hmac_with_public_key() -> str:
    """The classic confusion: the public key taken for a shared secret."""
    public = SCHEME.keys["DNOA"].public
    head = part({"alg": "HS256", "typ": TYP, "kid": public["kid"]})
    secret = base64.urlsafe_b64decode(public["x"] + "=")
    text = f"{head}.{part(claims())}"
    digest = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def with_header(**changes: Any) -> str:
    token = signed(claims())
    header, body, signature = parts(token)
    stated = {k: v for k, v in {**header, **changes}.items() if v is not None}
    return f"{part(stated)}.{part(body)}.{signature}"


def with_body(**changes: Any) -> str:
    header, body, signature = parts(signed(claims()))
    return f"{part(header)}.{part({**body, **changes})}.{signature}"


ATTACKS: dict[str, tuple[Callable[[], str], str]] = {
    "forged by a stranger's key": (lambda: signed(claims(), "OTHER"), "key"),
    "forged under another's key id": (
        lambda: generate_key().sign(json.dumps(claims()).encode(), TYP),
        "key",
    ),
    "signed by one member for another": (lambda: signed(claims(), "NESO"), "key"),
    "issuer and org differ": (lambda: signed(claims(org="NESO")), "issuer"),
    "no org": (lambda: signed(claims(org=None)), "issuer"),
    "unknown issuer": (lambda: signed(claims(iss="EVIL", org="EVIL")), "issuer"),
    "issuer that is no text": (lambda: signed(claims(iss=["DNOA"])), "issuer"),
    "no issuer": (lambda: signed(claims(iss=None)), "issuer"),
    "none algorithm": (lambda: with_header(alg="none"), "algorithm"),
    "None algorithm": (lambda: with_header(alg="None"), "algorithm"),
    "none without signature": (lambda: with_header(alg="none").rpartition(".")[0] + ".", "form"),
    "public key as a shared secret": (hmac_with_public_key, "algorithm"),
    "algorithm of another key type": (lambda: with_header(alg="ES256"), "algorithm"),
    "RS256": (lambda: with_header(alg="RS256"), "algorithm"),
    "key in the header": (lambda: with_header(jwk=generate_key().public), "header"),
    "key behind an address": (lambda: with_header(jku="https://evil.example/jwks"), "header"),
    "critical header": (lambda: with_header(crit=["b64"], b64=False), "header"),
    "certificate chain": (lambda: with_header(x5c=["AAAA"]), "header"),
    "no key id": (lambda: with_header(kid=None), "key"),
    "key id that is a path": (lambda: with_header(kid="../../etc/passwd"), "key"),
    "ordinary JWT": (lambda: signed(claims(), typ="JWT"), "type"),
    "actor token": (lambda: signed(claims(), typ="gridspine-actor+jwt"), "type"),
    "membership document": (lambda: SCHEME.signed, "type"),
    "no type": (lambda: with_header(typ=None), "type"),
    "changed subject": (lambda: with_body(sub="eve"), "signature"),
    "changed roles": (lambda: with_body(roles=["operator"]), "signature"),
    "expired": (
        lambda: signed(claims(iat=int(NOW.timestamp()) - 400, exp=int(NOW.timestamp()) - 100)),
        "expired",
    ),
    "from the future": (
        lambda: signed(claims(iat=int(NOW.timestamp()) + 100, exp=int(NOW.timestamp()) + 200)),
        "early",
    ),
    "not before": (lambda: signed(claims(nbf=int(NOW.timestamp()) + 100)), "early"),
    "lives too long": (lambda: signed(claims(exp=int(NOW.timestamp()) + 3600)), "lifetime"),
    "ends before it begins": (lambda: signed(claims(exp=int(NOW.timestamp()) - 1)), "lifetime"),
    "no expiry": (lambda: signed(claims(exp=None)), "claims"),
    "expiry as text": (lambda: signed(claims(exp="9999999999")), "claims"),
    "expiry without end": (lambda: signed(claims(exp=10**30)), "claims"),
    "expiry true": (lambda: signed(claims(exp=True)), "claims"),
    "not before as text": (lambda: signed(claims(nbf="soon")), "claims"),
    "audience that is no address": (lambda: signed(claims(aud="http://[")), "audience"),
    "no id": (lambda: signed(claims(jti=None)), "claims"),
    "no subject": (lambda: signed(claims(sub="")), "claims"),
    "no audience": (lambda: signed(claims(aud=None)), "claims"),
    "several audiences": (lambda: signed(claims(aud=[NODE, "https://other"])), "claims"),
    "roles as text": (lambda: signed(claims(roles="planner")), "claims"),
    "no roles": (lambda: signed(claims(roles=None)), "claims"),
    "roles beyond number": (lambda: signed(claims(roles=["x"] * 1000)), "claims"),
    "purpose as list": (lambda: signed(claims(purpose=["any"])), "claims"),
    "unknown actor": (lambda: signed(claims(act="EVIL")), "actor"),
    "actor as object": (lambda: signed(claims(act={"sub": "NESO"})), "actor"),
    "claims that are a list": (lambda: signed([claims()]), "issuer"),
    "too long": (lambda: signed(claims(sub="x" * 9000)), "form"),
    "two parts": (lambda: "e30.e30", "form"),
    "four parts": (lambda: signed(claims()) + ".x", "form"),
    "encrypted form": (lambda: "e30.e30.e30.e30.e30", "form"),
    "no base64": (lambda: "ä.ö.ü", "form"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_gets_its_word_and_nothing_else(name: str) -> None:
    make, word = ATTACKS[name]
    assert refused(make()) == word


@given(st.text(max_size=200))
def test_any_text_is_refused_without_an_error_of_ours(text: str) -> None:
    with pytest.raises(IdentityError):
        SCHEME.verifier().caller(f"Bearer {text}", NOW)


@given(st.integers(0, 400), st.sampled_from("Aa0-_.=é"))
def test_one_changed_character_is_refused(position: int, character: str) -> None:
    token = SCHEME.token()
    changed = token[:position] + character + token[position + 1 :]
    if changed != token:
        with pytest.raises(IdentityError):
            SCHEME.verifier().caller(f"Bearer {changed}", NOW)


def test_clock_skew_is_tolerated_and_no_more() -> None:
    verifier = SCHEME.verifier()
    token = f"Bearer {SCHEME.token()}"
    skew = timedelta(seconds=verifier.settings.clock_skew_seconds)
    life = timedelta(seconds=300)
    second = timedelta(seconds=1)
    for moment in (NOW - skew, NOW + life + skew - second):
        assert verifier.caller(token, moment).org == "DNOA"
    for moment, word in ((NOW - skew - second, "early"), (NOW + life + skew, "expired")):
        with pytest.raises(IdentityError) as caught:
            verifier.caller(token, moment)
        assert caught.value.detail["reason"] == word


def test_a_suspended_member_and_a_suspended_actor_are_refused() -> None:
    token = SCHEME.token()
    verifier = SCHEME.verifier()
    suspended = SCHEME.members.suspend("DNOA")
    verifier.members = lambda _: suspended
    with pytest.raises(IdentityError) as caught:
        verifier.caller(f"Bearer {token}", NOW)
    assert caught.value.detail["reason"] == "issuer"
    acting = signed(claims(act="NESO"))
    without_actor = SCHEME.members.suspend("NESO")
    verifier.members = lambda _: without_actor
    with pytest.raises(IdentityError) as caught:
        verifier.caller(f"Bearer {acting}", NOW)
    assert caught.value.detail["reason"] == "actor"


def test_a_rotated_key_counts_and_a_dropped_one_does_not() -> None:
    new = generate_key("ES256")
    token = issue_token(
        new, "DNOA", "ada", roles=[], purpose=None, audience=NODE, now=NOW, ttl_seconds=60
    )
    verifier = SCHEME.verifier()
    both = SCHEME.members.rotate("DNOA", new.public)
    verifier.members = lambda _: both
    assert verifier.caller(f"Bearer {token}", NOW).org == "DNOA"
    assert verifier.caller(f"Bearer {SCHEME.token()}", NOW).org == "DNOA"
    only = SCHEME.members.rotate("DNOA", new.public, keep_old=False)
    verifier.members = lambda _: only
    assert verifier.caller(f"Bearer {token}", NOW).org == "DNOA"
    with pytest.raises(IdentityError) as caught:
        verifier.caller(f"Bearer {SCHEME.token()}", NOW)
    assert caught.value.detail["reason"] == "key"


def test_a_node_without_a_usable_membership_document_takes_no_token() -> None:
    def expired(_: object) -> Any:
        raise MembersExpired("over")

    verifier = SCHEME.verifier()
    verifier.members = expired
    with pytest.raises(IdentityError) as caught:
        verifier.caller(f"Bearer {SCHEME.token()}", NOW)
    assert caught.value.detail["reason"] == "members"
    assert verifier.caller(None).is_public
