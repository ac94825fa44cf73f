"""`mesh demo`: real files land, and what has landed already is left alone."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from mesh_pipelines.commands import cli, demo

runner = CliRunner()


def test_demo_land_puts_real_files_below_the_home(mesh_home: Path) -> None:
    """The outside world lands one month, and landing it again changes nothing."""
    first = runner.invoke(cli.app, ["demo", "land", "2013-02"])
    assert first.exit_code == 0, first.output
    assert (mesh_home / "landing" / "operations" / "departures-2013-02.csv").stat().st_size > 100_000
    assert "unchanged" not in first.stdout
    again = runner.invoke(cli.app, ["demo", "land", "2013-02"])
    assert "landed " not in again.stdout


@pytest.mark.parametrize("model", [None, "operations.departure_delay"])
def test_the_next_steps_can_be_typed(model: str | None) -> None:
    """Each line is understood by the live command; what needs a model is there where one was trained."""
    lines = [line for line, _ in demo._next_steps(model)]
    assert any("rebuild operations.departure_delay@1" in line for line in lines) is (model is not None)
    for line in (part for whole in lines for part in whole.split(" && ")):
        command, words = typer.main.get_command(cli.app), shlex.split(line)[1:]
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]  # pyright: ignore[reportAttributeAccessIssue]
        command.make_context("mesh", words)


def test_a_month_that_does_not_exist_lands_nothing(mesh_home: Path) -> None:
    """Not even those that are named beside it."""
    result = runner.invoke(cli.app, ["demo", "land", "2013-02", "2013-13"])
    assert result.exit_code == 2
    assert not (mesh_home / "landing").exists()
