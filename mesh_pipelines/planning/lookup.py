"""Where the planner's facts come from: the lake's records, the model registry, the landing zone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_pipelines.declaring.load import model_spec
from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import ModelNode, Node, PredictionsNode
from mesh_pipelines.errors import NotPublished, TrackingUnavailable
from mesh_pipelines.landing.landed import Landing
from mesh_pipelines.landing.open import landing_of
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.planning.facts import Declared, Facts, ModelFacts, Verdict
from mesh_pipelines.planning.verdicts import latest_verdicts
from mesh_pipelines.runtime.preload import OWN_REGISTRY, REGISTRY, preload
from mesh_pipelines.shared import Platform

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from mesh_pipelines.modeling.version import Standing
    from mesh_pipelines.monitoring.findings import Watched


_TICK = 2.0


def facts_of(
    mesh: Mesh,
    platform: Platform,
    *,
    settle: float = 0.0,
    without_registry: bool = False,
    instance: Callable[[], DagsterInstance] | None = None,
) -> Facts:
    """Facts about a mesh as it stands at this moment.

    Args:
        mesh: all its domains.
        platform: its shared resources.
        settle: seconds that a new file must have been left unchanged before it counts as landed.
        without_registry: where MLflow does not answer, take models for untrained: their own steps then say what is
            wrong, and everything else goes on.
        instance: the Dagster instance, which keeps what watching and hand-written checks have found; asked only
            where it may matter.
    """

    @cache
    def declared_as(key: str) -> Declared:
        node = mesh.nodes[key]
        spec = model_spec(node, mesh.domains[node.domain].nodes)
        retrain = spec.retrain
        return Declared(spec.digest, retrain.min_new_rows, _span(retrain.max_age), retrain.on_drift)

    def declared(node: Node) -> Declared:
        return declared_as(node.key)

    @cache
    def models() -> Mapping[str, ModelFacts]:
        try:
            return all_model_facts(platform)
        except TrackingUnavailable:
            if without_registry:
                return {}
            raise

    def landing(node: Node) -> Landing:
        return landing_of(node, platform.settings)

    def model(key: str) -> ModelFacts:
        known, node = models().get(key, ModelFacts()), mesh.nodes[key]
        if known.latest and isinstance(node, ModelNode) and declared(node).min_new_rows:
            rows = _rows_of(platform, node.features_key, known.features_version)
            known = replace(known, rows=rows)
        return known

    facts = Facts(platform.record, model, mesh.nodes, landing, declared, settle)
    if instance is not None:
        facts.drift = _drift(facts, instance)
        facts.verdicts = _verdicts(facts, instance)
    return facts


def _drift(facts: Facts, instance: Callable[[], DagsterInstance]) -> Callable[[Node, str], str | None]:
    """Look up what was found about all models at once, when the first of them is asked about."""
    watched = {node.model_key: key for key, node in facts.nodes.items() if isinstance(node, PredictionsNode)}
    found: dict[str, Watched] | None = None

    def drift(node: Node, content: str) -> str | None:
        nonlocal found
        from mesh_pipelines.monitoring.checks import latest_facts
        from mesh_pipelines.monitoring.policy import drifted
        from mesh_pipelines.monitoring.watching import watch_of

        if found is None:
            found = latest_facts(instance(), list(watched.values()))
        finding = found.get(watched.get(node.key, ""))
        if finding is None or finding.features != content:
            return None
        return drifted(watch_of(node), finding, f"{node.name}@{facts.of_model(node.key).champion}")

    return drift


def _verdicts(
    facts: Facts, instance: Callable[[], DagsterInstance]
) -> Callable[[Node], Mapping[str, Verdict]]:
    """Look up what all blocking checks last said at once, when the first of them is asked about."""

    @cache
    def found() -> Mapping[str, Mapping[str, Verdict]]:
        return latest_verdicts(instance(), [node for node in facts.nodes.values() if node.blocking_checks])

    return lambda node: found().get(node.key, {}) if node.blocking_checks else {}


_seen: dict[str, tuple[object, Mapping[str, ModelFacts]]] = {}


def all_model_facts(platform: Platform) -> Mapping[str, ModelFacts]:
    """What the registry knows of every model, by key; nothing yet where there is no registry.

    One question for all of them, and none while the registry's file is what it was at the last one.

    Args:
        platform: the shared resources.
    """
    if not registry_exists(platform):
        return {}
    uri = platform.settings.tracking_uri
    stamp = _stamp(uri)
    if stamp is None or _seen.get(uri, (None, {}))[0] != stamp:
        preload(OWN_REGISTRY if uri.startswith("sqlite:") else REGISTRY)
        found = {key: _facts(standing) for key, standing in registry_of(platform).standing().items()}
        _seen[uri] = (stamp, found)
    return _seen[uri][1]


def _facts(standing: Standing) -> ModelFacts:
    latest, hidden = standing.newest, standing.in_shadow
    features: Mapping[str, Any] = next(iter(latest.inputs.values()), {})
    return ModelFacts(
        latest=latest.version,
        features=str(features.get("data_version", "")),
        spec=latest.spec_digest,
        trained_at=latest.trained_at,
        # The gate decides on the newest version only, so the one before it was decided on, or passed over.
        decided=latest.version if latest.gate else latest.version - 1,
        champion=standing.champion,
        features_version=features.get("version"),
        shadow=hidden.version if hidden else 0,
        shadow_seen=hidden.shadow_seen if hidden else "",
        shadow_until=hidden.shadow_until[:10] if hidden else "",
    )


def _stamp(uri: str) -> object:
    """What changes when MLflow's own file does; ``None`` where a server would have to be asked, or it just changed."""
    if not uri.startswith("sqlite:///"):
        return None
    path = Path(uri.removeprefix("sqlite:///"))
    # A second change within a file system's tick would leave the same time.
    stats = [file.stat() for file in (path, Path(f"{path}-wal")) if file.exists()]
    if any(time.time() - stat.st_mtime < _TICK for stat in stats):
        return None
    return tuple((stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats)


def _rows_of(platform: Platform, key: str, version: int | None) -> int:
    """Rows of a feature set at the version that a model was trained on; 0 where that is no longer known."""
    try:
        return platform.lake.record(key, version).rows if version is not None else 0
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


def registry_exists(platform: Platform) -> bool:
    """Whether any model was ever logged; asking MLflow would import it, and create its database, for nothing."""
    uri = platform.settings.tracking_uri
    return not uri.startswith("sqlite:///") or Path(uri.removeprefix("sqlite:///")).exists()
