"""`mesh rebuild`, `promote`, `rollback`, `pin`, `unpin`: what is shown of a decision."""

from __future__ import annotations

import json
import shlex

import pytest
from typer.testing import CliRunner

from mesh_pipelines.commands import cli
from mesh_pipelines.commands.app import person
from mesh_pipelines.modeling.champion_moves import AliasMove
from mesh_pipelines.modeling.rebuild import RebuildReport
from mesh_pipelines.orchestration import model_requests
from tests.mesh_pipelines.commands.answers import answer

runner = CliRunner()


@pytest.mark.parametrize(("rebuilt", "code"), [("aa", 0), ("bb", 1)])
def test_rebuild_says_whether_the_bytes_are_the_same(
    rebuilt: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other bytes are a no, with exit code 1."""
    answer(monkeypatch, model_requests, "rebuild", RebuildReport("a.b", 2, "aa", rebuilt, 1.0))
    result = runner.invoke(cli.app, ["rebuild", "a.b@2", "--json"])
    assert result.exit_code == code
    assert json.loads(result.stdout)["same"] is (code == 0)


@pytest.mark.parametrize("line", ["rebuild a.b", "promote a.b --because agreed"])
def test_which_version_has_to_be_said(line: str) -> None:
    """The newest one would be another one tomorrow."""
    result = runner.invoke(cli.app, shlex.split(line))
    assert result.exit_code == 2
    assert "say which version, as a.b@1" in result.output


@pytest.mark.parametrize("command", ["promote a.b@2", "rollback a.b", "pin a.b", "unpin a.b"])
def test_a_decision_needs_a_reason(command: str) -> None:
    """It stays on record."""
    result = runner.invoke(cli.app, command.split())
    assert result.exit_code == 2
    assert "--because" in result.output


@pytest.mark.parametrize(
    ("to", "before", "shown"),
    [
        (2, 1, "the champion is a.b@2, before it a.b@1; by ann, because: agreed"),
        (2, 2, "the champion is a.b@2; by ann, because: agreed"),
        (1, None, "the champion is a.b@1; by ann, because: agreed"),
        (None, None, "the champion is none; by ann, because: agreed"),
    ],
)
def test_a_decision_is_shown_with_who_and_why(
    to: int | None, before: int | None, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the version that it replaces, where it is another one."""
    for command in ("promote", "rollback", "pin", "unpin"):
        move = AliasMove("2026-01-01T00:00:00+00:00", command, to, before, "ann", "agreed")
        answer(monkeypatch, model_requests, command, move)
        key = "a.b@2" if command == "promote" else "a.b"
        result = runner.invoke(cli.app, [command, key, "--because", "agreed"])
        assert (result.exit_code, result.stdout.strip()) == (0, f"{command}: {shown}")


@pytest.mark.parametrize(("words", "to"), [("", None), ("--to 1", 1)])
def test_a_rollback_leads_to_the_version_before_unless_one_is_named(
    words: str, to: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the person who types."""
    asked: list[object] = []

    def rollback(*given: object, by: object) -> AliasMove:
        asked.extend([*given, by])
        return AliasMove("", "rollback", 1, 2, "ann", "regret")

    monkeypatch.setattr(model_requests, "rollback", rollback)
    result = runner.invoke(cli.app, ["rollback", "a.b", "--because", "regret", *words.split()])
    assert result.exit_code == 0, result.output
    assert asked == ["a.b", "regret", to, person()]


@pytest.mark.parametrize("number", ["0", "-1", "1000000000"])
def test_a_rollback_to_no_version_is_refused(number: str) -> None:
    """The registry counts from 1, and keeps so many digits."""
    assert runner.invoke(cli.app, ["rollback", "a.b", "--because", "regret", "--to", number]).exit_code == 2
