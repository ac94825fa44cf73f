"""Facts of planning: publish records, registered models, what has landed, verdicts of checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mesh_pipelines.declaring.node import ChampionNode, ModelNode, Node, RegisteredNode
from mesh_pipelines.landing.changes import look_at, separate_undeclared
from mesh_pipelines.landing.landed import Landed, LandedInput, Landing
from mesh_pipelines.planning.judgement import Judgement
from mesh_pipelines.publishing.record import PublishRecord

if TYPE_CHECKING:
    from mesh_pipelines.planning.failures import FailedContent
    from resources.lake.publication import Publication


@dataclass(frozen=True)
class ModelFacts:
    """The part of a model's registry entries that planning needs; a version that does not exist is 0.

    Args:
        features: content hash of the feature set that the newest version was trained on.
        rows: rows of the feature set at that training.
        decided: newest version that the gate has decided on.
        shadow_seen: content hash of the feature set that the version in shadow last scored.
        shadow_until: day of the data up to which outcomes have to be known.
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
class RetrainPolicy:
    """Conditions of a new training, by the model's declaration.

    ``min_new_rows`` more than last time make new content worth a training; drift does with ``on_drift``, however few.
    """

    digest: str
    min_new_rows: int = 0
    max_age: timedelta | None = None
    on_drift: bool = True


def _not_looked_up(*_: object) -> Any:
    raise LookupError("these facts hold nothing of this kind")


@dataclass
class Facts:
    """Published, landed and registered state; each source is asked once.

    Args:
        record: the newest publication of a key, ``None`` where nothing was published.
        drift: reason why a model has drifted on this content of its feature set; ``None`` where drift was not
            measured yet, or is within bounds.
        verdicts: the last verdicts of a node's hand-written blocking checks, by name; ``None`` without a Dagster
            instance: what is published may be followed.
        failures: tries of a node that failed for their content.
        seen: sources that were asked already, by key.
        now: the moment that these facts hold at (UTC); ages are counted to it.
    """

    record: Callable[[str], Publication | None]
    nodes: Mapping[str, Node]
    model: Callable[[str], ModelFacts] = _not_looked_up
    landing: Callable[[Node], Landing] = _not_looked_up
    policy: Callable[[ModelNode], RetrainPolicy] = _not_looked_up
    settle: float = 0.0
    drift: Callable[[Node, str], str | None] = lambda _node, _content: None
    verdicts: Callable[[Node], Mapping[str, Verdict]] | None = None
    failures: Callable[[Node], Sequence[FailedContent]] = lambda _node: ()
    seen: dict[str, Landed] = field(default_factory=dict[str, Landed])
    now: datetime = field(kw_only=True)
    judgements: dict[str, Judgement] = field(default_factory=dict[str, Judgement])
    _publications: dict[str, Publication | None] = field(default_factory=dict)
    _records: dict[str, PublishRecord] = field(default_factory=dict)
    _models: dict[str, ModelFacts] = field(default_factory=dict)
    _landed_in: dict[str, Mapping[str, Sequence[LandedInput]]] = field(default_factory=dict)

    def of(self, key: str) -> Publication | None:
        """The newest publication of a key, ``None`` where nothing was published."""
        if key not in self._publications:
            self._publications[key] = self.record(key)
        return self._publications[key]

    def record_of(self, key: str) -> PublishRecord:
        """The publish record of a key; an empty record where nothing was published."""
        if key not in self._records:
            self._records[key] = PublishRecord.of(self.of(key))
        return self._records[key]

    def of_model(self, key: str) -> ModelFacts:
        if key not in self._models:
            self._models[key] = self.model(key)
        return self._models[key]

    def exists(self, key: str) -> bool:
        """True if rows in the lake or a version in the registry can be read under a key."""
        return self.registry_version(key) > 0 if self.in_registry(key) else self.of(key) is not None

    def in_registry(self, key: str) -> bool:
        return key in self.nodes and self.nodes[key].in_registry

    def registry_version(self, key: str) -> int:
        """The version of a model or champion in the registry, 0 where there is none."""
        match self.nodes[key]:
            case ModelNode():
                return self.of_model(key).latest
            case ChampionNode(model_key=model):
                return self.of_model(model).champion
            case _:
                return 0

    def registry_state(self, key: str) -> ModelFacts | None:
        """Registry facts of a model or its champion; ``None`` for anything else."""
        node = self.nodes.get(key)
        return self.of_model(node.model_key) if isinstance(node, RegisteredNode) else None

    def made_at(self, node: Node) -> datetime | None:
        """Time at which the newest version of a node was made; ``None`` where there is none or it is not on record."""
        if isinstance(node, ChampionNode):
            return None
        if isinstance(node, ModelNode):
            trained = self.of_model(node.key).trained_at
            return datetime.fromisoformat(trained) if trained else None
        record = self.of(node.key)
        return record.published_at if record else None

    def landed(self, node: Node) -> Landed:
        """The landed inputs of a source, or the error of asking for them."""
        if node.key not in self.seen:
            known = self.record_of(node.key).landed
            found = look_at(lambda: self.landing(node), known, settle=self.settle, key=node.key)
            if found.fault and not (node.contract and node.contract.all_public):
                found = replace(found, fault=found.fault.without_quote())
            self.seen[node.key] = separate_undeclared(
                found, node.contract.partition if node.contract else None
            )
        return self.seen[node.key]

    def landed_in(self, node: Node, partitions: Iterable[str]) -> Iterator[LandedInput]:
        if node.key not in self._landed_in:
            self._landed_in[node.key] = self.landed(node).by_partition()
        for name in partitions:
            yield from self._landed_in[node.key].get(name, ())


def partitions_in(record: Publication | None) -> dict[str, str]:
    """Content hash of each partition of a table; empty for a table without partitions."""
    if record is None or record.partition_by is None:
        return {}
    return {name: digest.hex for name, digest in record.partitions.items()}


@dataclass(frozen=True)
class Verdict:
    """The last result of a check; what it checked may be followed if it passed."""

    number: int
    passed: bool
    at: datetime
    description: str = ""
