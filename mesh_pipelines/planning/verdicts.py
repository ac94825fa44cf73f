"""Checks that a domain wrote by hand: what the blocking ones last said, and so who may follow what is published.

The gate audits a contract before anything is published. A blocking ``@dg.asset_check`` looks at what has been published
already, so what it refuses is kept from whoever would follow: its own domain and every other one, until it passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mesh_pipelines.declaring.node import Node
    from mesh_pipelines.planning.facts import Facts

_LONGEST = 160


def unseen(node: Node, facts: Facts) -> tuple[str, ...]:
    """Blocking checks of a node that have not seen what is published of it now; none where nothing is.

    Their run was killed before it came to them, or it was started without them.

    Args:
        node: any node.
        facts: where to look.
    """
    if facts.verdicts is None or not node.blocking_checks:
        return ()
    made, verdicts = facts.made_at(node), facts.verdicts(node)
    if made is None:
        return ()
    return tuple(
        name for name in node.blocking_checks if (last := verdicts.get(name)) is None or last.at < made
    )


def why_unfit(node: Node, facts: Facts) -> str | None:
    """The reason why nobody may follow what is published of a node now, in words; ``None`` where all may.

    Args:
        node: any node.
        facts: where to look.
    """
    if facts.verdicts is None or not node.blocking_checks:
        return None
    verdicts, missing = facts.verdicts(node), unseen(node, facts)
    failed = [
        f"check {name} of {node.key} failed on {_version(node, facts)}{quote(last.said)}"
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
    """What to do about an asset whose check has failed."""
    return (
        f"correct what it is made of, or the check; `mesh run {key} --force` makes it and checks it again, "
        "and so does the check's page in Dagster"
    )


def marks(node: Node, facts: Facts) -> dict[str, str]:
    """What changes when a node's checks have something new to say: for the node itself, and for what reads it.

    Args:
        node: the node that is to be made.
        facts: where to look.
    """
    if facts.verdicts is None:
        return {}
    missing = unseen(node, facts)
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
        return f"version {facts.registered(node.key)}"
    record = facts.of(node.key)
    return f"version {record.version}" if record else "what is published"


def quote(said: str) -> str:
    """What a check said of itself, short, after a colon; nothing where it said nothing."""
    text = " ".join(said.split())
    return f": {text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}" if text else ""
