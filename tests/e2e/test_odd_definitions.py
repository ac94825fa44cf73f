"""Definitions that are unusual and sound: they pass ``mesh check``, and a run makes them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.orchestration import tick as orchestration_tick
from mesh_pipelines.orchestration.check import examine_mesh
from mesh_pipelines.reporting.status import read_state
from mesh_pipelines.reporting.why import explain
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.testing import workspace
from resources.settings import get_settings
from tests.e2e.ticks import follow, tick
from tests.mesh_pipelines.small_domains import World, promise, write_promise

COLUMNS = {"id": "integer", "value": "number"}


@pytest.fixture
def world(tmp_path: Path, mesh_home: Path) -> Iterator[World]:
    """A workspace without domains, whose files come to rest at once."""
    os.environ["MESH_SETTLE_SECONDS"] = "0"
    get_settings.cache_clear()
    with workspace(tmp_path / "work") as root:
        yield World(root, mesh_home / "landing")


def cut(name: str, every: str, since: str, **more: Any) -> dict[str, Any]:
    """A contract whose files carry a day, month or year in their names."""
    made = promise("mix", name, COLUMNS, partitions=since, **more)
    made["customProperties"][-1]["value"]["every"] = every
    return made


def rows(key: str) -> list[int]:
    """Ids of what is published under a key."""
    return sorted(shared_resources().lake.scan(key).collect()["id"])


@pytest.mark.odd_input("declarations that cannot run", "held up")
def test_days_months_and_years_live_in_one_domain(world: World) -> None:
    """Each has runs of its own; `mesh run`, the sensor, `mesh why` and `mesh status` all know them."""
    world.write(
        "mix",
        cut("daily", "day", "2026-02-01"),
        cut("monthly", "month", "2026-01"),
        cut("yearly", "year", "2020"),
        cut("older", "month", "2025-06"),
        promise("mix", "plain", COLUMNS),
        promise("mix", "total", COLUMNS),
        sources="".join(
            f'{name} = source("{name}-{{{every}}}.csv")\n'
            for name, every in (
                ("daily", "day"),
                ("monthly", "month"),
                ("older", "month"),
                ("yearly", "year"),
            )
        )
        + 'plain = source("plain.csv")\n',
        products="""
        @data_product
        def total(
            daily: pl.LazyFrame, monthly: pl.LazyFrame, older: pl.LazyFrame, yearly: pl.LazyFrame, plain: pl.LazyFrame
        ) -> pl.LazyFrame:
            return pl.concat([part.select("id", "value") for part in (daily, monthly, older, yearly, plain)])
        """,
    )
    names = (
        "daily-2026-02-26",
        "daily-2026-02-28",
        "monthly-2026-02",
        "yearly-2026",
        "plain",
        "older-2026-02",
    )
    for number, name in enumerate(names):
        world.land("mix", f"{name}.csv", f"id,value\n{number},1.5\n")
    assert examine_mesh(world.root).violations == ()
    report = runs.run()
    assert {step.status for step in report.steps} == {"done"}, report
    assert rows("mix.total") == [0, 1, 2, 3, 4, 5]

    for number, name in enumerate(("daily-2026-02-27", "monthly-2026-03", "yearly-2025", "older-2026-03")):
        world.land("mix", f"{name}.csv", f"id,value\n{10 + number},1.5\n")
    orchestration_tick._meshes.clear()
    domain = world.mesh().domains["mix"]
    while isinstance(tick(domain), dg.RunRequest):
        assert follow(domain).success
    assert rows("mix.total") == [0, 1, 2, 3, 4, 5, 10, 11, 12, 13]
    assert "up to date" in str(explain("mix.daily").to_json())
    assert not read_state().trouble

    report = runs.run(["mix"], partition="2026-02")
    assert {step.key: step.status for step in report.steps} == {
        "mix.daily": "done",
        "mix.monthly": "done",
        "mix.older": "done",
        "mix.yearly": "up to date",
        "mix.plain": "done",
        "mix.total": "done",
    }


@pytest.mark.odd_input("declarations that cannot run", "held up")
@pytest.mark.parametrize("word", ["order", "pivot"])
def test_words_of_sql_are_names_like_any_other(world: World, word: str) -> None:
    """A domain, a source, a product and its columns, with rules by SQL and by Great Expectations."""
    columns = {word: "integer", "Select": "string", "group": "number"}
    product = promise(word, "end", columns, key=(word, "group"))
    schema = product["schema"][0]
    schema["properties"][1]["unique"] = True
    schema["properties"][2]["quality"] = [
        {"name": "dear", "type": "sql", "query": "SELECT max(${column}) FROM ${table}", "mustBe": 2.5}
    ]
    between = {"column": word, "min_value": 1, "max_value": 2}
    for kind, arguments in {
        "expect_column_values_to_be_between": between,
        "expect_column_mean_to_be_between": between,
        "expect_compound_columns_to_be_unique": {"column_list": [word, "Select"]},
    }.items():
        implementation = {"type": kind, "kwargs": arguments}
        schema["quality"].append(
            {"name": kind, "type": "custom", "engine": "greatExpectations", "implementation": implementation}
        )
    world.write(
        word,
        promise(word, word, columns),
        product,
        sources=f'{word} = source("{word}.csv")\n',
        products=f"""
        from mesh_pipelines import sql

        @data_product
        def end({word}: pl.LazyFrame) -> pl.LazyFrame:
            return sql('SELECT "{word}", "Select", "group" FROM "{word}"', {word}={word})
        """,
    )
    world.land(word, f"{word}.csv", f"{word},Select,group\n1,from,1.5\n2,where,2.5\n")
    assert examine_mesh(world.root).violations == ()
    report = runs.run()
    assert {step.status for step in report.steps} == {"done"}, report


@pytest.mark.odd_input("declarations that cannot run", "held up", "leaked")
def test_the_command_names_rules_that_cannot_run_before_anything_runs(world: World) -> None:
    """`mesh check` ends with 1 and all of them at once; `mesh run` makes the neighbour, and says to mend the rule."""
    columns = {"id": "integer", "name": {"logicalType": "string", "classification": "restricted"}}
    contract = promise("shop", "orders", columns)
    expected = {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "name", "min_value": 1}}
    contract["schema"][0]["quality"] += [
        {"name": "few", "type": "sql", "query": "SELECT coutn(*) FROM ${table} -- all", "mustBe": 2},
        {"name": "mean", "type": "custom", "engine": "greatExpectations", "implementation": expected},
        {"name": "sound", "type": "sql", "query": "SELECT count(*) FROM ${table} -- all", "mustBe": 2},
    ]
    world.write("shop", contract, sources='orders = source("orders.csv")\n')
    world.write(
        "store", promise("store", "sales", {"id": "integer"}), sources='sales = source("sales.csv")\n'
    )
    world.land("shop", "orders.csv", "id,name\n1,secret-a\n2,secret-b\n")
    world.land("store", "sales.csv", "id\n1\n")

    def mesh(*words: str) -> tuple[int, str]:
        command = [str(Path(sys.executable).with_name("mesh")), *words]
        done = subprocess.run(command, cwd=world.root, capture_output=True, text=True, timeout=300)
        assert "secret" not in done.stdout + done.stderr
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    code, told = mesh("check")
    assert code == 1
    for words in (
        "rule few: DuckDB refuses its query",
        "fix: did you mean",
        "rule mean: Great",
        "2 violations found",
    ):
        assert words in told, told
    code, told = mesh("run")
    assert code == 1
    assert "2 steps: 1 done, 1 failed" in told
    assert "mend the rules few, mean in contracts/orders.odcs.yaml" in told
    contract["schema"][0]["quality"][1:3] = []
    write_promise(world.root / "domains/shop/contracts", contract)
    assert mesh("check") == (0, "Every contract, domain and code location is sound.")
