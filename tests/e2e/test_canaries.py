"""No message holds a value, a header or a JSON key of a source with a classified column, wherever it is kept.

One domain in which everything goes wrong is run once by `mesh run`; then all that the mesh printed, sent and kept is
searched, byte by byte, for what had landed.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from mesh_pipelines.commands.cli import app
from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.orchestration.notices import notice_sensor
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.testing import mesh_home as home_at
from mesh_pipelines.testing import workspace
from resources.settings import get_settings
from tests.e2e import clinic
from tests.e2e.canaries import MARK, NUMBER, Canaries, leaks
from tests.e2e.ticks import tick
from tests.mesh_pipelines.small_domains import World, promise
from tests.webhook import webhook

pytestmark = pytest.mark.odd_input("messages carry data", "leaked")

IN_CLEAR = ("landing/",)
"""What landed."""


@dataclass(frozen=True)
class Clinic:
    """The domain, run once.

    Args:
        world: its workspace.
        home: its ``MESH_HOME``.
        printed: everything that `mesh run` said.
    """

    world: World
    home: Path
    canaries: Canaries
    printed: bytes

    def leaks(self) -> dict[str, set[str]]:
        """Files of the home with canaries, but for public columns of rows that were published."""
        found = leaks(self.canaries, self.home, allowed=IN_CLEAR)
        left = {
            name: {place for place in places if not _is_public(name, place)} for name, places in found.items()
        }
        return {name: places for name, places in left.items() if places}


def _is_public(file: str, place: str) -> bool:
    published = file.startswith("lake/") and "__quarantine" not in file
    return published and place.partition(": ")[2].partition(" ")[0] in ("id", "note")


@pytest.fixture(scope="module")
def ran(ground: Path) -> Clinic:
    """The clinic after `mesh run`."""
    home, canaries = ground / "clinic" / "home", Canaries()
    world = clinic.write(ground / "clinic" / "work", home / "landing", canaries)
    mesh = str(Path(sys.executable).with_name("mesh"))
    environment = {**os.environ, "MESH_HOME": str(home), "COLUMNS": "200"}
    done = subprocess.run([mesh, "run"], cwd=world.root, env=environment, capture_output=True, check=False)
    return Clinic(world, home, canaries, done.stdout + done.stderr)


@pytest.fixture
def inside(ran: Clinic, mesh_home: Path) -> Iterator[Clinic]:
    """The same, in force."""
    del mesh_home  # it has cleared the machine's own settings
    with home_at(ran.home), workspace(ran.world.root):
        yield ran


def test_nothing_that_a_run_prints_holds_what_landed(ran: Clinic) -> None:
    """Every kind of bad input fails with file, line, column of the contract or place in the code, and no value."""
    text = ran.printed.decode()
    assert ran.canaries.found(ran.printed) == set()
    for name in (*clinic.FILES, *clinic.PRODUCTS, "late_forecast"):
        assert f"clinic.{name}" in text
    failed = {line.split()[1] for line in text.splitlines() if line.startswith("failed ")}
    fine = {"clinic.tolerated", "clinic.long_cell", "clinic.warns", "clinic.logs"}
    assert failed == {f"clinic.{name}" for name in (*clinic.FILES, *clinic.PRODUCTS)} - fine
    assert "ValueError: domains/clinic/products.py, line 12, in raises" in text
    assert "InvalidOperationError in column diagnosis" in text


def test_nothing_that_a_run_keeps_holds_what_landed(ran: Clinic) -> None:
    """Databases, logs, data docs, figures of models, quarantine, the lake: each file of the home is searched."""
    assert ran.leaks() == {}


@pytest.mark.parametrize(
    "words",
    [
        ["check"],
        ["status"],
        ["status", "--json"],
        ["show", "clinic.visits"],
        ["show", "clinic.late"],
        *(["why", f"clinic.{name}"] for name in ("headerless", "retyped", "raises", "casts", "late")),
    ],
    ids=" ".join,
)
def test_no_question_is_answered_with_what_landed(inside: Clinic, words: list[str]) -> None:
    """`mesh why` says what failed, and neither it nor another command says more than that."""
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 0, answer.output
    assert inside.canaries.found(answer.output.encode()) == set()


def test_no_notice_and_no_tick_holds_what_landed(inside: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run that a tick asks for after more has landed, and the notice of the run that failed."""
    domain = inside.world.mesh().domains["clinic"]
    late = clinic.Rows(inside.canaries, "came later")
    inside.world.land("clinic", "quoted.csv", "\n".join(late.lines(late.row(), late.row(2))[1:]))
    assert inside.canaries.found(repr(tick(domain)).encode()) == set()
    instance = dagster_instance(shared_resources())
    [run] = instance.get_runs()
    [entry] = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert entry.dagster_event is not None
    context = dg.build_run_status_sensor_context("notices", entry.dagster_event, instance, run)
    with webhook() as hook:
        monkeypatch.setenv("MESH_NOTIFY", hook.url)
        get_settings.cache_clear()
        notice_sensor(domain)(context.for_run_failure())
        [notice] = hook.told
    assert "clinic.asserts: Transform error" in notice["message"]
    assert inside.canaries.found(json.dumps(notice).encode()) == set()
    assert inside.leaks() == {}


def test_where_nothing_is_classified_an_error_is_quoted_whole(tmp_path: Path, mesh_home: Path) -> None:
    """The same failure of a domain whose columns are all public says what was wrong, value and all."""
    columns: dict[str, Any] = {"id": "string", "name": "string"}
    with workspace(tmp_path / "work") as root:
        world = World(root, mesh_home / "landing")
        world.write(
            "shop",
            promise("shop", "orders_raw", columns),
            promise("shop", "orders", columns),
            sources='orders_raw = source("orders.csv")',
            products="""
            @data_product
            def orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:
                return orders_raw.with_columns(pl.col("name").cast(pl.Int64).cast(pl.String))
            """,
        )
        world.land("shop", "orders.csv", f"id,name\n1,{MARK}\n")
        report = {step.key: step.message for step in runs.run().steps}
    assert MARK in report["shop.orders"]


@pytest.mark.parametrize(
    "written",
    [
        MARK + "bbb",
        MARK.upper() + "bbb",
        f"{NUMBER:,}".replace(",", ""),
        MARK.encode("utf-16-le") + b"b\0b\0b\0",
        *(base64.b64encode(b"x" * begins + MARK.encode() + b"bbb...") for begins in range(3)),
    ],
    ids=str,
)
def test_the_search_finds_a_canary_however_it_is_written(tmp_path: Path, written: str | bytes) -> None:
    """As text in any case, as a number, in UTF-16, in base64 at each place."""
    canaries = Canaries()
    canaries.text("here")
    (tmp_path / "log").write_bytes(written if isinstance(written, bytes) else written.encode())
    assert leaks(canaries, tmp_path) == {"log": {"here"}}
