"""Reads the lake for Dagster: every input of a code location is read as its domain, at a pinned version."""

from __future__ import annotations

import dagster as dg
import polars as pl

from mesh_pipelines.dagster_names import PARTITIONS, PRODUCT, PURPOSE, dotted
from mesh_pipelines.declaring.reader import AccessRequest, Purpose, Reader
from mesh_pipelines.governance.access import decision_point
from mesh_pipelines.planning.shares import Spans, read_spans, within
from mesh_pipelines.publishing.read import Read, read_product
from mesh_pipelines.publishing.recorded import recordable_errors
from mesh_pipelines.shared import shared_resources


class LakeIOManager(dg.IOManager):
    """Hands a step its inputs as lazy frames, each at the version that is published when the step starts.

    A step's own rows never pass through here: the step publishes them before the output is yielded.

    Args:
        reader: the domain of the code location: its assets, checks and jobs read as that domain.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._reads: dict[tuple[str, str], dict[str, Read]] = {}

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Store nothing: the step has published the rows, or refused them."""
        if obj is not None:
            name = context.asset_key.to_user_string() if context.has_asset_key else context.step_key
            raise dg.DagsterInvariantViolationError(
                f"{name} returned rows without an audit; let domain() build its location"
            )
        spans = read_spans(context.step_context.run_tags.get(PARTITIONS, ""))
        if spans and context.has_asset_partitions:
            # Of a range with gaps Dagster would record the partitions in the gaps as made too.
            made = [name for name in context.asset_partition_keys if within(name, spans)]
            subset = context.asset_partitions_def.subset_with_partition_keys(made)
            context._asset_partitions_subset = subset  # pyright: ignore[reportPrivateUsage]

    def load_input(self, context: dg.InputContext) -> pl.LazyFrame:
        """One input, lazily: only columns and row groups that are used are read and decrypted.

        Raises:
            AccessRefused: no agreement lets this domain read it for the port's purpose.
            NotPublished: nothing has been published under that key.
        """
        step, metadata = context.step_context, context.definition_metadata or {}
        key = dotted(context.asset_key) if context.has_asset_key else str(metadata.get(PRODUCT, ""))
        if not key:
            raise dg.DagsterInvariantViolationError(
                f"input {context.name} of {step.op_def.name} names no product: dg.In(metadata={{{PRODUCT!r}: ...}})"
            )
        purpose = metadata.get(PURPOSE)
        request = AccessRequest(self.reader, key, Purpose(str(purpose)) if purpose else None)
        spans: Spans | None = None
        if "result" in step.op_def.output_dict and step.has_asset_partitions_for_output("result"):
            made = step.asset_partition_key_range_for_output("result")
            tag = step.run_tags.get(PARTITIONS, "")
            spans = read_spans(tag) or [(made.start, made.end)]
        with recordable_errors(key, None, None):
            rows, read = read_product(shared_resources(), request, decision_point, spans)
        self._reads.setdefault((step.run_id, step.step.key), {})[key] = read
        return rows

    def reads(self, run_id: str, step_key: str) -> dict[str, Read]:
        return self._reads.get((run_id, step_key), {})

    def forget(self, run_id: str, step_key: str) -> None:
        self._reads.pop((run_id, step_key), None)
