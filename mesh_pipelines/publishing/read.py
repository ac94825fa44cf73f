"""A read: the version of an input that a step was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
