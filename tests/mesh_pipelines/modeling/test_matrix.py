"""Rows become training data in bounded batches, without the batches leaving a trace."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.errors import TransformError
from mesh_pipelines.modeling.matrix import ColumnsDigest, FeatureSchema, learn_schema
from mesh_pipelines.modeling.training import fit

SCHEMA = FeatureSchema(("wind", "port"), ("number", "text"), {"port": ("EWR", "JFK")})
ROW = st.tuples(
    st.one_of(st.none(), st.floats(allow_infinity=False, width=32)),
    st.sampled_from(["EWR", "JFK", "LGA", None]),
)


def _digest(rows: list[tuple[float | None, str | None]], cuts: list[int]) -> str:
    frame = pl.DataFrame(rows, schema={"wind": pl.Float64, "port": pl.String}, orient="row")
    digest = ColumnsDigest(SCHEMA, "late")
    borders = [0, *sorted({cut % (frame.height + 1) for cut in cuts}), frame.height]
    for start, end in pairwise(borders):
        part = frame.slice(start, end - start)
        digest.update(part.select(SCHEMA.expressions()), pl.Series([1.0] * part.height, dtype=pl.Float32))
    return digest.hexdigest()


@given(rows=st.lists(ROW, min_size=1, max_size=30), cuts=st.lists(st.integers(0, 30), max_size=5))
def test_digest_does_not_know_batches(rows: list[tuple[float | None, str | None]], cuts: list[int]) -> None:
    """The same rows in the same order have one digest, however they are cut."""
    assert _digest(rows, cuts) == _digest(rows, [])


def test_digest_knows_order_values_and_categories() -> None:
    """Another order, value or category list is other data; null and NaN are the same missing value."""
    rows: list[tuple[float | None, str | None]] = [(1.0, "EWR"), (2.0, "JFK")]
    assert _digest(rows, []) != _digest(rows[::-1], [])
    assert _digest(rows, []) != _digest([(1.0, "EWR"), (2.0, None)], [])
    assert _digest([(None, "EWR")], []) == _digest([(float("nan"), "EWR")], [])
    other = ColumnsDigest(FeatureSchema(SCHEMA.names, SCHEMA.kinds, {"port": ("EWR", "LGA")}), "late")
    assert other.hexdigest() != ColumnsDigest(SCHEMA, "late").hexdigest()


def test_features_are_all_columns_but_the_declared_ones(spec: ModelSpec, history: pl.DataFrame) -> None:
    """Target, time and ignored columns are no features; categories are those of the rows, sorted."""
    schema = learn_schema(spec, history.lazy())
    assert schema.names == ("wind", "port", "hour", "windy")
    assert schema.kinds == ("number", "text", "number", "boolean")
    assert schema.categories == {"port": ("EWR", "JFK", "LGA")}
    assert FeatureSchema.from_dict(schema.to_dict()) == schema


def test_what_cannot_be_a_feature_is_named(spec: ModelSpec, history: pl.DataFrame) -> None:
    """Dates, identifiers and missing columns are refused together, by name."""
    bad = history.drop("hour").with_columns(pl.col("at").alias("seen_at"))
    with pytest.raises(TransformError, match=r"hour is declared.*seen_at is Datetime"):
        learn_schema(spec, bad.lazy())
    with pytest.raises(TransformError, match=r"tail has 6,000 distinct texts"):
        learn_schema(spec, history.with_columns(tail=pl.col("id").cast(pl.String)).lazy())


def _rows(history: pl.DataFrame) -> pl.LazyFrame:
    return history.lazy().drop_nulls("late")


def test_same_bytes_for_any_batches_threads_and_memory(spec: ModelSpec, history: pl.DataFrame) -> None:
    """Batch size, threads and external memory change neither the model's bytes nor the digest."""
    schema = learn_schema(spec, _rows(history))
    rows = _rows(history).collect().height
    params = {**spec.booster_params, "max_bin": 64}
    results = [
        fit(
            _rows(history),
            schema,
            "late",
            params,
            8,
            rows=rows,
            batch_rows=batch,
            threads=threads,
            max_memory=memory,
        )
        for batch, threads, memory in [(10_000, 1, None), (700, 2, None), (701, 4, 1), (10_000, 2, 1)]
    ]
    assert len({model for model, _ in results}) == 1
    assert len({facts.digest for _, facts in results}) == 1
    assert [facts.external for _, facts in results] == [False, False, True, True]


def test_row_order_changes_the_model(spec: ModelSpec, history: pl.DataFrame) -> None:
    """Order is part of the data: that is why features are published in the order of their key."""
    schema = learn_schema(spec, _rows(history))
    rows = _rows(history).collect().height
    one, facts = fit(_rows(history), schema, "late", spec.booster_params, 8, rows=rows)
    two, other = fit(_rows(history.reverse()), schema, "late", spec.booster_params, 8, rows=rows)
    assert one != two
    assert facts.digest != other.digest


def test_external_memory_leaves_nothing_behind(
    spec: ModelSpec, history: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The pages on disk are gone when training ends."""
    cache = tmp_path_factory.mktemp("cache")
    schema = learn_schema(spec, _rows(history))
    _, facts = fit(
        _rows(history), schema, "late", spec.booster_params, 2, rows=5000, max_memory=1, cache=cache
    )
    assert facts.external
    assert not list(cache.iterdir())


def test_infinite_values_are_named(spec: ModelSpec, history: pl.DataFrame) -> None:
    """An infinity is refused with its column, and the number of rows."""
    bad = history.with_columns(wind=pl.when(pl.col("id") < 3).then(np.inf).otherwise("wind"))
    with pytest.raises(TransformError, match=r"infinite.*wind \(2 rows\)"):
        fit(_rows(bad), learn_schema(spec, _rows(bad)), "late", spec.booster_params, 2, rows=5000)


def test_an_unknown_parameter_value_is_explained(spec: ModelSpec, history: pl.DataFrame) -> None:
    """What XGBoost refuses is the team's mistake, told as such."""
    schema = learn_schema(spec, _rows(history))
    with pytest.raises(TransformError, match="refused to train"):
        fit(_rows(history), schema, "late", {**spec.booster_params, "max_depth": -3}, 2, rows=5000)
