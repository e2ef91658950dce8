"""What a command does on a home: one function a verb, JSON values in, JSON values out.

In: an open ``Node`` and the command's arguments. Out: the ``result`` of the command's document and
its warnings. The command line calls these directly on a home that nobody serves, and over
``HOME/run/node.sock`` on one that is being served; so a verb behaves the same in both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kgnode.assurance.packs import load_packs
from kgnode.cim.staged import Staged
from kgnode.errors import BadRequest, GridspineError, NotFound
from kgnode.export import export_difference, export_models
from kgnode.governance import GOVERNANCE, relabel_dependants, set_policy, stored_rules, text
from kgnode.home import make_private, write_atomically
from kgnode.names import dataset_iri
from kgnode.node import Node
from kgnode.policy.labels_file import LabelRules, load_labels
from kgnode.problems import record
from kgnode.publish import Published, Wish
from kgnode.publish import publish as publish_files
from kgnode.stewardship.lifecycle import CHANGING
from kgnode.stewardship.mappings import READING, caller_of
from kgnode.stewardship.releasing import RELEASING
from kgnode.store.cells import Manifest

Arguments = Mapping[str, Any]
Step = Callable[[str], None]


def publish(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Publish files: ``files``, ``dataset`` and the options of ``kgnode publish``."""
    dataset = text(arguments, "dataset")
    labels_file = arguments.get("labels")
    rules = _rules(node, dataset, labels_file)
    wish = Wish(
        dataset=dataset,
        packs=load_packs(arguments.get("packs") or (), node.home.path / "packs"),
        labels=rules,
        mode="replace" if arguments.get("replace") else "add",
        aside=bool(arguments.get("aside")),
        force=bool(arguments.get("force")),
        strict=bool(arguments.get("strict")),
        dry_run=bool(arguments.get("dry_run")),
        attributes={
            name: arguments.get(name)
            for name in ("title", "description", "licence", "contact", "withheld")
        },
        keep=int(arguments.get("keep") or node.settings.keep_versions),
    )
    with node.writing:
        before = node.record.current(dataset_iri(node.org, dataset))
        published = publish_files(
            node.record,
            node.org,
            [Path(path) for path in arguments.get("files") or ()],
            wish,
            node.read_context(strict=wish.strict),
            sign_receipt=node.sign_receipt,
            announce=node.announce,
            step=step,
            standing=node.standing,
        )
        if not wish.dry_run:
            for path in arguments.get("policy") or ():
                set_policy(node, {"file": path}, step)
            relabel_dependants(node, before, published.manifest, step)
    return _published(published, dataset_iri(node.org, dataset))


def _rules(node: Node, dataset: str, labels_file: str | None) -> LabelRules | None:
    """The rules of the file given, else those of the current version."""
    if labels_file:
        return load_labels(Path(labels_file))
    manifest = node.record.current(dataset_iri(node.org, dataset))
    return stored_rules(manifest) if manifest else None


def _published(published: Published, dataset: str) -> dict[str, Any]:
    manifest = published.manifest
    models = manifest.models if manifest else published.staged.models
    return {
        "dataset": dataset,
        "version": manifest.number if manifest else None,
        "triples": sum(model.triples for model in models),
        "models": [
            {
                "iri": model.iri,
                "authority": model.header.authority,
                "profiles": list(model.header.profiles),
                "scenario_time": model.header.scenario_time,
                "version": model.header.version,
                "triples": model.triples,
            }
            for model in models
        ],
        "kept": [model.iri for model in published.kept],
        "labels": {" + ".join(key) or "closed": n for key, n in sorted(published.labels.items())},
        "validation": published.report.to_json() if published.report else None,
        "receipt": manifest.attributes.get("receipt") if manifest else None,
        "repairs": repairs(published.staged),
    }


def repairs(staged: Staged) -> list[dict[str, Any]]:
    """Return what reading had to mend, as commands report it."""
    return [asdict(repair) for repair in staged.repairs]


def withdraw(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Remove a data set with all its versions."""
    iri = dataset_iri(node.org, text(arguments, "dataset"))
    step("withdraw")
    with node.writing:
        before = node.record.current(iri)
        node.record.withdraw(iri)
        relabel_dependants(node, before, None, step)
        node.events.append("withdrawn", {"dataset": iri})
    return {"dataset": iri, "withdrawn": True}


def versions(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """List the versions kept of a data set, newest first."""
    iri = dataset_iri(node.org, text(arguments, "dataset"))
    history = node.record.history(iri)
    if not history:
        raise NotFound(f"There is no data set {iri}.", hint="See kgnode doctor HOME for a list.")
    return {"dataset": iri, "versions": [_version(manifest) for manifest in history]}


def _version(manifest: Manifest) -> dict[str, Any]:
    return {
        "version": manifest.number,
        "created": manifest.created.isoformat(),
        "triples": manifest.triples,
        "models": len(manifest.models),
        "cells": len(manifest.cells),
        "aside": manifest.aside,
    }


def export(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Write the models of data sets to a file; ``as`` is cim, nq, trig or ttl."""
    wanted = [dataset_iri(node.org, name) for name in arguments.get("datasets") or ()]
    if arguments.get("difference"):
        return _export_difference(node, wanted, arguments)
    manifests = []
    for iri in wanted:
        manifest = node.record.current(iri)
        if manifest is None:
            raise NotFound(f"There is no data set {iri}.", hint="Publish it first.")
        manifests.append(manifest)
    step("export")
    return export_models(
        node.record,
        [model for manifest in manifests for model in manifest.models],
        Path(text(arguments, "out")),
        str(arguments.get("as") or "cim"),
        datatypes=str(arguments.get("datatypes") or "held"),
    )


def _export_difference(node: Node, wanted: Sequence[str], arguments: Arguments) -> dict[str, Any]:
    if len(wanted) != 1:
        raise BadRequest("A difference is of one data set.", hint="Give --dataset once.")
    kept = {manifest.number: manifest for manifest in node.record.history(wanted[0])}
    numbers = [int(number) for number in arguments["difference"]]
    missing = [number for number in numbers if number not in kept]
    if missing:
        raise NotFound(
            f"Version {missing[0]} of {wanted[0]} is not kept.",
            hint=f"Kept: {', '.join(str(number) for number in sorted(kept)) or 'none'}.",
        )
    out = Path(text(arguments, "out"))
    return export_difference(node.record, kept[numbers[0]], kept[numbers[1]], out)


def doctor(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Say how the home is: data sets, members, policies, settings; never a secret."""
    members = node.members_now()
    return {
        "org": node.org,
        "home": str(node.home.path),
        "datasets": [
            {"dataset": manifest.dataset, **_version(manifest)}
            for manifest in node.record.datasets()
        ],
        "policies": [policy.uid for policy in node.policies().policies],
        "policies_closed": node.policies().closed,
        "members": None
        if members is None
        else {
            "scheme": members.scheme,
            "sequence": members.sequence,
            "expires": members.expires.isoformat(),
            "members": [member.id for member in members.members],
        },
        "members_problem": record(node.members.problem) if node.members.problem else None,
        "settings": node.settings.model_dump(),
    }


def backup(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Write everything a restore needs, as of one moment; the signing key is not in it."""
    out = Path(text(arguments, "out"))
    if out.exists():
        raise BadRequest(f"{out} exists already.", hint="Name a new folder.", file=str(out))
    step("backup")
    make_private(out)
    with node.writing:
        node.record.backup(out / "record")
        for part in ("home.json", "members.jws", "policy", "packs", "mappings"):
            _copy(node.home.path / part, out / part)
    return {"backup": str(out)}


def restore(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Put a backup's data sets, labels, policies and packs back; the signing key stays."""
    source = Path(text(arguments, "source"))
    if not (source / "record").is_dir():
        raise BadRequest(f"{source} is no backup.", hint="Name a folder made by kgnode backup.")
    step("restore")
    with node.writing:
        node.record.restore(source / "record")
        for part in ("policy", "packs", "mappings"):
            _copy(source / part, node.home.path / part)
        node.events.append("restored", {"from": str(source)})
    return {"restored": [manifest.dataset for manifest in node.record.datasets()]}


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        for child in source.iterdir():
            _copy(child, target / child.name)
    elif source.is_file():
        write_atomically(target, source.read_bytes())


VERBS: Mapping[str, Callable[[Node, Arguments, Step], dict[str, Any]]] = {
    "publish": publish,
    "withdraw": withdraw,
    "versions": versions,
    "export": export,
    "doctor": doctor,
    "backup": backup,
    "restore": restore,
    **GOVERNANCE,
    **READING,
    **CHANGING,
    **RELEASING,
}
"""Every verb by its name; what is not here cannot be asked of a served home."""


LOOKING = frozenset(
    {
        *("versions", "export", "doctor", "backup", "labels-preview", "policy-show"),
        *("policy-templates", "policy-explain", "packs-list", "audit-verify", "audit-tail"),
        *("token", *READING),
    }
)
"""The verbs that change what nobody sees; all others are acknowledged as ``kgnode.leases`` says."""


def perform(node: Node, verb: str, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Do one verb and audit it.

    Raises:
        NotFound: no such verb.
    """
    if verb not in VERBS:
        raise NotFound(f"There is no operation {verb}.", hint="Use a newer command or node.")
    entry: dict[str, Any] = {
        "action": verb,
        "org": node.org,
        "sub": "local",
        "dataset": arguments.get("dataset"),
        "outcome": "ok",
    }
    try:
        if verb.startswith("mappings-"):
            who = caller_of(node, arguments)
            entry |= {"org": who.org, "sub": who.sub, "set": arguments.get("set")}
            arguments = {**arguments, "caller": who}
        return VERBS[verb](node, arguments, step)
    except GridspineError as error:
        entry["outcome"] = error.code
        raise
    finally:
        node.audit.record(entry)
