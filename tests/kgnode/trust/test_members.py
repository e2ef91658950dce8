"""The membership document: signed, current, unambiguous, or refused; refreshed while running."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgnode.errors import BadRequest, HomeMissing, IdentityError, MembersExpired, MembersInvalid
from kgnode.home import write_atomically
from kgnode.settings import Settings
from kgnode.trust import (
    Member,
    Members,
    MembersFile,
    Verifier,
    generate_key,
    load_key,
    load_members,
    make_key,
    new_members,
    public_jwks,
    sign_members,
)
from kgnode.trust.members import TYP, parse_members
from kgnode.trust.membership import initialise, join_scheme
from tests.kgnode.trust.scheme import NOW, scheme

SCHEME = scheme()
KEY = SCHEME.scheme_key.public


def test_what_was_signed_comes_back() -> None:
    assert load_members(SCHEME.signed, KEY, NOW) == parse_members(SCHEME.members.to_json())
    found = load_members(SCHEME.signed.encode(), KEY, NOW)
    assert found.at_node("https://NODE.dnoa.example/") == found.member("DNOA")
    assert found.at_gateway("https://gateway.neso.example") == found.member("NESO")
    assert found.at_node("https://elsewhere.example") is None


def test_issuing_counts_up_and_dates() -> None:
    again = SCHEME.members.issue(NOW + timedelta(days=1), days=2)
    assert again.sequence == SCHEME.members.sequence + 1
    assert again.expires - again.issued == timedelta(days=2)


def test_a_lower_sequence_is_refused_and_an_equal_one_is_not() -> None:
    assert load_members(SCHEME.signed, KEY, NOW, 1).sequence == 1
    with pytest.raises(MembersInvalid, match="sequence 1, 2 is already known"):
        load_members(SCHEME.signed, KEY, NOW, 2)


def test_an_expired_document_is_refused() -> None:
    with pytest.raises(MembersExpired):
        load_members(SCHEME.signed, KEY, NOW + timedelta(days=31))


def test_another_scheme_s_signature_is_refused() -> None:
    stranger = generate_key()
    for jws in (
        sign_members(SCHEME.members, stranger),
        SCHEME.scheme_key.sign(json.dumps(SCHEME.members.to_json()).encode(), "JWT"),
        SCHEME.signed[:-4] + "AAAA",
        "",
        "a.b.c",
        "x" * (5 << 20),
    ):
        with pytest.raises(MembersInvalid):
            load_members(jws, KEY, NOW)


def change(**members: Any) -> Callable[[dict[str, Any]], None]:
    def apply(document: dict[str, Any]) -> None:
        document["members"][0].update(members)

    return apply


BROKEN: dict[str, Callable[[dict[str, Any]], None]] = {
    "no sequence": lambda d: d.pop("sequence"),
    "sequence true": lambda d: d.update(sequence=True),
    "negative sequence": lambda d: d.update(sequence=-1),
    "no zone": lambda d: d.update(expires="2030-01-01T00:00:00"),
    "members as text": lambda d: d.update(members="DNOA"),
    "unknown status": change(status="deleted"),
    "id with a slash": change(id="DNOA/planning"),
    "node that is a file": change(node="file:///etc/passwd"),
    "node with a password": change(node="https://a:b@node.example"),
    "node with a query": change(node="https://node.example/?x=1"),
    "no keys": change(jwks={}),
    "a private key": change(jwks={"keys": [dict(generate_key().public, d="AAAA")]}),
    "an RSA key": change(jwks={"keys": [{"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"}]}),
    "a shared secret": change(jwks={"keys": [{"kty": "oct", "kid": "s", "k": "AAAA"}]}),
    "a key of another member": change(jwks=public_jwks(SCHEME.keys["DNOB"])),
    "an id of another member": change(id="DNOB"),
    "an address of another member": change(node="https://node.dnob.example/"),
    "a gateway of another member": change(gateway="https://gateway.neso.example"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_document_that_is_not_unambiguous_is_refused_even_when_signed(name: str) -> None:
    document = json.loads(json.dumps(SCHEME.members.to_json()))
    BROKEN[name](document)
    with pytest.raises(MembersInvalid):
        load_members(SCHEME.scheme_key.sign(json.dumps(document).encode(), TYP), KEY, NOW)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_json_is_refused_without_an_error_of_ours(document: Any) -> None:
    with pytest.raises(MembersInvalid):
        parse_members(document)


def test_signing_refuses_what_reading_would() -> None:
    broken = SCHEME.members.add(replace(SCHEME.members.members[0], id="COPY"))
    with pytest.raises(MembersInvalid):
        sign_members(broken, SCHEME.scheme_key)
    with pytest.raises(BadRequest):
        SCHEME.members.suspend("NOBODY")
    with pytest.raises(BadRequest):
        new_members("no good")


def test_suspending_and_resuming() -> None:
    suspended = SCHEME.members.suspend("DNOA")
    assert suspended.active("DNOA") is None
    assert suspended.at_node("https://node.dnoa.example") is None
    assert suspended.member("DNOA") is not None
    assert suspended.resume("DNOA") == SCHEME.members


def written(path: Path, members: Members) -> None:
    path.write_text(sign_members(members, SCHEME.scheme_key))


def test_a_suspension_counts_at_the_next_refresh_and_an_older_document_never(
    tmp_path: Path,
) -> None:
    now = datetime.now(UTC)
    path = tmp_path / "members.jws"
    first = SCHEME.members.issue(now)
    written(path, first)
    settings = Settings(members_refresh_seconds=0.001)
    provider = MembersFile(path, KEY, settings)
    verifier = Verifier(provider.current, "https://node.dnob.example", settings)
    token = replace(SCHEME, now=now).token()
    assert verifier.caller(f"Bearer {token}").org == "DNOA"
    written(path, first.suspend("DNOA").issue(now))
    provider.refresh()
    with pytest.raises(IdentityError):
        verifier.caller(f"Bearer {token}")
    written(path, first)
    provider.refresh()
    with pytest.raises(IdentityError):
        verifier.caller(f"Bearer {token}")
    assert isinstance(provider.problem, MembersInvalid)


def test_a_file_that_goes_bad_leaves_the_last_good_one_until_it_expires(tmp_path: Path) -> None:
    path = tmp_path / "members.jws"
    written(path, SCHEME.members)
    provider = MembersFile(path, KEY, Settings(members_refresh_seconds=0.001))
    assert provider.current(NOW).sequence == 1
    for bad in ("rubbish", ""):
        path.write_text(bad)
        provider.refresh()
        assert provider.current(NOW).sequence == 1
    path.unlink()
    provider.refresh()
    assert provider.current(NOW).sequence == 1
    with pytest.raises(MembersExpired):
        provider.current(NOW + timedelta(days=60))


def test_within_the_refresh_time_the_file_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "members.jws"
    written(path, SCHEME.members)
    provider = MembersFile(path, KEY, Settings(members_refresh_seconds=3600))
    provider.current(NOW)
    path.unlink()
    assert provider.current(NOW).sequence == 1


def test_a_home_that_joined_nothing_has_no_members(tmp_path: Path) -> None:
    for key in (None, KEY):
        with pytest.raises(MembersInvalid):
            MembersFile(tmp_path / "members.jws", key, Settings()).current(NOW)


def test_keys_are_kept_privately_and_a_new_one_keeps_the_old(tmp_path: Path) -> None:
    first = make_key(tmp_path / "keys")
    assert (tmp_path / "keys" / "signing.json").stat().st_mode & 0o777 == 0o600
    assert load_key(tmp_path / "keys").kid == first.kid
    second = make_key(tmp_path / "keys", "ES256")
    assert load_key(tmp_path / "keys").kid == second.kid
    assert (tmp_path / "keys" / f"signing-{first.kid}.json").stat().st_mode & 0o777 == 0o600
    assert "d" not in json.loads((tmp_path / "keys" / "jwks.json").read_bytes())["keys"][0]
    secret = json.loads((tmp_path / "keys" / "signing.json").read_bytes())["d"]
    assert secret not in repr(second)


def test_a_missing_or_broken_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(HomeMissing):
        load_key(tmp_path)
    for content in ("", "{}", json.dumps(generate_key().public)):
        (tmp_path / "signing.json").write_text(content)
        with pytest.raises(HomeMissing):
            load_key(tmp_path)


def test_after_expiry_a_newer_document_is_joined_and_an_older_one_never(tmp_path: Path) -> None:
    initialise(tmp_path / "home", "DNOA", "A network", None)
    scheme, own = generate_key(), load_key(tmp_path / "home" / "keys")
    write_atomically(tmp_path / "scheme.json", orjson.dumps(scheme.public))
    member = Member(
        id="DNOA", name="A", status="active", licence_role="DNO", node="http://a", gateway=None,
        jwks=public_jwks(own),
    )  # fmt: skip
    drawn = new_members("test").add(member)

    def signed(name: str, sequence: int, days: int) -> Path:
        now = datetime.now(UTC)
        found = replace(
            drawn, sequence=sequence, issued=now - timedelta(10), expires=now + timedelta(days)
        )
        write_atomically(tmp_path / name, sign_members(found, scheme).encode())
        return tmp_path / name

    join_scheme(tmp_path / "home", signed("members.jws", 4, 1))
    expired = signed("expired.jws", 5, -1)
    (tmp_path / "home" / "members.jws").write_bytes(expired.read_bytes())  # as time has passed
    with pytest.raises(MembersInvalid, match="sequence"):
        join_scheme(tmp_path / "home", signed("older.jws", 4, 30))
    assert join_scheme(tmp_path / "home", signed("newer.jws", 6, 30))["sequence"] == 6
