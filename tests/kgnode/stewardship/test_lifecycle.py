"""Stewards govern mapping sets by the same verbs everywhere, and nobody gets past them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kgnode.alignment import sssom_tsv
from kgnode.alignment.mapping import Status
from kgnode.cli.check import check
from kgnode.errors import BadMapping, Forbidden, GridspineError, IdentityError, NotFound
from kgnode.operations import VERBS, perform
from kgnode.trust import generate_key
from tests.kgnode.mapping_world import R1, R2, R3, SET, World, make_world

CHANGES = ["propose", "review", "approve", "reject", "revise", "deprecate", "withdraw", "comment"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.node.close()


def status(world: World, key: str) -> str:
    found: str = world.do("show", id=key)["mappings"][0]["status"]
    return found


def approve(world: World, *ids: str) -> None:
    world.do("approve", "anna@NESO", ids=list(ids))
    world.do("approve", "dora@DNOA", ids=list(ids))


def test_two_stewards_of_two_organisations_approve(world: World) -> None:
    world.do("approve", "anna@NESO", id=R1)
    assert status(world, R1) == "in review"
    world.do("approve", "dora@DNOA", id=R1)
    assert status(world, R1) == "approved"


def test_one_organisation_cannot_approve_twice(world: World) -> None:
    world.do("approve", "anna@NESO", id=R1)
    for second in ("anna@NESO", "alan@NESO"):
        with pytest.raises(Forbidden):
            world.do("approve", second, id=R1)
    world.do("undo", "anna@NESO")
    world.do("approve", "anna@NESO", id=R1)
    assert status(world, R1) == "in review"


def test_only_proven_stewards_change_anything(world: World) -> None:
    stranger = generate_key()
    forged = world.token("NESO", "anna", key=stranger)
    of_another = world.token("NESO", "anna", key=world.keys["DNOA"])
    planner = world.token("NESO", "paul", "planner", "publisher", "operator")
    by_gateway = world.token("NESO", "anna", "steward", act="DNOA")
    arguments = {
        "set": "small",
        "id": R1,
        "relation": "close",
        "text": "x",
        "subject": "https://x.example#a",
        "object": "https://x.example#b",
        "content": SET,
    }
    before = world.do("history")
    for token, error in (
        (forged, IdentityError),
        (of_another, IdentityError),
        ("no token", IdentityError),
        (planner, Forbidden),
        (by_gateway, GridspineError),
    ):
        for verb in (*CHANGES, "undo", "import", "release", "adopt"):
            given = {**arguments, "token": token}
            with pytest.raises(error):
                perform(world.node, f"mappings-{verb}", given, lambda _: None)
    assert world.do("history") == before


def test_only_the_homes_own_steward_releases_or_adopts(world: World) -> None:
    approve(world, R1)
    for verb in ("release", "adopt"):
        with pytest.raises(Forbidden):
            world.do(verb, "anna@NESO", version="1", content="{}")


def test_a_role_in_the_arguments_makes_nobody_a_steward(world: World) -> None:
    """What a request says of its caller counts for nothing; only the token does."""
    forged = {"caller": {"org": "NESO", "sub": "anna", "roles": ["steward"]}, "roles": ["steward"]}
    token = world.token("NESO", "paul", "planner")
    with pytest.raises(Forbidden):
        world.do("approve", id=R1, **forged, **{"token": token})
    world.do("approve", "anna@NESO", id=R1)
    with pytest.raises(Forbidden):
        perform(
            world.node,
            "mappings-approve",
            {"set": "small", "id": R1, **forged, "token": world.token("NESO", "x")},
            lambda _: None,
        )


def test_an_imported_document_cannot_bring_its_own_approval(world: World) -> None:
    rows = SET.splitlines()
    head = [line for line in rows if line.startswith("#")]
    table = [line for line in rows if not line.startswith("#")]
    claimed = [f"{table[0]}\tgs_status\treviewer_id"] + [
        f"{line}\tapproved\thttps://orcid.org/1" for line in table[1:]
    ]
    result = world.do("import", set="other", content="\n".join([*head, *claimed]), form="tsv")
    assert {one["status"] for one in result["changed"]} == {"proposed"}
    with pytest.raises(BadMapping, match="Nothing in other is approved"):
        world.do("release", set="other", version="1")


def test_a_rejected_mapping_is_denied_and_cannot_be_proposed_or_imported_again(
    world: World,
) -> None:
    result = world.do("reject", "dora@DNOA", id=R1, text="no")
    assert status(world, R1) == "withdrawn"
    denial = next(one for one in result["changed"] if one["negative"])
    again = {"subject": "https://a.example#Line", "object": "https://b.example#Asset"}
    for relation in ("exact", "http://www.w3.org/2002/07/owl#equivalentClass"):
        with pytest.raises(BadMapping, match="rejected"):
            world.do("propose", "anna@NESO", relation=relation, **again)
    imported = SET.replace("skos:exactMatch\tb:Asset", "owl:equivalentClass\tb:Asset").replace(
        "https://example.org/r/", "https://example.org/new/"
    )
    assert world.do("import", content=imported)["blocked"] == ["https://example.org/new/1"]
    world.do("propose", "anna@NESO", relation="related", **again)
    world.do("withdraw", "dora@DNOA", id=denial["id"], text="changed my mind")
    world.do("propose", "anna@NESO", relation="exact", **again)


def test_a_denial_blocks_what_means_the_same_or_would_imply_it(world: World) -> None:
    line, asset = "https://a.example#Line", "https://b.example#Asset"
    world.do("revise", "dora@DNOA", id=R1, relation="broader")
    broader = next(one for one in world.do("show", pile="open")["mappings"] if "Asset" in str(one))
    world.do("reject", "dora@DNOA", id=broader["id"])
    for one, relation, other in (
        (asset, "narrower", line), (line, "exact", asset), (asset, "exact", line),
        (line, "http://www.w3.org/2000/01/rdf-schema#subClassOf", asset),
    ):  # fmt: skip
        with pytest.raises(BadMapping, match="rejected"):
            world.do("propose", "anna@NESO", subject=one, relation=relation, object=other)
    world.do("propose", "anna@NESO", subject=asset, relation="broader", object=line)
    world.do("propose", "anna@NESO", subject=line, relation="close", object=asset)


def test_a_denial_that_is_approved_works_in_no_document_as_a_triple(world: World) -> None:
    denial = world.do("reject", "dora@DNOA", id=R1)["changed"][1]["id"]
    approve(world, denial, R2)
    world.do("release", version="2", reasoner=False)
    found = world.node.mappings.released("small")
    assert [row.object for row in found.mappings if row.works] == ["https://b.example#Place"]
    assert any(row.negative and row.status is Status.APPROVED for row in found.mappings)
    document = world.do("export", version="2", **{"as": "ttl"})["content"]
    assert "skos:exactMatch <" not in document.replace("annotatedProperty skos:exactMatch", "")


def test_another_relation_keeps_the_way_back(world: World) -> None:
    result = world.do("revise", "anna@NESO", id=R1, relation="broader")
    old, new = result["changed"]
    assert (old["status"], old["replaced_by"]) == ("withdrawn", new["id"])
    assert new["relation"] == "skos:broadMatch"
    world.do("undo", "anna@NESO")
    assert status(world, R1) == "proposed"
    with pytest.raises(NotFound):
        world.do("show", id=new["id"])


def test_nobody_undoes_what_somebody_else_did(world: World) -> None:
    world.do("approve", "anna@NESO", id=R1)
    with pytest.raises(NotFound):
        world.do("undo", "alan@NESO")
    with pytest.raises(Forbidden):
        world.do("undo", "dora@DNOA", number=2)


def test_several_are_changed_together_or_not_at_all(world: World) -> None:
    world.do("approve", "anna@NESO", id=R2)
    with pytest.raises(Forbidden):
        world.do("approve", "anna@NESO", ids=[R1, R2])
    assert status(world, R1) == "proposed"
    assert world.do("approve", "anna@NESO", all=True)["count"] == 2
    assert world.do("approve", "dora@DNOA", all=True)["count"] == 3
    assert world.do("list")["sets"][0]["claims"]["approved"] >= 0
    assert [status(world, one) for one in (R1, R2, R3)] == ["approved"] * 3


def test_a_release_is_signed_and_stays_while_the_set_goes_on(world: World) -> None:
    approve(world, R1)
    told = world.do("release", version="1", reasoner=False)["release"]
    assert told["issuer"] == "TNO"
    assert told["organisations"] == ["DNOA", "NESO"]
    assert told["reasoning"]["reasoned"] is False
    world.do("withdraw", "anna@NESO", id=R1, text="wrong")
    assert world.node.mappings.released("small", "1").mappings[0].works
    with pytest.raises(GridspineError):
        world.do("release", version="1", reasoner=False)
    with pytest.raises(BadMapping):
        world.do("release", version="2", reasoner=False)
    carried = world.do("export", version="1", **{"as": "release"})["content"]
    with pytest.raises(GridspineError, match="released already"):
        world.do("adopt", content=carried)


def test_a_contradiction_is_not_released(world: World) -> None:
    world.do(
        "import",
        content=SET.replace(
            "r/1\ta:Line\tskos:exactMatch\tb:Asset", "r/9\ta:Line\towl:equivalentClass\tb:Asset"
        )
        .replace("r/2\ta:Area\tskos:broadMatch\tb:Place", "r/8\ta:Area\tskos:narrowMatch\tb:Place")
        .replace("r/3", "r/7"),
    )
    world.do(
        "propose",
        "anna@NESO",
        subject="https://a.example#len",
        object="https://b.example#size",
        negative=True,
    )
    denial = next(one for one in world.do("show")["mappings"] if one["negative"])["id"]
    world.do("approve", "anna@NESO", ids=[denial])
    world.do("approve", "dora@DNOA", ids=[denial])
    with pytest.raises(BadMapping, match="denied"):
        world.do("approve", "anna@NESO", id=R3)


def test_everything_is_audited_with_who_did_it(world: World) -> None:
    world.do("approve", "anna@NESO", id=R1)
    with pytest.raises(Forbidden):
        world.do("approve", "alan@NESO", id=R1)
    world.node.audit.flush()
    last = world.node.audit.tail(2)
    assert [(one["action"], one["sub"], one["org"], one["outcome"]) for one in last] == [
        ("mappings-approve", "anna", "NESO", "ok"),
        ("mappings-approve", "alan", "NESO", "forbidden"),
    ]
    assert last[0]["set"] == "small"


def test_persons_are_named_to_members_only(world: World) -> None:
    world.do("approve", "anna@NESO", id=R1, text="fine")
    from kgnode.policy.caller import Caller

    def said(caller: Caller) -> str:
        arguments = {"set": "small", "caller": caller}
        shown = VERBS["mappings-show"](world.node, {**arguments, "id": R1}, lambda _: None)
        steps = VERBS["mappings-history"](world.node, arguments, lambda _: None)
        return f"{shown}{steps}"

    assert "anna" in said(Caller("DNOA", "dora", frozenset({"steward"}), proof="token"))
    assert "anna" not in said(Caller.public())
    assert "NESO" in said(Caller.public())


def test_a_set_name_from_outside_is_no_path(world: World) -> None:
    approve(world, R1)
    for name in ("../x", "a/b", "/tmp/x", ".", "..", "x" * 80, "a\nb", "a b", "a\x00"):
        given = {"set": name, "content": SET, "id": R1, "version": "1"}
        for verb in ("import", "show", "approve", "release", "export", "history"):
            with pytest.raises(GridspineError):
                world.do(verb, "anna@NESO", **given)
        with pytest.raises(GridspineError):
            world.do("release", version=name, reasoner=False)
    assert sorted(p.name for p in (world.node.home.path / "mappings").iterdir()) == ["small"]


def test_an_export_holds_every_claim_and_can_be_read(world: World) -> None:
    world.do("comment", "anna@NESO", id=R1, text="x\nb:Line\tskos:exactMatch")
    content = world.do("export")["content"]
    assert [row.id for row in sssom_tsv.read(content.encode()).mappings] == [R1, R2, R3]


def test_every_edit_answers_with_the_conflicts_it_is_in(world: World) -> None:
    result = world.do(
        "propose",
        "anna@NESO",
        subject="https://a.example#Line",
        object="https://b.example#Thing",
        relation="exact",
    )
    (conflict,) = result["changed"][0]["conflicts"]
    assert (conflict["kind"], conflict["severity"]) == ("one_to_many", "warning")
    assert R1 in conflict["mappings"]
    assert world.do("check")["warnings"] == 1
    world.do("undo", "anna@NESO")
    assert world.do("check")["warnings"] == 0


def test_a_shipped_set_is_taken_in_anew_without_losing_what_was_decided(world: World) -> None:
    given = {"set": "dcat-ies4"}
    first = world.do("show", **given)["mappings"][0]["id"]
    world.do("approve", "anna@NESO", id=first, **given)
    again = world.do("import", shipped="dcat-ies4", **given)
    assert (again["count"], again["known"]) == (0, world.do("show", **given)["total"])
    assert world.do("show", id=first, **given)["mappings"][0]["approvals"]


def test_what_is_exported_conforms_to_the_shapes_for_mappings(world: World, tmp_path: Path) -> None:
    for name in ("small", "cim-ies4", "dcat-ies4"):
        path = tmp_path / f"{name}.ttl"
        path.write_text(world.do("export", set=name, **{"as": "ttl"})["content"])
        judged = check([path], ["mappings"], "text", "auto")
        assert judged.result["conforms"], judged.result["causes"]


def test_what_is_adopted_stands_here_unless_somebody_decided_otherwise(
    world: World, tmp_path: Path
) -> None:
    approve(world, R1, R2)
    world.do("release", version="2", reasoner=False)
    carried = world.do("export", version="2", **{"as": "release"})["content"]
    (tmp_path / "other").mkdir()
    other = make_world(tmp_path / "other", scheme_of=world)
    try:
        other.do("reject", "dora@DNOA", id=R2)
        assert other.do("adopt", content=carried)["count"] == 1
        assert [status(other, one) for one in (R1, R2, R3)] == ["approved", "withdrawn", "proposed"]
        told = other.do("show", id=R1)["mappings"][0]["approvals"]
        assert {one["org"] for one in told} == {"DNOA", "NESO"}
        assert "by the word of TNO" in told[0]["text"]
        assert other.do("history")["steps"][0]["verb"] == "adopt"
    finally:
        other.node.close()
