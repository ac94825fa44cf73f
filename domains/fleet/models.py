"""Fleet's model: the hours that an aircraft flies on the next day."""

from __future__ import annotations

from mesh_pipelines import Gate, Watch, model

flying_hours = model(
    features="flying_features",
    target="next_day_air_hours",
    objective="reg:squarederror",
    metric="rmse",
    rounds=120,
    params={
        "max_depth": 5,
        "learning_rate": 0.1,
        "subsample": 0.8,
        "colsample_bytree": 0.6,
        "min_child_weight": 50,
        "reg_lambda": 10.0,
    },
    seed=7,
    # The naive forecast: what this aircraft flew on an average day so far.
    baseline=("tailnum",),
    holdout="30d",
    embargo="1d",
    slices=("maker",),
    ignore=("tailnum",),
    gate=Gate(floors={"rmse": 2.0}, margin=0.02, slice_margin=0.15),
    # The seasons turn every year: that is no drift.
    watch=Watch(ignore=("week_of_year_sin", "days_seen")),
)
