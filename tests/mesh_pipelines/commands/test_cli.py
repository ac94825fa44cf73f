"""The `mesh` command: what it accepts, what it answers, and with which exit code."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from mesh_pipelines.commands import cli
from mesh_pipelines.errors import AuditRefused, DomainError, MeshError, SelectionError, Violation
from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.reporting import card as cards
from mesh_pipelines.reporting import status as state
from tests.mesh_pipelines.commands.answers import answer

runner = CliRunner()


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group of the live object, with the words that reach it."""

    def below(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
        yield words, command
        for name, child in getattr(command, "commands", {}).items():
            yield from below((*words, name), child)

    return below(("mesh",), typer.main.get_command(cli.app))


def examples(command: Any) -> list[str]:
    """The command lines at the end of a command's help."""
    return [line for line in (command.epilog or "").splitlines() if line.startswith("mesh ")]


@pytest.mark.parametrize(("words", "command"), [pytest.param(w, c, id=" ".join(w)) for w, c in commands()])
def test_every_command_has_help_with_an_example(words: tuple[str, ...], command: Any) -> None:
    """A newcomer can copy a working line out of the help of any command."""
    assert command.help, f"{' '.join(words)} says nothing of itself"
    assert any(line.split()[: len(words)] == list(words) for line in examples(command))
    shown = runner.invoke(cli.app, [*words[1:], "--help"], env={"COLUMNS": "100"})
    assert shown.exit_code == 0
    assert all(line in shown.output for line in examples(command))


@pytest.mark.parametrize("line", sorted({line for _, command in commands() for line in examples(command)}))
def test_examples_are_understood(line: str) -> None:
    """Every example of the help parses: commands, arguments and options exist."""
    command, words = typer.main.get_command(cli.app), shlex.split(line)[1:]
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]  # pyright: ignore[reportAttributeAccessIssue]
    command.make_context("mesh", words)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        "run --nonsense",
        "status --json=maybe",
        "show",
        "show departures",
        "show operations.departures@latest",
        "rebuild operations.departure_delay",
        "new domain",
        "new domain Revenue",
        "new domain class",
        "new domain ../elsewhere",
        "ui --port none",
        "demo land",
        "demo land 2014-01",
        "demo land yesterday",
    ],
)
def test_a_line_that_is_not_understood_exits_with_2(line: str) -> None:
    """Usage errors are told apart from a mesh that says no, and nothing is done."""
    result = runner.invoke(cli.app, shlex.split(line))
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("line", "place", "function"),
    [("run", runs, "run"), ("status", state, "read_state"), ("show a.b", cards, "describe")],
)
def test_a_deliberate_error_shows_what_where_and_remedy(
    line: str, place: object, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1, all three parts on standard error, no traceback, nothing on standard output."""
    error = AuditRefused("3 % of the rows broke their contract", where="a.b", remedy="see `mesh show a.b`")
    answer(monkeypatch, place, function, error)
    result = runner.invoke(cli.app, shlex.split(line))
    assert result.exit_code == 1
    assert result.stdout == ""
    for part in ("Audit refused", error.what, error.where, error.remedy):
        assert part in result.stderr
    assert "Traceback" not in result.stderr


def test_a_name_that_fits_nothing_exits_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt key is the command line's fault, not the mesh's."""
    answer(
        monkeypatch,
        runs,
        "run",
        SelectionError("nothing is called opertions", remedy="did you mean operations?"),
    )
    result = runner.invoke(cli.app, ["run", "opertions"])
    assert result.exit_code == 2
    assert "did you mean operations?" in result.stderr


def test_a_definition_error_shows_every_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is wrong comes at once, each with its fix."""
    found = [
        Violation("SomeRule", f"domains/a/x{n}.yaml: $.schema[0]", f"problem {n}", f"fix {n}")
        for n in range(3)
    ]
    answer(monkeypatch, runs, "run", DomainError("the mesh", found))
    result = runner.invoke(cli.app, ["run"])
    assert result.exit_code == 1
    for violation in found:
        assert violation.where in result.stderr
        assert violation.problem in result.stderr
        assert violation.fix in result.stderr


def test_an_unforeseen_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug must not look like a user's mistake."""
    answer(monkeypatch, state, "read_state", ZeroDivisionError("a bug"))
    result = runner.invoke(cli.app, ["status"])
    assert isinstance(result.exception, ZeroDivisionError)


def test_a_bad_setting_is_named_and_its_value_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named in full; what it holds may be a secret."""
    monkeypatch.setenv("MESH_THREADS", "hunter2")
    result = runner.invoke(cli.app, ["demo", "land", "2013-01"])
    assert result.exit_code == 1
    assert "MESH_THREADS" in result.stderr
    assert "hunter2" not in result.output


def test_help_is_instant() -> None:
    """`mesh --help` loads nothing of what the commands need."""
    code = (
        "import sys; from mesh_pipelines.commands import cli; from typer.testing import CliRunner;"
        "assert CliRunner().invoke(cli.app, ['--help']).exit_code == 0;"
        "print([name for name in ('dagster', 'polars', 'mlflow', 'pydantic', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_errors_carry_their_remedy_in_a_frame_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A person at a terminal gets a frame; the place stays in one piece where the line is wide enough."""
    from mesh_pipelines.reporting import terminal

    terminal.show(terminal.failure(MeshError("no", where="a.b", remedy="try again"), terminal=True))
    shown = capsys.readouterr().out
    for part in ("no", "a.b", "try again", "The mesh says no"):
        assert part in shown
