"""`mesh run` and `mesh ui`: which step was not made and why, as text, JSON and exit code."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from typer.testing import CliRunner

from mesh_pipelines.commands import cli
from mesh_pipelines.commands.app import person
from mesh_pipelines.commands.run import run_document
from mesh_pipelines.orchestration import run as runs
from tests.mesh_pipelines.commands.answers import answer

runner = CliRunner()


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


def asked(monkeypatch: pytest.MonkeyPatch, words: str) -> list[tuple[Any, dict[str, Any]]]:
    """The selection and options that a command line asks the platform to run."""
    calls: list[tuple[Any, dict[str, Any]]] = []

    def run(selection: Any, **options: Any) -> runs.RunReport:
        calls.append((selection, options))
        return runs.RunReport((), 0.0)

    monkeypatch.setattr(runs, "run", run)
    runner.invoke(cli.app, ["run", *shlex.split(words)])
    return calls


def test_a_run_is_asked_for_what_is_typed_by_the_person_who_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word, every domain and what is out of date of it."""
    [(selection, options)] = asked(monkeypatch, "")
    assert (selection, options["partition"], options["force"]) == ((), None, False)
    assert options["by"] == person()
    [(selection, options)] = asked(monkeypatch, "shop store.sales --partition 2013-01..2013-03 --force")
    assert (selection, options["partition"], options["force"]) == (
        ("shop", "store.sales"), "2013-01..2013-03", True,
    )  # fmt: skip


@pytest.mark.parametrize("text", ["''", "' '", "..", "'. .'", "'\t'"])
def test_a_partition_without_a_name_runs_nothing(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable of a script must not make all of them."""
    assert asked(monkeypatch, f"--partition {text}") == []
    result = runner.invoke(cli.app, ["run", *shlex.split(f"--partition {text}")])
    assert result.exit_code == 2
    assert "2013-01..2013-03" in result.output


def test_a_run_that_has_nothing_to_do_is_a_document_too() -> None:
    """Every number and list is there, for a program that adds them up; milliseconds are enough."""
    assert run_document(runs.RunReport((), 0.12345)) == {
        "ok": True,
        "seconds": 0.123,
        "overhead_seconds": 0.123,
        "starting_seconds": 0.0,
        "runs": [],
        "steps": [],
    }
