"""Audits and publishes a candidate, and gives Dagster the results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import dagster as dg

from mesh_pipelines.dagster_names import QUARANTINED, WORK_SECONDS, asset_key
from mesh_pipelines.declaring.node import Node
from mesh_pipelines.errors import AuditRefused
from mesh_pipelines.landing.landed import LISTED
from mesh_pipelines.publishing.candidate import Candidate, Published
from mesh_pipelines.publishing.publish import publish
from mesh_pipelines.publishing.read import Read
from mesh_pipelines.shared import SharedResources
from mesh_pipelines.steps.checks import grouped
from mesh_pipelines.steps.columns import column_schema
from quality.outcome import SAMPLES, Outcome, RuleResult
from quality.rules import rules_of


def audit_and_publish(
    node: Node,
    context: dg.AssetExecutionContext,
    shared: SharedResources,
    candidate: Candidate,
    reads: Mapping[str, Read],
    spent: float = 0.0,
) -> Iterator[Any]:
    """Audit and publish a candidate; yields one check result per rule, then the output.

    A refused candidate yields its failed checks and raises. ``spent``: seconds of work before.
    """
    try:
        published = publish(shared, node, candidate, reads, context.run.run_id)
    except AuditRefused as refusal:
        if isinstance(refusal.outcome, Outcome):
            yield from check_results(node, refusal.outcome)
        raise
    yield from results_of(node, shared, candidate, published, reads, spent)


def results_of(
    node: Node,
    shared: SharedResources,
    candidate: Candidate,
    published: Published,
    reads: Mapping[str, Read],
    spent: float = 0.0,
    *,
    refused: Outcome | None = None,
) -> Iterator[Any]:
    """Results of a publish for Dagster: a check result for each rule, then the output.

    ``refused`` is the audit to show instead of its own: that of partitions which were refused beside it.
    """
    outcome = refused or published.outcome
    if outcome is not None:
        yield from check_results(node, outcome)
    yield dg.Output(
        None,
        "result",
        metadata={
            **_metadata(published, reads, spent, alone=len(candidate.partitions or ()) == 1),
            **candidate.remarks,
            **column_schema(node, shared.lake, reads, published.version),
        },
        data_version=dg.DataVersion(published.data_version),
    )


def check_results(node: Node, outcome: Outcome) -> Iterator[dg.AssetCheckResult]:
    """Results of the checks of an audit; many rules of one kind are one check."""
    results = {result.rule: result for result in outcome.results}
    for name, members in (grouped(rules_of(node.contract)) if node.contract else {}).items():
        found = [results.pop(rule.name) for rule in members if rule.name in results]
        if found:
            yield _check_result(node, outcome, name, found)
    for name, result in results.items():
        yield _check_result(node, outcome, name, [result])


def _check_result(
    node: Node, outcome: Outcome, name: str, results: Sequence[RuleResult]
) -> dg.AssetCheckResult:
    """The result of one check, of one rule or of many of one kind; of many, those that are broken are named."""
    first, broken = results[0], [result for result in results if result.failed or not result.passed]
    metadata: dict[str, Any] = {"checked": first.checked, "failed": sum(result.failed for result in results)}
    description = first.detail or first.description
    if len(results) > 1:
        metadata["rules"] = len(results)
        listed = ", ".join(result.rule for result in broken[:LISTED])
        more = f" and {len(broken) - LISTED:,} more" if len(broken) > LISTED else ""
        description = (
            f"{len(broken):,} of {len(results):,} rules are broken: {listed}{more}" if broken else ""
        )
    elif first.failed:
        metadata["share failed"] = first.share
    if samples := [sample for result in broken for sample in result.samples][:SAMPLES]:
        metadata["samples"] = dg.MetadataValue.json(samples)
    if outcome.docs:
        metadata["data docs"] = _link(outcome.docs)
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=asset_key(node.key),
        passed=all(result.passed for result in results),
        severity=dg.AssetCheckSeverity.ERROR if first.severity == "error" else dg.AssetCheckSeverity.WARN,
        description=description,
        metadata=metadata,
    )


def _metadata(
    published: Published, reads: Mapping[str, Read], spent: float, *, alone: bool
) -> dict[str, Any]:
    """Metadata of a publish for its page; ``alone``: its rows are those of one partition, made by itself."""
    outcome = published.outcome
    metadata: dict[str, Any] = {
        "dagster/row_count": published.total,
        **({"dagster/partition_row_count": published.rows} if alone else {}),
        "dagster/uri": published.uri,
        "version": published.version,
        **seconds_of(published.seconds, spent),
        "made from": dg.MetadataValue.md(
            "\n".join(["| input | version | content |", "|---|--:|---|"])
            + "".join(f"\n| `{r.key}` | {r.version} | `{r.data_version[:12]}` |" for r in reads.values())
        ),
    }
    if not reads:
        del metadata["made from"]
    if published.unchanged:
        metadata["content"] = "the same as published before"
    if outcome is not None:
        metadata[QUARANTINED] = outcome.quarantined
        metadata["audit"] = dg.MetadataValue.md(outcome.to_markdown())
        if outcome.docs:
            metadata["data docs"] = _link(outcome.docs)
    return metadata


def seconds_of(phases: Mapping[str, float], before: float = 0.0) -> dict[str, Any]:
    """Metadata of the work's time (s): by phase, and that ahead of them."""
    rounded = {name: round(seconds, 3) for name, seconds in phases.items()}
    return {WORK_SECONDS: round(before + sum(phases.values()), 2), "seconds": dg.MetadataValue.json(rounded)}


def _link(page: str) -> dg.MetadataValue[Any]:
    """The link to a page of the data docs: without host and port, so that it is right wherever the UI runs."""
    return dg.MetadataValue.url(f"/docs/{quote(page)}")


def unchanged_output(before: Any, columns: Mapping[str, Any] | None = None) -> dg.Output[None]:
    """The output of a step that found nothing to do."""
    return dg.Output(
        None,
        "result",
        metadata={
            "unchanged": "its inputs are what they were, so it was left as it is",
            "version": before.version,
            **(columns or {}),
        },
        data_version=dg.DataVersion(before.data_version),
    )
