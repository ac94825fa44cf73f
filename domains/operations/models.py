"""Operations' model: the probability that a departure leaves 15 minutes late or more."""

from __future__ import annotations

from mesh_pipelines import Gate, Watch, model

departure_delay = model(
    features="departure_features",
    target="delayed",
    objective="binary:logistic",
    metric="auc",
    rounds=150,
    params={
        "max_depth": 5,
        "learning_rate": 0.08,
        "subsample": 0.8,
        "colsample_bytree": 0.5,
        "min_child_weight": 50,
        "reg_lambda": 10.0,
    },
    seed=7,
    # The naive forecast: the historic rate by carrier, airport and hour of the day.
    baseline=("carrier", "origin", "local_hour"),
    holdout="30d",
    embargo="1d",
    slices=("origin", "carrier"),
    # A flight number identifies carrier and route, but as a number it means nothing.
    ignore=("flight",),
    gate=Gate(floors={"auc": 0.68}, margin=0.01, slice_margin=0.05),
    # The seasons turn every year: that is no drift.
    watch=Watch(ignore=("temperature_f",)),
)
