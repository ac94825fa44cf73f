"""Changes of a sound contract, and the words by which each is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mesh_pipelines.errors import ContractError
from quality.contract import load_contract

Document = dict[str, Any]
Rewrite = Callable[[Callable[[Document], object]], Path]


def column(document: Document, name: str) -> Document:
    """A property by its name."""
    return next(p for p in document["schema"][0]["properties"] if p["name"] == name)


def rule(name: str, **entry: Any) -> Callable[[Document], None]:
    """The change that gives a column, or the whole table where its name is empty, one more rule."""

    def change(document: Document) -> None:
        element = column(document, name) if name else document["schema"][0]
        element.setdefault("quality", []).append(entry)

    return change


def options(name: str, **given: Any) -> Callable[[Document], None]:
    """The change of a column's type options."""
    return lambda document: column(document, name).setdefault("logicalTypeOptions", {}).update(given)


def refusal(rewrite: Rewrite, change: Callable[[Document], object]) -> str:
    """The one violation of a changed contract: place, problem, rule and fix."""
    with pytest.raises(ContractError) as error:
        load_contract(rewrite(change))
    found = error.value.violations
    assert len(found) == 1, str(error.value)
    assert found[0].fix
    return str(found[0])
