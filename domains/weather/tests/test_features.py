"""Weather's features: the very hour before, the reading three hours later as the target, and no look ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from domains.weather.features import visibility_features


def test_the_target_is_the_reading_three_hours_later(january: pl.DataFrame):
    """Under 3 miles is low, 3 is not; without a reading three hours later there is no target."""
    known = {(o, t): v for o, t, v in january.select("origin", "observed_at", "visibility_mi").iter_rows()}

    made = visibility_features(january.lazy()).collect()

    for origin, at, low in made.select("origin", "observed_at", "low_visibility").iter_rows():
        later = known.get((origin, at + timedelta(hours=3)))
        assert low == (None if later is None else later < 3)
    assert made["low_visibility"].null_count() > 0
    assert made.height == january.height


def test_a_trend_needs_the_very_hour(january: pl.DataFrame):
    """A change over three hours is null where the reading three hours before is missing, not taken from elsewhere."""
    at = datetime(2013, 1, 10, 12, tzinfo=UTC)
    holed = january.filter((pl.col("observed_at") != at - timedelta(hours=3)) | (pl.col("origin") != "LGA"))

    row = visibility_features(holed.lazy()).filter(observed_at=at, origin="LGA").collect()

    assert row["pressure_hpa_change_3h"].item() is None
    assert row["pressure_hpa_change_1h"].item() is not None


def test_the_day_before_is_counted_to_the_hour(january: pl.DataFrame):
    """Low readings of the last 24 hours up to and with this one; a missing reading counts as none."""
    made = visibility_features(january.lazy()).collect()

    for origin, at, hours in made.select("origin", "observed_at", "day_low_visibility_hours").iter_rows():
        day = january.filter(
            (pl.col("origin") == origin)
            & (pl.col("observed_at") > at - timedelta(hours=24))
            & (pl.col("observed_at") <= at)
        )
        assert hours == day.filter(pl.col("visibility_mi") < 3).height
    assert made["day_low_visibility_hours"].max() > 1


def test_nothing_of_the_future_is_in_the_features(january: pl.DataFrame):
    """Whatever is read after a moment, or is not, features up to that moment stay as they are."""
    now = datetime(2013, 1, 14, 12, tzinfo=UTC)
    later = pl.col("observed_at") > now
    truth = _until(january, now)
    readings = [name for name, dtype in january.schema.items() if dtype == pl.Float64]

    assert_frame_equal(_until(january.filter(~later), now), truth)
    assert_frame_equal(
        _until(
            january.with_columns(pl.when(later).then(pl.col(readings) * -3 + 1).otherwise(pl.col(readings))),
            now,
        ),
        truth,
    )


@pytest.mark.parametrize("hours", [0, 1, 3, 6])
def test_what_was_read_is_in_the_features(january: pl.DataFrame, hours: int):
    """The counterpart: another reading now, or 1, 3 or 6 hours ago, makes other features."""
    now = datetime(2013, 1, 14, 12, tzinfo=UTC)
    then = pl.col("observed_at") == now - timedelta(hours=hours)

    other = january.with_columns(
        pl.when(then).then(0.7).otherwise(pl.col("visibility_mi")).alias("visibility_mi")
    )

    at = pl.col("observed_at") == now
    assert not _until(other, now).filter(at).equals(_until(january, now).filter(at))


def _until(readings: pl.DataFrame, now: datetime) -> pl.DataFrame:
    return (
        visibility_features(readings.lazy())
        .filter(pl.col("observed_at") <= now)
        .drop("low_visibility")
        .collect()
    )
