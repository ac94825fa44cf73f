"""What a domain declares is checked at once, and named by a stable digest."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from mesh_pipelines.declaring.model_spec import Gate, ModelSpec, Retrain
from mesh_pipelines.errors import DefinitionError


def test_all_violations_come_in_one_error() -> None:
    """A team sees everything that is wrong, each with its fix, not only the first."""
    with pytest.raises(DefinitionError) as caught:
        ModelSpec(
            "Nope", "demo.features", "late", "late", metric="rmse", params={"nthread": 4}, holdout="soon"
        )
    rules = {violation.rule for violation in caught.value.violations}
    assert rules == {
        "KeysAreDomainDotName",
        "MetricFitsObjective",
        "ParametersAreTunable",
        "PeriodsAreDurations",
        "TargetIsNoFeature",
    }
    assert all(violation.fix for violation in caught.value.violations)


@pytest.mark.parametrize(
    "change",
    [
        {"objective": "rank:pairwise"},
        {"rounds": 0},
        {"params": {"max_depth": None}},
        {"baseline": "port"},
        {"baseline": ("late",)},
        {"slices": "port"},
        {"ignore": ("late",)},
        {"gate": Gate(margin=-1)},
        {"gate": Gate(floors={"rmse": 1})},
        {"gate": Gate(floors={"auc": float("nan")})},
        {"gate": Gate(floors={"auc": float("-inf")})},
        {"max_memory": 0},
        {"max_memory": "1GB"},
        {"max_categories": 0},
        {"rounds": "ten"},
        {"rounds": 2.5},
        {"rounds": True},
        {"seed": -1},
        {"seed": 2**40},
        {"seed": "x"},
        {"holdout": 30},
        {"holdout": "999999999d"},
        {"embargo": 2},
        {"target": 5},
        {"baseline": (1,)},
        {"ignore": {"late"}},
        {"params": ["max_depth"]},
        {"params": {3: 4}},
        {"params": {"eta": float("nan")}},
        {"gate": "strict"},
        {"gate": Gate(floors={"auc": 1.5})},
        {"gate": Gate(floors={"auc": "high"})},  # type: ignore[dict-item]
        {"gate": Gate(floors=["auc"])},  # type: ignore[arg-type]
        {"gate": Gate(floors={"brier": -1})},
        {"gate": Gate(margin="0.1")},  # type: ignore[arg-type]
        {"gate": Gate(margin=float("nan"))},
        {"gate": Gate(must_beat_baseline="no")},  # type: ignore[arg-type]
        {"gate": Gate(shadow=14)},  # type: ignore[arg-type]
        {"retrain": "weekly"},
        {"retrain": Retrain(min_new_rows=-1)},
        {"retrain": Retrain(max_age=30)},  # type: ignore[arg-type]
        {"retrain": Retrain(max_age="a month")},
    ],
)
def test_each_unsound_declaration_is_refused(spec: ModelSpec, change: dict[str, Any]) -> None:
    """No unsound declaration gets as far as training, and each is named once with its fix."""
    with pytest.raises(DefinitionError) as refused:
        replace(spec, **change)
    [violation] = refused.value.violations
    assert violation.fix


def test_digest_follows_what_is_declared(spec: ModelSpec) -> None:
    """The digest changes with anything that may change the model or its gate, and not with prose or key order."""
    same = replace(
        spec,
        description="new words",
        params={name: spec.params[name] for name in reversed(list(spec.params))},
    )
    assert same.digest == spec.digest
    for change in ({"rounds": 13}, {"seed": 8}, {"holdout": "31d"}, {"gate": Gate()}, {"ignore": ()}):
        assert replace(spec, **change).digest != spec.digest


def test_digest_follows_the_source_of_a_baseline_function(spec: ModelSpec) -> None:
    """A baseline of the domain's own counts by its source."""

    def half(past: pl.LazyFrame, future: pl.LazyFrame) -> pl.Series:
        return future.select(pl.lit(0.5).repeat_by(pl.len()).explode()).collect().to_series()

    def third(past: pl.LazyFrame, future: pl.LazyFrame) -> pl.Series:
        return future.select(pl.lit(0.3).repeat_by(pl.len()).explode()).collect().to_series()

    assert replace(spec, baseline=half).digest != replace(spec, baseline=third).digest


def test_spec_survives_pickling(spec: ModelSpec) -> None:
    """A spec goes to another process whole."""
    assert pickle.loads(pickle.dumps(spec)) == spec
