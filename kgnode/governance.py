"""What the owner of a home governs by command: labels, policies, packs, tokens and the audit.

In: an open ``Node`` and the command's arguments. Out: the command's ``result``. The rules stand in
the parts (``policy``, ``assurance``, ``audit``, ``trust``); here they meet a home.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kgnode.assurance.packs import list_packs
from kgnode.assurance.register import add_pack, remove_pack
from kgnode.errors import BadRequest, MissingFile, NotFound
from kgnode.names import dataset_iri
from kgnode.node import Node
from kgnode.policy.caller import Caller
from kgnode.policy.explain import explain
from kgnode.policy.folder import add_policy, remove_policy
from kgnode.policy.labels import assign
from kgnode.policy.labels_file import LabelRules, load_labels
from kgnode.policy.preview import preview
from kgnode.policy.templates import templates, words
from kgnode.publish import LABELS_TEXT, labels_told
from kgnode.staging import complete, restaged
from kgnode.store.cells import Manifest, NewModel
from kgnode.trust import issue_token, known_keys

Arguments = Mapping[str, Any]
Step = Callable[[str], None]


def text(arguments: Arguments, name: str) -> str:
    """Return an argument that must be there.

    Raises:
        BadRequest: it is not.
    """
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise BadRequest(f"The argument {name} is missing.", hint="See --help.")
    return value


def content(path: str) -> bytes:
    """Return the content of a file named in an argument.

    Raises:
        MissingFile: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise MissingFile(
            f"{path} cannot be read: {error.strerror}.", hint="Check the name.", file=path
        ) from error


def stored_rules(manifest: Manifest) -> LabelRules | None:
    """Return the rules that labelled a version, None where it had no labels file."""
    kept = manifest.attributes.get(LABELS_TEXT)
    return load_labels(str(kept).encode(), "the labels file in force") if kept else None


def current(node: Node, dataset: str) -> Manifest:
    """Return the current version of a data set by its id.

    Raises:
        NotFound: there is none.
    """
    manifest = node.record.current(dataset_iri(node.org, dataset))
    if manifest is None:
        raise NotFound(f"There is no data set {dataset}.", hint="See kgnode doctor HOME.")
    return manifest


def labels_preview(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Show what a labels file would do to a data set as it is."""
    dataset = text(arguments, "dataset")
    rules = load_labels(Path(text(arguments, "file")))
    manifest = current(node, dataset)
    staged = restaged(node.record, manifest.models)
    staged, _ = complete(staged, (), node.record, manifest.dataset)
    return preview(staged, rules, node.policies(), org=node.org, dataset_id=dataset)


def labels_apply(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Relabel a data set without reading its files again: a new version, the same triples."""
    dataset = text(arguments, "dataset")
    rules = load_labels(Path(text(arguments, "file")))
    with node.writing:
        manifest = relabel(node, current(node, dataset), rules, step)
    counts: dict[str, int] = {}
    for cell in manifest.cells:
        name = " + ".join(sorted(cell.labels)) or "closed"
        counts[name] = counts.get(name, 0) + cell.triples
    return {"dataset": manifest.dataset, "version": manifest.number, "labels": counts}


def relabel(node: Node, before: Manifest, rules: LabelRules, step: Step) -> Manifest:
    """Label a version anew, with what it depends on as that is now, and return the new version."""
    staged = restaged(node.record, before.models)
    staged, _ = complete(staged, (), node.record, before.dataset)
    step(f"label {before.dataset}")
    cells = assign(staged, rules, node.org, before.dataset.rpartition(":")[2])
    manifest = node.record.publish(
        before.dataset,
        [
            NewModel(m.iri, m.header, m.content_hash, m.base, m.spelling, cells[m.iri])
            for m in staged.models
        ],
        aside=before.aside,
        attributes={**before.attributes, **labels_told(before, rules, cells)},
        keep=before.keep,
    )
    node.events.append("relabelled", {"dataset": before.dataset, "version": manifest.number})
    return manifest


def relabel_dependants(
    node: Node, before: Manifest | None, after: Manifest | None, step: Step
) -> tuple[str, ...]:
    """Label anew the data sets whose rules look at a data set that has changed.

    A rule may protect a value here because a model there says where its asset stands.

    Args:
        node: the open home.
        before: the version that was current, None where there was none.
        after: the version that is, None after a withdrawal.
        step: told what is done.

    Returns:
        IRIs of the data sets that were labelled anew.
    """
    changed = {model.iri for manifest in (before, after) if manifest for model in manifest.models}
    own = {manifest.dataset for manifest in (before, after) if manifest}
    needs = {
        model.iri: set(model.header.dependent_on)
        for manifest in node.record.datasets()
        for model in manifest.models
    }
    done = []
    for manifest in node.record.datasets():
        rules = None if manifest.dataset in own else stored_rules(manifest)
        if rules is None or not rules.looks_beyond:
            continue
        if _reached({model.iri for model in manifest.models}, needs) & changed:
            relabel(node, manifest, rules, step)
            done.append(manifest.dataset)
    return tuple(done)


def _reached(start: set[str], needs: Mapping[str, set[str]]) -> set[str]:
    """All models that these depend on, directly or through others."""
    found: set[str] = set()
    waiting = [iri for model in start for iri in needs.get(model, ())]
    while waiting:
        iri = waiting.pop()
        if iri not in found:
            found.add(iri)
            waiting.extend(needs.get(iri, ()))
    return found


def set_policy(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Check a policy document and put it in force; one with the same uid is replaced."""
    file = text(arguments, "file")
    with node.writing:
        policy = add_policy(node.home.path / "policy", content(file), node.org, file)
        node.events.append("policy-set", {"uid": policy.uid})
    return {"uid": policy.uid, "words": list(words(policy))}


def drop_policy(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Take a policy out of force."""
    uid = text(arguments, "uid")
    with node.writing:
        if not remove_policy(node.home.path / "policy", uid):
            raise NotFound(f"There is no policy {uid}.", hint="See kgnode policy HOME show.")
        node.events.append("policy-removed", {"uid": uid})
    return {"uid": uid, "removed": True}


def show_policies(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Tell the policies in force, in words."""
    policies = node.policies()
    return {
        "closed": policies.closed,
        "digest": policies.digest,
        "policies": [{"uid": p.uid, "words": list(words(p))} for p in policies.policies],
    }


def policy_templates(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Give ready policies to copy and change."""
    dataset = arguments.get("dataset") or "DATASET"
    return {"templates": [t.to_json() for t in templates(node.org, dataset)]}


def explain_policy(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Say why a caller may or may not read the labels of a data set."""
    dataset = arguments.get("dataset")
    manifests = [current(node, dataset)] if dataset else list(node.record.datasets())
    org = arguments.get("org")
    caller = Caller(
        org=org,
        sub=arguments.get("sub") or "someone",
        roles=frozenset(arguments.get("roles") or ()),
        purpose=arguments.get("purpose"),
        groups=frozenset(arguments.get("groups") or ()),
        proof="token" if org else "none",
    )
    return explain(
        caller,
        manifests,
        node.policies(),
        org=node.org,
        now=datetime.now(UTC),
        label=arguments.get("label"),
        prop=arguments.get("property"),
    )


def packs_list(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """List the shape packs shipped and registered."""
    found = list_packs(node.home.path / "packs")
    return {"packs": [{"id": p.id, "version": p.version, "title": p.title} for p in found]}


def packs_add(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Register a file or folder of shapes with this home."""
    with node.writing:
        pack = add_pack(
            Path(text(arguments, "path")),
            node.home.path / "packs",
            id=arguments.get("id") or "",
            version=arguments.get("version") or "",
        )
    return {"id": pack.id, "version": pack.version, "faults": list(pack.check())}


def packs_remove(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Forget a registered pack."""
    name = text(arguments, "id")
    with node.writing:
        remove_pack(name, node.home.path / "packs")
    return {"id": name, "removed": True}


def audit_verify(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Verify the audit log, against a head kept elsewhere where one is given."""
    witness = arguments.get("witness")
    node.audit.flush()
    keys = known_keys(node.home.path / "keys")
    return node.audit.verify(keys, content(witness).decode() if witness else "").to_json()


def audit_tail(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Return the last entries of the audit log and its signed head."""
    entries = node.audit.tail(int(arguments.get("count") or 20))
    return {"entries": list(entries), "head": node.audit.head()}


def token(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Issue a token of this organisation for one audience."""
    ttl = int(arguments.get("ttl") or node.settings.token_max_seconds)
    made = issue_token(
        node.key,
        node.org,
        text(arguments, "sub"),
        roles=list(arguments.get("roles") or ()),
        purpose=arguments.get("purpose"),
        audience=text(arguments, "audience"),
        ttl_seconds=ttl,
        now=datetime.now(UTC),
    )
    return {"token": made, "expires_in": ttl}


GOVERNANCE: Mapping[str, Callable[[Node, Arguments, Step], dict[str, Any]]] = {
    "labels-preview": labels_preview,
    "labels-apply": labels_apply,
    "policy-set": set_policy,
    "policy-remove": drop_policy,
    "policy-show": show_policies,
    "policy-templates": policy_templates,
    "policy-explain": explain_policy,
    "packs-list": packs_list,
    "packs-add": packs_add,
    "packs-remove": packs_remove,
    "audit-verify": audit_verify,
    "audit-tail": audit_tail,
    "token": token,
}
