"""What the federation asks of a contract beyond the standard: every rule, and the violations of one contract."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mesh_pipelines.errors import Violation
from quality import odcs
from quality.lint.columns import BoundsFitTheType, Described, Keyed, Named, OneSchemaObject, TypesAreStored
from quality.lint.draft import Draft
from quality.lint.governance import AgreementsAreTyped, Classified, Owned, Served
from quality.lint.promises import OurPropertiesAreTyped, Partitioned, PromisesInTime
from quality.lint.requirements import RulesAreComplete, ToleranceCoversItsRules
from quality.lint.rule import Lint

LINTS: tuple[Lint, ...] = (
    OneSchemaObject(),
    Named(),
    TypesAreStored(),
    BoundsFitTheType(),
    Classified(),
    Described(),
    Owned(),
    Keyed(),
    Served(),
    PromisesInTime(),
    OurPropertiesAreTyped(),
    Partitioned(),
    AgreementsAreTyped(),
    RulesAreComplete(),
    ToleranceCoversItsRules(),
)


def violations_of_federation(
    document: Mapping[str, Any], path: Path, stage: str, *, sound: bool = True
) -> list[Violation]:
    """Every rule of the federation that the contract breaks.

    Args:
        document: the contract as read.
        path: its file, for the message.
        stage: ``source`` or ``product``.
        sound: False if the document already broke the standard; a rule that stumbles over it is then passed over.
    """
    draft, found = Draft(document, stage), list[Violation]()
    for lint in LINTS:
        try:
            for place, problem, fix in lint.check(draft):
                found.append(Violation(type(lint).__name__, f"{path}: {odcs.json_path(place)}", problem, fix))
        except (KeyError, IndexError, TypeError, AttributeError, ValueError):
            if sound and not found:
                raise
    return found
