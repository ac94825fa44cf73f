"""The `mesh` command: what it accepts, what it answers, and with which exit code."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from mesh_pipelines.commands import cli
from mesh_pipelines.errors import AuditRefused, DomainError, MeshError, SelectionError, Violation
from mesh_pipelines.modeling.rebuild import RebuildReport
from mesh_pipelines.orchestration import check, model_requests
from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.reporting import card as cards
from mesh_pipelines.reporting import status as state
from mesh_pipelines.reporting.reports import Card, MeshState, ReportTable, Section
from tests.mesh_pipelines.conftest import Machines
from tests.mesh_pipelines.samples import MESH

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


def answer(monkeypatch: pytest.MonkeyPatch, place: object, name: str, value: object) -> None:
    """Let one function of the platform answer ``value``, or raise it."""

    def function(*_args: object, **_options: object) -> object:
        if isinstance(value, Exception):
            raise value
        return value

    monkeypatch.setattr(place, name, function)


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


def test_status_as_json_has_the_promised_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs find products and models by the names that are documented, and no others."""
    answer(monkeypatch, state, "read_state", MESH)
    result = runner.invoke(cli.app, ["status", "--json"])
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert list(document) == ["products", "models"]
    for product in document["products"]:
        assert list(product) == [
            *(
                "key",
                "version",
                "rows",
                "quarantined",
                "contract_version",
                "published_at",
                "data_version",
                "uri",
                "lag",
            )
        ]
        assert list(product["lag"]) == ["landed_until", "until", "waiting", "behind", "late"]
    for model in document["models"]:
        assert list(model) == ["key", "champion", "challenger", "lag"]
        for version in filter(None, (model["champion"], model["challenger"])):
            assert list(version) == ["version", "metrics", "trained_at", "inputs"]
    assert document["products"][0]["published_at"] == "2026-11-23T09:30:00+00:00"
    assert document["models"][0]["champion"]["inputs"] == {"operations.departure_features": 9}


def test_status_is_readable_in_100_columns_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a log or a pipe the tables are plain text, complete, and no wider than 100 columns."""
    answer(monkeypatch, state, "read_state", MESH)
    result = runner.invoke(cli.app, ["status"])
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100
    for product in MESH.products:
        assert product.key in result.stdout
    for expected in ("336,776", "12/12", "auc 0.7312", "0.6641", "champion", "challenger", "not trained"):
        assert expected in result.stdout


def test_status_of_an_empty_mesh_says_how_to_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    """No empty table for somebody who has nothing yet."""
    answer(monkeypatch, state, "read_state", MeshState())
    assert "mesh new domain" in runner.invoke(cli.app, ["status"]).stdout


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


def test_check_lists_violations_and_exits_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler sees the exit code, a person the list, a program the JSON."""
    found = [
        Violation("ContractIsValid", "domains/a/contracts/x.odcs.yaml: $.nmae", "no such field", "write name")
    ]
    answer(monkeypatch, check, "examine_mesh", check.Checked(tuple(found)))
    shown = runner.invoke(cli.app, ["check"])
    assert shown.exit_code == 1
    assert "1 violation found" in shown.stdout
    document = json.loads(runner.invoke(cli.app, ["check", "--json"]).stdout)
    assert document == {
        "ok": False,
        "violations": [
            {"rule": found[0].rule, "where": found[0].where, "problem": found[0].problem, "fix": found[0].fix}
        ],
        "notes": [],
    }


def test_a_sound_mesh_checks_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    """No violation, exit code 0; a function that could not be planned is a note."""
    answer(monkeypatch, check, "examine_mesh", check.Checked((), ("p: could not be planned",)))
    shown = runner.invoke(cli.app, ["check"])
    assert (shown.exit_code, "note: p: could not be planned" in shown.stdout) == (0, True)
    document = json.loads(runner.invoke(cli.app, ["check", "--json"]).stdout)
    assert document == {"ok": True, "violations": [], "notes": ["p: could not be planned"]}


@pytest.mark.parametrize(("status", "code"), [("done", 0), ("up to date", 0), ("failed", 1), ("skipped", 1)])
def test_a_run_exits_with_1_when_a_step_was_not_made(
    status: Any, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed run says which step and why."""
    step = runs.StepReport("a.b", "a", "product", status, 1.5, 1.0, "disk is full")
    answer(monkeypatch, runs, "run", runs.RunReport((step,), 2.0, ("run-1",), 0.5))
    shown = runner.invoke(cli.app, ["run"])
    assert shown.exit_code == code
    assert ("disk is full" in shown.stdout) is (code == 1)
    document = json.loads(runner.invoke(cli.app, ["run", "--json"]).stdout)
    assert document["ok"] is (code == 0)
    assert (document["overhead_seconds"], document["starting_seconds"]) == (1.0, 0.5)
    assert ("0.5 s of that passed before the first step" in shown.stdout) is (status != "up to date")
    assert document["steps"] == [
        {
            "key": "a.b",
            "stage": "product",
            "status": status,
            "seconds": 1.5,
            "work_seconds": 1.0,
            "message": "disk is full",
        }
    ]


def test_show_prints_a_card_and_its_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text that looks like terminal markup is shown as it is."""
    card = Card(
        "a.b",
        "product",
        "One row a [bold]day[/bold].",
        [Section("Promise", [("key", "day")])],
        [ReportTable("Columns", ("column", "type"), [("day", "date"), ("x" * 120, "string")])],
    )
    answer(monkeypatch, cards, "describe", card)
    shown = runner.invoke(cli.app, ["show", "a.b@3"])
    assert shown.exit_code == 0
    assert "One row a [bold]day[/bold]." in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 100
    document = json.loads(runner.invoke(cli.app, ["show", "a.b", "--json"]).stdout)
    assert document["sections"] == {"Promise": {"key": "day"}}
    assert document["tables"]["Columns"][0] == {"column": "day", "type": "date"}


@pytest.mark.parametrize(("rebuilt", "code"), [("aa", 0), ("bb", 1)])
def test_rebuild_says_whether_the_bytes_are_the_same(
    rebuilt: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other bytes are a no, with exit code 1."""
    answer(monkeypatch, model_requests, "rebuild", RebuildReport("a.b", 2, "aa", rebuilt, 1.0))
    result = runner.invoke(cli.app, ["rebuild", "a.b@2", "--json"])
    assert result.exit_code == code
    assert json.loads(result.stdout)["same"] is (code == 0)


def test_demo_land_puts_real_files_below_the_home(mesh_home: Path) -> None:
    """The outside world lands one month, and landing it again changes nothing."""
    first = runner.invoke(cli.app, ["demo", "land", "2013-02"])
    assert first.exit_code == 0, first.output
    assert (mesh_home / "landing" / "operations" / "departures-2013-02.csv").stat().st_size > 100_000
    assert "unchanged" not in first.stdout
    again = runner.invoke(cli.app, ["demo", "land", "2013-02"])
    assert "landed " not in again.stdout


def test_help_is_instant() -> None:
    """`mesh --help` loads nothing of what the commands need."""
    code = (
        "import sys; from mesh_pipelines.commands import cli; from typer.testing import CliRunner;"
        "assert CliRunner().invoke(cli.app, ['--help']).exit_code == 0;"
        "print([name for name in ('dagster', 'polars', 'mlflow', 'pydantic', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("line", "light"),
    [
        (["status"], ("mlflow", "sqlalchemy", "dagster", "great_expectations", "xgboost")),
        (["why", "machines.repair"], ("mlflow", "great_expectations", "xgboost", "pandera")),
    ],
    ids=["status", "why"],
)
def test_to_look_imports_only_what_it_needs(
    machines: Machines, line: list[str], light: tuple[str, ...]
) -> None:
    """A trained model is shown without MLflow, and `mesh status` asks Dagster only where it may matter."""
    code = (
        "import sys; from mesh_pipelines.commands import cli; from typer.testing import CliRunner;"
        f"shown = CliRunner().invoke(cli.app, {line!r}); assert shown.exit_code == 0, shown.output;"
        "assert 'repair' in shown.output, shown.output;"
        f"print([name for name in {light!r} if name in sys.modules])"
    )
    with machines.inside():
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_errors_carry_their_remedy_in_a_frame_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A person at a terminal gets a frame; the place stays in one piece where the line is wide enough."""
    from mesh_pipelines.reporting import terminal

    terminal.show(terminal.failure(MeshError("no", where="a.b", remedy="try again"), terminal=True))
    shown = capsys.readouterr().out
    for part in ("no", "a.b", "try again", "The mesh says no"):
        assert part in shown
