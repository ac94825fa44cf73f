"""Notes the content for which a step fails, so that no tick tries the same again, whatever started the run."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, RetryRequested

from mesh_pipelines.dagster_names import FAILED
from mesh_pipelines.declaring.node import LoadedDomain, Node
from mesh_pipelines.errors import may_pass
from mesh_pipelines.planning.failures import (
    FailedContent,
    after_failures,
    after_success,
    read_failures,
    write_failures,
)
from mesh_pipelines.planning.judge import content_of
from mesh_pipelines.planning.lookup import facts_for_step
from mesh_pipelines.publishing.recorded import ENDS
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.steps.context import Produce, forget_reads, reads_of, wanted_partitions

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from mesh_pipelines.planning.facts import Facts

Partitions = tuple[str, ...] | None


@dataclass(frozen=True)
class Tries:
    """Failures of one asset in Dagster's storage, as one step changes them, for the content that it reads."""

    instance: DagsterInstance
    node: Node
    facts: Facts

    @contextmanager
    def note_end(self, partitions: Partitions, *, makes: bool = True) -> Generator[None]:
        """Note how the block ends for partitions that are tried together; ``None`` for an asset without."""
        try:
            yield
        except (*ENDS, RetryRequested):
            raise
        except BaseException as error:  # a panic of polars is no Exception
            if not may_pass(error):
                self.note((), [partitions])
            raise
        if makes:
            self.note([partitions], ())

    def note(self, made: Sequence[Partitions], failed: Sequence[Partitions]) -> None:
        """Note groups of partitions that were made, and groups that failed, each tried together."""
        storage, name = self.instance.daemon_cursor_storage, FAILED + self.node.key
        before = storage.get_cursor_values({name}).get(name, "")
        known = read_failures(before)
        for partitions in made if known else ():
            known = after_success(known, partitions)
        if failed:
            new = [FailedContent(content_of(self.node, self.facts, group), group) for group in failed]
            known = after_failures(known, new)
        after = write_failures(known) if known else ""
        if after != before:
            storage.set_cursor_values({name: after})


def note_failures(node: Node, domain: LoadedDomain, step: Produce) -> Produce:
    """A step whose failures for its content are noted."""

    @wraps(step)
    def noted(context: AssetExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        reads = [read.table for read in reads_of(context).values()]
        facts = facts_for_step(domain.by_key, shared_resources(), reads, lambda: context.instance)
        try:
            with Tries(context.instance, node, facts).note_end(wanted_partitions(context, node)):
                for given in node.inputs:
                    facts.registry_state(given.key)  # as it is now: the step may change it
                yield from step(context, inputs)
        finally:
            forget_reads(context)

    return noted
