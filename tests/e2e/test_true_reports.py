"""The lines of ``mesh run`` and ``mesh why`` are true: each asset once, with its remedy or what it waits for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from mesh_pipelines.orchestration.run import run
from mesh_pipelines.orchestration.run_report import RunReport, StepReport, merge_reports
from mesh_pipelines.reporting.why import explain
from mesh_pipelines.testing import mesh_home as home_at
from mesh_pipelines.testing import workspace
from resources.settings import get_settings
from tests.mesh_pipelines.run_reports import RecordingReporter
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = pytest.mark.odd_input("neighbours", "held up")

ROWS = {"id": "integer"}
SOURCES = """
from mesh_pipelines import sql_source

orders_raw = sql_source("sales.orders", database="depot")
parts_raw = source("parts-{month}.csv")
plain_raw = source("plain.csv")
"""
PRODUCTS = """
@data_product
def orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:
    return orders_raw

@data_product
def more(orders: pl.LazyFrame) -> pl.LazyFrame:
    return orders

@data_product
def parts(parts_raw: pl.LazyFrame) -> pl.LazyFrame:
    return parts_raw.select("id")

@data_product
def wrong(plain_raw: pl.LazyFrame) -> pl.LazyFrame:
    return plain_raw.select(id=pl.col("nothing"))

@data_product
def last(wrong: pl.LazyFrame, plain_raw: pl.LazyFrame) -> pl.LazyFrame:
    return plain_raw
"""
NAMES = ("orders_raw", "orders", "more", "parts", "plain_raw", "wrong", "last")


@dataclass(frozen=True)
class Told:
    """One run of everything, and what is said of each asset after it."""

    report: RunReport
    progress: list[str]
    why: Mapping[str, Mapping[str, Mapping[str, str]]]

    def step(self, name: str) -> StepReport:
        """The report of one asset."""
        [found] = [step for step in self.report.steps if step.key == f"shop.{name}"]
        return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A database that does not answer, a month that is refused between two others, a function that fails."""
    folder, reporter = tmp_path_factory.mktemp("told"), RecordingReporter()
    with home_at(folder / "home"), workspace(folder / "work") as root, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MESH_DATABASES", '{"depot": "postgresql://reader:secret@127.0.0.1:1/depot"}')
        get_settings.cache_clear()
        world = World(root, folder / "home" / "landing")
        promises = [promise("shop", name, ROWS) for name in NAMES]
        promises.append(promise("shop", "parts_raw", ROWS, partitions="2026-01"))
        world.write("shop", *promises, sources=SOURCES, products=PRODUCTS)
        for month, text in (("01", "id\n1\n"), ("02", "nonsense\n1\n"), ("03", "id\n3\n")):
            world.land("shop", f"parts-2026-{month}.csv", text)
        world.land("shop", "plain.csv", "id\n1\n")
        report = run(reporter=reporter)
        why = {name: explain(f"shop.{name}").to_json()["sections"] for name in (*NAMES, "parts_raw")}
    return Told(report, reporter.lines, why)


def test_a_database_that_does_not_answer_fails_the_run_with_its_remedy(told: Told) -> None:
    """What was asked for and cannot be made is a failure; the password is not in its words."""
    assert not told.report.ok
    step = told.step("orders_raw")
    assert step.status == "failed"
    assert step.message.startswith("database depot: it does not answer")
    assert "\n  -> see that it runs and can be reached" in step.message
    assert "secret" not in json.dumps([step.message, told.why])


@pytest.mark.parametrize(
    ("name", "waits_for"), [("orders", "orders_raw"), ("more", "orders_raw"), ("last", "wrong")]
)
def test_what_is_skipped_names_what_it_waits_for(told: Told, name: str, waits_for: str) -> None:
    """The asset that failed, however far upstream."""
    step = told.step(name)
    assert (step.status, step.message) == ("skipped", f"waits for shop.{waits_for}, which failed")


def test_one_refused_month_is_named_and_the_others_are_published(told: Told) -> None:
    """Nothing of that month was published: the words do not say it of the source."""
    step = told.step("parts_raw")
    assert step.status == "failed"
    assert step.message.startswith("shop.parts_raw: refused, nothing of 2026-02 was published:")
    assert "nothing of it" not in step.message
    assert told.step("parts").status == "done"


def test_each_asset_is_reported_once_and_as_it_ended(told: Told) -> None:
    """The progress has the same word for an asset as the report, and one line of it."""
    keys = [step.key for step in told.report.steps]
    assert len(keys) == len(set(keys)) == 8
    ended = {step.key: step.status for step in told.report.steps}
    lines = [line.split(" ") for line in told.progress if line.split(" ")[0] in ("done", "failed", "skipped")]
    assert {key: status for status, key in lines}.items() <= ended.items()
    assert len(lines) == len({key for _, key in lines})
    assert all(step.message for step in told.report.steps if step.status != "done")


@pytest.mark.parametrize("name", ["orders_raw", "parts_raw", "wrong"])
def test_why_says_the_words_of_the_mesh_and_no_library(told: Told, name: str) -> None:
    """The error as the run had it, with its remedy: no name of a Python class of the mesh, no plan of polars."""
    words = json.dumps(told.why[name])
    for never in (
        "mesh_pipelines.errors",
        "polars.exceptions",
        "Resolved plan",
        "Traceback",
        "was corrected",
    ):
        assert never not in words
    if name == "orders_raw":
        now = told.why[name]["Now"]
        assert now["fault"] == "database depot: it does not answer"
        assert now["what to do"].startswith("see that it runs")
        assert "out of date" not in now
    else:
        assert "\n  -> " in told.why[name]["Last"]["failed since"]


def _step(status: str, message: str = "") -> StepReport:
    return StepReport("shop.parts", "shop", "product", status, 1.0, 0.5, message)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "now", "status", "message"),
    [
        ("failed", "done", "failed", "failed first"),
        ("done", "failed", "failed", "failed then"),
        ("failed", "failed", "failed", "failed first\nfailed then"),
        ("up to date", "skipped", "skipped", "skipped then"),
        ("skipped", "up to date", "skipped", "skipped first"),
        ("up to date", "done", "done", "done then"),
        ("done", "up to date", "done", "done first"),
    ],
)
def test_reports_of_several_runs_are_one(before: str, now: str, status: str, message: str) -> None:
    """The worst of them, with the message that is about it, so that none stands without its reason."""
    found = merge_reports(_step(before, f"{before} first"), _step(now, f"{now} then"))
    assert (found.status, found.message, found.seconds, found.work_seconds) == (status, message, 2.0, 1.0)
