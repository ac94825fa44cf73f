"""What people decide about a champion, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from mesh_pipelines.declaring.reader import Reader
from mesh_pipelines.errors import GateRefused, NotPublished, SelectionError
from mesh_pipelines.modeling.champion_moves import AliasMove
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.modeling.shadow import SCORES
from mesh_pipelines.orchestration import model_requests
from mesh_pipelines.reporting.card import describe
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.testing import workspace
from tests.mesh_pipelines.machines_go_on import KEY, brought_up, facts_of_card, forecast, turn

pytestmark = pytest.mark.slow
ANN = Reader("person", "ann")


def told_in_dagster() -> dict[str, object]:
    """What the champion's page in Dagster says last."""
    event = dagster_instance(shared_resources()).get_latest_materialization_event(
        dg.AssetKey(["machines", "repair_champion"])
    )
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


@pytest.mark.usefixtures("own_machines")
def test_a_pinned_champion_is_moved_by_nobody_until_it_is_unpinned() -> None:
    """Each decision stays on record in MLflow and in Dagster, with who and why."""
    model_requests.pin(KEY, "audit", by=ANN)
    with pytest.raises(GateRefused, match="audit"):
        model_requests.promote(KEY, 1, "impatience", by=ANN)
    assert told_in_dagster()["because"] == "audit"
    model_requests.unpin(KEY, "audit is over", by=ANN)
    move = model_requests.promote(KEY, 1, "agreed", by=ANN)
    assert (move.to, move.because) == (1, "agreed")
    assert [m.action for m in registry_of(shared_resources()).history(KEY)][-3:] == [
        "pin",
        "unpin",
        "promote",
    ]
    assert told_in_dagster()["because"] == "agreed"
    assert told_in_dagster()["champion"] == "repair@1"


@pytest.mark.usefixtures("own_machines")
def test_there_is_no_way_back_before_the_first_champion() -> None:
    """A rollback that leads nowhere says so, and moves nothing."""
    with pytest.raises(NotPublished, match="no champion before"):
        model_requests.rollback(KEY, "regret", by=ANN)
    champion = registry_of(shared_resources()).champion(KEY)
    assert champion is not None
    assert champion.version == 1


@pytest.mark.usefixtures("own_machines")
def test_only_models_are_decided_on() -> None:
    """A product's key is answered with what it is."""
    with pytest.raises(SelectionError, match="is a product"):
        model_requests.pin("machines.readings", "why not", by=ANN)


@pytest.mark.parametrize(
    ("because", "fault"),
    [
        *((text, "is blank") for text in ["", " ", "\t\n", "\u200b", "\u00a0\u2028"]),
        *((text, "control characters") for text in ["audit\0", "audit\x1b[31m", "audit \udcff"]),
        ("a" * 2001, "at most 2,000"),
    ],
)
@pytest.mark.parametrize(
    "request_of",
    [
        lambda because: model_requests.promote(KEY, 1, because, by=ANN),
        lambda because: model_requests.rollback(KEY, because, by=ANN),
        lambda because: model_requests.pin(KEY, because, by=ANN),
        lambda because: model_requests.unpin(KEY, because, by=ANN),
    ],
    ids=["promote", "rollback", "pin", "unpin"],
)
def test_a_decision_without_a_reason_is_refused(
    request_of: Callable[[str], AliasMove], because: str, fault: str
) -> None:
    """What stays on record says why, in text that every database keeps whole."""
    with pytest.raises(SelectionError, match=fault) as refused:
        request_of(because)
    assert refused.value.remedy


def test_a_challenger_waits_in_shadow_until_outcomes_have_come_in(own_machines: Path) -> None:
    """It passes the gate, is scored beside the champion on what lands, waits with a plain reason, and is decided on."""
    models = own_machines / "domains" / "machines" / "models.py"
    models.write_text(models.read_text().replace("margin=0.02", 'margin=0.02, shadow="14d"'))
    with workspace(own_machines):
        brought_up()
        registry = registry_of(shared_resources())
        first, second = registry.versions(KEY)
        assert (first.aliases, second.aliases) == (("champion",), ("shadow",))
        assert "in shadow until outcomes of" in second.reason
        until = second.shadow_until
        waits = f"version 2 of {KEY} is in shadow until outcomes of {until} are known"
        assert facts_of_card(KEY, "Next tick")["machines_current"].endswith(waits)
        assert all(step.status == "up to date" for step in brought_up())

        turn(
            own_machines, 7
        )  # half of the period: both score what landed, nobody is trained, nobody is promoted
        brought_up()
        _, second = registry.versions(KEY)
        assert (second.gate, second.shadow_until) == ("shadow", until)
        assert "84 outcomes since it was trained" in second.reason
        kept = shared_resources().lake.scan(KEY + SCORES).collect()
        assert kept.group_by("model_version").len().sort("model_version").rows() == [
            ("repair@1", 84),
            ("repair@2", 84),
        ]
        assert shared_resources().lake.record(KEY + SCORES).classification["score"] == "internal"
        said = describe(KEY, 2).to_json()["sections"]["Version"]
        assert said["gate"].startswith("in shadow until outcomes of")
        assert set(forecast()["model_version"]) == {"repair@1"}
        assert "in shadow until" in facts_of_card(KEY, "Next tick")["machines_current"]

        turn(own_machines, 7)  # the rest: decided on by what both said then, of which the first half was kept
        brought_up()
        _, second = registry.versions(KEY)
        assert (second.gate, second.aliases) == ("promoted", ("champion",))
        assert "shadow_not_worse_than_champion" in second.reason
        assert "on the same 168 rows" in second.reason
        checks = {check.check_name: check for check in champion_checks_told()}
        assert checks["held_in_shadow"].passed
        assert "repair@2" in set(forecast()["model_version"])
        # Now that it has been decided on, the next version learns from what landed meanwhile, and waits its turn.
        brought_up()
        assert [version.gate for version in registry.versions(KEY)] == ["promoted", "promoted", "shadow"]


def test_a_champions_place_is_given_back_and_predictions_follow(own_machines: Path) -> None:
    """After a rollback the next run scores with the version before, and rows say which version said what."""
    models = own_machines / "domains" / "machines" / "models.py"
    models.write_text(models.read_text().replace("rounds=40", "rounds=41"))
    with workspace(own_machines):
        brought_up()
        assert set(forecast()["model_version"]) == {"repair@2"}
        moved = model_requests.rollback(KEY, "scores look odd", by=ANN)
        assert (moved.before, moved.to) == (2, 1)
        following = facts_of_card(KEY, "Next tick")["machines_current"]
        assert following == "a run of machines.repair_forecast, because: version 1 is champion now"
        made = [step.key for step in brought_up() if step.status == "done"]
        assert made == ["machines.repair_forecast"]
        assert set(forecast()["model_version"]) == {"repair@1"}
        told = told_in_dagster()
        assert (told["action"], told["because"], told["champion"]) == (
            "rollback",
            "scores look odd",
            "repair@1",
        )
        brought_up()
        champion = registry_of(shared_resources()).champion(KEY)
        assert champion is not None
        assert champion.version == 1, "the gate does not take back what a person decided"


def test_a_pinned_models_challenger_is_trained_and_judged_but_not_used(own_machines: Path) -> None:
    """The pin is its reason, in the registry as on the champion's card."""
    model_requests.pin(KEY, "under audit", by=ANN)
    turn(own_machines, 30)
    with workspace(own_machines):
        brought_up()
        registry = registry_of(shared_resources())
        assert [version.gate for version in registry.versions(KEY)] == ["promoted", "refused"]
        assert "pinned to version 1" in registry.versions(KEY)[1].reason
        assert "passed floor_auc" in registry.versions(KEY)[1].reason
        assert set(forecast()["model_version"]) == {"repair@1"}
        assert "everything is up to date" in facts_of_card(KEY, "Next tick")["machines_current"]
        assert "under audit" in facts_of_card(KEY, "Now")["pinned"]
        tags = registry.client.get_registered_model(KEY).tags
        assert "under audit" in tags["mesh.pin"]
        model_requests.unpin(KEY, "audited", by=ANN)
        assert "version 2 awaits the gate" in facts_of_card(KEY, "Next tick")["machines_current"]
        brought_up()
        assert [version.gate for version in registry.versions(KEY)] == ["promoted", "promoted"]
        assert "repair@2" in set(forecast()["model_version"])


def champion_checks_told() -> list[dg.AssetCheckEvaluation]:
    """The newest results of the champion's checks in Dagster."""
    instance = dagster_instance(shared_resources())
    run_id = instance.get_runs(limit=1)[0].run_id
    logs = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = [entry.dagster_event.asset_check_evaluation_data for entry in logs if entry.dagster_event]
    return [check for check in found if check.asset_key.path[-1] == "repair_champion"]
