"""Rules over what a contract refers to within itself: elements of service levels, and ends of relationships."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mesh_pipelines.errors import Violation
from quality.lint.draft import Draft, Steps
from quality.lint.rule import Rule


class ReferencesExist(Rule[Draft]):
    """A service level or a relationship that names a column names one of the contract's."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        own = draft.document["schema"][0]["name"]
        for steps, reference in _references(draft):
            name, _, column = reference.rpartition(".")
            if name in ("", own) and column not in draft.names and reference != own:
                yield self.violation(
                    draft.place(*steps),
                    f"refers to `{reference}`, and there is no column `{column}`",
                    f"columns: {', '.join(draft.names)}",
                )


def _references(draft: Draft) -> Iterator[tuple[Steps, str]]:
    """Every reference that is written by names, with the steps to it."""
    for i, level in enumerate(draft.document.get("slaProperties", ())):
        for part in str(level.get("element") or "").split(","):
            if part.strip():
                yield ("slaProperties", i, "element"), part.strip()
    yield from relations_of(draft.document)


def relations_of(document: Mapping[str, Any]) -> Iterator[tuple[Steps, str]]:
    """Every reference of a relationship that is written by names, with the steps to it."""
    schema = document["schema"][0]
    for i, relation in enumerate(schema.get("relationships", ())):
        for end in ("from", "to"):
            for reference in _ends(relation.get(end)):
                yield ("schema", 0, "relationships", i, end), reference
    for at, p in enumerate(schema["properties"]):
        for i, relation in enumerate(p.get("relationships", ())):
            for reference in _ends(relation.get("to")):
                yield ("schema", 0, "properties", at, "relationships", i, "to"), reference


def _ends(given: object) -> list[str]:
    """References of one end of a relationship; one by identifiers (``schema/...``) is left out."""
    ends = given if isinstance(given, list) else [given]
    return [end for end in ends if isinstance(end, str) and "/" not in end]
