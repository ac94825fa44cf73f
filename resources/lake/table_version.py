"""A version of a table as an input."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TableVersion:
    """A version of a table that was read as an input (``None`` where it has none), with the hash of its content."""

    key: str
    version: int | None
    data_version: str

    def __str__(self) -> str:
        return f"{self.key}@{self.version if self.version is not None else '?'} ({self.data_version[:12]})"
