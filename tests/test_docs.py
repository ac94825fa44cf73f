"""The documents cannot lie: commands, settings, files and links in them are held against the live objects."""

from __future__ import annotations

import ast
import re
import runpy
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main

import mesh_pipelines
from benchmarks.__main__ import NAMES
from mesh_pipelines.commands.cli import app
from mesh_pipelines.commands.demo_data import DOMAINS
from mesh_pipelines.declaring.declarations import Stage
from mesh_pipelines.declaring.load import load_domain
from quality.lint.governance import CLASSIFICATIONS
from quality.lint.promises import CUSTOM_PROPERTIES, TIMES
from quality.lint.requirements import METRIC_ARGUMENTS, SEVERITIES
from quality.rules import BOUNDS
from quality.values import DTYPES
from resources.settings import Settings, find_root
from tests import odd_inputs

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("domains/*/README.md")])
IDS = [str(document.relative_to(ROOT)) for document in DOCUMENTS]

SETTINGS = {f"MESH_{name.upper()}" for name in Settings.model_fields}

documents = pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)


def code(text: str) -> Iterator[str]:
    """Lines of code of a markdown text: fenced, indented or between backticks."""
    fenced = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line.strip()
        else:
            yield from re.findall(r"`([^`]+)`", line)


def typed(text: str, program: str) -> list[str]:
    """Command lines of one program, without prompt, comment, or what a table says beside them; of `&&` both sides."""
    commands = [re.split(r"\s#\s|\s{2,}", line.removeprefix("$ "))[0] for line in code(text)]
    lines = [part.strip() for command in commands for part in command.split("&&")]
    return [line for line in lines if re.match(rf"(\.venv/bin/)?{program} [a-z]", line)]


@documents
def test_every_mesh_command_in_a_document_is_understood(document: Path) -> None:
    """Whatever a reader copies after `mesh` parses: command, arguments, options."""
    for line in typed(document.read_text(), "mesh"):
        command, words = typer.main.get_command(app), shlex.split(line)[1:]
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]  # pyright: ignore[reportAttributeAccessIssue]
        try:
            command.make_context(line, [word for word in words if word not in ("...", "[--json]")])
        except Exception as error:
            pytest.fail(f"`{line}` is not understood: {error}")


@documents
def test_every_make_target_in_a_document_exists(document: Path) -> None:
    """Whatever a reader copies after `make` is a target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in typed(document.read_text(), "make"):
        assert {word for word in line.split()[1:] if "=" not in word} <= targets, line


@documents
def test_every_setting_in_a_document_exists(document: Path) -> None:
    """A variable that nothing reads would be set in vain."""
    assert set(re.findall(r"\bMESH_[A-Z_]*[A-Z]", document.read_text())) <= SETTINGS


def test_every_setting_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/settings.md has each setting, with the words and the default of the code."""
    for variable in SETTINGS:
        monkeypatch.delenv(variable, raising=False)
    text = (ROOT / "docs" / "settings.md").read_text()
    for name, field in Settings.model_fields.items():
        assert f"| `MESH_{name.upper()}` | {field.description} | {default_of(name)} |" in text


def default_of(name: str) -> str:
    """The default of a setting as it may be typed; the home's is a path from the folder of workspace.yaml."""
    value: Any = getattr(Settings(home=Path("/MESH_HOME")), name)
    if name == "home":
        value = Settings().home.relative_to(find_root())
    if value in (None, "", (), {}):
        return "none"
    return f"`{str(value).removesuffix('.0').replace('/MESH_HOME', '$MESH_HOME')}`"


@documents
def test_every_link_in_a_document_leads_somewhere(document: Path) -> None:
    """Files and pictures that a document points to are there."""
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if "://" not in target and not target.startswith("#"):
            assert (document.parent / target.partition("#")[0]).exists(), target


def test_every_mesh_command_is_in_the_readme() -> None:
    """Whatever `mesh` can do, the README's table of commands names."""
    lines = typed((ROOT / "README.md").read_text(), "mesh")
    known = set(getattr(typer.main.get_command(app), "commands", {}))
    assert known == {line.split()[1] for line in lines} & known


def test_the_demo_that_is_shown_is_of_the_mesh_that_is_there() -> None:
    """What `mesh demo` printed names each product and model that its domains declare today, and no other."""
    printed = re.search(
        r"# What `mesh demo` prints\n\n```text\n(.*?)```", (ROOT / "docs" / "demo.md").read_text(), re.DOTALL
    )
    assert printed
    nodes = [node for name in DOMAINS for node in load_domain(f"domains.{name}").nodes.values()]
    shown = {node.key for node in nodes if node.stage in ("product", "predictions", "model")}
    assert set(re.findall(r"^ ([a-z_]+\.[a-z_]+) ", printed[1], re.MULTILINE)) == shown
    assert f"{len(nodes)} steps: {len(nodes)} done." in printed[1]


def test_every_fault_test_has_a_short_twin() -> None:
    """The table has each test that only `make faults` runs, and a test of `make test` that exists beside it."""
    makefile = (ROOT / "Makefile").read_text()
    left_out = re.findall(r"--ignore=(\S+)", makefile)
    [run] = re.findall(r"^faults:.*\n\t@\$\(BIN\)/pytest (.+)$", makefile, re.MULTILINE)
    assert set(run.split()) == set(left_out)
    _, _, section = (ROOT / "docs" / "testing.md").read_text().partition("## Short twins\n")
    rows = re.findall(r"^\| `(test_\w+)` \| (.+) \|$", section, re.MULTILINE)
    faults = [name for file in left_out for name in _tests(ROOT / file)]
    assert sorted(name for name, _ in rows) == sorted(faults)
    for _, twins in rows:
        named = re.findall(r"`([\w/]+\.py)::(\w+)`", twins)
        assert named
        assert not {file for file, _ in named} & set(left_out)
        assert [twin for file, twin in named if twin not in _tests(ROOT / file)] == []


def _tests(file: Path) -> list[str]:
    functions = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)]
    return [function.name for function in functions if function.name.startswith("test_")]


def test_every_kind_of_odd_input_was_tried_and_none_broke_a_promise() -> None:
    """The table that the suite writes has a row for each kind, and no promise was broken."""
    table = odd_inputs.rows(odd_inputs.DOCUMENT.read_text(encoding="utf-8"))
    assert tuple(table) == odd_inputs.KINDS
    for kind, (tried, *promises) in table.items():
        assert int(tried) > 0, kind
        assert all(cell.startswith("0 of ") for cell in promises if cell), kind


def test_pictures_are_pictures_and_light() -> None:
    """Every picture is a PNG below 400 KB, and some document shows it."""
    shown = "".join(document.read_text() for document in DOCUMENTS)
    pictures = sorted((ROOT / "docs" / "images").iterdir())
    assert pictures
    for picture in pictures:
        assert picture.read_bytes().startswith(b"\x89PNG"), picture.name
        assert picture.stat().st_size < 400_000, picture.name
        assert f"images/{picture.name}" in shown, picture.name


def test_the_words_of_the_glossary_are_used() -> None:
    """A word that the glossary says to avoid for a thing of ours is not in the names of commands and stages."""
    avoided = {
        word.strip()
        for row in re.findall(
            r"^\| .+ \| .+ \| ([^|]+) \|$", (ROOT / "docs" / "words.md").read_text(), re.MULTILINE
        )
        for word in row.split(",")
    }
    assert {"dataset", "permission"} <= avoided
    assert not avoided & {*getattr(typer.main.get_command(app), "commands", {}), *get_args(Stage)}


def test_figures_come_from_the_benchmark() -> None:
    """Each row of the table between the two marks is named as a benchmark prints it, and each benchmark has a row."""
    document = (ROOT / "docs" / "benchmarks.md").read_text()
    assert "make bench" in document
    table = re.search(r"<!-- figures: begin -->\n(.+)\n<!-- figures: end -->", document, re.DOTALL)
    assert table
    heading, *rows = re.findall(r"^\| (.+?) \|", table[1], re.MULTILINE)
    assert heading == "what"
    printed = {name: _figures(name) for name in NAMES}
    unknown = [row for row in rows if not any(p.fullmatch(row) for found in printed.values() for p in found)]
    assert not unknown
    silent = [name for name, found in printed.items() if not any(p.fullmatch(r) for p in found for r in rows)]
    assert not silent
    assert len(rows) == len(set(rows))


def test_the_five_figures_of_the_readme_are_those_of_the_table() -> None:
    """Name, figure and bar, word for word."""
    table = (ROOT / "docs" / "benchmarks.md").read_text()
    rows = re.findall(r"^\| (?:.+ / .+) \| .+ \| at .+ \|$", _section("What it costs"), re.MULTILINE)
    assert len(rows) == 5
    for row in rows:
        assert row in table


def test_the_readme_is_short() -> None:
    """A reader has it in one sitting."""
    assert len((ROOT / "README.md").read_text().splitlines()) < 150


def _architecture(title: str) -> str:
    text = (ROOT / "docs" / "architecture.md").read_text()
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


_PLACE = re.compile(r"`([\w/]+\.py)`(?: `([\w.]+)`)?")
"""A file of the project, and a class, function or value in it."""


def _defined(file: Path) -> set[str]:
    """Names of the classes, functions and values of a module, and of the methods as ``Class.method``."""
    found: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ClassDef):
            methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
            found |= {node.name, *(f"{node.name}.{method.name}" for method in methods)}
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found


def _missing_places(text: str) -> list[tuple[str, str]]:
    """Places in a text that are not there, by file and name."""
    return [
        (file, name)
        for file, name in _PLACE.findall(text)
        if not ((ROOT / file).is_file() and (not name or name in _defined(ROOT / file)))
    ]


def _leads(first: str, second: str) -> bool:
    module = second.removesuffix(".py").replace("/", ".")
    package, _, name = module.rpartition(".")
    text = (ROOT / first).read_text()
    return f"{module} import" in text or f"from {package} import {name}" in text


def test_ten_questions_are_answered_in_two_hops() -> None:
    """Each names places that are there, and each second place is imported by a first one."""
    rows = re.findall(r"^\| (.+\?) \| (.+) \| (.+) \|$", _architecture("Where is it?"), re.MULTILINE)
    assert len(rows) == 10
    for question, begin, then in rows:
        assert not _missing_places(begin + then), question
        first, second = ([file for file, _ in _PLACE.findall(cell)] for cell in (begin, then))
        assert first, question
        assert second, question
        for file in second:
            assert any(_leads(start, file) for start in first), f"{question}: nothing leads to {file}"


def _layers() -> list[str]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return next(
        contract["layers"] for contract in contracts if contract.get("containers") == ["mesh_pipelines"]
    )


def test_a_landed_file_goes_through_the_rooms_in_their_order() -> None:
    """At most twelve lines, each in a room that is not before the one above it; each names a function that is there."""
    text = _architecture("The way of one landed file")
    walk = re.findall(r"^\d+\. `mesh_pipelines/(\w+)/\w+\.py` `", text, re.MULTILINE)
    assert 6 <= len(walk) <= 12
    assert len(walk) == len(re.findall(r"^\d+\. ", text, re.MULTILINE))
    assert not _missing_places(text)
    rooms = re.findall(r"^\| `(\w+)/` \|", _architecture("The rooms"), re.MULTILINE)
    at = [rooms.index(room) for room in walk]
    assert at == sorted(at)


def test_the_order_of_imports_is_the_one_that_is_enforced() -> None:
    """The layers shown are those of the contract that `make check` holds, without the rooms yet to be built."""
    shown = re.findall(r"^    (?:  > )?(\w+ [|>] \w+.*)$", _architecture("The rooms"), re.MULTILINE)
    built = [layer for layer in _layers() if not layer.startswith("(")]
    assert [layer for line in shown for layer in line.split(" > ")] == built


def test_every_room_is_described() -> None:
    """The table has each folder and module of the platform, and no other."""
    shown = re.findall(r"^\| `(\w+)(?:/|\.py)` \|", _architecture("The rooms"), re.MULTILINE)
    folder = ROOT / "mesh_pipelines"
    rooms = {path.parent.name for path in folder.glob("*/__init__.py")}
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert sorted(shown) == sorted(rooms | modules)


def _figures(benchmark: str) -> list[re.Pattern[str]]:
    """The names of all figures that a benchmark prints, read off its source: any value where it fills one in."""
    tree = ast.parse((ROOT / "benchmarks" / f"{benchmark}.py").read_text())
    makers = {"Figure", "at_most", "at_least"}
    names = _first_arguments(tree, makers)
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        # A name that is not written where the figure is made: the function's argument, or a variable of it.
        given = {name.id for name in _first_arguments(function, makers) if isinstance(name, ast.Name)}
        if function.args.args and function.args.args[0].arg in given:
            names += _first_arguments(tree, {function.name})
        names += [
            node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in given
        ]
    return [_pattern(name) for name in names if isinstance(name, (ast.Constant, ast.JoinedStr))]


def _first_arguments(tree: ast.AST, functions: set[str]) -> list[ast.expr]:
    return [
        call.args[0]
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in functions and call.args
    ]


def _pattern(text: ast.Constant | ast.JoinedStr) -> re.Pattern[str]:
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    return re.compile(
        "".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else "[^|]+" for p in parts)
    )


def test_the_readme_gives_every_file_of_the_top_level_its_role() -> None:
    """The table of files and roles is complete, and names nothing that is not there."""
    named = set(re.findall(r"^\| `([^`]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE))
    rows = {name.rstrip("/") for name in named if not name.startswith("mesh ")}
    missing = [name for name in rows if not (ROOT / name).exists()]
    assert not missing
    unexplained = {
        entry.name
        for entry in ROOT.iterdir()
        if (entry.is_dir() or entry.suffix in (".toml", ".yaml", ".lock")) and not entry.name.startswith(".")
    }
    build_output = {"mlruns", "dist", "build", "uv.lock"}
    assert unexplained - build_output <= {name.partition("/")[0] for name in rows}


def _section(title: str) -> str:
    found = re.search(
        rf"^## {title}\n(.*?)(?=^## |\Z)", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert found, title
    return found[1]


def test_the_reference_has_the_words_as_the_code_explains_them() -> None:
    """docs/reference.md is what its script makes of the docstrings today, and leaves out no word of a domain."""
    script = runpy.run_path(str(ROOT / "docs" / "reference.py"))
    assert (ROOT / "docs" / "reference.md").read_text() == script["page"]()
    of_own_rules = {"LoadedDomain", "Rule", "Violation"}
    assert set(script["WORDS"]) == set(mesh_pipelines.__all__) - of_own_rules


@pytest.mark.parametrize(
    ("title", "known"),
    [
        ("Properties of the mesh", {*CUSTOM_PROPERTIES, "purpose", "until"}),
        ("Columns", {*DTYPES, *BOUNDS, "logicalType", "required", "enum"}),
        ("Quality entries", {*METRIC_ARGUMENTS, "sql", "custom", "text"}),
        ("Service levels", set(TIMES)),
    ],
)
def test_the_reference_has_what_the_mesh_reads_of_a_contract(title: str, known: set[str]) -> None:
    """Each table names what the code knows, and no more."""
    section = _reference(title)
    assert set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)) == known


def test_the_reference_gives_arguments_types_and_levels_as_the_code_knows_them() -> None:
    """Arguments of each metric, physical types of each logical one, classifications, severities."""
    columns, quality = _reference("Columns"), _reference("Quality entries")
    for metric, arguments in METRIC_ARGUMENTS.items():
        [given] = re.findall(rf"^\| `{metric}` \| .+ \| .+ \| (.*)\|$", quality, re.MULTILINE)
        assert tuple(re.findall(r"`(\w+)`", given)) == arguments
    for logical, physical in DTYPES.items():
        [given] = re.findall(rf"^\| `{logical}` \| (.+) \|$", columns, re.MULTILINE)
        assert re.findall(r"`([^`]+)`", given) == list(physical)
    assert [name for name in CLASSIFICATIONS if f"`{name}`" not in columns] == []
    assert [name for name in SEVERITIES if f"`{name}`" not in quality] == []


def _reference(title: str) -> str:
    text = (ROOT / "docs" / "reference.md").read_text()
    found = re.search(rf"^### {title}\n(.*?)(?=^###? |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


@pytest.mark.parametrize(
    "decision", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda path: path.stem
)
def test_every_decision_is_dated_and_short(decision: Path) -> None:
    """A decision says when it was taken, what was chosen, and why, on less than a page."""
    text = decision.read_text()
    assert re.match(r"# .+\n\n\d{4}-\d{2}-\d{2}\n", text)
    assert len(text.splitlines()) <= 40
    assert "## Why" in text
