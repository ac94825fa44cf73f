"""Reading the lake from Dagster: an input is a pinned version of a table, and a port is held to its agreement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from mesh_pipelines.errors import AccessRefused, NotPublished
from mesh_pipelines.governance.agreements import agreement_refusal
from mesh_pipelines.shared import platform
from quality.contract import Agreement

if TYPE_CHECKING:
    from resources.lake.publication import Publication


@dataclass(frozen=True)
class Read:
    """What a step read of one input: enough to read the same again.

    Args:
        key: the table's key.
        version: its Delta version.
        data_version: hash of its content.
        partitions: hash of the content of each partition that was read; empty for a table without any.
        by_partition: whether the table is laid out by partition at all.
    """

    key: str
    version: int
    data_version: str
    partitions: Mapping[str, str] = field(default_factory=dict)
    by_partition: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"version": self.version, "data_version": self.data_version}


class LakeIOManager(dg.IOManager):
    """Hands a step its inputs as lazy frames, each at the version that is current when the step starts.

    A step's own rows never pass through here: they are published by its gate, before the output is yielded.
    """

    def __init__(self) -> None:
        self._reads: dict[tuple[str, str], dict[str, Read]] = {}

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Nothing is left to store: the gate has published the rows, or refused them."""
        if obj is not None:
            raise dg.DagsterInvariantViolationError(
                f"{context.asset_key.to_user_string()} returned rows past its gate; let domain() build its location"
            )

    def load_input(self, context: dg.InputContext) -> pl.LazyFrame:
        """One input, lazily: only columns and row groups that are used are read and decrypted.

        Raises:
            AccessRefused: no agreement lets this domain read it for the port's purpose.
            NotPublished: nothing has been published under that key.
        """
        key = ".".join(context.asset_key.path)
        shared = platform()
        record = shared.record(key)
        if record is None:
            raise NotPublished(
                "nothing has been published under this key yet",
                where=key,
                remedy=f"materialize it first: mesh run {key}",
            )
        step = context.step_context
        consumer = step.op_def.name.split("__")[0]
        self._hold_to_agreement(
            key, consumer, (context.definition_metadata or {}).get("mesh/purpose"), record
        )
        partitions = (
            {name: part.hex for name, part in record.partitions.items()} if record.partition_by else {}
        )
        only: list[str] | None = None
        if partitions and step.has_asset_partitions_for_output("result"):
            window = step.asset_partition_key_range_for_output("result")
            partitions = {
                name: digest for name, digest in partitions.items() if window.start <= name <= window.end
            }
            only = list(partitions)
        read = Read(key, record.version, record.data_version, partitions, record.partition_by is not None)
        self._reads.setdefault((step.run_id, step.step.key), {})[key] = read
        return shared.lake.scan(key, version=record.version, partitions=only)

    def reads(self, run_id: str, step_key: str) -> dict[str, Read]:
        """What a step has read, by key.

        Args:
            run_id: the Dagster run.
            step_key: the step in it.
        """
        return dict(self._reads.get((run_id, step_key), {}))

    def _hold_to_agreement(self, key: str, consumer: str, purpose: Any, record: Publication) -> None:
        owner = key.partition(".")[0]
        if consumer == owner:
            return
        agreements = [Agreement(**_agreement(entry)) for entry in record.info.get("agreements") or ()]
        refusal = agreement_refusal(agreements, consumer, str(purpose), datetime.now(UTC).date())
        if refusal:
            raise AccessRefused(
                f"{consumer} may not read it for {purpose!r}: {refusal}",
                where=key,
                remedy=f"ask {owner} for an agreement: a role {consumer!r} with this purpose in the product's contract",
            )


def _agreement(entry: Mapping[str, Any]) -> dict[str, Any]:
    from datetime import date

    until = entry.get("until")
    return {**entry, "until": date.fromisoformat(until) if isinstance(until, str) else until}
