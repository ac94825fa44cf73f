"""Weather's model: the probability of low visibility in three hours."""

from __future__ import annotations

from mesh_pipelines import Gate, Watch, model

low_visibility = model(
    features="visibility_features",
    target="low_visibility",
    objective="binary:logistic",
    metric="auc",
    rounds=200,
    params={
        "max_depth": 3,
        "learning_rate": 0.05,
        "subsample": 0.8,
        "colsample_bytree": 0.6,
        "min_child_weight": 5,
        "reg_lambda": 5.0,
    },
    seed=7,
    # Persistence is the naive forecast: the historic rate at the visibility of now.
    baseline=("visibility_mi",),
    # Four hours in a hundred have low visibility, in August one in two hundred: a month holds too few to judge by.
    holdout="90d",
    embargo="4h",
    slices=("origin",),
    gate=Gate(floors={"auc": 0.85}, margin=0.02, slice_margin=0.08),
    # The seasons turn every year: that is no drift.
    watch=Watch(ignore=("day_of_year_sin", "day_of_year_cos", "temperature_f", "dew_point_f")),
)
