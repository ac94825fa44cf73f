"""Reads a product: decision first, then the version published now, pinned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from mesh_pipelines.declaring.reader import AccessRequest, DecisionPoint
from mesh_pipelines.errors import AccessRefused, NotPublished
from resources.lake.table_version import TableVersion

if TYPE_CHECKING:
    from mesh_pipelines.shared import SharedResources
    from resources.lake.publication import Publication


@dataclass(frozen=True)
class Read:
    """One input as a step read it, at the version that was read: enough to read the same again."""

    table: TableVersion
    partitions: Mapping[str, str] = field(default_factory=dict[str, str])
    by_partition: bool = False

    @property
    def key(self) -> str:
        return self.table.key

    @property
    def version(self) -> int | None:
        return self.table.version

    @property
    def data_version(self) -> str:
        return self.table.data_version

    def content(self, partition: str) -> str:
        """Content hash of what was read for one partition: of that partition, or of the whole table."""
        return self.partitions.get(partition, "") if self.by_partition else self.data_version


def read_product(
    shared: SharedResources,
    request: AccessRequest,
    decision_point: Callable[[Publication], DecisionPoint],
    spans: Sequence[tuple[str, str]] | None = None,
) -> tuple[pl.LazyFrame, Read]:
    """Open a product for a reader: lazily, at the version that is published now.

    Args:
        decision_point: the decision point for a publication: it decides on the one that is opened, and on no other.
        spans: ranges of partitions, by first and last; of a table that is laid out by partition only these are read.

    Raises:
        AccessRefused: the decision point refuses it.
        NotPublished: nothing has been published under that key.
    """
    key = request.product
    published = shared.record(key)
    if published is None:
        raise NotPublished(
            "nothing has been published under this key yet",
            where=key,
            remedy=f"materialize it first: mesh run {key}",
        )
    refusal = decision_point(published).refusal(request)
    if refusal:
        raise AccessRefused(
            f"{request.reader} may not read it for {request.purpose!r}: {refusal}",
            where=key,
            remedy=f"ask {request.owner} for an agreement: a role {request.reader.name!r} with this purpose in the "
            "product's contract",
        )
    by_partition = published.partition_by is not None
    partitions = {name: part.hex for name, part in published.partitions.items()} if by_partition else {}
    only: list[str] | None = None
    if partitions and spans:
        partitions = {
            name: hex
            for name, hex in partitions.items()
            if any(first <= name <= last for first, last in spans)
        }
        only = list(partitions)
    read = Read(TableVersion(key, published.version, published.data_version), partitions, by_partition)
    return shared.lake.scan(key, version=published.version, partitions=only), read
