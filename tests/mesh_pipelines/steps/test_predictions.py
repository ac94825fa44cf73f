"""The step of predictions: from which moment rows are scored anew, and which earlier predictions stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mesh_pipelines.declaring.node import PredictionsNode
from mesh_pipelines.modeling.training import TrainedModel
from mesh_pipelines.modeling.version import LoadedModel
from mesh_pipelines.planning.judgement import Changes
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.steps import predictions
from tests.mesh_pipelines.small_domains import promise, read_promise

MARCH, APRIL = datetime(2013, 3, 1, tzinfo=UTC), datetime(2013, 4, 1, tzinfo=UTC)
BEFORE, BETWEEN, AFTER = "2013-02", "2013-03", "2013-05"
UNTIL = datetime(2013, 3, 15, 12, tzinfo=UTC)
"""Time until which the champion was trained."""


@pytest.mark.parametrize(
    ("changes", "moment"),
    [
        (Changes(), UNTIL),
        (Changes(champion=True), UNTIL),
        (Changes(partitions=(BETWEEN, AFTER)), MARCH),
        (Changes(partitions=(AFTER,)), datetime(2013, 5, 1, tzinfo=UTC)),
        (Changes(champion=True, partitions=(AFTER,)), UNTIL),
        (Changes(champion=True, partitions=(BEFORE,)), datetime(2013, 2, 1, tzinfo=UTC)),
    ],
)
def test_rows_are_scored_from_the_first_that_changed(
    changes: Changes, moment: datetime, trained: TrainedModel, registered: Callable[..., LoadedModel]
) -> None:
    """A new champion scores what it was not trained on, new content of a month that month and those after it."""
    loaded = registered(trained)
    record = replace(loaded.record, split=replace(loaded.record.split, train_until=UNTIL))
    assert predictions._first_moment(changes, replace(loaded, record=record)) == moment


@pytest.mark.parametrize(
    ("moment", "utc"),
    [
        (date(2013, 3, 1), MARCH),
        (datetime(2013, 3, 1), MARCH),
        (MARCH, MARCH),
        (datetime(2013, 2, 28, 19, tzinfo=timezone(timedelta(hours=-5))), MARCH),
    ],
)
def test_moments_are_compared_in_utc(moment: Any, utc: datetime) -> None:
    """A date begins at midnight; a time without a zone is one of UTC."""
    assert predictions._utc(moment) == utc
    assert predictions._utc(moment).tzinfo is UTC


def test_earlier_predictions_stay_unless_they_are_made_anew(tmp_path: Path) -> None:
    """By the contract's key, in its types and its order of columns; other columns are left out."""
    columns = {"id": "integer", "at": "date", "score": "number"}
    contract = read_promise(tmp_path, promise("shop", "forecast", columns, key=("id", "at")))
    node, shared, day = (
        PredictionsNode("shop", "forecast", contract=contract),
        shared_resources(),
        date(2013, 1, 1),
    )
    earlier = pl.DataFrame({"id": [1, 2, 3], "at": day, "score": [0.1, 0.2, 0.3]}, schema=contract.dtypes)
    with shared.lake.stage(node.key, dict(earlier.schema), dict.fromkeys(columns, "public")) as stage:
        stage.write(earlier)
        stage.commit({}, replace="all")
    new = pl.LazyFrame({"more": "x", "score": [0.9, 0.8], "at": day, "id": pl.Series([2, 4], dtype=pl.Int16)})
    found = predictions._with_kept(shared, node, new).collect()
    assert dict(found.schema) == dict(contract.dtypes)
    assert found.sort("id").select("id", "score").rows() == [(1, 0.1), (2, 0.9), (3, 0.3), (4, 0.8)]
    none = predictions._with_kept(shared, node, new.clear()).collect()
    assert none.sort("id").equals(earlier)
