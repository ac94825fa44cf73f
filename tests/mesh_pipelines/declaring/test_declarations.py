"""What a domain declares: plain data over plain functions."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import polars as pl
import pytest

import mesh_pipelines
from mesh_pipelines import Gate, Port, data_product, feature_set, model, predictions, source
from mesh_pipelines.declaring.declarations import Declaration, Input, ModelDeclaration
from mesh_pipelines.declaring.model_spec import Retrain
from mesh_pipelines.declaring.watch import Watch

PORT = Port("weather.observations", purpose="delay-prediction")


@data_product
def flights(flights_raw: pl.LazyFrame, weather: Annotated[pl.LazyFrame, PORT]) -> pl.LazyFrame:
    """Flights that have weather."""
    return flights_raw.join(weather, on="hour", how="semi")


@feature_set(key=("origin",), time="hour")
def flight_features(flights: pl.LazyFrame) -> pl.LazyFrame:
    """Flights, and whether each was late."""
    return flights.with_columns(late=pl.col("hour") > 1)


@predictions(model="delay", history="walk_forward", contract="forecast")
def delay_forecast(scores: pl.LazyFrame) -> pl.LazyFrame:
    """Scores alone."""
    return scores.select("score")


raw = source("flights-{month}.csv", contract="landed_flights")
delay = model(
    features="flight_features",
    target="late",
    objective="binary:logistic",
    metric="auc",
    rounds=5,
    baseline=("origin",),
    gate=Gate(floors={"auc": 0.6}),
    embargo="1d",
)


def test_inputs_are_read_off_the_signature() -> None:
    """An argument is an asset of the same domain; one with a port is the product that the port names."""
    assert flights.inputs("operations") == (
        Input("flights_raw", "operations.flights_raw"),
        Input("weather", "weather.observations", PORT),
    )
    assert flight_features.inputs("operations") == (Input("flights", "operations.flights"),)
    assert raw.inputs("operations") == ()


def test_declared_functions_stay_callable() -> None:
    """A transformation is tested as the pure function that it is: rows in, rows out."""
    landed = pl.LazyFrame({"hour": [1, 2, 3], "origin": ["EWR", "JFK", "LGA"]})
    weather = pl.LazyFrame({"hour": [2, 3]})
    kept = flights(landed, weather=weather)
    assert kept.collect()["origin"].to_list() == ["JFK", "LGA"]
    assert flight_features(kept).collect()["late"].to_list() == [True, True]
    assert delay_forecast(pl.LazyFrame({"score": [0.5], "hour": [1]})).collect().columns == ["score"]
    assert flights.doc == "Flights that have weather."


@pytest.mark.parametrize("declared", [raw, delay])
def test_what_has_no_function_cannot_be_called(declared: Declaration) -> None:
    """A source or model that is called by mistake says what it is."""
    with pytest.raises(TypeError, match="has no function of its own"):
        declared()


def test_a_declaration_keeps_what_was_said() -> None:
    """Stage, module, contract and options arrive as they were written."""
    assert [d.stage for d in (raw, flights, flight_features, delay, delay_forecast)] == [
        "source", "product", "features", "model", "predictions",
    ]  # fmt: skip
    assert {d.module for d in (raw, flights, flight_features, delay, delay_forecast)} == {__name__}
    assert (raw.pattern, raw.contract) == ("flights-{month}.csv", "landed_flights")
    assert (flight_features.key, flight_features.time) == (("origin",), "hour")
    assert delay.options["gate"].floors == {"auc": 0.6}
    assert delay.options["embargo"] == "1d"
    assert (delay_forecast.model, delay_forecast.history, delay_forecast.contract) == (
        "delay", "walk_forward", "forecast",
    )  # fmt: skip


def test_a_product_may_name_its_contract() -> None:
    """The decorator works bare and with the name of a contract."""
    named = data_product(contract="promise")(lambda rows: rows)
    assert named.contract == "promise"
    assert flights.contract is None


def test_the_package_offers_what_a_domain_needs_and_no_more() -> None:
    """Every public name is there, and another name is an ordinary AttributeError."""
    for name in mesh_pipelines.__all__:
        assert getattr(mesh_pipelines, name)
    assert set(dir(mesh_pipelines)) == set(mesh_pipelines.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        mesh_pipelines.nonsense  # noqa: B018


def test_declaring_needs_no_dagster() -> None:
    """A domain's functions are imported and called where nothing but polars has been loaded."""
    program = (
        "import sys, polars as pl\n"
        "from mesh_pipelines import Port, data_product, source, feature_set, model, predictions\n"
        "@data_product\ndef p(raw: pl.LazyFrame) -> pl.LazyFrame: return raw\n"
        "p(pl.LazyFrame({'a': [1]})).collect()\n"
        "heavy = {'dagster', 'mlflow', 'xgboost', 'great_expectations', 'pandera', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)


@pytest.mark.parametrize("wrong", ["strict", 1, {"shadow": "14d"}])
def test_an_option_of_a_model_is_of_its_type(wrong: object) -> None:
    """Pages, checks and schedules read a gate, bounds and reasons to retrain, whatever the domain wrote."""

    def declared(**options: object) -> ModelDeclaration:
        return ModelDeclaration(features="rides", options=options)

    given = declared(gate=Gate(shadow="14d"), watch=Watch(), retrain=Retrain(max_age="30d"))
    assert (given.gate.shadow, given.retrain.max_age) == ("14d", "30d")
    for made in (declared(), declared(gate=wrong, watch=wrong, retrain=wrong)):
        assert (made.gate, made.watch, made.retrain) == (Gate(), Watch(), Retrain())
