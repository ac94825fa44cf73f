"""Operations without the platform: landed files to predictions, with Polars and XGBoost alone.

The domain's own functions make the same rows, the model has the same parameters, everything that the platform
publishes is written too, as plain Parquet. Nothing is audited, encrypted, versioned, registered or recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import xgboost

from domains.operations.features import departure_features
from domains.operations.models import departure_delay
from domains.operations.products import delay_forecast, departures

TARGET, TIME = "delayed", "predicted_at"
KEY = ("scheduled_departure", "origin", "carrier", "flight")
HOLDOUT, EMBARGO = timedelta(days=30), timedelta(days=1)
BATCH = 250_000
TEXT = ("carrier", "tailnum", "origin", "dest")


def operations(landing: Path, ports: Path, out: Path) -> dict[str, Any]:
    """Everything, from CSV to predictions.

    Args:
        landing: folder of ``departures-<month>.csv``.
        ports: folder of ``observations.parquet``, ``visibility_forecast.parquet`` and ``aircraft.parquet``.
        out: where files are written.
    """
    landed = pl.scan_csv(
        landing / "departures-*.csv", schema_overrides=_types(landing), null_values=["NA", ""]
    )
    landed.sink_parquet(out / "departures_raw.parquet")
    departures(pl.scan_parquet(out / "departures_raw.parquet")).sink_parquet(out / "departures.parquet")
    inputs = [
        pl.scan_parquet(ports / f"{name}.parquet")
        for name in ("observations", "visibility_forecast", "aircraft")
    ]
    features = departure_features(pl.scan_parquet(out / "departures.parquet"), *inputs)
    features.sort(TIME, *KEY, maintain_order=True).sink_parquet(out / "features.parquet")
    return _learn_and_score(pl.scan_parquet(out / "features.parquet"), out)


def _types(landing: Path) -> dict[str, Any]:
    header = (
        next(iter(sorted(landing.glob("departures-*.csv"))))
        .open(encoding="utf-8")
        .readline()
        .strip()
        .split(",")
    )
    types: dict[str, Any] = dict.fromkeys(header, pl.Int32) | dict.fromkeys(TEXT, pl.String)
    return types | {"time_hour": pl.Datetime("us", "UTC")}


def _learn_and_score(features: pl.LazyFrame, out: Path) -> dict[str, Any]:
    known = features.filter(pl.col(TARGET).is_not_null())
    latest = known.select(pl.col(TIME).max()).collect().item()
    until = latest - HOLDOUT - EMBARGO
    champion = _Model(known.filter(pl.col(TIME) <= until))
    (out / "model.ubj").write_bytes(champion.bytes)
    holdout = known.filter(pl.col(TIME) > latest - HOLDOUT).collect()
    auc = _auc(holdout[TARGET], champion.scores(holdout))
    # As the platform has it: no row is scored by a model that learnt from it.
    scored = champion.score(features.filter(pl.col(TIME) > until), "champion")
    delay_forecast(scored.lazy()).sink_parquet(out / "delay_forecast.parquet")
    return {"auc": auc, "scored": scored.height}


class _Model:
    """Trained through an iterator into a QuantileDMatrix: a third of the memory of the obvious way."""

    def __init__(self, past: pl.LazyFrame) -> None:
        spec = departure_delay.options
        schema = past.collect_schema()
        left_out = {TARGET, TIME, *spec["ignore"]}
        # A moment is no feature.
        self.names = [n for n, t in schema.items() if n not in left_out and not t.is_temporal()]
        texts = [name for name in self.names if schema[name] == pl.String]
        values = past.select(pl.col(name).unique().drop_nulls().sort().implode() for name in texts).collect()
        self.kinds: dict[str, Any] = {name: pl.Enum(values[name].item()) for name in texts}
        ready = past.select(*self._features(), TARGET)

        class Batches(xgboost.DataIter):
            def next(self, input_data: Any) -> bool:
                batch = next(self.batches, None)
                if batch is None:
                    return False
                input_data(data=batch.drop(TARGET), label=batch[TARGET].cast(pl.Float32).to_numpy())
                return True

            def reset(self) -> None:
                self.batches = iter(ready.collect_batches(chunk_size=BATCH, maintain_order=True, lazy=True))

        data = xgboost.QuantileDMatrix(Batches(), enable_categorical=True)
        params = {
            "objective": spec["objective"],
            "tree_method": "hist",
            "seed": spec["seed"],
            **spec["params"],
        }
        self.booster = xgboost.train(params, data, spec["rounds"])
        self.bytes = bytes(self.booster.save_raw("ubj"))

    def _features(self) -> list[pl.Expr]:
        return [pl.col(n).cast(self.kinds.get(n, pl.Float32), strict=False) for n in self.names]

    def scores(self, rows: pl.DataFrame) -> pl.Series:
        parts = [
            pl.Series(
                self.booster.predict(xgboost.DMatrix(part.select(self._features()), enable_categorical=True))
            )
            for part in rows.iter_slices(BATCH)
        ]
        return pl.concat(parts) if parts else pl.Series(dtype=pl.Float32)

    def score(self, rows: pl.LazyFrame, label: str) -> pl.DataFrame:
        found = rows.select(*KEY, "dest", TIME, *(n for n in self.names if n not in {*KEY, "dest"})).collect()
        named = found.with_columns(score=self.scores(found).cast(pl.Float64), model_version=pl.lit(label))
        return named.select(*KEY, "dest", TIME, "score", "model_version")


def _auc(truth: pl.Series, scores: pl.Series) -> float:
    """Area under the ROC curve by ranks (Mann and Whitney)."""
    ranks = scores.rank()
    good = int(truth.sum())
    return (float(ranks.filter(truth).sum()) - good * (good + 1) / 2) / (good * (len(truth) - good))


def main(landing: str, ports: str, out: str) -> Mapping[str, Any]:
    """The script."""
    Path(out).mkdir(parents=True, exist_ok=True)
    return operations(Path(landing), Path(ports), Path(out))
