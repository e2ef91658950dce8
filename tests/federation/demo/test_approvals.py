"""Under the demo the product's mapping sets work, and say that nobody has judged them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson

from federation.demo.approvals import NOTICE, approve_sets
from federation.demo.personas import STEWARDS, Persona
from kgnode.home import Home
from kgnode.node import Node
from kgnode.settings import load_settings
from kgnode.trust import (
    Member,
    generate_key,
    issue_token,
    load_key,
    new_members,
    public_jwks,
    sign_members,
)
from kgnode.trust.membership import initialise, join_scheme


def test_the_demos_stewards_release_every_set_and_the_others_adopt_it(tmp_path: Path) -> None:
    homes = {org: tmp_path / org for org in ("NESO", "TNO", "DNOA")}
    urls = {org: f"http://{org.lower()}.example" for org in homes}
    scheme, members = generate_key(), new_members("demo")
    for org, home in homes.items():
        initialise(home, org, org, None)
        jwks = public_jwks(load_key(home / "keys"))
        members = members.add(Member(org, org, "DNO", urls[org], jwks=jwks))
    (tmp_path / "scheme.json").write_bytes(orjson.dumps(scheme.public))
    document = tmp_path / "members.jws"
    document.write_text(sign_members(members.issue(datetime.now(UTC)), scheme))
    for home in homes.values():
        join_scheme(home, document)

    def token(persona: Persona, audience: str) -> str:
        assert persona.org is not None
        key = load_key(homes[persona.org] / "keys")
        roles = list(persona.roles)
        return issue_token(
            key, persona.org, persona.id, roles=roles, purpose=None, audience=audience
        )

    said: list[str] = []
    done = approve_sets(token, homes, urls, "NESO", said.append)
    assert done == approve_sets(token, homes, urls, "NESO", said.append)
    assert {one.partition("@")[0] for one in done} >= {"cim-ies4", "cim16-cim100", "dcat-ies4"}
    node = Node(Home(homes["DNOA"]), load_settings())
    try:
        for name in (one.partition("@")[0] for one in done):
            release = node.mappings.release(name)
            assert release.manifest["issuer"] == "NESO"
            assert release.manifest["notice"] == NOTICE
            assert release.manifest["organisations"] == ["NESO", "TNO"]
            for row in release.mappings.mappings:
                assert row.works or row.negative or not row.between_terms
            assert release.structural.keys() == node.mappings.shipped_rules(name).keys()
    finally:
        node.close()
    saved = {path.name for path in (homes["DNOA"] / "queries").glob("*.rq")}
    assert {"cim-03_open_points.rq", "ies4-03_open_points.rq"} <= saved
    assert all(steward.id.startswith("demo-") for steward in STEWARDS)
