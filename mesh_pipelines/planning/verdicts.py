"""Verdicts of hand-written blocking checks, and who may follow what is published.

A contract is audited before anything is published. A blocking ``@dg.asset_check`` examines what has been published
already, so what it refuses is kept from its readers in every domain until it passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mesh_pipelines.declaring.node import Node
    from mesh_pipelines.planning.facts import Facts

_LONGEST = 160


def unseen_checks(node: Node, facts: Facts) -> tuple[str, ...]:
    """Blocking checks that have not seen a node's published version: their run was killed or started without them."""
    if facts.verdicts is None or not node.blocking_checks:
        return ()
    made, verdicts = facts.made_at(node), facts.verdicts(node)
    if made is None:
        return ()
    return tuple(
        name for name in node.blocking_checks if (last := verdicts.get(name)) is None or last.at < made
    )


def why_unfit(node: Node, facts: Facts) -> str | None:
    """The reason why a node's published version may not be followed now; ``None`` where it may."""
    if facts.verdicts is None or not node.blocking_checks:
        return None
    verdicts, missing = facts.verdicts(node), unseen_checks(node, facts)
    failed = [
        f"check {name} of {node.key} failed on {_version(node, facts)}{quote(last.description)}"
        for name in node.blocking_checks
        if name not in missing and (last := verdicts.get(name)) is not None and not last.passed
    ]
    if failed:
        return "; ".join(failed)
    return (
        f"check {', '.join(missing)} of {node.key} has not looked at {_version(node, facts)} yet"
        if missing
        else None
    )


def remedy_of(key: str) -> str:
    """The remedy for an asset whose check has failed."""
    return (
        f"correct what it is made of, or the check; `mesh run {key} --force` makes it and checks it again, "
        "and so does the check's page in Dagster"
    )


def check_states(node: Node, facts: Facts) -> dict[str, str]:
    """Hashable state of a node's checks, part of the cause of the node itself and of its readers."""
    if facts.verdicts is None:
        return {}
    missing = unseen_checks(node, facts)
    found = {f"checks of {node.key}": f"{missing} on {_version(node, facts)}"} if missing else {}
    for wanted in node.inputs:
        upstream = facts.nodes.get(wanted.key)
        if upstream is not None and upstream.blocking_checks:
            numbers = {name: last.number for name, last in facts.verdicts(upstream).items()}
            found[f"checks of {upstream.key}"] = str(sorted(numbers.items()))
    return found


def _version(node: Node, facts: Facts) -> str:
    known = facts.registry_state(node.key)
    if known is not None:
        return f"version {facts.registry_version(node.key)}"
    record = facts.of(node.key)
    return f"version {record.version}" if record else "what is published"


def quote(description: str) -> str:
    """The description of a check, short, after a colon; empty where it gave none."""
    text = " ".join(description.split())
    return f": {text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}" if text else ""
