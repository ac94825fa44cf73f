"""Features of a departure: all that was known two hours before, and nothing that became known later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from domains.operations.features import LEAD

OUTCOMES = (
    "departed_at",
    "departure_delay_min",
    "arrival_delay_min",
    "air_time_min",
    "cancelled",
    "diverted",
)
TURN = ["turn_minutes", "leg_late_minutes", "leg_left"]
"""What is known of the aircraft's departure before."""

MOMENTS = (
    datetime(2013, 1, 16, 17, 0, tzinfo=UTC),  # noon on a day of snow and long delays
    datetime(2013, 1, 25, 23, 30, tzinfo=UTC),
)


@pytest.fixture(scope="module")
def truth(world: Any) -> pl.DataFrame:
    """The features of what really happened."""
    return world.features()


def known(features: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """The features, without the target, of every departure that had been predicted by now."""
    return features.filter(pl.col("predicted_at") <= now).drop("delayed")


def at(features: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """The features, without the target, of departures predicted in the half hour from now on."""
    return features.filter(pl.col("predicted_at").is_between(now, now + timedelta(minutes=30))).drop(
        "delayed"
    )


def delayed_by(departures: pl.DataFrame, which: pl.Expr, delay: pl.Expr) -> pl.DataFrame:
    """The same departures, those of ``which`` as late as ``delay`` (whole minutes) says."""
    late = (
        pl.when(which)
        .then(delay.cast(pl.Int32))
        .otherwise("departure_delay_min")
        .alias("departure_delay_min")
    )
    return departures.with_columns(late).with_columns(
        departed_at=pl.col("scheduled_departure") + pl.duration(minutes="departure_delay_min"),
        cancelled=pl.col("departure_delay_min").is_null(),
    )


@pytest.mark.parametrize("now", MOMENTS)
def test_what_becomes_known_later_is_not_in_the_features(world: Any, truth: pl.DataFrame, now: datetime):
    """Delete or change all that became known after a moment: no feature predicted by then is any different."""
    departures = world.departures
    later = pl.col("departed_at").is_null() | (pl.col("departed_at") > now)
    # As late as can be, and any amount after that: every departure still to come leaves at another time.
    still_to_come = (pl.lit(now) - pl.col("scheduled_departure")).dt.total_minutes().clip(lower_bound=0) + 1
    scrambled = still_to_come + pl.col("flight") % 700
    no_outcome = departures.with_columns(
        pl.when(later).then(None).otherwise(pl.col(name)).alias(name) for name in OUTCOMES
    )
    unread = pl.col("available_at") > now
    unissued = pl.col("issued_at") > now
    futures = {
        "outcomes deleted": world.but(departures=no_outcome),
        "outcomes changed": world.but(departures=delayed_by(departures, later, scrambled)),
        "all cancelled": world.but(departures=delayed_by(departures, later, pl.lit(None))),
        "weather deleted": world.but(
            observations=world.observations.filter(~unread), forecasts=world.forecasts.filter(~unissued)
        ),
        "weather changed": world.but(
            observations=world.observations.with_columns(
                pl.when(unread).then(-1.0).otherwise(pl.col(name)).alias(name)
                for name in ("visibility_mi", "wind_speed_mph", "temperature_f", "pressure_hpa")
            ),
            forecasts=world.forecasts.with_columns(
                pl.when(unissued).then(-1.0).otherwise("probability").alias("probability")
            ),
        ),
    }
    assert departures.filter(later).height > 1000

    for name, future in futures.items():
        made = future.features()
        for column, was in known(truth, now).to_dict().items():
            assert known(made, now)[column].equals(was), f"{name}: {column} knew of it before"
        assert not made.drop("delayed").equals(truth.drop("delayed")), f"{name}: nothing was changed at all"


@pytest.mark.parametrize("now", MOMENTS)
def test_of_the_plan_no_more_is_assumed_than_until_departure(world: Any, truth: pl.DataFrame, now: datetime):
    """That the plan named the aircraft that flew is assumed of a departure itself, and of those planned before it.

    What is planned after it and has not left may get any other aircraft, and no feature is different. Of those planned
    between prediction and departure nothing but the turn of the departure's own aircraft looks at who is to fly.
    """
    planned, own = pl.col("scheduled_departure"), now + LEAD
    not_left = pl.col("departed_at").is_null() | (pl.col("departed_at") > now)

    def features(which: pl.Expr, tailnum: pl.Expr) -> pl.DataFrame:
        """As they would be if another aircraft flew the departures of ``which``."""
        other = pl.when(which & not_left).then(tailnum).otherwise("tailnum")
        return world.but(departures=world.departures.with_columns(tailnum=other)).features()

    later = features(planned > own, pl.col("tailnum").shift(1))
    for column, was in known(truth, now).to_dict().items():
        assert known(later, now)[column].equals(was), f"{column} knew who flies later"
    assert not later.drop("delayed").equals(truth.drop("delayed"))

    mine = truth["predicted_at"] == now
    aircraft = world.departures.filter(planned == own)["tailnum"].drop_nulls()
    assert len(aircraft) > 1
    for tailnum in aircraft:
        between = features((planned > now) & (planned < own), pl.lit(tailnum)).filter(mine).drop("delayed")
        was = truth.filter(mine).drop("delayed")
        assert_frame_equal(between.drop(TURN), was.drop(TURN), check_exact=True)
        assert not between.equals(was), "less is assumed than the README says"


@pytest.mark.parametrize("now", MOMENTS)
def test_what_is_known_is_in_the_features(world: Any, truth: pl.DataFrame, now: datetime):
    """The counterpart: change what was known, one thing at a time, and the features change that are made of it."""
    recent = pl.col("departed_at").is_between(now - timedelta(hours=1), now)
    this_week = pl.col("departed_at").is_between(now - timedelta(days=7), now)
    read = pl.col("available_at").is_between(now - timedelta(hours=1), now)
    issued = pl.col("issued_at").is_between(now - timedelta(hours=1), now)
    pasts = {
        ("origin_1h_late", "carrier_3h_minutes"): world.but(
            departures=world.departures.with_columns(
                departure_delay_min=pl.when(recent)
                .then(pl.lit(99, pl.Int32))
                .otherwise("departure_delay_min")
            )
        ),
        (
            "flight_30d_minutes",
            "hour_30d_late",
            "route_30d_late",
            "tail_14d_late",
            "leg_late_minutes",
        ): world.but(
            departures=world.departures.with_columns(
                departure_delay_min=pl.when(this_week)
                .then(pl.lit(99, pl.Int32))
                .otherwise("departure_delay_min")
            )
        ),
        ("origin_waiting", "carrier_waited_minutes", "origin_1h_departed"): world.but(
            departures=delayed_by(world.departures, recent, pl.lit(1000))
        ),
        ("visibility_mi",): world.but(
            observations=world.observations.with_columns(
                visibility_mi=pl.when(read).then(0.5).otherwise("visibility_mi")
            )
        ),
        ("low_visibility_probability",): world.but(
            forecasts=world.forecasts.with_columns(
                probability=pl.when(issued).then(0.123).otherwise("probability")
            )
        ),
        ("aircraft_seats",): world.but(aircraft=world.aircraft.with_columns(seats=pl.lit(7, pl.Int32))),
    }

    for names, past in pasts.items():
        made = past.features()
        for name in names:
            assert not at(made, now)[name].equals(at(truth, now)[name]), name


def test_the_very_minute_counts_and_the_next_does_not(world: Any):
    """What happens at the moment of prediction is known, what happens a minute later is not."""
    now = datetime(2013, 1, 10, 15, 0, tzinfo=UTC)
    row = {"origin": "EWR", "carrier": "UA", "flight": 1, "dest": "ORD", "tailnum": "N1", "distance_mi": 700}
    mine = {
        **row,
        "scheduled_departure": now + timedelta(hours=2),
        "departed_at": None,
        "departure_delay_min": None,
    }

    def seen(departed_at: datetime) -> int:
        late = int((departed_at - now).total_seconds() // 60) + 60
        other = {
            **row,
            "flight": 2,
            "tailnum": "N2",
            "scheduled_departure": now - timedelta(hours=1),
            "departed_at": departed_at,
            "departure_delay_min": late,
        }
        plan = pl.DataFrame([mine, other], schema=world.departures.schema, strict=False)
        made = world.but(departures=plan).features().filter(flight=1)
        return made["origin_1h_departed"].item()

    assert seen(now) == 1
    assert seen(now + timedelta(minutes=1)) == 0
    assert seen(now - timedelta(hours=1)) == 0


def test_figures_are_those_that_counting_gives(world: Any, truth: pl.DataFrame):
    """Running totals and as-of joins give what filtering the departures, one row at a time, gives."""
    left = world.departures
    sample = truth.filter(pl.col("scheduled_departure") > datetime(2013, 1, 8, tzinfo=UTC)).sample(60, seed=3)

    for row in sample.iter_rows(named=True):
        now = row["predicted_at"]
        here = left.filter(pl.col("origin") == row["origin"])
        past = here.filter(pl.col("departed_at") <= now)
        hours = past.filter(
            pl.col("departed_at") > now - timedelta(hours=3), pl.col("carrier") == row["carrier"]
        )
        route = past.filter(pl.col("carrier") == row["carrier"], pl.col("dest") == row["dest"])
        waiting = here.filter(
            pl.col("scheduled_departure") <= now,
            pl.col("scheduled_departure") > now - timedelta(hours=6),
            pl.col("departed_at").is_null() | (pl.col("departed_at") > now),
        )

        assert row["carrier_3h_departed"] == hours.height
        assert row["carrier_3h_late"] == (
            pytest.approx((hours["departure_delay_min"] >= 15).mean()) if hours.height else None
        )
        assert row["route_30d_minutes"] == (
            pytest.approx(route["departure_delay_min"].clip(0, 180).mean()) if route.height else None
        )
        assert row["origin_waiting"] == waiting.height
        assert row["origin_waited_minutes"] == sum(
            (now - planned).total_seconds() // 60 for planned in waiting["scheduled_departure"]
        )


def test_weather_is_the_last_that_was_published(world: Any, truth: pl.DataFrame):
    """A reading counts from twenty minutes after its hour, never the hour that is just being read."""
    when = {
        (o, t): v
        for o, t, v in world.observations.select("origin", "observed_at", "temperature_f").iter_rows()
    }
    for row in truth.sample(60, seed=5).iter_rows(named=True):
        hour = (row["predicted_at"] - timedelta(minutes=20)).replace(minute=0)
        while (row["origin"], hour) not in when and hour > row["predicted_at"] - timedelta(hours=6):
            hour -= timedelta(hours=1)
        assert row["temperature_f"] == when.get((row["origin"], hour))


def test_one_row_per_departure_in_the_order_of_the_key(world: Any, truth: pl.DataFrame):
    """Nothing is lost or doubled; a cancelled flight has features, and no target."""
    key = ["scheduled_departure", "origin", "carrier", "flight"]

    assert truth.height == world.departures.height
    assert_frame_equal(truth.select(key), world.departures.select(key).sort(key))
    assert truth["delayed"].null_count() == world.departures["cancelled"].sum()
    late = world.departures.filter(pl.col("departure_delay_min") >= 15).height
    assert truth["delayed"].sum() == late


def test_the_order_of_the_inputs_does_not_matter(world: Any, truth: pl.DataFrame):
    """Shuffled inputs make the same features, bit for bit."""
    shuffled = world.but(
        **{
            name: getattr(world, name).sample(fraction=1, shuffle=True, seed=1)
            for name in ("departures", "observations", "forecasts", "aircraft")
        }
    )

    assert_frame_equal(shuffled.features(), truth, check_exact=True)


def test_of_two_departures_of_one_aircraft_at_one_minute_the_first_by_key_counts(
    world: Any, truth: pl.DataFrame
):
    """It cannot be, and happens: which of them counts does not hang on the order in which rows arrive."""
    again = world.departures.with_columns(
        pl.col("flight") + 10_000, departure_delay_min=pl.col("departure_delay_min") + 7
    )
    doubled = pl.concat([again, world.departures])
    made = world.but(departures=doubled).features()

    assert truth["leg_late_minutes"].drop_nulls().len() > 1000
    first = made.filter(pl.col("flight") < 10_000).select(TURN)
    assert_frame_equal(first, truth.select(TURN), check_exact=True)
    shuffled = world.but(departures=doubled.sample(fraction=1, shuffle=True, seed=1))
    assert_frame_equal(shuffled.features(), made, check_exact=True)


def test_before_the_first_forecast_there_is_none(world: Any):
    """Without any forecast, weather or register the features are null there, and every row stays."""
    made = world.but(
        forecasts=world.forecasts.head(0),
        observations=world.observations.head(0),
        aircraft=world.aircraft.head(0),
    ).features()

    assert made.height == world.departures.height
    unknown = made.select("low_visibility_probability", "visibility_mi", "aircraft_maker")
    assert unknown.null_count().row(0) == (made.height,) * 3
