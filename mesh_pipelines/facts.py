"""Where the planner's facts come from: the lake's records, the model registry, the landing zone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_pipelines.errors import NotPublished, TrackingUnavailable
from mesh_pipelines.loading import Node, model_spec
from mesh_pipelines.mesh import Mesh
from mesh_pipelines.planner import Declared, Facts, ModelFacts
from mesh_pipelines.platform import Platform

if TYPE_CHECKING:
    from mesh_pipelines.modeling.registry import ModelVersion


def facts_of(mesh: Mesh, platform: Platform, *, settle: float = 0.0, without_registry: bool = False) -> Facts:
    """Facts about a mesh as it stands at this moment.

    Args:
        mesh: all its domains.
        platform: its shared resources.
        settle: seconds that a new file must have been left unchanged before it counts as landed.
        without_registry: where MLflow does not answer, take models for untrained: their own steps then say what is
            wrong, and everything else goes on.
    """

    def declared(node: Node) -> Declared:
        spec = model_spec(node, mesh.domains[node.domain].nodes)
        return Declared(spec.digest, spec.retrain.min_new_rows, _span(spec.retrain.max_age))

    def model(key: str) -> ModelFacts:
        try:
            return model_facts(platform, key)
        except TrackingUnavailable:
            if without_registry:
                return ModelFacts()
            raise

    return Facts(platform.record, model, mesh.nodes, platform.settings.landing, declared, settle)


def model_facts(platform: Platform, key: str) -> ModelFacts:
    """What the registry knows of a model; nothing yet where there is no registry.

    Args:
        platform: the shared resources.
        key: the model's key.
    """
    if not registry_exists(platform):
        return ModelFacts()
    from mesh_pipelines.modeling.registry import CHAMPION

    versions = platform.registry.versions(key)
    if not versions:
        return ModelFacts()
    latest = versions[-1]
    champion = next((version for version in versions if CHAMPION in version.aliases), None)
    features = next(iter(latest.inputs.values()), {})
    return ModelFacts(
        latest=latest.version,
        features=str(features.get("data_version", "")),
        spec=latest.spec_digest,
        rows=_rows_of(platform, latest),
        trained_at=latest.trained_at,
        decided=max((version.version for version in versions if version.gate), default=0),
        champion=champion.version if champion else 0,
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
