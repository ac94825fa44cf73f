"""Where the planner's facts come from: the lake's records, the model registry, the landing zone."""

from __future__ import annotations

from pathlib import Path

from mesh_pipelines.loading import Node, model_spec
from mesh_pipelines.mesh import Mesh
from mesh_pipelines.planner import Facts, ModelFacts
from mesh_pipelines.platform import Platform


def facts_of(mesh: Mesh, platform: Platform, *, settle: float = 0.0) -> Facts:
    """Facts about a mesh as it stands at this moment.

    Args:
        mesh: all its domains.
        platform: its shared resources.
        settle: seconds that a new file must have been left unchanged before it counts as landed.
    """

    def spec(node: Node) -> str:
        return model_spec(node, mesh.domains[node.domain].nodes).digest

    def model(key: str) -> ModelFacts:
        return model_facts(platform, key)

    return Facts(platform.record, model, mesh.nodes, platform.settings.landing, spec, settle)


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
        decided=max((version.version for version in versions if version.gate), default=0),
        champion=champion.version if champion else 0,
    )


def registry_exists(platform: Platform) -> bool:
    """Whether any model was ever logged; asking MLflow would import it, and create its database, for nothing."""
    uri = platform.settings.tracking_uri
    return not uri.startswith("sqlite:///") or Path(uri.removeprefix("sqlite:///")).exists()
