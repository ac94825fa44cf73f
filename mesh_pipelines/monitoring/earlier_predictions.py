"""Predictions kept until their outcome is known.

A new champion predicts the same rows anew and replaces the predictions of the version before it. Each look at a model
therefore keeps the predictions without an outcome, so that the earlier version can still be evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from mesh_pipelines.errors import TransientError
from mesh_pipelines.modeling.scoring import MODEL_VERSION
from resources.lake.lake import Lake

EARLIER_PREDICTIONS = "__said"
"""Suffix of the key of the table that keeps them, with the classification of the predictions."""


def earlier_predictions(lake: Lake, key: str, columns: Sequence[str]) -> pl.DataFrame | None:
    """All predictions kept; None where there are none, or under other columns."""
    if not lake.exists(key + EARLIER_PREDICTIONS) or set(lake.schema(key + EARLIER_PREDICTIONS)) != set(
        columns
    ):
        return None
    with lake.reading(key + EARLIER_PREDICTIONS):
        return lake.scan(key + EARLIER_PREDICTIONS).select(columns).collect()


def keep_predictions(
    lake: Lake, key: str, rows: pl.DataFrame, known: pl.DataFrame | None, classification: Mapping[str, str]
) -> None:
    """Keep predictions whose outcome is not known yet, each once for each version."""
    named = [*rows.columns[:-2], MODEL_VERSION]
    fresh = rows if known is None else rows.join(known, on=named, how="anti")
    if not fresh.height:
        return
    classes = {name: classification[name] for name in rows.columns}
    try:
        with lake.stage(key + EARLIER_PREDICTIONS, dict(rows.schema), classes) as stage:
            stage.write(fresh)
            stage.commit({"of": key}, replace="all" if known is None else "append")
    except TransientError:
        pass  # The next look keeps them, unless their outcome has come by then.
