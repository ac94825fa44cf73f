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


def test_tests_mirror_the_source(sources: dict[str, str]) -> None:
    """The tests of room/module.py lie in tests/room/test_module.py."""
    modules = [
        Path(name)
        for name in sources
        if not name.startswith("domains/") and not name.endswith(("/__init__.py", "/__main__.py"))
    ]
    assert len(modules) > 150
    missing = {
        module.as_posix()
        for module in modules
        if not (ROOT / "tests" / module.parent / f"test_{module.name}").is_file()
    }
    assert missing == set(), "write the tests of these modules"


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


@pytest.fixture(scope="module")
def asked(sources: dict[str, str]) -> dict[str, ast.Module]:
    """Modules that ask nodes and contracts what they are, parsed."""
    rooms, declare = ("mesh_pipelines/", "quality/", "resources/"), "mesh_pipelines/declaring/"
    return {
        name: ast.parse(text)
        for name, text in sources.items()
        if name.startswith(rooms) and not name.startswith(declare)
    }


def test_stages_are_compared_nowhere_but_where_they_are_declared(asked: dict[str, ast.Module]) -> None:
    """A node or a contract is asked what it is; its stage is for people to read."""
    found = [f"{name}:{line}" for name, tree in asked.items() for line in _stages_compared(tree)]
    assert not found


def test_inputs_are_read_by_their_key_or_role(asked: dict[str, ast.Module]) -> None:
    """The first of several inputs is the wanted one by accident."""
    found = [f"{name}:{line}" for name, tree in asked.items() for line in _first_inputs(tree)]
    assert not found


@pytest.mark.parametrize(
    "text",
    [
        "contract.stage == 'source'",
        "'source' != draft.stage",
        "self.node.stage in ('model', 'champion')",
        "match node.stage:\n    case 'source': pass",
    ],
)
def test_a_comparison_of_stages_is_found(text: str) -> None:
    """Whatever the thing is named, and on whichever side its stage stands."""
    assert _stages_compared(ast.parse(text)) == [1]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("node.inputs[0]", [1]),
        ("next(iter(latest.inputs.values()), {})", [1]),
        ("next(one for one in node.inputs if one.key == key)", []),
    ],
)
def test_an_input_read_by_its_position_is_found(text: str, lines: list[int]) -> None:
    """A search by key is no position."""
    assert _first_inputs(ast.parse(text)) == lines


def _stages_compared(tree: ast.Module) -> list[int]:
    """Lines on which a ``.stage`` is compared or matched."""
    found: list[int] = []
    for node in ast.walk(tree):
        sides: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.Match):
            sides = [node.subject]
        if any(isinstance(side, ast.Attribute) and side.attr == "stage" for side in sides):
            found.append(sides[0].lineno)
    return found


def _first_inputs(tree: ast.Module) -> list[int]:
    """Lines on which ``inputs`` are read by position: ``inputs[0]`` or ``next(iter(inputs))``."""
    found: list[int] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            by_number = isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int)
            positional = by_number and _is_inputs(node.value)
        else:
            positional = _calls(node, "next") and any(
                _calls(one, "iter") and any(_is_inputs(part) for part in ast.walk(one))
                for one in ast.walk(node)
            )
        if positional and isinstance(node, ast.expr):
            found.append(node.lineno)
    return found


def _is_inputs(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "inputs"


def _calls(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def test_a_public_class_has_a_name_of_its_own() -> None:
    """One word has one meaning: no two modules have public classes of one name."""
    found: dict[str, list[str]] = {}
    for path in (
        path for room in ("mesh_pipelines", "quality", "resources") for path in (ROOT / room).rglob("*.py")
    ):
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.ClassDef) and not statement.name.startswith("_"):
                found.setdefault(statement.name, []).append(path.relative_to(ROOT).as_posix())
    assert {name: places for name, places in found.items() if len(places) > 1} == {}
