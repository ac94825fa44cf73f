"""The step of a champion: the gate's decision as checks and figures on its page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import dagster as dg
import polars as pl
import pytest

from mesh_pipelines.declaring.declarations import Input, ModelDeclaration
from mesh_pipelines.declaring.model_spec import Gate, ModelSpec
from mesh_pipelines.declaring.node import ChampionNode
from mesh_pipelines.modeling.gate_decision import GateCheck, GateDecision
from mesh_pipelines.modeling.training import TrainedModel
from mesh_pipelines.modeling.version import LoadedModel
from mesh_pipelines.steps import champion
from mesh_pipelines.steps.champion import _evaluation_of
from mesh_pipelines.steps.checks import CHAMPION_CHECKS, SHADOW_CHECK
from mesh_pipelines.steps.model import just_trained

Registered = Callable[..., LoadedModel]


def test_a_model_is_judged_once(
    spec: ModelSpec,
    history: pl.DataFrame,
    trained: TrainedModel,
    registered: Registered,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was just trained in this process comes before its gate as it was judged; all else is judged again."""
    monkeypatch.setitem(just_trained, trained.key, trained)
    unread = pl.LazyFrame({"nothing": [1]})
    assert _evaluation_of(registered(trained), spec, unread) is trained

    again = _evaluation_of(registered(trained), spec, history.lazy())
    assert again is not trained
    assert again.metrics == trained.metrics
    assert again.holdout.equals(trained.holdout)

    stricter = replace(spec, slices=())
    monkeypatch.setitem(just_trained, trained.key, trained)
    assert _evaluation_of(registered(trained), stricter, history.lazy()).slices == ()


def node(**options: Gate) -> ChampionNode:
    """A champion whose model was declared with these options."""
    inputs = (Input("model", "shop.fraud", registered=True), Input("features", "shop.features"))
    return ChampionNode("shop", "fraud_champion", inputs, ModelDeclaration(options=options))


def results(decision: GateDecision | None, **options: Gate) -> dict[str, dg.AssetCheckResult]:
    """Results of the checks of a decision, by name."""
    found = list(champion._gate_results(node(**options), decision))
    assert {result.asset_key for result in found} == {dg.AssetKey(["shop", "fraud_champion"])}
    return {str(result.check_name): result for result in found}


def figures(result: dg.AssetCheckResult) -> dict[str, object]:
    """Metadata as plain values."""
    return {name: getattr(value, "value", value) for name, value in (result.metadata or {}).items()}


def decided(*checks: GateCheck) -> GateDecision:
    """A decision of these checks."""
    return GateDecision(all(check.passed for check in checks), checks, None, {}, 100)


def test_without_a_decision_there_is_nothing_to_compare_with() -> None:
    """Each check of the gate is there all the same, and none has failed."""
    found = results(None)
    assert list(found) == [check.name for check in CHAMPION_CHECKS]
    assert {result.description for result in found.values()} == {"nothing to compare with yet"}
    assert all(result.passed for result in found.values())


def test_rules_of_one_kind_are_one_check() -> None:
    """It fails with any of them, says all, and shows each figure beside its bound."""
    found = results(
        decided(
            GateCheck("floor_auc", True, 0.71, 0.6, "auc is 0.71"),
            GateCheck("floor_brier", False, 0.3, 0.2, "brier is 0.3"),
            GateCheck("slice_port", True, None, 0.05, "no slice has 100 rows"),
            GateCheck("beats_baseline", True, 0.71, 0.66, "better than 0.66"),
        )
    )
    floors = found["floors"]
    assert (floors.passed, floors.description) == (False, "auc is 0.71; brier is 0.3")
    assert figures(floors) == {
        "floor_auc": 0.71, "floor_auc bound": 0.6, "floor_brier": 0.3, "floor_brier bound": 0.2,
    }  # fmt: skip
    assert figures(found["no_slice_left_behind"]) == {"slice_port bound": 0.05}
    assert found["beats_baseline"].passed
    assert found["not_worse_than_champion"].description == "nothing to compare with yet"
    assert {result.severity for result in found.values()} == {dg.AssetCheckSeverity.WARN}, (
        "the champion stays"
    )


def test_shadow_is_a_check_where_a_model_has_one() -> None:
    """Else a decision of before the declaration was changed has it for nobody."""
    decision = decided(GateCheck("shadow_not_worse_than_champion", False, 0.6, 0.7, "worse by 0.1"))
    assert SHADOW_CHECK.name not in results(decision)
    found = results(decision, gate=Gate(shadow="14d"))[SHADOW_CHECK.name]
    assert (found.passed, found.description) == (False, "worse by 0.1")


def test_the_page_says_what_became_of_the_newest_version(
    trained: TrainedModel, registered: Registered
) -> None:
    """Beside the champion, which may be another one; a reason is text, line by line."""
    first, second = registered(trained, 1).version, registered(trained, 2).version
    second = replace(second, gate="refused", reason="FAILED floor_auc: a | b\npassed beats_baseline: better")
    found = champion._champion_metadata(first, second, 0.5)
    assert (found["champion"], found["work seconds"]) == ("lateness@1", 0.5)
    assert found["gate"].value.startswith("**lateness@2 was refused**\n\n- FAILED floor_auc: a ")
    assert found["gate"].value.endswith("\n- passed beats_baseline: better")
    assert found["auc"] == pytest.approx(trained.metrics["auc"])
