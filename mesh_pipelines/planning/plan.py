"""What is out of date, and why: a pure comparison of what was published with what it would be made from now.

The lake and the model registry hold the truth: each table remembers the content (not the run) of everything it was
made from. So the same answer comes out for the ``mesh`` command, the sensors and a person who asks why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mesh_pipelines.declaring.load import Node
from mesh_pipelines.errors import MeshError, TransientError
from mesh_pipelines.landing.landed import (
    Known,
    Landed,
    Landing,
    changed_partitions,
    looked,
    set_apart,
    undeclared,
)
from mesh_pipelines.planning.verdicts import Verdict, unseen, why_unfit

if TYPE_CHECKING:
    from resources.lake.publication import Publication

IF_STALE = "mesh/if-stale"
"""Run tag: a step whose inputs turn out to be unchanged leaves its table as it is."""

REASON = "mesh/reason"
"""Run tag: why the run was started, in words."""


@dataclass(frozen=True)
class Step:
    """One asset that is to be made.

    Args:
        node: the asset.
        reasons: why, in words a person can read.
        partitions: which partitions of it; ``None`` for an asset that is not materialized by partition.
        follows: it is here only because something upstream of it will be made; where that turns out to be
            unchanged, it stays as it is.
    """

    node: Node
    reasons: tuple[str, ...]
    partitions: tuple[str, ...] | None = None
    follows: bool = False

    @property
    def key(self) -> str:
        return self.node.key


@dataclass(frozen=True)
class Waiting:
    """An asset that cannot be made yet, and for what it waits.

    Args:
        node: the asset.
        reason: for what it waits, in words.
        blocks: whether what is downstream waits with it; not where an earlier version can be read.
    """

    node: Node
    reason: str
    blocks: bool = True


@dataclass(frozen=True)
class Plan:
    """Steps upstream first, and what waits."""

    steps: tuple[Step, ...] = ()
    waiting: tuple[Waiting, ...] = ()


@dataclass(frozen=True)
class ModelFacts:
    """What the registry knows of a model, as far as planning needs it.

    Args:
        latest: newest version, 0 where there is none.
        features: content of the feature set that the newest version was trained on.
        features_version: which version of it that was.
        spec: digest of the declaration that it was trained by.
        rows: rows that the feature set had then.
        trained_at: when that was, ISO 8601 in UTC.
        decided: newest version that the gate has decided on.
        champion: version in use, 0 where there is none.
        shadow: version that is scored beside the champion, 0 where there is none.
        shadow_seen: content of the feature set on which that was last done.
        shadow_until: day of the data up to which its outcomes have to be known.
    """

    latest: int = 0
    features: str = ""
    spec: str = ""
    decided: int = 0
    champion: int = 0
    rows: int = 0
    trained_at: str = ""
    features_version: int | None = None
    shadow: int = 0
    shadow_seen: str = ""
    shadow_until: str = ""


@dataclass(frozen=True)
class Declared:
    """What planning needs of a model's declaration.

    Args:
        digest: changes when the model would be another one.
        min_new_rows: rows more than last time that make new content worth a training.
        max_age: age at which a version is trained again whatever has changed.
        on_drift: whether drift beyond the model's bounds makes new content worth a training, however few its rows.
    """

    digest: str
    min_new_rows: int = 0
    max_age: timedelta | None = None
    on_drift: bool = True


@dataclass
class Facts:
    """Where the planner looks; each look is taken once a plan.

    Args:
        record: the publish record of a key, ``None`` where nothing was published.
        model: what the registry knows of a model.
        nodes: every node of the mesh by key.
        landing: where the rows of a source come from.
        declared: a model's declaration as it is now.
        settle: seconds that a new file must have been left unchanged.
        drift: why a model has drifted, by what was found on this content of its feature set; ``None`` where nobody
            has looked at it yet, or all is within bounds.
        verdicts: what the hand-written blocking checks of a node last said, by name; ``None`` where nobody can be
            asked, and what is published may be followed.
    """

    record: Callable[[str], Publication | None]
    model: Callable[[str], ModelFacts]
    nodes: Mapping[str, Node]
    landing: Callable[[Node], Landing]
    declared: Callable[[Node], Declared]
    settle: float = 0.0
    drift: Callable[[Node, str], str | None] = lambda _node, _content: None
    verdicts: Callable[[Node], Mapping[str, Verdict]] | None = None
    _records: dict[str, Publication | None] = field(default_factory=dict)
    _models: dict[str, ModelFacts] = field(default_factory=dict)
    _landed: dict[str, Landed] = field(default_factory=dict)

    def of(self, key: str) -> Publication | None:
        if key not in self._records:
            self._records[key] = self.record(key)
        return self._records[key]

    def of_model(self, key: str) -> ModelFacts:
        if key not in self._models:
            self._models[key] = self.model(key)
        return self._models[key]

    def there(self, key: str) -> bool:
        """Whether something can be read under a key: rows in the lake, or a version in the registry."""
        node = self.nodes.get(key)
        if node and node.stage == "model":
            return bool(self.of_model(key).latest)
        if node and node.stage == "champion":
            return bool(self.of_model(node.inputs[0].key).champion)
        return self.of(key) is not None

    def registry_state(self, key: str) -> ModelFacts | None:
        """What the registry knows of a model or its champion; ``None`` for anything else."""
        node = self.nodes.get(key)
        if node is None or node.stage not in ("model", "champion"):
            return None
        return self.of_model(key if node.stage == "model" else node.inputs[0].key)

    def made_at(self, node: Node) -> datetime | None:
        """When what is there now of a node was made; ``None`` where nothing is, or nobody wrote it down."""
        if node.stage == "champion":
            return None
        if node.stage == "model":
            trained = self.of_model(node.key).trained_at
            return datetime.fromisoformat(trained) if trained else None
        record = self.of(node.key)
        return record.published_at if record else None

    def unfit(self, key: str) -> str | None:
        """Why nobody may follow what is there now under a key, in words; ``None`` where all may."""
        node = self.nodes.get(key)
        return why_unfit(node, self) if node else None

    def landed(self, node: Node) -> Landed:
        """What one look found for a source; what went wrong with the look is part of it."""
        if node.key not in self._landed:
            known = known_of(self.of(node.key))
            found = looked(self.landing(node), known, settle=self.settle)
            self._landed[node.key] = set_apart(found, node.contract.partition if node.contract else None)
        return self._landed[node.key]


def plan(
    nodes: Iterable[Node],
    facts: Facts,
    *,
    force: Collection[str] = (),
    without: Collection[str] = (),
    settled: Collection[str] = (),
) -> Plan:
    """What has to be made for the given nodes to be up to date.

    Args:
        nodes: the selection, upstream first.
        facts: where to look.
        force: keys to make whether or not they are out of date.
        without: keys that failed before, with all that is downstream of them left out.
        settled: keys to leave as they are published, while what is downstream of them goes on.
    """
    steps: dict[str, Step] = {}
    waiting: dict[str, Waiting] = {}
    out: set[str] = set(without)
    for node in nodes:
        if node.key in out or any(i.key in out for i in node.inputs):
            out.add(node.key)
            continue
        if node.key in settled:
            continue
        found = stale(node, facts) or unchecked(node, facts)
        ahead = [steps[i.key] for i in node.inputs if i.key in steps]
        unfit = [facts.unfit(i.key) for i in node.inputs if i.key not in steps]
        held = "; ".join(reason for reason in unfit if reason)
        if held and (ahead or isinstance(found, Step) or node.key in force):
            waiting[node.key] = Waiting(node, held, blocks=not facts.there(node.key))
            out |= {node.key} if waiting[node.key].blocks else set()
            continue
        if isinstance(found, Waiting):
            ready = ahead and all(i.key in steps or facts.there(i.key) for i in node.inputs)
            if not ready and (found.blocks or node.key not in force):
                waiting[node.key] = found
                out |= {node.key} if found.blocks else set()
                continue
            found = None
        if node.key in force:
            found = _asked_for(node, found, facts)
        if ahead:
            steps[node.key] = _following(node, ahead, found)
        elif found is not None:
            steps[node.key] = found
    return Plan(tuple(steps.values()), tuple(waiting.values()))


def stale(node: Node, facts: Facts) -> Step | Waiting | None:
    """Whether one asset is out of date by what is published now.

    Args:
        node: the asset.
        facts: where to look.

    Returns:
        A step with its reasons, what it waits for, or ``None`` where it is up to date.
    """
    match node.stage:
        case "source":
            return _stale_source(node, facts)
        case "model":
            return _stale_model(node, facts)
        case "champion":
            return _stale_champion(node, facts)
        case "predictions":
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
    parts = _declared_of(node, partitions_in(facts.of(node.key)))[-1:] if node.partitioned else None
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
    changed = outdated_partitions(node, record, landed)
    if not changed and landed.outside and node.contract:
        return _faulty_source(node, record, undeclared(landed, node.contract))
    if not changed:
        return None
    reasons = tuple(dict.fromkeys(changed.values()))
    return Step(node, reasons, tuple(changed) if node.partitioned else None)


def _faulty_source(node: Node, record: Publication | None, fault: MeshError) -> Step | Waiting:
    """What does not answer is asked again; what answers wrongly is for its step to say, once, where people look."""
    reason = f"{fault.where}: {fault.what}" if fault.where else fault.what
    parts = _declared_of(node, partitions_in(record))[-1:]
    if isinstance(fault, TransientError) or (node.partitioned and not parts):
        return Waiting(node, reason, blocks=record is None)
    return Step(node, (reason,), parts if node.partitioned else None)


def outdated_partitions(node: Node, record: Publication | None, landed: Landed) -> dict[str, str]:
    """Partitions of a source that are not made of what has landed now, by the code of now; each with the reason.

    Args:
        node: the source.
        record: what was published of it.
        landed: what is there now.
    """
    changed = changed_partitions(landed, known_of(record))
    if record is not None:
        made = info_of(record).get("made_from") or {}
        for partition in landed.by_partition():
            code = (made.get(partition) or {}).get("code") if node.partitioned else record.code_version
            if code != node.version_of_code:
                changed.setdefault(partition, _CODE)
    return dict(sorted(changed.items()))


def known_of(record: Publication | None) -> Known:
    """What a source's publish record knows of its inputs."""
    return info_of(record).get("landed") or {}


def _stale_partitioned(node: Node, facts: Facts) -> Step | Waiting | None:
    missing = _unpublished(node, facts)
    if missing:
        return missing
    made: Mapping[str, Mapping[str, str]] = info_of(facts.of(node.key)).get("made_from") or {}
    reasons: dict[str, None] = {}
    partitions: set[str] = set()
    for partition in _all_partitions(node, facts) or ():
        now = inputs_now(node, facts, partition)
        before = made.get(partition)
        if before is None:
            partitions.add(partition)
            reasons.setdefault("partitions that were never made")
        elif before.get("code") != node.version_of_code:
            partitions.add(partition)
            reasons.setdefault(_CODE)
        else:
            for key, content in now.items():
                if before.get(key) != content:
                    partitions.add(partition)
                    reasons.setdefault(f"new content of {key}")
    return Step(node, tuple(reasons), tuple(sorted(partitions))) if partitions else None


def _stale_whole(node: Node, facts: Facts) -> Step | Waiting | None:
    missing = _unpublished(node, facts)
    if missing:
        return missing
    record = facts.of(node.key)
    if record is None:
        return Step(node, ("it was never made",))
    reasons = _changed_inputs(node, record, facts)
    if record.code_version != node.version_of_code:
        reasons.append(_CODE)
    return Step(node, tuple(reasons)) if reasons else None


def _stale_model(node: Node, facts: Facts) -> Step | Waiting | None:
    missing = _unpublished(node, facts)
    if missing:
        return missing
    known = facts.of_model(node.key)
    features = facts.of(node.inputs[0].key)
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
            reasons.append(f"new content of {node.inputs[0].key}")
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
    features = facts.of(node.inputs[0].key) if node.stage == "model" else None
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


def _stale_champion(node: Node, facts: Facts) -> Step | Waiting | None:
    known = facts.of_model(node.inputs[0].key)
    if not known.latest:
        return Waiting(node, f"{node.inputs[0].key} was never trained")
    if known.decided < known.latest:
        return Step(node, (f"version {known.latest} awaits the gate",))
    features = facts.of(node.inputs[1].key)
    if known.shadow and features and features.data_version != known.shadow_seen:
        return Step(node, (f"version {known.shadow} in shadow meets new content of {features.key}",))
    return None


def in_shadow(nodes: Iterable[Node], facts: Facts) -> list[str]:
    """What is in shadow among some models, and until when, in words.

    Args:
        nodes: any nodes.
        facts: where to look.
    """
    known = {node.key: facts.of_model(node.key) for node in nodes if node.stage == "model"}
    return [
        f"version {model.shadow} of {key} is in shadow until outcomes of {model.shadow_until} are known"
        for key, model in known.items()
        if model.shadow
    ]


def _stale_predictions(node: Node, facts: Facts) -> Step | Waiting | None:
    missing = _unpublished(node, facts)
    if missing:
        return missing
    known = facts.of_model(facts.nodes[node.inputs[0].key].inputs[0].key)
    record = facts.of(node.key)
    if record is None:
        return Step(node, ("it was never made",))
    reasons = _changed_inputs(node, record, facts)
    if record.info.get("champion") != known.champion:
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
    node, record = step.node, facts.of(step.key)
    if node.stage == "source":
        known = known_of(record)
        return [
            f"{one.name}@{one.fingerprint[:8]}"
            for one in facts.landed(node).inputs
            if known.get(one.partition, {}).get(one.name, ("", ""))[1] != one.fingerprint
        ]
    before = {key: given["version"] for key, given in (info_of(record).get("inputs") or {}).items()}
    if node.stage == "model":
        read = facts.of_model(node.key).features_version
        before = {node.inputs[0].key: read} if read is not None else {}
    found: list[str] = []
    for wanted in node.inputs:
        registered = facts.registry_state(wanted.key)
        published = None if registered else facts.of(wanted.key)
        if registered:
            model = facts.nodes[wanted.key]
            latest = registered.latest if model.stage == "model" else registered.champion
            found.append(f"{wanted.key}@{latest}")
        elif published and before.get(wanted.key, published.version) != published.version:
            found.append(f"{wanted.key}@{before[wanted.key]} -> @{published.version}")
        elif published:
            found.append(f"{wanted.key}@{published.version}")
    return found


def info_of(record: Publication | None) -> Mapping[str, Any]:
    """What the publisher noted, nothing where nothing was published."""
    return record.info if record else {}


def partitions_in(record: Publication | None) -> dict[str, str]:
    """Content of each partition of a table; empty for one that is not partitioned."""
    if record is None or record.partition_by is None:
        return {}
    return {name: digest.hex for name, digest in record.partitions.items()}


def _changed_inputs(node: Node, record: Publication, facts: Facts) -> list[str]:
    before = record.info.get("inputs") or {}
    now = inputs_now(node, facts)
    return [
        f"new content of {key}"
        for key, content in now.items()
        if (before.get(key) or {}).get("data_version") != content
    ]


def _unpublished(node: Node, facts: Facts) -> Waiting | None:
    missing = [i.key for i in node.inputs if not facts.there(i.key)]
    return Waiting(node, f"{', '.join(missing)} is not published yet") if missing else None


def _in_registry(key: str, facts: Facts) -> bool:
    node = facts.nodes.get(key)
    return bool(node) and node.stage in ("model", "champion")


def _all_partitions(node: Node, facts: Facts) -> tuple[str, ...] | None:
    if not node.partitioned:
        return None
    found: set[str] = set()
    for wanted in node.inputs:
        found |= set(partitions_in(facts.of(wanted.key)))
    if node.stage == "source":
        landed = facts.landed(node)
        found = set(partitions_in(facts.of(node.key)) if landed.fault else landed.by_partition())
    return _declared_of(node, found)


def _declared_of(node: Node, names: Iterable[str]) -> tuple[str, ...]:
    """Those partitions that a node's own contract declares, sorted; Dagster knows no others."""
    cut = node.contract.partition if node.contract else None
    return tuple(sorted(name for name in names if cut is None or cut.holds(name)))


def _asked_for(node: Node, found: Step | None, facts: Facts) -> Step:
    partitions = _all_partitions(node, facts)
    if partitions is not None and found is not None:
        partitions = tuple(sorted({*partitions, *(found.partitions or ())}))
    return Step(node, ("asked for", *(found.reasons if found else ())), partitions)


def _following(node: Node, ahead: Iterable[Step], found: Step | None) -> Step:
    ahead = list(ahead)
    reasons = (*(found.reasons if found else ()), *(f"{step.key} is made first" for step in ahead))
    partitions: set[str] = set(found.partitions or ()) if found else set()
    for step in ahead:
        partitions |= set(step.partitions or ())
    parts = _declared_of(node, partitions) if node.partitioned else None
    return Step(node, reasons, parts, follows=found is None)
