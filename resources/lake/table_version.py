"""A version of a table, as it was read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TableVersion:
    """One published input, as it was read.

    Args:
        key: ``domain.name`` in the lake.
        version: Delta version; ``None`` where the input has none.
        data_version: hash of its content.
    """

    key: str
    version: int | None
    data_version: str

    def __str__(self) -> str:
        return f"{self.key}@{self.version if self.version is not None else '?'} ({self.data_version[:12]})"
