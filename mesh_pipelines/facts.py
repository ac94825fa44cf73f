"""Where the planner's facts come from: the lake's records, the model registry, the landing zone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_pipelines.declare import PredictionsDeclaration
from mesh_pipelines.errors import NotPublished, TrackingUnavailable
from mesh_pipelines.landing import Landing, landing_of
from mesh_pipelines.loading import Node, model_spec
from mesh_pipelines.mesh import Mesh
from mesh_pipelines.planner import Declared, Facts, ModelFacts
from mesh_pipelines.platform import Platform

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from mesh_pipelines.modeling.registry import ModelVersion
    from mesh_pipelines.monitoring.policy import Watched


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
        instance: the Dagster instance, which keeps what watching has found; asked only where it may matter.
    """

    def declared(node: Node) -> Declared:
        spec = model_spec(node, mesh.domains[node.domain].nodes)
        retrain = spec.retrain
        return Declared(spec.digest, retrain.min_new_rows, _span(retrain.max_age), retrain.on_drift)

    def model(key: str) -> ModelFacts:
        try:
            return model_facts(platform, key)
        except TrackingUnavailable:
            if without_registry:
                return ModelFacts()
            raise

    def landing(node: Node) -> Landing:
        return landing_of(node, platform.settings)

    facts = Facts(platform.record, model, mesh.nodes, landing, declared, settle)
    if instance is not None:
        facts.drift = _drift(facts, instance)
    return facts


def _drift(facts: Facts, instance: Callable[[], DagsterInstance]) -> Callable[[Node, str], str | None]:
    """Look up what was found about all models at once, when the first of them is asked about."""
    watched = {
        f"{node.domain}.{node.declaration.model}": key
        for key, node in facts.nodes.items()
        if isinstance(node.declaration, PredictionsDeclaration)
    }
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


def model_facts(platform: Platform, key: str) -> ModelFacts:
    """What the registry knows of a model; nothing yet where there is no registry.

    Args:
        platform: the shared resources.
        key: the model's key.
    """
    if not registry_exists(platform):
        return ModelFacts()
    from mesh_pipelines.modeling.registry import CHAMPION, SHADOW

    versions = platform.registry.versions(key)
    if not versions:
        return ModelFacts()
    latest = versions[-1]
    champion = next((version for version in versions if CHAMPION in version.aliases), None)
    hidden = next((version for version in reversed(versions) if version.gate == SHADOW), None)
    features: Mapping[str, Any] = next(iter(latest.inputs.values()), {})
    return ModelFacts(
        latest=latest.version,
        features=str(features.get("data_version", "")),
        spec=latest.spec_digest,
        rows=_rows_of(platform, latest),
        trained_at=latest.trained_at,
        decided=max((version.version for version in versions if version.gate), default=0),
        champion=champion.version if champion else 0,
        features_version=features.get("version"),
        shadow=hidden.version if hidden else 0,
        shadow_seen=hidden.shadow_seen if hidden else "",
        shadow_until=hidden.shadow_until[:10] if hidden else "",
    )


def _rows_of(platform: Platform, version: ModelVersion) -> int:
    """Rows of the feature set at the version that a model was trained on; 0 where that is no longer known."""
    key, given = next(iter(version.inputs.items()), ("", {}))
    try:
        return platform.lake.record(key, given["version"]).rows if given.get("version") is not None else 0
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
