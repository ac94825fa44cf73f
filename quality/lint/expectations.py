"""Expectations that Great Expectations offers, and their arguments, read off its files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@cache
def expectations() -> Mapping[str, Path]:
    """The file of each expectation that Great Expectations offers: to import it takes seconds, to look takes none."""
    spec = find_spec("great_expectations")
    if spec is None or spec.origin is None:
        return {}
    core = Path(spec.origin).parent / "expectations" / "core"
    offered = re.findall(
        r"^from \S*?(expect_\w+) import", (core / "__init__.py").read_text("utf-8"), re.MULTILINE
    )
    return {name: core / f"{name}.py" for name in offered}


_OF_MANY = (
    "column", "column_A", "column_B", "column_list", "mostly", "row_condition", "condition_parser", "ignore_row_if",
)  # fmt: skip


@cache
def arguments_of(kind: str) -> frozenset[str]:
    """What an expectation can be told, as its file says; empty for one that does not exist."""
    file = expectations().get(kind)
    if file is None:
        return frozenset()
    own = re.findall(r"^    ([a-z]\w*): (?!ClassVar)", file.read_text(encoding="utf-8"), re.MULTILINE)
    return frozenset([*own, *_OF_MANY])
