"""Tables of a real PostgreSQL with odd watermarks, read by `mesh run`: nothing is lost, `mesh why` says the rest."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh_pipelines.dagster_names import asset_key
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.testing import workspace
from tests.mesh_pipelines.landing.conftest import shop as shop
from tests.mesh_pipelines.postgres import Postgres
from tests.mesh_pipelines.postgres import postgres as postgres
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = pytest.mark.odd_input("watermarks", "lost", "held up")

pytestmark = pytest.mark.slow
TABLES = {
    "wm_inf": ("timestamptz", "timestamp", "'2026-01-01'", "'infinity'", "'2026-02-01'", "1 not finite"),
    "wm_future": (
        "timestamptz",
        "timestamp",
        "'2026-01-01'",
        "'9999-12-31'",
        "'2026-02-01'",
        "1 more than 1 hour",
    ),
    "wm_nan": ("numeric", "number", "1", "'NaN'", "2", "1 not finite"),
}


@pytest.fixture
def world(tmp_path: Path, mesh_home: Path) -> Iterator[World]:
    """A workspace without domains."""
    with workspace(tmp_path / "work") as root:
        yield World(root, mesh_home / "landing")


def mesh(world: World, *words: str) -> tuple[int, str]:
    """Exit code of a `mesh` command in that workspace, and all that it says."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("mesh")), *words],
        env={**os.environ, "COLUMNS": "200"},
        cwd=world.root,
        capture_output=True,
        check=False,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def test_rows_that_come_after_an_odd_watermark_are_read(world: World, shop: Postgres) -> None:
    """Run, insert, run: the third row of each table is there, and the reason of the second is said."""
    for table, (kind, _, first, odd, _, _) in TABLES.items():
        shop.do(
            f"CREATE TABLE sales.{table} (id bigint, v text, upd {kind})",
            f"INSERT INTO sales.{table} VALUES (1, 'a', {first}), (2, 'b', {odd})",
        )
    contracts = [
        promise("shop", table, {"id": "integer", "v": "string", "upd": logical}, tolerance=60)
        for table, (_, logical, *_) in TABLES.items()
    ]
    sources = "from mesh_pipelines import sql_source\n\n" + "".join(
        f'{table} = sql_source("sales.{table}", database="shop", watermark="upd")\n' for table in TABLES
    )
    world.write("shop", *contracts, sources=sources)
    code, said = mesh(world, "run")
    assert code == 0, said
    for table, (*_, third, _) in TABLES.items():
        shop.do(f"INSERT INTO sales.{table} VALUES (3, 'c', {third})")
    code, said = mesh(world, "run")
    assert code == 0, said
    lake, instance = shared_resources().lake, dagster_instance(shared_resources())
    for table, (*_, words) in TABLES.items():
        rows = lake.scan(f"shop.{table}").select("id", "v").sort("id").collect().rows()
        assert rows in ([(1, "a"), (3, "c")], [(1, "a"), (2, "b"), (3, "c")]), table
        refused = f"shop.{table}__quarantine"
        assert len(rows) + (lake.record(refused).rows if lake.exists(refused) else 0) == 3
        code, said = mesh(world, "why", f"shop.{table}")
        assert "up to date" in said
        assert words in said
        assert "no mark" in said
        event = instance.get_latest_materialization_event(asset_key(f"shop.{table}"))
        assert event is not None
        assert event.asset_materialization is not None
        assert words in str(event.asset_materialization.metadata["watermark"].value)


def test_a_watermark_of_text_is_refused_before_it_is_read(world: World, shop: Postgres) -> None:
    """By `mesh check` and by `mesh run`, with the remedy."""
    shop.do("CREATE TABLE sales.wm_text (id bigint, v text, upd text)")
    columns = {"id": "integer", "v": "string", "upd": "string"}
    source = 'sql_source("sales.wm_text", database="shop", watermark="upd")'
    source = f"from mesh_pipelines import sql_source\n\nwm_text = {source}\n"
    world.write("shop", promise("shop", "wm_text", columns), sources=source)
    for command in ("check", "run"):
        code, said = mesh(world, command)
        assert code != 0
        words = " ".join(said.split())
        assert "its watermark 'upd' is of the type string" in words
        assert "leave the watermark out" in words
