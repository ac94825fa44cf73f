"""A contract as written, before it is known to be sound: the subject of the rules over contracts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Properties = list[tuple[int, Mapping[str, Any]]]


@dataclass(frozen=True)
class Draft:
    """A contract as written, not yet known to be sound."""

    document: Mapping[str, Any]
    stage: str

    @property
    def properties(self) -> Properties:
        return list(enumerate(self.document["schema"][0]["properties"]))

    @property
    def names(self) -> list[str]:
        return [p["name"] for _, p in self.properties]

    def qualities(self) -> Iterator[tuple[tuple[object, ...], Mapping[str, Any], Mapping[str, Any] | None]]:
        """Each quality entry with its place and, if it stands at one, its property."""
        schema = self.document["schema"][0]
        for i, entry in enumerate(schema.get("quality", ())):
            yield ("schema", 0, "quality", i), entry, None
        for at, p in self.properties:
            for i, entry in enumerate(p.get("quality", ())):
                yield ("schema", 0, "properties", at, "quality", i), entry, p

    def custom(self, name: str) -> tuple[tuple[object, ...], Any] | None:
        for i, p in enumerate(self.document.get("customProperties", ())):
            if p["property"] == name:
                return ("customProperties", i, "value"), p["value"]
        return None
