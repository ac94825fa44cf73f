"""A read: the version of an input that a step was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from resources.lake.table_version import TableVersion


@dataclass(frozen=True)
class Read:
    """What a step read of one input: enough to read the same again.

    Args:
        table: the table at the version that was read.
        partitions: hash of the content of each partition that was read; empty for a table without any.
        by_partition: whether the table is laid out by partition at all.
    """

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
        """Hash of what was read for one partition: of that partition, or of a table without any as a whole."""
        return self.partitions.get(partition, "") if self.by_partition else self.data_version
