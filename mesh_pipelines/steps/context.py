"""Helpers of a running step: its partitions, its inputs, errors of the domain's own function."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
import polars as pl

from mesh_pipelines.dagster_names import IF_STALE, PARTITIONS
from mesh_pipelines.declaring.node import Node
from mesh_pipelines.errors import MeshError, TransformError
from mesh_pipelines.planning.shares import read_spans, within
from mesh_pipelines.publishing.read import Read

Produce = Callable[[dg.AssetExecutionContext, Mapping[str, Any]], Iterator[Any]]
"""A step: from the context and the loaded inputs to check results and one output."""


def as_rows(value: Any, key: str) -> pl.LazyFrame:
    """Convert the return value of a domain's function to rows.

    Args:
        value: a polars frame, or anything with the Arrow C stream interface (DuckDB relation, pyarrow table).

    Raises:
        TransformError: it is something else.
    """
    from mesh_pipelines.errors import TransformError

    if isinstance(value, pl.LazyFrame):
        return value
    if isinstance(value, pl.DataFrame):
        return value.lazy()
    if hasattr(value, "__arrow_c_stream__"):
        return pl.DataFrame(value).lazy()
    raise TransformError(
        f"its function returned {type(value).__name__}, which is no rows",
        where=key,
        remedy="return a pl.LazyFrame (or DataFrame, Arrow table, DuckDB relation)",
    )


def wanted_partitions(context: dg.AssetExecutionContext, node: Node) -> tuple[str, ...] | None:
    """The partitions that the run asks for; ``None`` for an asset without any."""
    if not node.partitioned:
        return None
    spans = read_spans(context.run.tags.get(PARTITIONS, ""))
    return tuple(name for name in context.partition_keys if not spans or within(name, spans))


def only_if_stale(context: dg.AssetExecutionContext) -> bool:
    """True if the run was started to bring things up to date, not to make them anew at all costs."""
    return context.run.tags.get(IF_STALE) == "true"


def reads_of(context: dg.AssetExecutionContext) -> dict[str, Read]:
    """Tables that the step has read, by key."""
    manager = context.resources.io_manager
    return manager.reads(context.run.run_id, context.get_step_execution_context().step.key)


@contextmanager
def domain_call(node: Node) -> Generator[None]:
    """Raise the error of a domain's own function as one that names the function's asset and the remedy."""
    try:
        yield
    except MeshError:
        raise
    except Exception as error:
        raise TransformError(
            f"its function failed: {type(error).__name__}: {error}",
            where=node.key,
            remedy="mend the function; the whole traceback is in the run's log",
        ) from error
