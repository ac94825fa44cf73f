"""Judges one asset: out of date or not, the reasons, the cause, the versions, what it waits for.

The plan, the next run, ``mesh why`` and the steps read this judgement; nothing else compares.
"""

from __future__ import annotations

import hashlib
import json

from mesh_pipelines.declaring.node import ModelNode, Node, SourceNode
from mesh_pipelines.errors import (
    IntegrityError,
    KeyUnavailable,
    MeshError,
    StorageFull,
    StorageUnusable,
    TrackingUnavailable,
)
from mesh_pipelines.landing.changes import removed_inputs
from mesh_pipelines.planning.compare import changes_of, compare, declared_partitions, inputs_now
from mesh_pipelines.planning.facts import Facts, partitions_in
from mesh_pipelines.planning.judgement import Judgement
from mesh_pipelines.planning.verdicts import check_states, unseen_checks, why_unfit

_OF_THE_WHOLE_MESH = (KeyUnavailable, StorageFull, StorageUnusable, TrackingUnavailable)
"""Errors that no asset has for itself."""


def judge(node: Node, facts: Facts) -> Judgement:
    """Judge one asset by what is published, landed and registered; once for the same facts."""
    known = facts.judgements.get(node.key)
    if known is None:
        try:
            known = _judge_anew(node, facts)
        except _OF_THE_WHOLE_MESH:
            raise
        except Exception as error:  # noqa: BLE001 (a broken table may raise anything at all, and others go on)
            known = _unreadable(node, facts, error)
        facts.judgements[node.key] = known
    return known


def _unreadable(node: Node, facts: Facts, error: Exception) -> Judgement:
    """The judgement of an asset whose record, or that of something it reads, cannot be read."""
    if isinstance(error, MeshError):
        fault = error
    else:
        keys = (node.key, *(given.key for given in node.inputs))
        broken = [key for key in keys if is_published(key, facts) is None]
        fault = IntegrityError(
            f"what is published of it cannot be read: {type(error).__name__}",
            where=", ".join(broken) or node.key,
            remedy="restore its table from a backup, or take its folder out of the lake: it is made anew then",
        )
    place = f"{fault.where}: " if fault.where not in ("", node.key) else ""
    blocks = not (_is_readable(node.key, facts) and facts.exists(node.key))
    return Judgement(waits=f"{place}{fault.what}", blocks=blocks, fault=fault, unreadable=True)


def _is_readable(key: str, facts: Facts) -> bool:
    try:
        facts.record_of(key)
    except Exception:  # noqa: BLE001 (as in ``judge``)
        return False
    return True


def is_published(key: str, facts: Facts) -> bool | None:
    """True if a version of an asset can be read; ``None`` where its records are broken."""
    try:
        return facts.exists(key)
    except Exception:  # noqa: BLE001 (as in ``judge``)
        return None


def unfit_inputs(node: Node, facts: Facts) -> dict[str, str]:
    """Inputs of an asset that may not be followed, each with the reason."""
    upstream = [facts.nodes[given.key] for given in node.inputs if given.key in facts.nodes]
    return {one.key: reason for one in upstream if (reason := judge(one, facts).unfit)}


def _judge_anew(node: Node, facts: Facts) -> Judgement:
    changes = changes_of(node, facts)
    found = compare(node, facts, changes)
    reasons, partitions = found.reasons, found.partitions
    if not reasons and not found.waits:
        reasons, partitions = _reasons_of_checks(node, facts)
    return Judgement(
        reasons,
        partitions,
        found.waits,
        found.blocks,
        found.held,
        _gone(node, facts),
        why_unfit(node, facts) or "",
        found.fault,
        _cause(node, facts, found.fault, partitions) if reasons else "",
        tuple(_versions(node, facts)) if reasons else (),
        changes,
    )


def _reasons_of_checks(node: Node, facts: Facts) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Reasons and partitions for checks that have not seen what is published."""
    missing = unseen_checks(node, facts)
    parts = declared_partitions(node, partitions_in(facts.of(node.key)))[-1:] if node.partitioned else None
    if not missing or parts == ():
        return (), None
    return (f"check {', '.join(missing)} has not looked at it yet",), parts


def cause_of(node: Node, facts: Facts, partitions: tuple[str, ...] | None) -> str:
    """Hash of the content that makes some partitions of an asset out of date; empty where it is not."""
    judged = judge(node, facts)
    if partitions == judged.partitions or not judged.reasons or not partitions:
        return judged.cause
    return _cause(node, facts, judged.fault, partitions)


def _gone(node: Node, facts: Facts) -> tuple[str, ...]:
    if not isinstance(node, SourceNode) or facts.landed(node).fault is not None:
        return ()
    return removed_inputs(facts.landed(node), facts.record_of(node.key).landed)


def content_of(node: Node, facts: Facts, partitions: tuple[str, ...] | None) -> str:
    """Hash of what some partitions of an asset would be made of now: inputs and code, whatever its checks say."""
    fault = judge(node, facts).fault if isinstance(node, SourceNode) else None
    return _hash(node, _content(node, facts, fault, partitions))


def _cause(node: Node, facts: Facts, fault: MeshError | None, partitions: tuple[str, ...] | None) -> str:
    return _hash(node, _content(node, facts, fault, partitions) | check_states(node, facts))


def _content(
    node: Node, facts: Facts, fault: MeshError | None, partitions: tuple[str, ...] | None
) -> dict[str, str]:
    if not isinstance(node, SourceNode):
        inputs = {
            name: json.dumps(inputs_now(node, facts, name), sort_keys=True) for name in partitions or ("",)
        }
        return inputs | {given.key: str(facts.registry_state(given.key)) for given in node.inputs}
    landed = facts.landed(node)
    if landed.fault is None and fault is not None:
        return {f"refused {one.name}": one.fingerprint for one in (*landed.outside, *landed.refused)}
    inputs = {
        f"{one.partition}/{one.name}": one.fingerprint
        for one in (landed.inputs if partitions is None else facts.landed_in(node, partitions))
    }
    return inputs | ({"fault": landed.fault.what} if landed.fault is not None else {})


def _hash(node: Node, inputs: dict[str, str]) -> str:
    content = json.dumps([node.key, node.version_of_code, sorted(inputs.items())])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _versions(node: Node, facts: Facts) -> list[str]:
    record = facts.record_of(node.key)
    if isinstance(node, SourceNode):
        seen = {(part, name): one for part, inputs in record.landed.items() for name, one in inputs.items()}
        return [
            f"{one.name}@{one.fingerprint[:8]}"
            for one in facts.landed(node).inputs
            if (before := seen.get((one.partition, one.name))) is None
            or before.fingerprint != one.fingerprint
        ]
    read = {key: table.version for key, table in record.inputs.items()}
    if isinstance(node, ModelNode):
        version = facts.of_model(node.key).features_version
        read = {node.features_key: version} if version is not None else {}
    found: list[str] = []
    for given in node.inputs:
        published = None if facts.in_registry(given.key) else facts.of(given.key)
        if facts.in_registry(given.key):
            found.append(f"{given.key}@{facts.registry_version(given.key)}")
        elif published and read.get(given.key, published.version) != published.version:
            found.append(f"{given.key}@{read[given.key]} -> @{published.version}")
        elif published:
            found.append(f"{given.key}@{published.version}")
    return found
