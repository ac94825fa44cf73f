"""One Dagster run, executed in this process: its reports, and what Dagster's record says of it."""

from __future__ import annotations

import json

import pytest

from mesh_pipelines.dagster_names import CAUSES, DOMAIN, IF_STALE, PERSON, PROCESS, REASON
from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.reader import Reader
from mesh_pipelines.orchestration import execute as executing
from mesh_pipelines.orchestration.execute import Share, execute
from mesh_pipelines.orchestration.run import run
from mesh_pipelines.planning.step import Step
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources
from resources.processes import this_process
from tests.mesh_pipelines.run_reports import RecordingReporter
from tests.mesh_pipelines.small_domains import World, promise
from tests.mesh_pipelines.three_domains import write_three_domains

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")


@pytest.fixture
def mesh(world: World) -> Mesh:
    """Three domains, of which nothing is published."""
    write_three_domains(world)
    return world.mesh()


def share(mesh: Mesh, key: str, *reasons: str, by: Reader | None = None) -> Share:
    """The part of a plan that makes one asset."""
    step = Step(mesh.node(key), reasons)
    return Share(step.node.domain, (step,), None, "; ".join(reasons), by, {key: "a1"})


def test_a_share_is_one_run_of_its_code_location(mesh: Mesh) -> None:
    """Recorded with who asked and why, the assets and checks that were chosen, and this process."""
    shared, show = shared_resources(), RecordingReporter()
    asked = share(mesh, "bank.rates", "it was never made", by=Reader("person", "ann"))
    done = execute(mesh, asked, shared, show)
    assert [(step.key, step.status) for step in done.steps] == [("bank.rates", "done")]
    assert show.lines == ["started bank.rates", "done bank.rates"]
    assert done.began is not None
    assert shared.lake.scan("bank.rates").collect()["id"].to_list() == [1]
    run = dagster_instance(shared).get_run_by_id(done.run_id)
    assert run is not None
    assert run.is_success
    assert run.tags[DOMAIN] == "bank"
    assert run.tags[REASON] == "it was never made"
    assert run.tags[PERSON] == "ann"
    assert run.tags[PROCESS] == this_process()
    assert json.loads(run.tags[CAUSES]) == {"bank.rates": "a1"}
    assert {key.to_user_string() for key in run.asset_selection or ()} == {"bank/rates"}
    assert "has_rows" in {key.name for key in run.asset_check_selection or ()}
    assert run.remote_job_origin is not None
    assert run.remote_job_origin.repository_origin.code_location_origin.location_name == "bank"


def test_a_failed_step_is_reported_and_not_raised(mesh: Mesh) -> None:
    """The store reads what is not published: its step fails with the remedy, and nothing of it is there."""
    show = RecordingReporter()
    done = execute(mesh, share(mesh, "store.sales", "new content"), shared_resources(), show)
    [step] = done.steps
    assert step.status == "failed"
    assert "mesh run shop.orders" in step.message
    assert not shared_resources().lake.exists("store.sales")


@pytest.mark.odd_input("declarations that cannot run", "held up")
def test_a_run_that_dagster_does_not_begin_holds_up_nobody(world: World) -> None:
    """A resource that wants to be configured by each run: the asset fails with Dagster's words, the others are made."""
    write_three_domains(world)
    world.write(
        "park",
        promise("park", "trees", {"id": "integer"}),
        byhand="""
        import dagster as dg

        class Gate(dg.ConfigurableResource):
            width: int

        @dg.asset(resource_defs={"gate": Gate.configure_at_launch()})
        def trees() -> pl.LazyFrame:
            return pl.LazyFrame({"id": [1]})
        """,
    )
    report = {step.key: step for step in run(["park.trees", "bank.rates"]).steps}
    assert {key: step.status for key, step in report.items()} == {
        "park.trees": "failed",
        "bank.rates": "done",
    }
    assert "Dagster begins no run of park.trees: DagsterInvalidConfigError" in report["park.trees"].message
    assert "width" in report["park.trees"].message


@pytest.mark.parametrize(
    ("reasons", "stale"),
    [(("new content",), True), (("asked for",), False), (("asked for", "new content"), False)],
)
def test_what_is_asked_for_is_made_at_all_costs(mesh: Mesh, reasons: tuple[str, ...], stale: bool) -> None:
    """Else a step whose inputs turn out unchanged leaves its table as it is; nobody's run has no person."""
    tags = executing._tags(mesh, share(mesh, "bank.rates", *reasons))
    assert (tags.get(IF_STALE) == "true") is stale
    assert PERSON not in tags
