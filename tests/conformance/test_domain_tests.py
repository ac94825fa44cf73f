"""Every domain's tests: they go where the domain goes, for they need nothing of another domain's code or tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

DOMAINS = Path(__file__).parents[2] / "domains"
FILES = sorted(DOMAINS.glob("*/tests/**/*.py"))


def imported(file: Path) -> Iterator[str]:
    """Dotted names of the modules that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def test_every_domain_has_tests():
    """A folder ``tests`` with a test in it, for each folder of a domain."""
    tested = {file.relative_to(DOMAINS).parts[0] for file in FILES if file.name.startswith("test_")}
    assert tested == {profile.parent.name for profile in DOMAINS.glob("*/domain.yaml")}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DOMAINS)))
def test_a_test_of_a_domain_imports_no_other_domain_and_no_other_tests(file: Path):
    """Another domain's rows are read by key, and helpers come from ``mesh_pipelines.testing``."""
    own = f"domains.{file.relative_to(DOMAINS).parts[0]}"
    ours = [name for name in imported(file) if name.partition(".")[0] in ("domains", "tests", "")]
    assert all(name == own or name.startswith(f"{own}.") for name in ours), ours
