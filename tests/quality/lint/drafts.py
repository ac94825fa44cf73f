"""Small drafts of contracts, and the places at which a rule finds fault with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quality.lint.draft import Draft, Entry
from quality.lint.rule import Rule

FILE = "orders.odcs.yaml"
ID: Entry = {"name": "id", "logicalType": "integer", "primaryKey": True}
CITY: Entry = {"name": "city", "logicalType": "string"}


def draft(*properties: Entry, quality: Sequence[Entry] = (), is_source: bool = False, **more: Any) -> Draft:
    """The contract ``shop.orders`` of these properties; ``more`` are fields of the document."""
    schema = {"name": "orders", "properties": list(properties), "quality": list(quality)}
    return Draft({"domain": "shop", "schema": [schema], **more}, Path(FILE), is_source)


def places(rule: Rule[Draft], subject: Draft) -> list[str]:
    """JSON paths of the violations of one rule."""
    return [violation.where.removeprefix(f"{FILE}: ") for violation in rule.check(subject)]
