"""State of the mesh, read from lake and registry: published tables and models in use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import ModelNode, Node, ProductNode, SourceNode
from mesh_pipelines.errors import DomainError, SelectionError, TrackingUnavailable
from mesh_pipelines.governance.load_mesh import load_sound_mesh
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.planning.lag import Lag, Lags
from mesh_pipelines.planning.lookup import facts_of, registry_exists
from mesh_pipelines.publishing.record import PublishRecord
from mesh_pipelines.reporting.loaded_code import reload_remark
from mesh_pipelines.reporting.reports import (
    MeshState,
    ModelState,
    ModelVersionState,
    ProductState,
    SourceState,
)
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import SharedResources, shared_resources
from resources.lake.publication import Publication

if TYPE_CHECKING:
    from mesh_pipelines.modeling.version import ModelVersion


def read_state(keys: Sequence[str] | None = None, *, mesh: Mesh | None = None) -> MeshState:
    """States of products and models; what is left out for a broken rule, or cannot be read, keeps no other away.

    Args:
        keys: only these products and models, and those of these domains; by default all of them.

    Raises:
        SelectionError: a key is no domain, product or model of the mesh.
        DomainError: each of the keys breaks rules of the federation.
    """
    from mesh_pipelines.governance.load_mesh import project_root
    from mesh_pipelines.runtime.lost_runs import end_lost

    whole = mesh or load_sound_mesh(project_root())
    shared = shared_resources()
    refused = whole.refused_in(keys or ())
    sound = [key for key in keys or () if key not in refused]
    if keys and not sound:
        raise DomainError("the mesh", list(dict.fromkeys(v for found in refused.values() for v in found)))
    chosen = _chosen(whole, sound) if keys else list(whole.nodes.values())
    end_lost(shared)
    facts = facts_of(whole.nodes, shared, instance=lambda: dagster_instance(shared))
    selected = whole.select([node.key for node in chosen]) if chosen else ()
    products = [node for node in chosen if node.is_product]
    sources = _sources(selected, shared)
    remark = reload_remark(whole, shared.settings, {node.domain for node in chosen})
    try:
        lags = Lags.at(selected, facts, datetime.now(UTC))
        models = tuple(_model(node, shared, lags) for node in chosen if isinstance(node, ModelNode))
        states = tuple(_product_or_fault(node, shared, lags) for node in products)
        return MeshState(states, models, sources, refused=refused, remark=remark)
    except TrackingUnavailable as error:
        # The lake knows what is published; without the registry the reasons that come from models are unknown.
        published = [node for node in selected if isinstance(node, SourceNode | ProductNode)]
        lags = Lags.at(
            [node for node in published if not _hangs_on_a_model(node, whole)], facts, datetime.now(UTC)
        )
        unknown = Lag(behind=("unknown: MLflow does not answer",))
        states = (
            replace(
                _product_or_fault(node, shared, lags),
                **({"lag": unknown} if _hangs_on_a_model(node, whole) else {}),
            )
            for node in products
        )
        return MeshState(tuple(states), sources=sources, trouble=error, refused=refused, remark=remark)


def _chosen(mesh: Mesh, keys: Sequence[str]) -> list[Node]:
    """Nodes of domains, and products and models by key, each once and in the order in which they are named."""
    found: dict[str, Node] = {}
    for key in keys:
        if key in mesh.domains:
            found |= {node.key: node for node in mesh.nodes.values() if node.domain == key}
            continue
        node = found[key] = mesh.node(key)
        if not (node.is_product or isinstance(node, ModelNode)):
            raise SelectionError(
                f"{key} is a {node.stage}, no product or model", remedy=f"its card: mesh show {key}"
            )
    return list(found.values())


def _hangs_on_a_model(node: Node, mesh: Mesh) -> bool:
    return node.in_registry or any(
        _hangs_on_a_model(mesh.nodes[given.key], mesh) for given in node.inputs if given.key in mesh.nodes
    )


def _sources(nodes: Iterable[Node], shared: SharedResources) -> tuple[SourceState, ...]:
    """Sources among these nodes that have rows in quarantine, or whose quarantine cannot be read."""
    found: list[SourceState] = []
    for node in nodes:
        if not isinstance(node, SourceNode):
            continue
        try:
            number = quarantined_rows(node, shared)
        except Exception:  # noqa: BLE001 (a broken table may raise anything at all, and others go on)
            number = None
        if number != 0:
            found.append(SourceState(node.key, number))
    return tuple(found)


def _product_or_fault(node: Node, shared: SharedResources, lags: Lags) -> ProductState:
    """State of a product; where its table cannot be read, the error stands for its lag."""
    try:
        return _product(node, shared, lags)
    except TrackingUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 (a broken table may raise anything at all)
        return ProductState(node.key, lag=Lag(behind=(f"cannot be read: {type(error).__name__}",)))


def _lag_or_fault(node: Node, lags: Lags) -> Lag:
    """Lag of a product; where something that it is made of cannot be read, the error in its place."""
    try:
        return lags.of(node)
    except TrackingUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 (a broken table may raise anything at all)
        return Lag(behind=(f"something that it is made of cannot be read: {type(error).__name__}",))


def _product(node: Node, shared: SharedResources, lags: Lags) -> ProductState:
    record = lags.facts.of(node.key)
    if record is None:
        return ProductState(node.key, lag=_lag_or_fault(node, lags))
    made = PublishRecord.of(record)
    rules = made.audit.rules if made.audit else ()
    return ProductState(
        key=node.key,
        version=record.version,
        rows=record.rows,
        quarantined=quarantined_rows(node, shared),
        contract_version=made.contract_version,
        published_at=record.published_at,
        data_version=record.data_version,
        uri=shared.lake.uri(node.key),
        checks_passed=sum(count.passed for count in rules),
        checks_total=len(rules),
        lag=_lag_or_fault(node, lags),
    )


def quarantined_rows(node: Node, shared: SharedResources, then: Publication | None = None) -> int:
    """Number of rows in a product's quarantine.

    Args:
        then: a past publication of it, for the rows in quarantine at that time; by default those of now.
    """
    from mesh_pipelines.publishing.quarantine import QUARANTINE

    if then is None:
        refused = shared.record(node.key + QUARANTINE)
        return refused.rows if refused else 0
    if not shared.lake.exists(node.key + QUARANTINE):
        return 0
    # A publish commits its quarantine first.
    before = [q for q in shared.lake.history(node.key + QUARANTINE) if q.published_at <= then.published_at]
    return max(before, key=lambda q: q.version).rows if before else 0


def _model(node: Node, shared: SharedResources, lags: Lags) -> ModelState:
    key = node.key
    if not registry_exists(shared):
        return ModelState(key, lag=lags.of(node))
    registry = registry_of(shared)
    versions = registry.versions(key)
    champion = registry.champion(key)
    latest = versions[-1] if versions else None
    challenger = latest if latest and (champion is None or latest.version > champion.version) else None
    used = _version_state(champion)
    lag = lags.of(node, champion.data_until if champion else "", used.trained_at if used else None)
    return ModelState(key, used, _version_state(challenger), lag)


def _version_state(found: ModelVersion | None) -> ModelVersionState | None:
    if found is None:
        return None
    inputs = {key: given.version for key, given in found.inputs.items() if given.version is not None}
    return ModelVersionState(
        version=found.version,
        metrics=found.metrics,
        baseline=found.baseline,
        trained_at=datetime.fromisoformat(found.trained_at) if found.trained_at else None,
        inputs=inputs,
        reason=gate_in_short(found),
        sha256=found.sha256,
    )


def gate_in_short(version: ModelVersion) -> str:
    """The gate's decision in one line: what failed, or how much passed."""
    lines = version.reason.splitlines()
    if version.gate == "shadow" and lines:
        return lines[0]
    failed = [line.removeprefix("FAILED ") for line in lines if line.startswith("FAILED")]
    if failed:
        return "refused: " + "; ".join(failed)
    return f"passed {len(lines)} of {len(lines)} checks" if lines else ""
