"""What is published of an asset, compared with what it would be made from now: each kind of node, each reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace as changed
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mesh_pipelines.declaring.node import PARTITION
from mesh_pipelines.planning.judge import judge
from mesh_pipelines.planning.judgement import Changes
from mesh_pipelines.planning.step import Plan
from mesh_pipelines.publishing.record import Scoring
from tests.mesh_pipelines.planning.made import ALL, COLUMNS, Made, model_step, steps
from tests.mesh_pipelines.small_domains import promise, read_promise


def test_a_month_whose_content_changed_upstream_is_made_again(fresh: Made) -> None:
    """A partitioned product remembers the content of each month that it was made from."""
    fresh.land("2013-02", "corrected")
    fresh.make(["raw"])
    found = fresh.plan()
    assert (found.steps[0].partitions, found.steps[0].reasons) == (("2013-02",), ("new content of shop.raw",))


def test_changed_code_makes_an_asset_and_what_follows_again(fresh: Made) -> None:
    """All months of a product whose code changed, and nothing upstream of it."""
    node = fresh.nodes["shop.orders"]
    fresh.nodes["shop.orders"] = changed(node, code_version="other code")
    found = fresh.plan()
    assert steps(found) == ALL[1:]
    assert found.steps[0].partitions == ("2013-01", "2013-02", "2013-03")
    assert found.steps[0].reasons == ("its code or contract has changed",)


@pytest.mark.parametrize(
    ("name", "follow"),
    [("raw", ALL), ("sales", ALL[2:]), ("features", ALL[3:]), ("forecast", ["forecast"])],
)
def test_changed_code_counts_at_every_stage(fresh: Made, name: str, follow: list[str]) -> None:
    """Sources, products, feature sets and predictions are made anew when their code changes."""
    fresh.nodes[f"shop.{name}"] = changed(fresh.nodes[f"shop.{name}"], code_version="other code")
    found = fresh.plan()
    assert steps(found) == follow
    assert found.steps[0].reasons == ("its code or contract has changed",)


def test_a_changed_contract_is_a_changed_promise(fresh: Made, tmp_path: Path) -> None:
    """Another contract makes a product anew, as other code does."""
    other = read_promise(tmp_path, promise("shop", "sales", COLUMNS, tolerance=3))
    fresh.nodes["shop.sales"] = changed(fresh.nodes["shop.sales"], contract=other)
    assert fresh.plan().steps[0].reasons == ("its code or contract has changed",)


def test_new_features_train_a_model(fresh: Made) -> None:
    """A model is trained on content that it has not seen, and not because of a run."""
    fresh.publish("features", {"": "more rows"}, inputs=fresh.read("features"))
    found = fresh.plan()
    assert steps(found) == ["model", "champion", "forecast"]
    assert found.steps[0].reasons == ("new content of shop.features",)


def test_another_declaration_trains_a_model(fresh: Made) -> None:
    """Other parameters, the same features: trained again."""
    fresh.spec = "other parameters"
    found = fresh.plan()
    assert steps(found) == ["model", "champion", "forecast"]
    assert found.steps[0].reasons == ("its declaration has changed",)


def test_a_version_that_was_not_judged_awaits_the_gate(fresh: Made) -> None:
    """A training that was interrupted before the gate is judged by the next run."""
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], latest=2)
    found = fresh.plan()
    assert steps(found) == ["champion", "forecast"]
    assert found.steps[0].reasons == ("version 2 awaits the gate",)


def test_another_champion_makes_new_predictions(fresh: Made) -> None:
    """When the champion changed, by the gate or by a person, its scores are published anew."""
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], latest=2, decided=2, champion=2)
    found = fresh.plan()
    assert steps(found) == ["forecast"]
    assert found.steps[0].reasons == ("version 2 is champion now",)


def test_a_challenger_that_was_refused_changes_nothing(fresh: Made) -> None:
    """A newer version that the gate turned down leaves the predictions as they are."""
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], latest=2, decided=2)
    assert fresh.plan() == Plan()


def test_predictions_wait_for_a_first_champion(fresh: Made) -> None:
    """Where no version ever passed the gate, predictions say what they wait for."""
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], champion=0)
    found = fresh.plan()
    assert steps(found) == []
    assert [(w.node.name, w.reason) for w in found.waiting] == [
        ("forecast", "shop.champion is not published yet")
    ]


def test_too_few_new_rows_train_no_model(fresh: Made) -> None:
    """New content is a reason only with as many rows more as the model's policy asks for."""
    known = fresh.models["shop.model"]
    fresh.publish("features", {"": "other"}, inputs=fresh.read("features"))
    rows = fresh.records["shop.features"].rows
    fresh.models["shop.model"] = changed(known, rows=rows - 9)
    fresh.min_new_rows = 10
    assert "shop.model" not in {step.key for step in fresh.plan().steps}
    fresh.min_new_rows = 9
    assert "shop.model" in {step.key for step in fresh.plan().steps}


def test_drift_makes_few_new_rows_worth_a_training_once(fresh: Made) -> None:
    """What was found on the newest content is a reason; older findings, and content trained on, are none."""
    fresh.min_new_rows = 10
    before = fresh.records["shop.features"].data_version
    fresh.publish("features", {"": "other"}, inputs=fresh.read("features"))
    content = fresh.records["shop.features"].data_version
    fresh.drifted = {before: "inputs drifted: an old finding"}
    assert model_step(fresh) is None
    fresh.drifted = {content: "inputs drifted: temperature (PSI 0.40 > 0.25)"}
    found = model_step(fresh)
    assert found is not None
    assert found.reasons == ("inputs drifted: temperature (PSI 0.40 > 0.25)",)
    fresh.on_drift = False
    assert model_step(fresh) is None, "its policy is not to act on drift"
    fresh.on_drift = True
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], latest=2, features=content)
    assert model_step(fresh) is None, "trained on it: promoted or refused, it is not trained on it again"


def test_changed_parameters_train_again(fresh: Made) -> None:
    """Another declaration is a reason by itself, however few rows are new."""
    fresh.min_new_rows, fresh.spec = 1000, "another"
    found = model_step(fresh)
    assert found is not None
    assert found.reasons == ("its declaration has changed",)


def test_an_old_model_is_trained_again(fresh: Made) -> None:
    """Older than its policy allows is a reason, whatever has changed; younger is none."""
    trained = datetime.now(UTC) - timedelta(days=40)
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], trained_at=trained.isoformat())
    assert fresh.plan().steps == ()
    fresh.max_age = timedelta(days=41)
    assert fresh.plan().steps == ()
    fresh.max_age = timedelta(days=30)
    reasons = {step.key: step.reasons for step in fresh.plan().steps}
    assert reasons["shop.model"] == ("version 1 is 40 days old, and 30 days are allowed",)


def test_a_judgement_says_what_predictions_are_made_anew_for(fresh: Made) -> None:
    """Code, champion and partitions of the features: the step compares nothing itself."""
    node = fresh.nodes["shop.forecast"]

    def publish_features(parts: Mapping[str, str]) -> None:
        fresh.publish("features", parts, inputs=fresh.read("features"))
        made = fresh.records["shop.features"]
        fresh.records["shop.features"] = changed(made, partition_by=PARTITION)

    publish_features({"2013-01": "a", "2013-02": "b"})
    scored = {part: digest.hex for part, digest in fresh.records["shop.features"].partitions.items()}
    fresh.publish(
        "forecast", {"": "scores"}, inputs=fresh.read("forecast"), scoring=Scoring(1, (), {}, scored)
    )
    assert judge(node, fresh.facts()).changes == Changes()
    publish_features({"2013-01": "a", "2013-02": "c", "2013-03": "d"})
    assert judge(node, fresh.facts()).changes == Changes(partitions=("2013-02", "2013-03"))
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], latest=2, decided=2, champion=2)
    fresh.nodes["shop.forecast"] = node = changed(node, code_version="another")
    found = judge(node, fresh.facts()).changes
    assert found == Changes(code=True, champion=True, partitions=("2013-02", "2013-03"))
    del fresh.records["shop.forecast"]
    found = judge(node, fresh.facts()).changes
    assert not found.code, "what was never made has no code to compare with"


def test_a_judgement_says_what_a_champion_is_asked_for(fresh: Made) -> None:
    """A version awaits the gate, or one in shadow has not been scored on what the features hold now."""
    node, known = fresh.nodes["shop.champion"], fresh.models["shop.model"]
    content = fresh.records["shop.features"].data_version
    assert judge(node, fresh.facts()).changes == Changes()
    fresh.models["shop.model"] = changed(known, latest=2)
    assert judge(node, fresh.facts()).changes == Changes(awaits_gate=True)
    fresh.models["shop.model"] = changed(known, latest=2, decided=2, shadow=2, shadow_seen="before")
    assert judge(node, fresh.facts()).changes == Changes(shadow=True)
    fresh.models["shop.model"] = changed(known, latest=2, decided=2, shadow=2, shadow_seen=content)
    assert judge(node, fresh.facts()).changes == Changes()
