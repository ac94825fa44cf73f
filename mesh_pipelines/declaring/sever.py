"""A domain without some of its assets; the others are made of the published versions of those left out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from mesh_pipelines.declaring.node import LoadedDomain, PredictionsNode, RegisteredNode
from mesh_pipelines.declaring.own_checks import checks_among


def sever(domain: LoadedDomain, refused: Collection[str]) -> tuple[LoadedDomain, dict[str, str]]:
    """Leave assets of a domain out, with the models, champions and predictions that cannot be judged without them.

    Returns the rest of the domain, and by the key of each asset left out, the refused one that is the cause.
    """
    out: dict[str, str] = {node.key: node.key for node in domain.nodes.values() if node.key in refused}
    while True:
        more = {
            node.key: out[cause]
            for node in domain.nodes.values()
            if node.key not in out and isinstance(node, RegisteredNode | PredictionsNode)
            if (cause := next((given.key for given in node.inputs if given.key in out), None))
        }
        if not more:
            break
        out |= more
    if not out:
        return domain, out
    nodes = {name: node for name, node in domain.nodes.items() if node.key not in out}
    extras = tuple(extra for extra in domain.extras if not _checks_one_of(extra, out, domain.name))
    return replace(domain, nodes=nodes, extras=extras), out


def _checks_one_of(extra: Any, keys: Collection[str], domain: str) -> bool:
    return any(check.asset in keys for check in checks_among([extra], domain))
