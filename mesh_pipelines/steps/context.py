"""Helpers of a running step: its partitions, its inputs, errors of the domain's own function."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg

from mesh_pipelines.dagster_names import IF_STALE, PARTITIONS
from mesh_pipelines.declaring.node import Node
from mesh_pipelines.errors import MeshError, NoAnswer, TransformError, got_no_answer, name_of_kind
from mesh_pipelines.planning.shares import read_spans, within
from mesh_pipelines.publishing.read import Read
from mesh_pipelines.publishing.recorded import hush, quotes

Produce = Callable[[dg.AssetExecutionContext, Mapping[str, Any]], Iterator[Any]]
"""A step: from the context and the loaded inputs to check results and one output."""


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
    return context.resources.io_manager.reads(*_step_of(context))


def forget_reads(context: dg.AssetExecutionContext) -> None:
    """Forget what the step has read, at its end."""
    context.resources.io_manager.forget(*_step_of(context))


def _step_of(context: dg.AssetExecutionContext) -> tuple[str, str]:
    return context.run.run_id, context.get_step_execution_context().step.key


@contextmanager
def domain_call(node: Node) -> Generator[None]:
    """Raise the error of a domain's own function as one that names the function's asset and the remedy."""
    try:
        with hush(quotes(node)):
            yield
    except MeshError:
        raise
    except (Exception, SystemExit) as error:  # its message may hold a value as well
        if got_no_answer(error):
            raise NoAnswer(
                f"what its function asks does not answer: {name_of_kind(error)}",
                where=node.key,
                remedy=f"nothing, if it answers soon: it is tried again by itself; at once by `mesh run {node.key}`",
                quoted=str(error),
            ) from error
        raise TransformError(
            f"its function failed: {name_of_kind(error)}",
            where=node.key,
            remedy="mend the function; its tests run it on made-up rows, and show the whole error",
            quoted=str(error),
        ) from error
