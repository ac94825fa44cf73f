"""The judgement of one asset: whether it is out of date, and why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mesh_pipelines.declaring.node import ChampionNode, ModelNode, Node, PredictionsNode, SourceNode
from mesh_pipelines.errors import MeshError, TransientError
from mesh_pipelines.landing.changes import changed_partitions, undeclared
from mesh_pipelines.landing.landed import Landed
from mesh_pipelines.planning.verdicts import unseen

if TYPE_CHECKING:
    from resources.lake.publication import Publication
import hashlib
import json
from collections.abc import Sequence

from mesh_pipelines.planning.facts import Declared, Facts, ModelFacts, partitions_in
from mesh_pipelines.planning.step import Step, Waiting
from mesh_pipelines.planning.verdicts import marks
from mesh_pipelines.publishing.record import NOTHING, PublishRecord


def stale(node: Node, facts: Facts) -> Step | Waiting | None:
    """Whether one asset is out of date by what is published now.

    Args:
        node: the asset.
        facts: where to look.

    Returns:
        A step with its reasons, what it waits for, or ``None`` where it is up to date.
    """
    match node:
        case SourceNode():
            return _stale_source(node, facts)
        case ModelNode():
            return _stale_model(node, facts)
        case ChampionNode():
            return _stale_champion(node, facts)
        case PredictionsNode():
            return _stale_predictions(node, facts)
        case _:
            return _stale_partitioned(node, facts) if node.partitioned else _stale_whole(node, facts)


def unchecked(node: Node, facts: Facts) -> Step | None:
    """A step for checks that have not seen what is published: they run with it, and it finds nothing else to do.

    Args:
        node: the asset.
        facts: where to look.
    """
    missing = unseen(node, facts)
    if not missing:
        return None
    parts = declared_partitions(node, partitions_in(facts.of(node.key)))[-1:] if node.partitioned else None
    return (
        None if parts == () else Step(node, (f"check {', '.join(missing)} has not looked at it yet",), parts)
    )


def _stale_source(node: Node, facts: Facts) -> Step | Waiting | None:
    record, landed = facts.of(node.key), facts.landed(node)
    if landed.fault is not None:
        return _faulty_source(node, record, landed.fault)
    if record is None and not landed.inputs:
        refused = undeclared(landed, node.contract) if landed.outside and node.contract else None
        return Waiting(node, refused.what if refused else "nothing has landed for it yet")
    changed = outdated_partitions(node, facts.record_of(node.key), landed)
    if not changed and landed.outside and node.contract:
        return _faulty_source(node, record, undeclared(landed, node.contract))
    if not changed:
        return None
    reasons = tuple(dict.fromkeys(changed.values()))
    return Step(node, reasons, tuple(changed) if node.partitioned else None)


def _faulty_source(node: Node, record: Publication | None, fault: MeshError) -> Step | Waiting:
    """What does not answer is asked again; what answers wrongly is for its step to say, once, where people look."""
    reason = f"{fault.where}: {fault.what}" if fault.where else fault.what
    parts = declared_partitions(node, partitions_in(record))[-1:]
    if isinstance(fault, TransientError) or (node.partitioned and not parts):
        return Waiting(node, reason, blocks=record is None)
    return Step(node, (reason,), parts if node.partitioned else None)


def outdated_partitions(node: Node, record: PublishRecord, landed: Landed) -> dict[str, str]:
    """Partitions of a source that are not made of what has landed now, by the code of now; each with the reason.

    Args:
        node: the source.
        record: of the last publish; an empty one where nothing was published.
        landed: what is there now.
    """
    changed = changed_partitions(landed, record.landed)
    if record is not NOTHING:
        for partition in landed.by_partition():
            origin = record.origins.get(partition)
            code = (origin.code if origin else None) if node.partitioned else record.code_version
            if code != node.version_of_code:
                changed.setdefault(partition, _CODE)
    return dict(sorted(changed.items()))


def _stale_partitioned(node: Node, facts: Facts) -> Step | Waiting | None:
    missing = _unpublished(node, facts)
    if missing:
        return missing
    made = facts.record_of(node.key).origins
    reasons: dict[str, None] = {}
    partitions: set[str] = set()
    for partition in all_partitions(node, facts) or ():
        now = inputs_now(node, facts, partition)
        before = made.get(partition)
        if before is None:
            partitions.add(partition)
            reasons.setdefault("partitions that were never made")
        elif before.code != node.version_of_code:
            partitions.add(partition)
            reasons.setdefault(_CODE)
        else:
            for key, content in now.items():
                if before.inputs.get(key) != content:
                    partitions.add(partition)
                    reasons.setdefault(f"new content of {key}")
    return Step(node, tuple(reasons), tuple(sorted(partitions))) if partitions else None


def _stale_whole(node: Node, facts: Facts) -> Step | Waiting | None:
    missing = _unpublished(node, facts)
    if missing:
        return missing
    if facts.of(node.key) is None:
        return Step(node, ("it was never made",))
    reasons = _changed_inputs(node, facts)
    if facts.record_of(node.key).code_version != node.version_of_code:
        reasons.append(_CODE)
    return Step(node, tuple(reasons)) if reasons else None


def _stale_model(node: ModelNode, facts: Facts) -> Step | Waiting | None:
    missing = _unpublished(node, facts)
    if missing:
        return missing
    known = facts.of_model(node.key)
    features = facts.of(node.features_key)
    if not known.latest:
        return Step(node, ("it was never trained",))
    declared = facts.declared(node)
    reasons: list[str] = []
    if known.spec != declared.digest:
        reasons.append("its declaration has changed")
    elif known.shadow:
        return None  # another version is trained when this one has been decided on
    if features and known.features != features.data_version:
        # Content that was trained on is never a reason again: drift is answered once, whatever the gate says of it.
        drift = facts.drift(node, features.data_version) if declared.on_drift else None
        if _enough(known, features, declared):
            reasons.append(f"new content of {node.features_key}")
        elif drift:
            reasons.append(drift)
    if declared.max_age and known.trained_at:
        age = datetime.now(UTC) - datetime.fromisoformat(known.trained_at)
        if age > declared.max_age:
            reasons.append(
                f"version {known.latest} is {_span(age)} old, and {_span(declared.max_age)} are allowed"
            )
    return Step(node, tuple(reasons)) if reasons else None


def too_little_new(node: Node, facts: Facts) -> str | None:
    """That a model has new content, and too little of it by its policy; ``None`` where that is not so.

    Args:
        node: any asset.
        facts: where to look.
    """
    features = facts.of(node.features_key) if isinstance(node, ModelNode) else None
    if features is None:
        return None
    known, declared = facts.of_model(node.key), facts.declared(node)
    if not known.latest or known.shadow or known.features == features.data_version:
        return None
    if _enough(known, features, declared):
        return None
    more, wanted = features.rows - known.rows, declared.min_new_rows
    return f"{node.key}: {more:,} rows more than version {known.latest} knew, and {wanted:,} make a training"


def _enough(known: ModelFacts, features: Publication, declared: Declared) -> bool:
    return features.rows - known.rows >= declared.min_new_rows or known.rows > features.rows


def _span(span: timedelta) -> str:
    return f"{span.days} days" if span.days else f"{span.seconds // 3600} hours"


def _stale_champion(node: ChampionNode, facts: Facts) -> Step | Waiting | None:
    known = facts.of_model(node.model_key)
    if not known.latest:
        return Waiting(node, f"{node.model_key} was never trained")
    if known.decided < known.latest:
        return Step(node, (f"version {known.latest} awaits the gate",))
    features = facts.of(node.features_key)
    if known.shadow and features and features.data_version != known.shadow_seen:
        return Step(node, (f"version {known.shadow} in shadow meets new content of {features.key}",))
    return None


def in_shadow(nodes: Iterable[Node], facts: Facts) -> list[str]:
    """What is in shadow among some models, and until when, in words.

    Args:
        nodes: any nodes.
        facts: where to look.
    """
    known = {node.key: facts.of_model(node.key) for node in nodes if isinstance(node, ModelNode)}
    return [
        f"version {model.shadow} of {key} is in shadow until outcomes of {model.shadow_until} are known"
        for key, model in known.items()
        if model.shadow
    ]


def _stale_predictions(node: PredictionsNode, facts: Facts) -> Step | Waiting | None:
    missing = _unpublished(node, facts)
    if missing:
        return missing
    known = facts.of_model(node.model_key)
    if facts.of(node.key) is None:
        return Step(node, ("it was never made",))
    reasons, record = _changed_inputs(node, facts), facts.record_of(node.key)
    if record.scoring is None or record.scoring.champion != known.champion:
        reasons.append(f"version {known.champion} is champion now")
    if record.code_version != node.version_of_code:
        reasons.append(_CODE)
    return Step(node, tuple(reasons)) if reasons else None


_CODE = "its code or contract has changed"


def inputs_now(node: Node, facts: Facts, partition: str | None = None) -> dict[str, str]:
    """The content of everything a node would be made from now.

    Args:
        node: the asset.
        facts: where to look.
        partition: of a partitioned asset, which partition is to be made.
    """
    content: dict[str, str] = {}
    for wanted in node.inputs:
        record = None if _in_registry(wanted.key, facts) else facts.of(wanted.key)
        if record is None:
            continue
        parts = partitions_in(record)
        content[wanted.key] = parts.get(partition, "") if partition and parts else record.data_version
    return content


def changes(step: Step, facts: Facts) -> list[str]:
    """The versions that made an asset out of date: files of a source, else inputs as they were read, and are now.

    Args:
        step: the asset.
        facts: where to look.
    """
    node, record = step.node, facts.record_of(step.key)
    if isinstance(node, SourceNode):
        known = record.landed
        return [
            f"{one.name}@{one.fingerprint[:8]}"
            for one in facts.landed(node).inputs
            if getattr(known.get(one.partition, {}).get(one.name), "fingerprint", None) != one.fingerprint
        ]
    before = {key: read.version for key, read in record.inputs.items()}
    if isinstance(node, ModelNode):
        read = facts.of_model(node.key).features_version
        before = {node.features_key: read} if read is not None else {}
    found: list[str] = []
    for wanted in node.inputs:
        registered = _in_registry(wanted.key, facts)
        published = None if registered else facts.of(wanted.key)
        if registered:
            found.append(f"{wanted.key}@{facts.registered(wanted.key)}")
        elif published and before.get(wanted.key, published.version) != published.version:
            found.append(f"{wanted.key}@{before[wanted.key]} -> @{published.version}")
        elif published:
            found.append(f"{wanted.key}@{published.version}")
    return found


def _changed_inputs(node: Node, facts: Facts) -> list[str]:
    before = {key: read.data_version for key, read in facts.record_of(node.key).inputs.items()}
    now = inputs_now(node, facts)
    return [f"new content of {key}" for key, content in now.items() if before.get(key) != content]


def _unpublished(node: Node, facts: Facts) -> Waiting | None:
    missing = [i.key for i in node.inputs if not facts.there(i.key)]
    return Waiting(node, f"{', '.join(missing)} is not published yet") if missing else None


def _in_registry(key: str, facts: Facts) -> bool:
    return key in facts.nodes and facts.nodes[key].in_registry


def all_partitions(node: Node, facts: Facts) -> tuple[str, ...] | None:
    """Every partition that a node could be made of now, sorted; ``None`` for one without any."""
    if not node.partitioned:
        return None
    found: set[str] = set()
    for wanted in node.inputs:
        found |= set(partitions_in(facts.of(wanted.key)))
    if isinstance(node, SourceNode):
        landed = facts.landed(node)
        found = set(partitions_in(facts.of(node.key)) if landed.fault else landed.by_partition())
    return declared_partitions(node, found)


def declared_partitions(node: Node, names: Iterable[str]) -> tuple[str, ...]:
    """Those partitions that a node's own contract declares, sorted; Dagster knows no others."""
    cut = node.contract.partition if node.contract else None
    return tuple(sorted(name for name in names if cut is None or cut.holds(name)))


_LISTED = 8


def cause_of(step: Step, facts: Facts) -> str:
    """A hash of what makes an asset out of date: its inputs' content (of a source, its files) and its code.

    Args:
        step: the asset to be made.
        facts: where to look.
    """
    if isinstance(step.node, SourceNode):
        landed = facts.landed(step.node)
        inputs = {
            f"{one.partition}/{one.name}": one.fingerprint
            for one in landed.inputs
            if step.partitions is None or one.partition in step.partitions
        }
        if landed.fault is not None:
            inputs["fault"] = landed.fault.what
        elif landed.outside and not outdated_partitions(step.node, facts.record_of(step.key), landed):
            inputs = {f"outside {one.name}": one.fingerprint for one in landed.outside}
    else:
        inputs = {
            name: json.dumps(inputs_now(step.node, facts, name), sort_keys=True)
            for name in step.partitions or ("",)
        }
        inputs |= {i.key: str(facts.registry_state(i.key)) for i in step.node.inputs}
    inputs |= marks(step.node, facts)
    content = json.dumps([step.key, step.node.version_of_code, sorted(inputs.items())])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def versions_of(steps: Sequence[Step], facts: Facts) -> str:
    """The versions that made assets out of date: of a source its files, of others their inputs, before and now.

    Args:
        steps: the assets that are out of date by themselves.
        facts: where to look.
    """
    found = dict.fromkeys(change for step in steps for change in changes(step, facts))
    shown = ", ".join(list(found)[:_LISTED])
    return f"{shown} and {len(found) - _LISTED} more" if len(found) > _LISTED else shown
