"""Check a contract against the federation's rules beyond the standard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mesh_pipelines.errors import Violation
from quality.lint.columns import BoundsFitTheType, Described, Keyed, Named, OneSchemaObject, TypesAreStored
from quality.lint.draft import Draft
from quality.lint.governance import AgreementsAreTyped, Classified, Owned, Served
from quality.lint.operands import ListedValuesFit, PromisesCanBeKept
from quality.lint.promises import OurPropertiesAreTyped, Partitioned, PromisesInTime
from quality.lint.references import ReferencesExist
from quality.lint.requirements import RulesAreComplete, ToleranceCoversItsRules
from quality.lint.rule import Rule
from quality.lint.satisfiable import SomeValueFits

CONTRACT_RULES: tuple[Rule[Draft], ...] = (
    OneSchemaObject(),
    Named(),
    TypesAreStored(),
    BoundsFitTheType(),
    SomeValueFits(),
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
    PromisesCanBeKept(),
    ListedValuesFit(),
    ToleranceCoversItsRules(),
    ReferencesExist(),
)


def violations_of_federation(
    document: Mapping[str, Any], path: Path, *, is_source: bool = False, sound: bool = True
) -> list[Violation]:
    """Every violation of the federation's rules over contracts.

    Args:
        sound: False if the document breaks the standard: a rule that fails on it is then ignored.
    """
    draft, found = Draft(document, path, is_source), list[Violation]()
    for rule in CONTRACT_RULES:
        try:
            for violation in rule.check(draft):
                found.append(violation)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError):
            if sound and not found:
                raise
    return found
