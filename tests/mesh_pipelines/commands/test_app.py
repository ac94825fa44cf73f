"""Shared options of the commands: keys with and without a version, and the person who types."""

from __future__ import annotations

import getpass
import os
import shlex

import pytest
from typer.testing import CliRunner

from mesh_pipelines.commands import cli
from mesh_pipelines.commands.app import person

runner = CliRunner()


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("why machines.repair@1", "write it as machines.repair"),
        ("pin machines.repair@1 --because audit", "write it as machines.repair"),
        ("unpin machines.repair@1 --because audited", "write it as machines.repair"),
        ("rollback machines.repair@1 --because regret", "write it as machines.repair --to 1"),
    ],
)
def test_a_version_that_makes_no_sense_is_refused(line: str, remedy: str) -> None:
    """It is not dropped in silence: the person may have meant another command."""
    result = runner.invoke(cli.app, shlex.split(line), env={"COLUMNS": "200"})
    assert result.exit_code == 2, result.output
    assert "names a version" in result.output
    assert remedy in result.output


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 4711"), OSError("No username set")])
def test_an_account_without_a_name_goes_by_its_number(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A container may run under any number; what is decided there stays on record all the same."""

    def nobody() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert person().name == f"uid-{os.getuid()}"
