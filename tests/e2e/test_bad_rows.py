"""Rows that break their contract: quarantined with their reasons within the tolerance, refused as a whole beyond it."""

from __future__ import annotations

import polars as pl

from tests.e2e.small_home import DEPARTURES, FEBRUARY, JANUARY, RAW, SmallHome, edited, tells

OBSERVATIONS_RAW, OBSERVATIONS = "weather.observations_raw", "weather.observations"


def test_each_kind_of_bad_row_is_kept_aside_with_its_reason(small_home: SmallHome, february: bytes) -> None:
    """Null, NaN, infinity, an impossible date, a wrong month, out of range, no such word: not published, not lost."""
    bad = {
        3: {"origin": "NA", "dest": ""},
        5: {"distance": "NaN"},
        7: {"dep_delay": "inf"},
        11: {"time_hour": "2013-02-30T10:00:00Z"},
        13: {"hour": "24"},
        17: {"flight": "1.5", "origin": "XXX"},
        19: {"time_hour": "2013-03-01T10:00:00Z"},
    }
    before = small_home.lake.record(DEPARTURES)
    small_home.land(FEBRUARY, edited(february, bad))
    found = small_home.run(DEPARTURES)
    assert [found[key].status for key in (RAW, DEPARTURES)] == ["done", "done"], found
    assert small_home.refused(RAW) == {
        (FEBRUARY, 3): ["dest_required", "origin_required"],
        (FEBRUARY, 5): ["distance_type"],
        (FEBRUARY, 7): ["dep_delay_type"],
        (FEBRUARY, 11): ["time_hour_type"],
        (FEBRUARY, 13): ["hour_maximum"],
        (FEBRUARY, 17): ["flight_type", "origin_enum"],
    }
    # That a row is of another month is seen when its month is known: in the product.
    assert small_home.refused(DEPARTURES) == {(FEBRUARY, 19): ["outside_of_its_partition"]}
    raw, published = small_home.rows(RAW), small_home.rows(DEPARTURES)
    assert raw.filter(pl.col("_file") == FEBRUARY).height + 6 == 800
    assert published.filter(pl.col("month") == "2013-02").height + 1 + 6 == 800
    held = small_home.rows(RAW + "__quarantine").sort("_row")
    assert held["distance"].to_list()[1] == "NaN", "refused values are kept as they came"
    assert small_home.lake.record(DEPARTURES).partitions["2013-01"] == before.partitions["2013-01"]
    small_home.land(FEBRUARY, february)
    small_home.run(DEPARTURES)
    assert small_home.refused(RAW) == small_home.refused(DEPARTURES) == {}
    assert small_home.rows(DEPARTURES).height == 1600


def test_numbers_that_are_none_do_not_pass_for_readings(small_home: SmallHome, months: object) -> None:
    """NaN and infinities in columns of fractions are refused by a rule of their own; a missing reading is real."""
    path = small_home.path("observations-2013-01.csv", "weather")
    bad = {2: {"temp": "NaN"}, 4: {"humid": "inf"}, 6: {"wind_speed": "-Infinity"}, 8: {"visib": "NA"}}
    small_home.land(path.name, edited(path.read_bytes(), bad), "weather")
    found = small_home.run(OBSERVATIONS)
    assert found[OBSERVATIONS].status == "done", found
    assert small_home.refused(OBSERVATIONS_RAW) == {
        (path.name, 2): ["temp_finite"],
        (path.name, 4): ["humid_finite"],
        (path.name, 6): ["wind_speed_finite"],
    }
    published = small_home.rows(OBSERVATIONS)
    assert published.height == 297
    numbers = published.select(pl.col(pl.Float64, pl.Float32))
    assert numbers.select(pl.all().is_finite().all()).row(0) == (True,) * numbers.width
    assert published["visibility_mi"].null_count() == 1


def test_of_rows_with_one_key_the_first_stays(small_home: SmallHome, february: bytes) -> None:
    """A doubled row, and another with the key of an earlier one, go to quarantine as repeats."""
    lines = february.decode().splitlines(keepends=True)
    other = edited(february, {20: {"tailnum": "N00000"}}).decode().splitlines(keepends=True)[20]
    assert other != lines[20]
    small_home.land(FEBRUARY, "".join([*lines, lines[10], other]).encode())
    found = small_home.run(DEPARTURES)
    assert found[DEPARTURES].status == "done", found
    rules = small_home.refused(RAW)
    assert sorted(rules) == [(FEBRUARY, 801), (FEBRUARY, 802)]
    assert all("unique" in rule for broken in rules.values() for rule in broken), rules
    assert small_home.rows(DEPARTURES).height == 1600
    assert (
        small_home.rows(DEPARTURES)
        .select("scheduled_departure", "origin", "carrier", "flight")
        .is_unique()
        .all()
    )


def test_more_bad_rows_than_tolerated_publish_nothing(small_home: SmallHome, january: bytes) -> None:
    """Nine of 800 rows are more than one in a hundred: refused with counts, rule and file; eight are not."""
    before = small_home.content()
    nine = {row: {"origin": "XXX"} for row in range(101, 110)}
    small_home.land(JANUARY, edited(january, nine))
    found = small_home.run(DEPARTURES)
    tells(
        found[RAW],
        RAW,
        "9 of 800 rows (1.12%) would be quarantined; the contract tolerates 1.00%",
        "origin_enum",
        f"{JANUARY}: 9 rows are refused, the first is row 101 (origin_enum)",
    )
    assert found[DEPARTURES].status == "skipped"
    assert small_home.content() == before
    assert small_home.refused(RAW) == {}
    del nine[101]
    small_home.land(JANUARY, edited(january, nine))
    assert small_home.run(DEPARTURES)[DEPARTURES].status == "done"
    assert len(small_home.refused(RAW)) == 8
    assert small_home.rows(DEPARTURES).height == 792


def test_a_product_refuses_what_its_source_let_pass(small_home: SmallHome, january: bytes) -> None:
    """The source has no bounds for a delay, the product has: too many keep the product as it was, not the source."""
    before = small_home.content(DEPARTURES)
    small_home.land(JANUARY, edited(january, {row: {"dep_delay": "9999"} for row in range(1, 20)}))
    found = small_home.run(DEPARTURES)
    assert found[RAW].status == "done"
    tells(found[DEPARTURES], DEPARTURES, "departure_delay_min_maximum", f"{JANUARY}: 19 rows")
    assert small_home.content(DEPARTURES) == before
    small_home.land(JANUARY, edited(january, {1: {"dep_delay": "9999"}}))
    assert small_home.run(DEPARTURES)[DEPARTURES].status == "done"
    assert small_home.refused(DEPARTURES) == {(JANUARY, 1): ["departure_delay_min_maximum"]}
    assert small_home.rows(RAW).height == small_home.rows(DEPARTURES).height + 1
