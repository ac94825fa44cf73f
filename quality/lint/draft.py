"""A contract as written, not yet checked: the subject of the rules over contracts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from quality.odcs import json_path

Entry = Mapping[str, Any]
"""One object of the document, e.g. a property or a ``quality`` entry."""

Steps = tuple[object, ...]
"""Path to a value of the document: ``("schema", 0, "name")``."""


class Quality(NamedTuple):
    """A ``quality`` entry, the steps to it, and its property (None: the schema object)."""

    steps: Steps
    entry: Entry
    property: Entry | None


@dataclass(frozen=True)
class Draft:
    """A contract as written, of a source or a product; ``document`` is the parsed file."""

    document: Mapping[str, Any]
    path: Path
    is_source: bool = False

    def place(self, *steps: object) -> str:
        """File and JSON path of a value, for a violation."""
        return f"{self.path}: {json_path(steps)}"

    @property
    def properties(self) -> list[tuple[int, Entry]]:
        return list(enumerate(self.document["schema"][0]["properties"]))

    @property
    def names(self) -> list[str]:
        return [p["name"] for _, p in self.properties]

    def qualities(self) -> Iterator[Quality]:
        """Every ``quality`` entry: those of the schema object first, then those of each property."""
        schema = self.document["schema"][0]
        for i, entry in enumerate(schema.get("quality", ())):
            yield Quality(("schema", 0, "quality", i), entry, None)
        for at, p in self.properties:
            for i, entry in enumerate(p.get("quality", ())):
                yield Quality(("schema", 0, "properties", at, "quality", i), entry, p)

    def custom(self, name: str) -> tuple[Steps, Any] | None:
        """Steps and value of a contract-level custom property; None where it is not written."""
        for i, p in enumerate(self.document.get("customProperties", ())):
            if p["property"] == name:
                return ("customProperties", i, "value"), p["value"]
        return None
