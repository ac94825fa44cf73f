"""The step of a product or feature set: a function of the domain makes rows, which are audited and published."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import polars as pl
from dagster import AssetExecutionContext
from dagster._core.definitions.utils import NoValueSentinel

from mesh_pipelines.declaring.declarations import FeatureSetDeclaration
from mesh_pipelines.declaring.node import PARTITION, Node
from mesh_pipelines.errors import NotPublished, TransformError
from mesh_pipelines.planning.judge import judge
from mesh_pipelines.planning.lookup import facts_for_step
from mesh_pipelines.publishing.candidate import Candidate, as_rows
from mesh_pipelines.publishing.read import Read
from mesh_pipelines.publishing.record import Origin
from mesh_pipelines.shared import SharedResources, shared_resources
from mesh_pipelines.steps.column_names import refuse_names_of_data
from mesh_pipelines.steps.columns import column_schema
from mesh_pipelines.steps.context import (
    Produce,
    domain_call,
    only_if_stale,
    reads_of,
    wanted_partitions,
)
from mesh_pipelines.steps.publish import audit_and_publish, unchanged_output


def transform_step(node: Node) -> Produce:
    """The step of a declared product or feature set."""
    declared = node.declaration
    assert declared is not None

    def step(context: AssetExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        shared = shared_resources()
        reads = reads_of(context)
        partitions = wanted_partitions(context, node)
        before = shared.record(node.key)
        if only_if_stale(context) and before and not _outdated_partitions(node, shared, reads, partitions):
            yield unchanged_output(before, column_schema(node, shared.lake, reads, before.version))
            return
        _refuse_partitions_not_landed(node, reads, partitions)
        begun = time.perf_counter()
        with domain_call(node):
            rows = as_rows(declared(**inputs), node.key)
            refuse_names_of_data(node, rows, shared.lake, reads)
        spent = time.perf_counter() - begun
        yield from audit_and_publish(
            node, context, shared, _candidate(node, rows, partitions, reads), reads, spent
        )

    return step


def _refuse_partitions_not_landed(
    node: Node, reads: Mapping[str, Read], partitions: tuple[str, ...] | None
) -> None:
    if partitions is None or not reads:
        return
    there = {name for read in reads.values() for name in read.partitions}
    whole = any(not read.partitions and not read.by_partition for read in reads.values())
    missing = [name for name in partitions if name not in there]
    if missing and not whole:
        raise NotPublished(
            f"nothing has been published upstream for {', '.join(missing)}",
            where=node.key,
            remedy=f"land it first, and make {', '.join(reads)} of it",
        )


def handwritten_step(node: Node) -> Produce:
    """The step of a hand-written ``@asset``: Dagster executes its function, and its rows pass the same audit."""
    from dagster._core.execution.plan.compute_generator import create_op_compute_wrapper

    original = create_op_compute_wrapper(node.asset.node_def)

    def step(context: AssetExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        shared = shared_resources()
        reads = reads_of(context)
        partitions = wanted_partitions(context, node)
        _name_the_output(context)
        with domain_call(node):
            given = [item for item in original(context, inputs) if isinstance(item, _WITH_ROWS)]
            if len(given) != 1 or given[0].value is NoValueSentinel:
                raise TransformError(
                    "a hand-written asset has to return its rows",
                    where=node.key,
                    remedy="return a pl.LazyFrame, or a dg.MaterializeResult with it as its value; "
                    "the platform audits and publishes it",
                )
            rows = as_rows(given[0].value, node.key)
        yield from audit_and_publish(node, context, shared, _candidate(node, rows, partitions, reads), reads)

    return step


_WITH_ROWS = (dg.Output, dg.MaterializeResult)


def _name_the_output(context: AssetExecutionContext) -> None:
    """Metadata that names no output is that of the rows: Dagster asks for a name, for checks are outputs too."""
    own = context.op_execution_context
    add = own.add_output_metadata

    def named(
        metadata: Mapping[str, Any], output_name: str | None = None, mapping_key: str | None = None
    ) -> None:
        add(metadata, output_name or "result", mapping_key)

    own.add_output_metadata = named


def _candidate(
    node: Node, rows: pl.LazyFrame, partitions: tuple[str, ...] | None, reads: Mapping[str, Read]
) -> Candidate:
    origins = {
        name: Origin(node.version_of_code, {key: read.content(name) for key, read in reads.items()})
        for name in partitions or ()
    }
    order: tuple[str, ...] = ()
    if isinstance(node.declaration, FeatureSetDeclaration):
        time_of = node.declaration.time
        rows = rows.with_columns(pl.col(time_of).dt.strftime("%Y-%m").alias(PARTITION))
        order = (PARTITION, *dict.fromkeys((time_of, *node.declaration.key)))
    return Candidate(rows, partitions=partitions, order=order, origins=origins)


def _outdated_partitions(
    node: Node, shared: SharedResources, reads: Mapping[str, Read], partitions: tuple[str, ...] | None
) -> bool:
    facts = facts_for_step({node.key: node}, shared, [read.table for read in reads.values()])
    return judge(node, facts).concerns(partitions)
