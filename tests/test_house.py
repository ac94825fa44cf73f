"""The house stays in order: small modules, small functions, each room in the layers."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    """Every module of the source; tests are free."""
    rooms = ("mesh_pipelines", "quality", "resources", "domains")
    files = [file for room in rooms for file in (ROOT / room).rglob("*.py") if "tests" not in file.parts]
    return {file.relative_to(ROOT).as_posix(): file.read_text() for file in files}


def test_modules_are_small(sources: dict[str, str]) -> None:
    """Past 400 lines a module is two; half of them have at most 150."""
    lines = {name: len(text.splitlines()) for name, text in sources.items()}
    assert len(lines) > 150
    assert not {name: count for name, count in lines.items() if count > 400}
    assert statistics.median(lines.values()) <= 150


def test_functions_are_small(sources: dict[str, str]) -> None:
    """Past 60 lines a function is several."""
    long = {
        f"{name}:{node.lineno} {node.name}": length
        for name, text in sources.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > 60
    }
    assert not long


def test_stages_are_compared_nowhere_but_where_they_are_declared(sources: dict[str, str]) -> None:
    """A node is asked what it is; its stage is for people to read."""
    found = [
        f"{name}:{node.lineno}"
        for name, text in sources.items()
        if name.startswith("mesh_pipelines/") and not name.startswith("mesh_pipelines/declaring/")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Compare)
        and any(
            isinstance(side, ast.Attribute)
            and side.attr == "stage"
            and isinstance(side.value, ast.Name)
            and side.value.id in ("node", "found", "one")
            for side in (node.left, *node.comparators)
        )
    ]
    assert not found
