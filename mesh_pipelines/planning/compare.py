"""The difference between a published asset and the same asset made now, by kind of node."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mesh_pipelines.declaring.node import ChampionNode, ModelNode, Node, PredictionsNode, SourceNode
from mesh_pipelines.errors import MeshError, TransientError
from mesh_pipelines.landing.changes import changed_partitions, refused_inputs_error
from mesh_pipelines.planning.durations import days_or_hours
from mesh_pipelines.planning.facts import Facts, ModelFacts, RetrainPolicy, partitions_in
from mesh_pipelines.planning.judgement import Changes
from resources.lake.publication import Publication

_CODE = "its code or contract has changed"


@dataclass(frozen=True)
class Difference:
    """The difference between what is published of an asset and what it would be made from now.

    Its fields are those of :class:`~mesh_pipelines.planning.judgement.Judgement` of the same names.
    """

    reasons: tuple[str, ...] = ()
    partitions: tuple[str, ...] | None = None
    waits: str = ""
    blocks: bool = True
    held: tuple[str, ...] = ()
    fault: MeshError | None = None


NONE = Difference()


def changes_of(node: Node, facts: Facts) -> Changes:
    """Changes since an asset was last made."""
    if isinstance(node, ModelNode):
        return Changes()
    if isinstance(node, ChampionNode):
        known, features = facts.of_model(node.model_key), facts.of(node.features_key)
        unseen = known.shadow > 0 and features is not None and features.data_version != known.shadow_seen
        return Changes(awaits_gate=known.decided < known.latest, shadow=unseen)
    record = facts.record_of(node.key)
    code = facts.of(node.key) is not None and record.code_version != node.version_of_code
    if not isinstance(node, PredictionsNode):
        return Changes(code)
    champion, scored = facts.of_model(node.model_key).champion, record.scoring
    contents = scored.features if scored else {}
    now = partitions_in(facts.of(node.features_key))
    partitions = sorted(name for name, content in now.items() if contents.get(name) != content)
    return Changes(code, scored is None or scored.champion != champion, tuple(partitions))


def compare(node: Node, facts: Facts, changes: Changes) -> Difference:
    """Compare an asset as it is published with what it would be made from now."""
    if isinstance(node, SourceNode):
        return _source(node, facts)
    if isinstance(node, ChampionNode):
        return _champion(node, facts, changes)
    missing = [given.key for given in node.inputs if not facts.exists(given.key)]
    if missing:
        return Difference(waits=f"{', '.join(missing)} is not published yet")
    if isinstance(node, ModelNode):
        return _model(node, facts)
    if node.partitioned:
        return _by_partition(node, facts)
    if facts.of(node.key) is None:
        return Difference(("it was never made",))
    reasons = _changed_inputs(node, facts)
    if isinstance(node, PredictionsNode) and changes.champion:
        reasons.append(f"version {facts.of_model(node.model_key).champion} is champion now")
    if changes.code:
        reasons.append(_CODE)
    return Difference(tuple(reasons))


def inputs_now(node: Node, facts: Facts, partition: str | None = None) -> dict[str, str]:
    """Content hash of every table that a node would be made from now, by key."""
    content: dict[str, str] = {}
    for given in node.inputs:
        record = None if facts.in_registry(given.key) else facts.of(given.key)
        if record is not None:
            parts = partitions_in(record)
            content[given.key] = parts.get(partition, "") if partition and parts else record.data_version
    return content


def all_partitions(node: Node, facts: Facts) -> tuple[str, ...] | None:
    """Every partition that a node could be made of now, sorted; ``None`` for a node without partitions."""
    if not node.partitioned:
        return None
    found: set[str] = set()
    for given in node.inputs:
        found |= set(partitions_in(facts.of(given.key)))
    if isinstance(node, SourceNode):
        landed = facts.landed(node)
        found = set(partitions_in(facts.of(node.key)) if landed.fault else landed.by_partition())
    return declared_partitions(node, found)


def declared_partitions(node: Node, names: Iterable[str]) -> tuple[str, ...]:
    """Those partitions that a node's own contract declares, sorted; Dagster knows no others."""
    cut = node.contract.partition if node.contract else None
    return tuple(sorted(name for name in names if cut is None or cut.holds(name)))


def _source(node: SourceNode, facts: Facts) -> Difference:
    record, landed = facts.of(node.key), facts.landed(node)
    if landed.fault is not None:
        return _faulty_source(node, record, landed.fault)
    refused = refused_inputs_error(landed, node.contract) if node.contract else None
    if record is None and not landed.inputs:
        return Difference(waits=refused.what if refused else "nothing has landed for it yet", fault=refused)
    made = facts.record_of(node.key)
    changed = changed_partitions(landed, made.landed)
    for partition in landed.by_partition() if record else ():
        origin = made.origins.get(partition)
        code = (origin.code if origin else None) if node.partitioned else made.code_version
        if code != node.version_of_code:
            changed.setdefault(partition, _CODE)
    if not changed:
        return _faulty_source(node, record, refused) if refused else NONE
    reasons = tuple(dict.fromkeys(reason for _, reason in sorted(changed.items())))
    return Difference(reasons, tuple(sorted(changed)) if node.partitioned else None)


def _faulty_source(node: SourceNode, record: Publication | None, fault: MeshError) -> Difference:
    """Wait for a source that does not answer; let the step of one that answers wrongly raise its fault."""
    reason = f"{fault.where}: {fault.what}" if fault.where else fault.what
    parts = declared_partitions(node, partitions_in(record))[-1:]
    if isinstance(fault, TransientError) or (node.partitioned and not parts):
        return Difference(waits=reason, blocks=record is None, fault=fault)
    return Difference((reason,), parts if node.partitioned else None, fault=fault)


def _by_partition(node: Node, facts: Facts) -> Difference:
    origins = facts.record_of(node.key).origins
    reasons: dict[str, None] = {}
    partitions: set[str] = set()
    for partition in all_partitions(node, facts) or ():
        origin = origins.get(partition)
        if origin is None:
            found = ["partitions that were never made"]
        elif origin.code != node.version_of_code:
            found = [_CODE]
        else:
            now = inputs_now(node, facts, partition)
            found = [f"new content of {key}" for key, one in now.items() if origin.inputs.get(key) != one]
        if found:
            partitions.add(partition)
            reasons |= dict.fromkeys(found)
    return Difference(tuple(reasons), tuple(sorted(partitions)))


def _changed_inputs(node: Node, facts: Facts) -> list[str]:
    before = {key: read.data_version for key, read in facts.record_of(node.key).inputs.items()}
    now = inputs_now(node, facts)
    return [f"new content of {key}" for key, content in now.items() if before.get(key) != content]


def _champion(node: ChampionNode, facts: Facts, changes: Changes) -> Difference:
    known = facts.of_model(node.model_key)
    if not known.latest:
        return Difference(waits=f"{node.model_key} was never trained")
    if changes.awaits_gate:
        return Difference((f"version {known.latest} awaits the gate",))
    if changes.shadow:
        return Difference((f"version {known.shadow} in shadow meets new content of {node.features_key}",))
    return NONE


def _model(node: ModelNode, facts: Facts) -> Difference:
    known, features = facts.of_model(node.key), facts.of(node.features_key)
    if not known.latest:
        return Difference(("it was never trained",))
    policy = facts.policy(node)
    in_shadow = (
        f"version {known.shadow} of {node.key} is in shadow until outcomes of {known.shadow_until} are known"
    )
    held = (in_shadow,) if known.shadow else ()
    reasons: list[str] = []
    if known.spec != policy.digest:
        reasons.append("its declaration has changed")
    elif known.shadow:
        return Difference(held=held)  # another version is trained when this one has been decided on
    if features and known.features != features.data_version:
        # Content that was trained on is never a reason again: drift is answered once, whatever the gate says of it.
        drift = facts.drift(node, features.data_version) if policy.on_drift else None
        if _enough(known, features, policy):
            reasons.append(f"new content of {node.features_key}")
        elif drift:
            reasons.append(drift)
        elif not known.shadow:
            held = (_too_little_new(node, known, features, policy),)
    if policy.max_age and known.trained_at:
        age = facts.now - datetime.fromisoformat(known.trained_at)
        if age > policy.max_age:
            allowed = days_or_hours(policy.max_age)
            reasons.append(f"version {known.latest} is {days_or_hours(age)} old, and {allowed} are allowed")
    return Difference(tuple(reasons), held=held)


def _enough(known: ModelFacts, features: Publication, policy: RetrainPolicy) -> bool:
    return features.rows - known.rows >= policy.min_new_rows or known.rows > features.rows


def _too_little_new(node: ModelNode, known: ModelFacts, features: Publication, policy: RetrainPolicy) -> str:
    more, wanted = features.rows - known.rows, policy.min_new_rows
    return f"{node.key}: {more:,} rows more than version {known.latest} knew, and {wanted:,} make a training"
