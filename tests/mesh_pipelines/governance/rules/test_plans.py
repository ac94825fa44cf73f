"""Functions are planned upstream first, each on the columns that its inputs promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mesh_pipelines import data_product, feature_set, predictions
from mesh_pipelines.declaring.declarations import Declaration, FeatureSetDeclaration, Input
from mesh_pipelines.declaring.node import (
    PARTITION,
    FeatureSetNode,
    Node,
    PredictionsNode,
    ProductNode,
    SourceNode,
)
from mesh_pipelines.errors import TransformError
from mesh_pipelines.governance.rules.plans import Planned, faults_of_features, plan_functions
from quality.contract import Contract
from tests.mesh_pipelines.loaded_domains import inputs
from tests.mesh_pipelines.small_domains import promise, read_promise

READINGS = {"machine": "string", "day": "date", "heat": "number"}
TYPES = {"machine": pl.String(), "day": pl.Date(), "heat": pl.Float64()}


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """Machine, day and heat."""
    return read_promise(tmp_path_factory.mktemp("contracts"), promise("plant", "readings", READINGS))


@pytest.fixture
def raw(tmp_path: Path) -> SourceNode:
    """A source of the same columns."""
    written = promise("plant", "readings_raw", READINGS)
    return SourceNode("plant", "readings_raw", contract=read_promise(tmp_path, written, "source"))


def readings(declared: Declaration | None, contract: Contract | None) -> Node:
    """A product of the source."""
    return ProductNode("plant", "readings", inputs("plant.readings_raw"), declared, contract)


@data_product
def kept(readings_raw: pl.LazyFrame) -> pl.LazyFrame:
    """The columns of the contract, and no provenance."""
    return readings_raw.select(*READINGS)


def test_columns_flow_from_the_source_to_the_scores(raw: SourceNode, contract: Contract) -> None:
    """A source has its rows' places, a feature set its partition, scores the score and the model's version."""

    @feature_set(key=("machine",), time="day")
    def wear(readings: pl.LazyFrame) -> pl.LazyFrame:
        return readings.with_columns(warm=pl.col("heat") > 3)

    @predictions(model="breaks")
    def forecast(scores: pl.LazyFrame) -> pl.LazyFrame:
        return scores

    features = FeatureSetNode("plant", "wear", inputs("plant.readings"), wear)
    made_of = (Input("champion", "plant.breaks_champion", registered=True), Input("features", "plant.wear"))
    scored = PredictionsNode("plant", "forecast", made_of, forecast)
    found = plan_functions([raw, readings(kept, contract), features, scored])
    warm = {**TYPES, "warm": pl.Boolean()}
    assert found["plant.readings"] == Planned(TYPES)
    assert found["plant.wear"] == Planned(warm)
    own = {PARTITION: pl.String(), "score": pl.Float64(), "model_version": pl.String()}
    assert found["plant.forecast"] == Planned({**warm, **own})


def test_what_is_not_known_is_not_planned(raw: SourceNode, contract: Contract) -> None:
    """No input's columns, no contract, no function: nothing is said, and readers downstream are left out as well."""
    orphan = ProductNode("plant", "orphan", inputs("bank.accounts"), kept)
    child = ProductNode("plant", "child", inputs("plant.orphan"), kept)
    assert plan_functions([]) == {}
    assert plan_functions([orphan, child]) == {}
    assert plan_functions([raw, readings(None, contract)]) == {}


def test_readers_of_a_function_that_fails_are_planned_on_its_contract(
    raw: SourceNode, contract: Contract
) -> None:
    """One fault is one fault: it is not repeated downstream."""

    @data_product
    def broken(readings_raw: pl.LazyFrame) -> pl.LazyFrame:
        return readings_raw.select("heet")

    @data_product
    def total(readings: pl.LazyFrame) -> pl.LazyFrame:
        return readings.select(pl.col("heat").sum())

    reader = ProductNode("plant", "total", inputs("plant.readings"), total)
    found = plan_functions([raw, readings(broken, contract), reader])
    assert "heet" in found["plant.readings"].problem
    assert found["plant.readings"].fix == "did you mean heat?"
    assert found["plant.total"] == Planned({"heat": pl.Float64()})


def test_readers_of_features_that_cannot_be_kept_are_left_out(raw: SourceNode, contract: Contract) -> None:
    """What a feature set without its time would give them is not known."""

    @feature_set(key=("machine",), time="day")
    def timeless(readings: pl.LazyFrame) -> pl.LazyFrame:
        return readings.drop("day")

    @data_product
    def copy(timeless: pl.LazyFrame) -> pl.LazyFrame:
        return timeless

    features = FeatureSetNode("plant", "timeless", inputs("plant.readings"), timeless)
    reader = ProductNode("plant", "copy", inputs("plant.timeless"), copy)
    assert set(plan_functions([raw, readings(kept, contract), features, reader])) == {
        "plant.readings",
        "plant.timeless",
    }


def test_an_error_of_the_mesh_keeps_its_own_remedy(raw: SourceNode, contract: Contract) -> None:
    """On one line, whatever it quotes: here are no rows, so it quotes no value of one."""

    @data_product
    def refused(readings_raw: pl.LazyFrame) -> pl.LazyFrame:
        raise TransformError("there is\nno scale", quoted="of heat", remedy="give one")

    [found] = plan_functions([raw, readings(refused, contract)]).values()
    assert (found.problem, found.fix) == ("its function fails: there is no scale: of heat", "give one")


FEATURES = FeatureSetDeclaration(key=("machine", "day"), time="day")


@pytest.mark.parametrize(
    ("changed", "faults"),
    [
        ({}, []),
        ({"day": pl.Datetime("us", "UTC")}, []),
        ({"day": pl.String()}, ["its time day is String"]),
        ({"Heat": pl.Int64(), "HEAT": pl.Int64()}, ["heat and Heat differ", "heat and HEAT differ"]),
        ({"machine": None}, ["no column machine"]),
        ({"machine": None, "day": None}, ["no column machine", "no column day"]),
        ({"span": pl.Object()}, ["column span"]),
    ],
)
def test_each_fault_of_features_is_named(changed: dict[str, Any], faults: list[str]) -> None:
    """A key or time that is missing is named once, though the time is part of the key."""
    schema = {name: dtype for name, dtype in {**TYPES, **changed}.items() if dtype is not None}
    found = list(faults_of_features(FEATURES, schema))
    assert len(found) == len(faults)
    for words, (problem, fix) in zip(faults, found, strict=True):
        assert words in problem
        assert fix
