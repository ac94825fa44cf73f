"""The profile of a column: rows by bin, whatever is in them."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from mesh_pipelines.errors import TransformError
from mesh_pipelines.monitoring.column_profile import (
    SAMPLE_ROWS,
    TableProfile,
    count_in_bins,
    reference_profile,
)
from mesh_pipelines.monitoring.drift import drift
from tests.mesh_pipelines.monitoring.series import series


def test_many_rows_are_all_counted() -> None:
    """Beyond the sample that decides on the cuts, counts are exact and bins about equal."""
    rows = 3 * SAMPLE_ROWS + 17
    random = np.random.default_rng(4)
    frame = pl.LazyFrame({"x": random.normal(size=rows), "t": random.choice(list("abc"), rows)})
    profile = reference_profile(frame, ["x", "t"])
    assert [given.rows for given in profile.columns] == [rows, rows]
    assert np.array(profile.columns[0].counts) / rows == pytest.approx(1 / 20, rel=0.05)
    assert len(profile.to_json()) < 2_000
    assert [c.psi for c in drift(profile, frame)] == [0.0, 0.0]


def test_what_cannot_be_compared_is_named() -> None:
    """Moments, lists, absent columns, and a column that changed its kind."""
    frame = pl.LazyFrame({"at": ["2013-01-01"], "x": [1]}).with_columns(pl.col("at").str.to_date())
    with pytest.raises(TransformError, match="nothing is not there; at is Date"):
        reference_profile(frame, ["at", "nothing", "x"])
    profile = reference_profile(frame, ["x"])
    with pytest.raises(TransformError, match="x holds text, and held number"):
        drift(profile, series(["a"], pl.String))
    with pytest.raises(ValueError, match="at least 2"):
        reference_profile(frame, ["x"], bins=1)


def test_numbers_are_cut_at_values_of_the_column() -> None:
    """Each bin has about as many rows, and the highest value is in the last."""
    profile = reference_profile(series([float(n) for n in range(1, 101)], pl.Float64), ["x"], bins=4)
    [column] = profile.columns
    assert (column.cuts, column.counts) == ((25.0, 50.0, 75.0), (25, 25, 25, 25))
    assert (column.rows, profile.rows) == (100, 100)


def test_a_value_that_fills_a_bin_has_one_of_its_own() -> None:
    """So that a move to either side of it shows."""
    column = reference_profile(series([0.0] * 90 + [1.0] * 10, pl.Float64), ["x"], bins=4).columns[0]
    assert 0.0 in column.cuts
    moved = count_in_bins(series([-0.001, 0.0, 0.001], pl.Float64), [column]).columns[0]
    assert [count for count in moved.counts if count] == [1, 1, 1]


def test_missing_values_are_counted_beside_the_bins() -> None:
    """Null and not-a-number; infinities are values, in the outer bins."""
    values = [None, math.nan, -math.inf, 1.0, 2.0, math.inf]
    [column] = reference_profile(series(values, pl.Float64), ["x"], bins=2).columns
    assert (column.missing, sum(column.counts), column.rows) == (2, 4, 6)
    assert all(math.isfinite(cut) for cut in column.cuts)
    assert column.counts[-1] >= 1


def test_booleans_are_false_and_true() -> None:
    """In this order."""
    [column] = reference_profile(series([True, None, False, True], pl.Boolean), ["x"]).columns
    assert (column.kind, column.counts, column.missing) == ("boolean", (1, 2), 1)


def test_frequent_texts_have_a_bin_and_others_share_one() -> None:
    """The most frequent first, equals by name; what is unseen later has the last bin, an empty text is a text."""
    [column] = reference_profile(series(["b", "a", "", "", "c", None], pl.String), ["x"], bins=2).columns
    assert (column.values, column.rare) == (("", "a"), ("b", "c"))
    assert (column.counts, column.missing) == ((2, 1, 2, 0), 1)
    later = count_in_bins(series(["", "c", "d", "e", None], pl.String), [column]).columns[0]
    assert (later.counts, later.missing) == ((1, 0, 1, 2), 1)


def test_an_empty_frame_has_empty_profiles() -> None:
    """Of numbers one bin without a cut; there is no row to miss."""
    empty = pl.LazyFrame({"x": pl.Series([], dtype=pl.Float64), "t": pl.Series([], dtype=pl.String)})
    profile = reference_profile(empty, ["x", "t"])
    assert profile.rows == 0
    assert [(column.counts, column.missing) for column in profile.columns] == [((0,), 0), ((0, 0), 0)]
    assert reference_profile(empty, []).columns == ()


def test_a_profile_is_the_same_after_json() -> None:
    """Cuts to the last digit, and texts whatever is in them."""
    frame = pl.LazyFrame({"x": [0.1 + 0.2, 1 / 3, -0.0], "t": ["\u202e", '"', "é"]})
    profile = reference_profile(frame, ["x", "t"])
    assert TableProfile.from_json(profile.to_json()) == profile


def test_values_are_no_part_of_what_a_profile_shows_in_errors() -> None:
    """They are values of features, which may be classified."""
    [column] = reference_profile(series(["hunter2"], pl.String), ["x"]).columns
    assert "hunter2" not in repr(column)
