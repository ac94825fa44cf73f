"""`mesh new domain`: it says what it wrote and what to type next, or why it wrote nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mesh_pipelines.commands import cli
from mesh_pipelines.testing import workspace

runner = CliRunner()


def test_each_file_that_was_written_is_named(tmp_path: Path) -> None:
    """By its path in the workspace, or where it lies elsewhere, and with the commands that come next."""
    with workspace(tmp_path / "work") as root:
        result = runner.invoke(cli.app, ["new", "domain", "revenue"], env={"COLUMNS": "200"})
        assert result.exit_code == 0, result.output
        text, _, following = result.stdout.partition("\nWhat to do next:\n")
        head, *lines = text.split("\n  ")
        named = [root / line.replace("\n", "") for line in lines]  # a long path goes over two lines
        assert head == f"Wrote {len(named)} files:"
        assert all(path.is_file() for path in named)
        assert {root / "workspace.yaml", root / "domains/revenue/definitions.py"} <= set(named)
        written = {path for path in (root / "domains/revenue").rglob("*") if path.is_file()}
        assert written <= set(named)
    for command in ("mesh check ", "mesh run revenue ", "make test TESTS=domains/revenue "):
        assert command in following


@pytest.mark.parametrize(("name", "code"), [("Revenue", 2), ("revenue", 1)])
def test_a_name_that_cannot_be_is_refused(name: str, code: int, tmp_path: Path) -> None:
    """One that is no name is the command line's fault; one that is taken is not, and stays as it is."""
    with workspace(tmp_path) as root:
        (root / "domains/revenue").mkdir()
        result = runner.invoke(cli.app, ["new", "domain", name])
        assert (result.exit_code, result.stdout) == (code, "")
        assert name in result.stderr
        assert not list((root / "domains/revenue").iterdir())
        assert (root / "workspace.yaml").read_text() == "load_from:\n"
