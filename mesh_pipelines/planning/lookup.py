"""Looks up the facts of planning: the lake's records, the model registry, the landing zone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_pipelines.dagster_names import FAILED, asset_key
from mesh_pipelines.declaring.load import model_spec
from mesh_pipelines.declaring.node import ModelNode, Node, PredictionsNode
from mesh_pipelines.errors import NotPublished, TrackingUnavailable
from mesh_pipelines.landing.landed import Landing
from mesh_pipelines.landing.open import landing_of
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.planning.facts import Facts, ModelFacts, RetrainPolicy, Verdict
from mesh_pipelines.planning.failures import FailedContent, read_failures
from mesh_pipelines.runtime.preload import REGISTRY, preload
from mesh_pipelines.shared import SharedResources
from resources.addresses import sqlite_file
from resources.lake.publication import Publication
from resources.lake.table_version import TableVersion

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from mesh_pipelines.modeling.version import Standing
    from mesh_pipelines.monitoring.findings import Watched


_TICK = 2.0


def facts_of(
    nodes: Mapping[str, Node],
    shared: SharedResources,
    *,
    settle: float = 0.0,
    without_registry: bool = False,
    instance: Callable[[], DagsterInstance] | None = None,
) -> Facts:
    """Facts about some nodes as they stand at this moment.

    Args:
        without_registry: where MLflow does not answer, take models for untrained: their own steps then raise the
            fault, and everything else goes on.
        instance: the Dagster instance, with the findings of drift and checks; asked only where they matter.
    """

    @cache
    def policy_of(key: str) -> RetrainPolicy:
        spec = model_spec(nodes[key], nodes)
        retrain = spec.retrain
        return RetrainPolicy(spec.digest, retrain.min_new_rows, _span(retrain.max_age), retrain.on_drift)

    def policy(node: ModelNode) -> RetrainPolicy:
        return policy_of(node.key)

    @cache
    def models() -> Mapping[str, ModelFacts]:
        try:
            return all_model_facts(shared, nodes)
        except TrackingUnavailable:
            if without_registry:
                return {}
            raise

    def landing(node: Node) -> Landing:
        return landing_of(node, shared.settings)

    def model(key: str) -> ModelFacts:
        known, node = models().get(key, ModelFacts()), nodes[key]
        if known.latest and isinstance(node, ModelNode) and policy(node).min_new_rows:
            rows = _rows_of(shared, node.features_key, known.features_version)
            known = replace(known, rows=rows)
        return known

    facts = Facts(shared.record, nodes, model, landing, policy, settle, now=datetime.now(UTC))
    if instance is not None:
        facts.drift = _drift(facts, instance)
        facts.verdicts = _verdicts(facts, instance)
        facts.failures = _failures(facts, instance)
    return facts


def facts_for_step(
    nodes: Mapping[str, Node],
    shared: SharedResources,
    reads: Iterable[TableVersion],
    instance: Callable[[], DagsterInstance] | None = None,
) -> Facts:
    """Facts as a running step sees them: its inputs at the versions that it was given (``reads``).

    Checks are left out: those of the node itself run after it, and those of its inputs have let the run begin.
    """
    facts, given = facts_of(nodes, shared, instance=instance), {read.key: read.version for read in reads}

    def record(key: str) -> Publication | None:
        return shared.lake.record(key, given[key]) if key in given else shared.record(key)

    facts.record, facts.verdicts = record, None
    return facts


def _drift(facts: Facts, instance: Callable[[], DagsterInstance]) -> Callable[[Node, str], str | None]:
    watched = {node.model_key: key for key, node in facts.nodes.items() if isinstance(node, PredictionsNode)}
    found: dict[str, Watched] | None = None

    def drift(node: Node, content: str) -> str | None:
        nonlocal found
        from mesh_pipelines.monitoring.checks import latest_findings
        from mesh_pipelines.monitoring.policy import drift_reason
        from mesh_pipelines.monitoring.watching import watch_of

        if found is None:
            found = latest_findings(instance(), list(watched.values()))
        finding = found.get(watched.get(node.key, ""))
        if finding is None or finding.features != content:
            return None
        return drift_reason(watch_of(node), finding, f"{node.name}@{facts.of_model(node.key).champion}")

    return drift


def _verdicts(
    facts: Facts, instance: Callable[[], DagsterInstance]
) -> Callable[[Node], Mapping[str, Verdict]]:
    @cache
    def found() -> Mapping[str, Mapping[str, Verdict]]:
        return latest_verdicts(instance(), [node for node in facts.nodes.values() if node.blocking_checks])

    return lambda node: found().get(node.key, {}) if node.blocking_checks else {}


def _failures(
    facts: Facts, instance: Callable[[], DagsterInstance]
) -> Callable[[Node], Sequence[FailedContent]]:
    @cache
    def found() -> Mapping[str, str]:
        return instance().daemon_cursor_storage.get_cursor_values({FAILED + key for key in facts.nodes})

    return lambda node: read_failures(found().get(FAILED + node.key, ""))


def latest_verdicts(instance: DagsterInstance, nodes: Iterable[Node]) -> Mapping[str, Mapping[str, Verdict]]:
    """Last verdict of each blocking check, by asset and check; absent where it was never executed."""
    import dagster as dg
    from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus as Status

    wanted = {
        dg.AssetCheckKey(asset_key(node.key), name): node.key
        for node in nodes
        for name in node.blocking_checks
    }
    storage = instance.event_log_storage
    found: dict[str, dict[str, Verdict]] = {}
    for key, newest in storage.get_latest_asset_check_execution_by_key(list(wanted)).items():
        record = newest
        if record.status == Status.PLANNED:  # a run is about to execute it, or ended before it did
            executed = storage.get_asset_check_execution_history(
                key, limit=1, status={Status.SUCCEEDED, Status.FAILED}
            )
            record = next(iter(executed), newest)
        entry = record.event
        evaluation = entry.dagster_event.event_specific_data if entry and entry.dagster_event else None
        if entry is not None and isinstance(evaluation, dg.AssetCheckEvaluation):
            found.setdefault(wanted[key], {})[key.name] = Verdict(
                record.id,
                evaluation.passed or evaluation.severity != dg.AssetCheckSeverity.ERROR,
                datetime.fromtimestamp(entry.timestamp, UTC),
                evaluation.description or "",
            )
    return found


_seen: dict[str, tuple[object, Mapping[str, Standing]]] = {}


def all_model_facts(shared: SharedResources, nodes: Mapping[str, Node]) -> Mapping[str, ModelFacts]:
    """Registry facts of the registered models among these nodes, by key; empty where there is no registry."""
    standings = _all_standings(shared)
    models = [node for node in nodes.values() if isinstance(node, ModelNode) and node.key in standings]
    return {node.key: _facts(standings[node.key], node.features_key) for node in models}


def _all_standings(shared: SharedResources) -> Mapping[str, Standing]:
    """Standing of every model: one query for all of them, and none while the registry's file is unchanged."""
    if not registry_exists(shared):
        return {}
    uri = shared.settings.tracking_uri
    stamp = _stamp(uri)
    if stamp is None or _seen.get(uri, (None, {}))[0] != stamp:
        if not uri.startswith("sqlite:"):
            preload(REGISTRY)
        _seen[uri] = (stamp, registry_of(shared).standing())
    return _seen[uri][1]


def _facts(standing: Standing, features_key: str) -> ModelFacts:
    latest, hidden = standing.newest, standing.in_shadow
    features = latest.inputs.get(features_key)
    return ModelFacts(
        latest=latest.version,
        features=features.data_version if features else "",
        spec=latest.spec_digest,
        trained_at=latest.trained_at,
        # The gate decides on the newest version only, so the one before it was decided on, or passed over.
        decided=latest.version if latest.gate else latest.version - 1,
        champion=standing.champion,
        features_version=features.version if features else None,
        shadow=hidden.version if hidden else 0,
        shadow_seen=hidden.shadow_seen if hidden else "",
        shadow_until=hidden.shadow_until[:10] if hidden else "",
    )


def _stamp(uri: str) -> object:
    """Identity of MLflow's database file; ``None`` for a server, or for a file that changed a moment ago."""
    path = sqlite_file(uri)
    if path is None:
        return None
    # A second change within a file system's tick would leave the same time.
    stats = [file.stat() for file in (path, Path(f"{path}-wal")) if file.exists()]
    if any(time.time() - stat.st_mtime < _TICK for stat in stats):
        return None
    return tuple((stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats)


def _rows_of(shared: SharedResources, key: str, version: int | None) -> int:
    """Rows of a feature set at the version that a model was trained on; 0 where that version is gone."""
    try:
        return shared.lake.record(key, version).rows if version is not None else 0
    except NotPublished:
        return 0


def _span(text: str | None) -> timedelta | None:
    if text is None:
        return None
    number = int("".join(ch for ch in text if ch.isdigit()))
    unit = text.lstrip("0123456789")
    return timedelta(
        hours=number * {"h": 1, "d": 24, "w": 168, "mo": 24 * 30, "q": 24 * 91, "y": 24 * 365}[unit]
    )


def registry_exists(shared: SharedResources) -> bool:
    """True if a model was ever logged; answered without MLflow, whose import takes seconds and creates a database."""
    file = sqlite_file(shared.settings.tracking_uri)
    return file is None or file.exists()
