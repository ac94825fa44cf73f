"""Drift, held against scipy and numpy, and against data that nobody would think of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from mesh_pipelines.monitoring.column_profile import (
    TableProfile,
    count_in_bins,
    reference_profile,
)
from mesh_pipelines.monitoring.drift import SMALLEST_SHARE, ColumnDrift, drift, ks, psi
from tests.mesh_pipelines.monitoring.series import series

NUMBERS = st.lists(st.none() | st.floats(width=32) | st.integers(-3, 3).map(float), max_size=60)
TEXTS = st.lists(st.none() | st.sampled_from(["a", "b", "c", ""]) | st.text(max_size=3), max_size=40)
FLAGS = st.lists(st.none() | st.booleans(), max_size=40)
COUNTS = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=12)


def moved(before: pl.LazyFrame, now: pl.LazyFrame, bins: int = 20) -> ColumnDrift:
    """How far x has moved."""
    return drift(reference_profile(before, ["x"], bins=bins), now)[0]


def exact_ks(before: Any, now: Any) -> float:
    """The statistic over every value, as scipy has it."""
    result: Any = ks_2samp(before, now, method="asymp")
    return float(result.statistic)


def psi_by_numpy(before: np.ndarray[Any, Any], now: np.ndarray[Any, Any], bins: int) -> float:
    """The textbook: quantile edges of the reference, histograms, floored shares."""
    cuts = np.quantile(before, np.arange(1, bins) / bins, method="inverted_cdf")
    old = np.bincount(np.searchsorted(cuts, before), minlength=bins) / len(before)
    new = np.bincount(np.searchsorted(cuts, now), minlength=bins) / len(now)
    total = 0.0
    for p, q in zip(old, new, strict=True):
        p, q = max(p, SMALLEST_SHARE), max(q, SMALLEST_SHARE)
        total += (q - p) * math.log(q / p)
    return total


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5, 3.0])
@pytest.mark.parametrize("bins", [2, 10, 20])
def test_psi_is_that_of_numpy(shift: float, bins: int) -> None:
    """On continuous values it is the sum over quantile bins, to the last digits."""
    random = np.random.default_rng(1)
    before, now = random.normal(size=5_000), random.normal(shift, 1.3, size=3_000)
    found = moved(series(before.tolist(), pl.Float64), series(now.tolist(), pl.Float64), bins)
    assert found.psi == pytest.approx(psi_by_numpy(before, now, bins), rel=1e-12)


@given(
    st.lists(st.floats(-9, 9), min_size=2, max_size=200),
    st.lists(st.floats(-9, 9), min_size=2, max_size=200),
    st.sampled_from([2, 5, 20]),
)
def test_ks_bounds_that_of_scipy(before: list[float], now: list[float], bins: int) -> None:
    """It is never above the exact statistic, and below by at most the smaller share of the fullest bin."""
    profile = reference_profile(series(before, pl.Float64), ["x"], bins=bins)
    seen = count_in_bins(series(now, pl.Float64), profile.columns).columns[0].counts
    binned = drift(profile, series(now, pl.Float64))[0].ks
    exact = exact_ks(before, now)
    slack = max(
        min(p / len(before), q / len(now)) for p, q in zip(profile.columns[0].counts, seen, strict=True)
    )
    assert binned is not None
    assert binned <= exact + 1e-9
    assert exact <= binned + slack + 1e-9


def test_ks_of_few_values_is_exact() -> None:
    """Where every value has a bin of its own nothing is lost: whole numbers, booleans."""
    random = np.random.default_rng(2)
    before, now = random.integers(0, 5, 4_000), random.integers(1, 6, 2_000)
    found = moved(series(before.tolist(), pl.Int32), series(now.tolist(), pl.Int32))
    assert found.ks == pytest.approx(exact_ks(before, now))
    flags = moved(series((before > 2).tolist(), pl.Boolean), series((now > 2).tolist(), pl.Boolean))
    assert flags.ks == pytest.approx(exact_ks(before > 2, now > 2))


def test_an_unmoved_sample_is_as_far_as_theory_says() -> None:
    """Between samples of one population PSI is about (bins - 1)(1/n + 1/m)."""
    random = np.random.default_rng(3)
    draws = [
        moved(
            series(random.normal(size=4_000).tolist(), pl.Float64),
            series(random.normal(size=2_000).tolist(), pl.Float64),
        ).psi
        for _ in range(30)
    ]
    expected = 19 * (1 / 4_000 + 1 / 2_000)
    assert np.mean([value for value in draws if value is not None]) == pytest.approx(expected, rel=0.3)


@settings(max_examples=60)
@given(
    st.one_of(
        st.tuples(NUMBERS, st.sampled_from([pl.Float64, pl.Float32])),
        st.tuples(TEXTS, st.just(pl.String)),
        st.tuples(FLAGS, st.just(pl.Boolean)),
    ),
    st.randoms(use_true_random=False),
)
def test_the_same_rows_have_not_moved(data: tuple[list[Any], Any], random: Any) -> None:
    """Whatever they hold, in whatever order and however often: PSI and KS are 0, and nothing is unseen."""
    values, dtype = data
    shuffled = [*values, *values]
    random.shuffle(shuffled)
    profile = reference_profile(series(values, dtype), ["x"])
    again = reference_profile(series(random.sample(values, len(values)), dtype), ["x"])
    assert again == profile
    assert TableProfile.from_json(profile.to_json()) == profile
    assert sum(profile.columns[0].counts) + profile.columns[0].missing == len(values)
    found = drift(profile, series(shuffled, dtype))[0]
    assert found.psi == (pytest.approx(0.0, abs=1e-12) if values else None)
    assert found.ks in (None, pytest.approx(0.0, abs=1e-12))
    assert found.unseen == 0.0
    assert found.rows == 2 * len(values)
    assert found.missing_now == pytest.approx(found.missing_before)


@given(COUNTS)
def test_neither_side_is_first(counts: list[tuple[int, int]]) -> None:
    """Both statistics are the same with the sides exchanged, never negative, and KS is at most 1."""
    old, new = [pair[0] for pair in counts], [pair[1] for pair in counts]
    assert psi(old, new) == (None if psi(new, old) is None else pytest.approx(psi(new, old)))
    assert ks(old, new) == (None if ks(new, old) is None else pytest.approx(ks(new, old)))
    assert (psi(old, new) or 0.0) >= 0.0
    assert 0.0 <= (ks(old, new) or 0.0) <= 1.0


def test_a_constant_that_moves_is_seen_on_either_side() -> None:
    """A column of one value has a bin for it, one below and one above."""
    still = series([5.0] * 100, pl.Float64)
    for value in (4.999, 5.001, math.inf, -math.inf):
        found = moved(still, series([value] * 100, pl.Float64))
        assert found.psi is not None
        assert found.psi > 10
        assert found.ks == 1.0
    assert moved(still, still).psi == 0.0


def test_no_rows_and_no_values() -> None:
    """Without rows there is no PSI; without values no KS; that values went missing is PSI, not KS."""
    full, empty = series([1.0, 2.0, 3.0], pl.Float64), series([], pl.Float64)
    gone = series([None, None, math.nan], pl.Float64)
    assert moved(full, empty) == ColumnDrift("x", None, None, 0, 0.0, 0.0)
    assert moved(empty, full).psi is None
    assert moved(gone, gone) == ColumnDrift("x", 0.0, None, 3, 1.0, 1.0)
    lost = moved(full, gone)
    assert lost.psi is not None
    assert lost.psi > 10
    assert (lost.ks, lost.missing_before, lost.missing_now) == (None, 0.0, 1.0)
    assert moved(gone, full).missing_now == 0.0


def test_texts_that_were_never_there_are_counted() -> None:
    """New categories are a bin of their own; rare ones that were known are not new."""
    before = series(["a"] * 50 + ["b"] * 40 + ["c", "d", None], pl.String)
    profile = reference_profile(before, ["x"], bins=2)
    assert (profile.columns[0].values, profile.columns[0].rare) == (("a", "b"), ("c", "d"))
    found = drift(profile, series(["a", "c", "new", None], pl.String))[0]
    assert (found.unseen, found.ks, found.missing_now) == (0.25, None, 0.25)
    for dtype in (pl.Categorical(), pl.Enum(["a", "b", "c", "d"])):
        assert drift(profile, before.select(pl.col("x").cast(dtype)))[0].psi == pytest.approx(0.0)


def test_whole_numbers_decimals_and_awkward_names() -> None:
    """Every numeric type is taken, and names that look like anything."""
    frame = pl.LazyFrame({"a/0": [1, 2, 3], "a": [1, 2, 3], "rows": ["x", "y", None]}).with_columns(
        pl.col("a").cast(pl.Decimal(10, 2))
    )
    found = drift(reference_profile(frame, ["a/0", "a", "rows"]), frame)
    assert [(c.column, c.psi) for c in found] == [("a/0", 0.0), ("a", 0.0), ("rows", 0.0)]
