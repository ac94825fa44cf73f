"""Trains a model again from its record, and compares the bytes."""

from __future__ import annotations

import time

import dagster as dg

from mesh_pipelines.dagster_names import asset_key
from mesh_pipelines.declaring.node import Node
from mesh_pipelines.errors import NotPublished
from mesh_pipelines.modeling.rebuild import RebuildReport
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.shared import SharedResources, shared_resources

CHECK = "rebuilds_bit_for_bit"


def rebuild_version(shared: SharedResources, key: str, version: int) -> RebuildReport:
    """Train a version again from its record, and compare the bytes of ``model.ubj``.

    Raises NotPublished: there is no such version, or the features it was trained on were vacuumed.
    """
    from mesh_pipelines.modeling.rebuild import rebuild

    begun = time.perf_counter()
    found = registry_of(shared).version(key, version)
    record = registry_of(shared).read(found).record
    features = shared.lake.scan(record.features.key, version=record.features.version)
    with shared.lake.reading(record.features.key, record.features.version):
        again = rebuild(record, features)
    return RebuildReport(
        key,
        version,
        found.sha256,
        again.sha256,
        time.perf_counter() - begun,
        "" if again.same else again.verdict,
    )


def report_rebuild(instance: dg.DagsterInstance, report: RebuildReport) -> None:
    """Show a rebuild on the model's page in Dagster, as the result of its check."""
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            check_name=CHECK,
            asset_key=asset_key(report.key),
            passed=report.same,
            metadata={"version": report.version, "recorded": report.recorded, "rebuilt": report.rebuilt},
            description=report.detail or "the same bytes",
        )
    )


def rebuild_check(node: Node) -> dg.AssetChecksDefinition:
    """A check that trains the newest version of a model again; it runs on request."""

    @dg.asset_check(
        asset=asset_key(node.key),
        name=CHECK,
        description="Trained again from its record, the newest version has the same bytes (SHA-256 of model.ubj).",
    )
    def rebuilds_bit_for_bit() -> dg.AssetCheckResult:
        shared = shared_resources()
        versions = registry_of(shared).versions(node.key)
        if not versions:
            raise NotPublished("no version was ever trained", where=node.key, remedy=f"mesh run {node.key}")
        report = rebuild_version(shared, node.key, versions[-1].version)
        return dg.AssetCheckResult(
            passed=report.same,
            description=report.detail or "the same bytes",
            metadata={"version": report.version, "recorded": report.recorded, "rebuilt": report.rebuilt},
        )

    return rebuilds_bit_for_bit
