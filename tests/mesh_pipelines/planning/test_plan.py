"""The plan: what is made, upstream first, and what waits; facts in, a plan out."""

from __future__ import annotations

from mesh_pipelines.planning.plan import plan
from mesh_pipelines.planning.step import Plan
from tests.mesh_pipelines.planning.made import ALL, Made, steps


def test_before_anything_lands_everything_waits(made: Made) -> None:
    """Nothing can be made; the source says what it waits for, and nothing downstream is named on top of it."""
    found = made.plan()
    assert found.steps == ()
    assert [(w.node.name, w.reason) for w in found.waiting] == [("raw", "nothing has landed for it yet")]


def test_the_first_landing_makes_everything_upstream_first(made: Made) -> None:
    """All that hangs on what landed is made, in the order of the lineage, each with its reason."""
    made.land("2013-01", "a")
    made.land("2013-02", "b")
    found = made.plan()
    assert steps(found) == ALL
    by_name = {step.node.name: step for step in found.steps}
    assert by_name["raw"].partitions == ("2013-01", "2013-02")
    assert by_name["raw"].reasons == ("raw-2013-01.csv landed", "raw-2013-02.csv landed")
    assert by_name["orders"].partitions == ("2013-01", "2013-02")
    assert by_name["orders"].reasons == ("shop.raw is made first",)
    assert by_name["sales"].partitions is None
    assert not by_name["raw"].follows
    assert by_name["sales"].follows


def test_what_is_up_to_date_is_left_alone(fresh: Made) -> None:
    """Where nothing has changed, the plan is empty."""
    assert fresh.plan() == Plan()


def test_a_new_month_costs_a_month(fresh: Made) -> None:
    """Partitioned assets make the new month only; what follows is made if that turns out to be new content."""
    fresh.land("2013-04", "rows")
    found = fresh.plan()
    assert steps(found) == ALL
    assert {s.node.name: s.partitions for s in found.steps if s.partitions} == {
        "raw": ("2013-04",), "orders": ("2013-04",),
    }  # fmt: skip
    assert [s.node.name for s in found.steps if not s.follows] == ["raw"]


def test_a_corrected_old_month_is_made_again(fresh: Made) -> None:
    """A correction of January touches January, not February and March."""
    fresh.land("2013-01", "corrected")
    found = fresh.plan()
    assert found.steps[0].reasons == ("raw-2013-01.csv has changed",)
    assert {s.node.name: s.partitions for s in found.steps if s.partitions} == {
        "raw": ("2013-01",), "orders": ("2013-01",),
    }  # fmt: skip


def test_an_interrupted_run_is_taken_up_where_it_stopped(fresh: Made) -> None:
    """After a new month reached the source and no further, the rest of the way is planned, and the source is not."""
    fresh.land("2013-04", "rows")
    fresh.make(["raw"])
    found = fresh.plan()
    assert steps(found) == ALL[1:]
    assert found.steps[0].partitions == ("2013-04",)
    assert found.steps[0].reasons == ("partitions that were never made",)


def test_what_failed_is_left_out_with_all_that_needs_it(fresh: Made) -> None:
    """After a failure, what is downstream of it is not tried; the rest is."""
    fresh.land("2013-04", "rows")
    assert steps(fresh.plan(without={"shop.sales"})) == ["raw", "orders"]
    assert steps(fresh.plan(without={"shop.raw"})) == []
    found = fresh.plan(without={"shop.model"})
    assert steps(found) == ["raw", "orders", "sales", "features"]


def test_what_is_forced_is_made_anew(fresh: Made) -> None:
    """Asked for by name, an asset is made though it is up to date, and so is what follows from it."""
    found = fresh.plan(force={"shop.orders"})
    assert steps(found) == ALL[1:]
    assert (found.steps[0].reasons, found.steps[0].partitions) == (
        ("asked for",), ("2013-01", "2013-02", "2013-03"),
    )  # fmt: skip


def test_what_is_forced_stays_asked_for_behind_another(fresh: Made) -> None:
    """An asset that was asked for is made at all costs, also where something ahead of it is made first."""
    found = fresh.plan(force={"shop.orders", "shop.sales"})
    by_name = {step.node.name: step for step in found.steps}
    assert "asked for" in by_name["sales"].reasons
    assert not by_name["sales"].follows


def test_a_selection_leaves_the_rest_alone(fresh: Made) -> None:
    """Only what was selected is planned."""
    fresh.land("2013-04", "rows")
    chosen = [fresh.nodes["shop.raw"], fresh.nodes["shop.orders"]]
    assert steps(plan(chosen, fresh.facts())) == ["raw", "orders"]


def test_a_month_that_is_taken_away_stays_published(fresh: Made) -> None:
    """A file that is gone takes nothing out of the lake."""
    (fresh.landing / "shop" / "raw-2013-02.csv").unlink()
    assert fresh.plan() == Plan()
