"""`mesh status`, `show`, `why`, `check`: what they print for people and for programs, and their exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from mesh_pipelines.commands import cli
from mesh_pipelines.errors import (
    TrackingUnavailable,
    Violation,
)
from mesh_pipelines.orchestration import check
from mesh_pipelines.reporting import card as cards
from mesh_pipelines.reporting import status as state
from mesh_pipelines.reporting import why as reasons
from mesh_pipelines.reporting.reports import Card, MeshState, ReportTable, Section
from tests.mesh_pipelines.commands.answers import answer
from tests.mesh_pipelines.conftest import Machines
from tests.mesh_pipelines.samples import MESH

runner = CliRunner()


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


BROKEN = Violation("ContractIsValid", "domains/a/contracts/x.odcs.yaml: $.name", "no name", "write one")


def test_status_of_a_mesh_of_which_parts_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands is on standard output, what is left out and why on standard error, with exit code 1."""
    answer(monkeypatch, state, "read_state", replace(MESH, refused={"shop": (BROKEN,), "store": (BROKEN,)}))
    shown = runner.invoke(cli.app, ["status"])
    assert shown.exit_code == 1
    assert "336,776" in shown.stdout
    assert "left out until mended, and what is published of it stays: shop, store" in shown.stderr
    assert shown.stderr.count(BROKEN.problem) == 1, "one violation of two domains is shown once"
    told = runner.invoke(cli.app, ["status", "--json"])
    assert (told.exit_code, told.stderr) == (1, "")
    assert list(json.loads(told.stdout)["refused"]) == ["shop", "store"]


def test_status_without_a_registry_shows_the_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry's error comes after them, with its remedy, and the exit code says that something is missing."""
    trouble = TrackingUnavailable("does not answer", where="MESH_TRACKING_URI", remedy="start it")
    answer(monkeypatch, state, "read_state", MeshState(MESH.products, trouble=trouble))
    shown = runner.invoke(cli.app, ["status"])
    assert shown.exit_code == 1
    assert "336,776" in shown.stdout
    for part in ("does not answer", "MESH_TRACKING_URI", "start it"):
        assert part in shown.stderr
    document = json.loads(runner.invoke(cli.app, ["status", "--json"]).stdout)
    assert document["trouble"]["remedy"] == "start it"


@pytest.mark.parametrize(("words", "keys"), [([], None), (["a.b", "c.d"], ["a.b", "c.d"])])
def test_status_is_asked_for_the_keys_that_are_named(
    words: list[str], keys: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them without a name."""
    asked: list[object] = []
    monkeypatch.setattr(state, "read_state", lambda wanted: asked.append(wanted) or MESH)
    assert runner.invoke(cli.app, ["status", *words]).exit_code == 0
    assert asked == [keys]


@pytest.mark.parametrize(("key", "version"), [("a.b", None), ("a.b@0", 0), ("a.b@12", 12)])
def test_show_is_asked_for_one_version(
    key: str, version: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 0, which is a table's first, is no missing one."""
    asked: list[object] = []
    monkeypatch.setattr(cards, "describe", lambda *given: asked.append(given) or Card("a.b", "product"))
    assert runner.invoke(cli.app, ["show", key]).exit_code == 0
    assert asked == [("a.b", version)]


def test_why_prints_a_card_and_its_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same in both."""
    card = Card("a.b", "product", "", [Section("Now", [("waits", "nothing has landed for it yet")])])
    answer(monkeypatch, reasons, "explain", card)
    assert "nothing has landed for it yet" in runner.invoke(cli.app, ["why", "a.b"]).stdout
    document = json.loads(runner.invoke(cli.app, ["why", "a.b", "--json"]).stdout)
    assert document["sections"] == {"Now": {"waits": "nothing has landed for it yet"}}
