"""What a domain declares is checked at once, and named by a stable digest."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from mesh_pipelines.declaring.model_spec import Gate, ModelSpec
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
    ],
)
def test_each_unsound_declaration_is_refused(spec: ModelSpec, change: dict[str, Any]) -> None:
    """No unsound declaration gets as far as training."""
    with pytest.raises(DefinitionError):
        replace(spec, **change)


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
