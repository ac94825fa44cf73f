"""Bringing the mesh up to date, by real Dagster runs on a real lake."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mesh_pipelines.dagster_names import WORK_SECONDS
from mesh_pipelines.errors import DomainError, SelectionError
from mesh_pipelines.governance.load_mesh import project_root
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.monitoring.checks import MONITOR_CHECKS
from mesh_pipelines.orchestration.run import run
from mesh_pipelines.orchestration.run_report import RunReport
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.steps.rebuild import CHECK
from mesh_pipelines.testing import mesh_home as home_at
from mesh_pipelines.testing import workspace
from tests.mesh_pipelines.conftest import Machines
from tests.mesh_pipelines.run_reports import RecordingReporter, statuses
from tests.mesh_pipelines.small_domains import World, promise
from tests.mesh_pipelines.three_domains import MONTHS, ROWS, write_three_domains

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")


@dataclass(frozen=True)
class Base:
    """A mesh that was run once, to be copied by tests that go on from there."""

    folder: Path
    first: RunReport
    told: list[str]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """The small mesh after its first run."""
    folder, reporter = tmp_path_factory.mktemp("base"), RecordingReporter()
    with home_at(folder / "home"), workspace(folder / "work") as root:
        write_three_domains(World(root, folder / "home" / "landing"))
        return Base(folder, run(reporter=reporter), reporter.lines)


@pytest.fixture
def fresh(base: Base, tmp_path: Path, mesh_home: Path) -> Iterator[World]:
    """The small mesh, up to date, for this test alone."""
    shutil.copytree(base.folder / "home", mesh_home)
    shutil.copytree(base.folder / "work", tmp_path / "work")
    with workspace(tmp_path / "work") as root:
        yield World(root, mesh_home / "landing")


def test_the_first_run_makes_everything(base: Base, fresh: World) -> None:
    """Upstream first, domain by domain, told as it happens, each run recorded under its code location."""
    assert base.first.ok
    assert set(statuses(base.first).values()) == {"done"}
    assert base.told[0] == "planned 5"
    assert base.told.index("done shop.orders") < base.told.index("started store.sales")
    assert 0 < base.first.starting_seconds <= base.first.overhead_seconds <= base.first.seconds
    shared = shared_resources()
    assert shared.lake.partitions("shop.orders") == MONTHS
    recorded = {r.run_id: r for r in dagster_instance(shared).get_runs()}
    assert set(recorded) == set(base.first.run_ids)
    origins = [r.remote_job_origin for r in recorded.values()]
    named = {o.repository_origin.code_location_origin.location_name for o in origins if o}
    assert named == {"shop", "store", "bank"}


def test_a_second_run_does_nothing(fresh: World) -> None:
    """What is up to date is left alone: no Dagster run is even started."""
    second = run()
    assert (set(statuses(second).values()), second.run_ids) == ({"up to date"}, ())


def test_a_new_month_changes_what_hangs_on_it(fresh: World) -> None:
    """A month lands: that month is made, and what it changes; content that stays the same keeps its data version."""
    shared = shared_resources()
    before = {key: shared.lake.record(key).data_version for key in ("store.most", "bank.rates")}
    fresh.land("shop", "orders-2013-03.csv", "id\n3\n")
    found = statuses(run())
    assert {key for key, status in found.items() if status == "done"} >= {"shop.orders", "store.sales"}
    assert found["bank.rates"] == "up to date"
    assert shared.lake.scan("store.sales").collect()["id"].to_list() == [1, 2, 3, 4]
    assert {key: shared.lake.record(key).data_version for key in before} == before


def test_a_failure_skips_only_what_needs_it(fresh: World) -> None:
    """What fails is told with its reason; other domains are brought up to date; what needs it is skipped."""
    fresh.land("shop", "orders-2013-02.csv", "nonsense\n1\n")
    fresh.write(
        "bank",
        promise("bank", "rates", {"id": "integer"}),
        products="@data_product\ndef rates() -> pl.LazyFrame:\n    return pl.LazyFrame({'id': [2]})\n",
    )
    report = run()
    assert not report.ok
    found = statuses(report)
    assert (found["shop.orders_raw"], found["bank.rates"]) == ("failed", "done")
    assert {found[key] for key in ("shop.orders", "store.sales", "store.most")} == {"skipped"}
    [failed] = [step for step in report.steps if step.status == "failed"]
    assert "orders-2013-02.csv: lacks the column id" in failed.message
    assert shared_resources().lake.scan("shop.orders").collect().height == 3
    fresh.land("shop", "orders-2013-02.csv", "id\n2\n")
    assert run().ok


def test_what_has_not_landed_is_waited_for(world: World) -> None:
    """A source without files is no failure: it says what it waits for."""
    world.write(
        "shop", promise("shop", "orders_raw", {"id": "integer"}), sources='orders_raw = source("o.csv")'
    )
    report = run()
    assert report.ok
    [step] = report.steps
    assert (step.status, step.message) == ("waiting", "nothing has landed for it yet")


def test_partitions_can_be_asked_for(fresh: World) -> None:
    """A range of partitions is made anew though nothing changed; the rest is left alone."""
    report = run(["shop.orders"], partition="2013-01..2013-02")
    assert statuses(report) == {"shop.orders_raw": "up to date", "shop.orders": "done"}
    instance = dagster_instance(shared_resources())
    [again] = [instance.get_run_by_id(run_id) for run_id in report.run_ids]
    assert again is not None
    assert again.tags["dagster/asset_partition_range_start"] == "2013-01"
    assert again.tags["dagster/asset_partition_range_end"] == "2013-02"


def test_a_month_shows_its_own_rows(fresh: World) -> None:
    """Months made in one run have one count between them, which is none of theirs; one made alone has its own."""

    def shown(partition: str) -> object:
        assert run(["shop.orders"], partition=partition).ok
        key = dg.AssetKey(["shop", "orders"])
        [record] = dagster_instance(shared_resources()).fetch_materializations(key, limit=1).records
        assert record.asset_materialization is not None
        count = record.asset_materialization.metadata.get("dagster/partition_row_count")
        return count.value if count else None

    rows = shared_resources().lake.scan("shop.orders").collect()
    assert shown("2013-01..2013-02") is None
    assert shown("2013-02") == rows.filter(rows["month"] == "2013-02").height < rows.height


def test_a_partition_can_be_asked_for_while_another_is_new(fresh: World) -> None:
    """A file of another month that landed upstream meanwhile is no reason to refuse the month that was asked for."""
    fresh.land("shop", "orders-2013-03.csv", "id\n3\n")
    report = run(["shop.orders"], partition="2013-01")
    assert report.ok
    assert statuses(report)["shop.orders"] == "done"


def test_force_makes_what_is_up_to_date(fresh: World) -> None:
    """Only what was named is forced, not what it needs; the same content makes no new version."""
    before = shared_resources().lake.version("store.most")
    report = run(["store.most"], force=True)
    assert {k for k, v in statuses(report).items() if v != "up to date"} <= {"store.most"}
    assert len(report.run_ids) == 1
    assert shared_resources().lake.version("store.most") == before


@pytest.mark.parametrize(
    ("selection", "partition", "words"),
    [
        (["shop.order"], None, "nothing in the mesh is named 'shop.order'"),
        (["stor"], None, "did you mean store"),
        (["store.sales"], "2013-01", "none of store.sales is made by partition"),
        (["shop.orders"], "2031-01", "has no partition '2031-01'"),
        (["shop.orders"], "nonsense", "has no partition 'nonsense'"),
    ],
)
def test_what_cannot_be_selected_is_told(
    fresh: World, selection: list[str], partition: str | None, words: str
) -> None:
    """A name or partition that fits nothing is a SelectionError that says what would."""
    with pytest.raises(SelectionError) as raised:
        run(selection, partition=partition)
    assert words in str(raised.value)
    assert raised.value.remedy


def test_a_reader_whose_agreement_has_ended_is_not_run(world: World) -> None:
    """It is refused before anything of it starts, with the rule and the remedy; asked for alone, by an error."""
    world.write(
        "shop",
        promise("shop", "orders", ROWS, agreements={"store": ("planning", "2020-01-01")}),
        products="@data_product\ndef orders() -> pl.LazyFrame:\n    return pl.LazyFrame()\n",
    )
    reads = 'Annotated[pl.LazyFrame, Port("shop.orders", purpose="planning")]'
    world.write(
        "store",
        promise("store", "sales", ROWS),
        products=f"@data_product\ndef sales(orders: {reads}) -> pl.LazyFrame:\n    return orders\n",
    )
    with pytest.raises(DomainError, match="the agreement ended on 2020-01-01"):
        run(["store"])
    assert not shared_resources().settings.home.joinpath("lake").exists()
    found = {step.key: step for step in run().steps}
    assert found["store.sales"].status == "refused"
    assert "the agreement ended on 2020-01-01" in found["store.sales"].message
    assert not shared_resources().lake.exists("store.sales")


def test_the_root_is_the_nearest_workspace(world: World) -> None:
    """From any folder below, the workspace is found."""
    below = world.root / "domains" / "deep"
    below.mkdir()
    with chdir(below):
        assert project_root() == world.root


@pytest.mark.slow
def test_a_trained_domain_is_left_alone_the_second_time(machines: Machines) -> None:
    """Models, gate and predictions too: unchanged content trains, judges and scores nothing."""
    with machines.inside() as mesh:
        again = run(["machines"], mesh=mesh)
        assert set(statuses(again).values()) == {"up to date"}
        assert again.run_ids == ()
        assert len(registry_of(shared_resources()).versions("machines.repair")) == 1


@pytest.mark.slow
def test_a_run_rebuilds_no_model(machines: Machines) -> None:
    """A rebuild costs another training, so its check runs only when somebody asks for it; the other checks do run."""
    with machines.inside():
        storage = dagster_instance(shared_resources()).event_log_storage

        def runs_of(asset: str, check: str) -> list[str]:
            key = dg.AssetCheckKey(dg.AssetKey(["machines", asset]), check)
            found = storage.get_asset_check_execution_history(key, limit=10)
            return [
                record.run_id for record in found if record.run_id
            ]  # `mesh rebuild` reports without a run

        assert runs_of("repair", CHECK) == []
        assert all(runs_of("repair_forecast", name) for name in MONITOR_CHECKS)


@pytest.mark.slow
def test_watching_predictions_is_work_on_them(machines: Machines) -> None:
    """What the checks on them took counts beside what making them took; drawing what they found does not."""
    with machines.inside():
        storage = dagster_instance(shared_resources()).event_log_storage
        asset = dg.AssetKey(["machines", "repair_forecast"])
        checks = [dg.AssetCheckKey(asset, name) for name in MONITOR_CHECKS]
        watched: list[Any] = [
            record.event.dagster_event.asset_check_evaluation_data.metadata[WORK_SECONDS].value
            for record in storage.get_latest_asset_check_execution_by_key(checks).values()
            if record.event and record.event.dagster_event
        ]
        published = dagster_instance(shared_resources()).get_latest_materialization_event(asset)
        assert published is not None
        assert published.asset_materialization is not None
        made: Any = published.asset_materialization.metadata[WORK_SECONDS].value
        assert len(watched) == len(MONITOR_CHECKS)
        assert min(watched) > 0
        (step,) = (step for step in machines.first.steps if step.key == "machines.repair_forecast")
        assert step.work_seconds == pytest.approx(made + sum(watched))
        assert step.work_seconds <= step.seconds


def test_what_waits_is_not_up_to_date(world: World) -> None:
    """Before anything lands a product says what it waits for; one that hangs on nothing is made all the same."""
    write_three_domains(world)
    shutil.rmtree(world.landing / "shop")
    found = statuses(run())
    assert found["bank.rates"] == "done"
    assert {found[key] for key in found if not key.startswith("bank.")} == {"waiting"}


def test_a_corrected_old_month_flows_through(fresh: World) -> None:
    """January is corrected long after April: its partition, what hangs on it, and nothing else is made."""
    before = shared_resources().lake.record("shop.orders").partitions
    fresh.land("shop", "orders-2013-01.csv", "id\n111\n112\n")
    made = sorted(step.key for step in run().steps if step.status == "done")
    assert made == ["shop.orders", "shop.orders_raw", "store.most", "store.sales"]
    after = shared_resources().lake.record("shop.orders").partitions
    assert after["2013-01"].rows == 2
    assert {name: part for name, part in after.items() if name != "2013-01"} == {
        name: part for name, part in before.items() if name != "2013-01"
    }


def test_partitions_with_gaps_are_one_run_and_the_gaps_stay(fresh: World) -> None:
    """Dagster records those that were made; February, which lies between, keeps its rows and is not made again."""
    shared = shared_resources()
    february = shared.lake.scan("shop.orders", partitions=["2013-02"]).collect()
    for month in ("2013-01", "2013-04", "2013-06"):
        fresh.land("shop", f"orders-{month}.csv", f"id\n7{month[-1]}\n")
    report = run(["shop.orders"])
    assert statuses(report) == {"shop.orders_raw": "done", "shop.orders": "done"}
    [run_id] = report.run_ids
    instance = dagster_instance(shared)
    assert {
        (event.asset_key.path[-1], event.partition)
        for record in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        if (event := record.get_dagster_event()) and event.asset_key
    } == {(name, month) for name in ("orders_raw", "orders") for month in ("2013-01", "2013-04", "2013-06")}
    found = shared.lake.scan("shop.orders").collect()
    assert shared.lake.scan("shop.orders", partitions=["2013-02"]).collect().equals(february)
    assert sorted(zip(found["month"], found["id"], strict=True)) == [
        ("2013-01", 71), ("2013-02", 2), ("2013-04", 74), ("2013-06", 76),
    ]  # fmt: skip
    assert not shared.lake.exists("shop.orders__quarantine")
    assert set(statuses(run(["shop.orders"])).values()) == {"up to date"}
