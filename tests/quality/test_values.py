"""Types, patterns, bounds and lengths of time of the standard, as polars and Python have them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from dagster._utils.schedules import is_valid_cron_string
from hypothesis import given
from hypothesis import strategies as st

from quality.values import (
    bound_of,
    dtype_of,
    duration,
    fits,
    is_cron,
    is_on_the_calendar,
    is_time_zone,
    regex,
    strftime_of,
)


@pytest.mark.parametrize(
    ("logical", "physical", "dtype"),
    [
        ("string", None, pl.String()),
        ("string", "char(3)", pl.String()),
        ("integer", None, pl.Int64()),
        ("integer", "smallint", pl.Int16()),
        ("integer", "TINYINT (1)", pl.Int8()),
        ("number", "real", pl.Float32()),
        ("number", "double precision", pl.Float64()),
        ("timestamp", "timestamp with time zone", pl.Datetime("us", "UTC")),
        ("boolean", "bool", pl.Boolean()),
        ("date", None, pl.Date()),
    ],
)
def test_a_type_is_found_by_its_name(logical: str, physical: str | None, dtype: pl.DataType) -> None:
    """In any case, with or without a length; without a physical type it is the widest."""
    assert dtype_of(logical, physical) == dtype


@pytest.mark.parametrize(
    ("logical", "physical", "words"),
    [
        ("array", None, "use one of string, date"),
        ("String", None, "logicalType `String`"),
        ("integer", "VARCHAR", "use one of BIGINT, LONG"),
        ("number", "DECIMAL(10, 2)", "physicalType `DECIMAL\\(10, 2\\)`"),
        ("string", "", "physicalType ``"),
    ],
)
def test_a_type_that_the_lake_lacks_is_refused_with_those_it_has(
    logical: str, physical: str | None, words: str
) -> None:
    """An exact decimal would be rounded."""
    with pytest.raises(ValueError, match=words):
        dtype_of(logical, physical)


@pytest.mark.parametrize(
    ("value", "unit", "length"),
    [
        (0, "d", timedelta()),
        (1.5, "h", timedelta(minutes=90)),
        ("2", "weeks", timedelta(days=14)),
        (1, "month", timedelta(days=30)),
        (1, "y", timedelta(days=365)),
    ],
)
def test_a_length_of_time_has_a_unit(value: object, unit: str, length: timedelta) -> None:
    """A month is 30 days; digits may be text."""
    assert duration(value, unit) == length


@pytest.mark.odd_input("declarations that cannot run", "held up")
@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (-1, "d"),
        (True, "d"),
        (None, "d"),
        ("", "d"),
        ("soon", "d"),
        ("nan", "d"),
        ("inf", "d"),
        (10**12, "y"),
        (10**400, "s"),
        (1, "fortnight"),
        (1, None),
        (1, "D"),
        (1, ["d"]),
    ],
)
def test_what_is_no_length_of_time_is_refused(value: object, unit: object) -> None:
    """Also one that no clock can count."""
    with pytest.raises(ValueError):
        duration(value, unit)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("yyyy-MM-dd'T'HH:mm:ss", "%Y-%m-%dT%H:%M:%S"),
        ("dd.MM.yy", "%d.%m.%y"),
        ("d MMM uuuu, hh:mm a", "%-d %b %Y, %I:%M %p"),
        ("yyyyMMdd", "%Y%m%d"),
        ("HH:mm:ss.SSSSSSXXX", "%H:%M:%S.%6f%:z"),
        ("yyyy'%'MM%dd", "%Y%%%m%%%d"),
        ("'at' yyyy", "at %Y"),
        ("", ""),
    ],
)
def test_a_date_pattern_becomes_that_of_strftime(pattern: str, found: str) -> None:
    """Quoted text stays, and a percent sign is no directive."""
    assert strftime_of(pattern) == found


@pytest.mark.parametrize(
    ("pattern", "letters"), [("yyyy-QQ", "QQ"), ("YYYY-MM", "YYYY"), ("dd-MM-yyyyy", "yyyyy")]
)
def test_a_letter_without_a_counterpart_is_named(pattern: str, letters: str) -> None:
    """The week-based year is not the year."""
    with pytest.raises(ValueError, match=f"`{letters}` in the date pattern"):
        strftime_of(pattern)


@pytest.mark.parametrize("pattern", ["dMMyyyy", "yyyydM", "dMyyyy", "dd.MHH"])
def test_a_number_without_an_end_is_refused(pattern: str) -> None:
    """1112020 is the first of November to one parser, and a day in the year 20 to another."""
    with pytest.raises(ValueError, match="nothing says where the number before"):
        strftime_of(pattern)


@pytest.mark.parametrize(
    ("logical", "value", "bound"),
    [
        ("date", "2012-02-29", date(2012, 2, 29)),
        ("timestamp", "2013-01-01", datetime(2013, 1, 1, 5, tzinfo=UTC)),
        ("timestamp", "2013-01-01T00:00:00+02:00", datetime(2012, 12, 31, 22, tzinfo=UTC)),
        ("integer", 3, 3),
        ("number", 0.5, 0.5),
    ],
)
def test_a_bound_is_a_value_of_the_type(logical: str, value: object, bound: object) -> None:
    """A moment without an offset is in the column's zone, and comes out in UTC."""
    assert bound_of(logical, value, "America/New_York") == bound


@pytest.mark.parametrize(
    ("logical", "value"),
    [
        ("date", "2013-02-29"),
        ("date", None),
        ("timestamp", "noon"),
        ("integer", "3"),
        ("number", True),
        ("number", None),
    ],
)
def test_what_is_no_bound_of_the_type_is_refused(logical: str, value: object) -> None:
    """Text is no number, and neither is true."""
    with pytest.raises(ValueError):
        bound_of(logical, value)


FITTING: dict[str, tuple[list[Any], list[Any]]] = {
    "boolean": ([True, False], [0, 1, "true", None]),
    "integer": ([0, -1, 10**30], [True, 1.0, "1", None]),
    "number": ([0, 1.5, float("inf")], [True, "1", None]),
    "date": (["2012-02-29"], ["2013-02-29", date(2013, 1, 1), 20130101, None]),
    "timestamp": (["2013-01-01T00:00:00Z", "2013-01-01"], ["noon", datetime(2013, 1, 1, tzinfo=UTC), None]),
    "string": (["", "no"], [False, 1, None, ["a"]]),
}


@pytest.mark.parametrize("logical", FITTING)
def test_a_value_of_yaml_is_of_a_type_or_is_not(logical: str) -> None:
    """Nothing is converted."""
    good, bad = FITTING[logical]
    assert [value for value in good if not fits(logical, value)] == []
    assert [value for value in bad if fits(logical, value)] == []


def test_a_pattern_is_one_that_polars_understands() -> None:
    """An empty one is; look-around, an open bracket and a number are not."""
    assert [regex(pattern) for pattern in ("", "^[A-Z]{2}$")] == ["", "^[A-Z]{2}$"]
    for pattern in ("(?=x)", "(", r"(a)\1", 5, None, ["x"]):
        with pytest.raises(ValueError, match="is not a regular expression"):
            regex(pattern)


@pytest.mark.parametrize("name", ["2013", "0001", "9999", "2013-01", "2013-12", "2012-02-29"])
def test_a_day_month_or_year_is_on_the_calendar(name: str) -> None:
    """From the year 1 to 9999."""
    assert is_on_the_calendar(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "13",
        "0000",
        "10000",
        "2013-00",
        "2013-13",
        "2013-1",
        "2013-02-29",
        "2013-01-",
        "2013-W01",
        "20130101",
        "x",
        "٢٠١٣",
    ],
)
def test_what_is_on_no_calendar(name: str) -> None:
    """Other spellings of a day are none of a partition."""
    assert not is_on_the_calendar(name)


@pytest.mark.parametrize("name", ["UTC", "America/New_York", "Etc/GMT+5"])
def test_a_time_zone_of_iana(name: str) -> None:
    """By its whole name."""
    assert is_time_zone(name)


@pytest.mark.odd_input("declarations that cannot run", "held up")
@pytest.mark.parametrize(
    "name", ["", "America", "Europe/Rome/x", "../../etc/passwd", "/etc/passwd", "x" * 300, "\0", None, 1]
)
def test_what_is_no_time_zone(name: object) -> None:
    """Neither a folder of zones nor a way out of it, nor what no file can be called."""
    assert not is_time_zone(name)


@pytest.mark.parametrize(
    "schedule",
    [
        "* * * * *",
        "0 6 * * *",
        "*/15 22-4 1,15 jan-mar MON",
        "5/10 0 ? * fri-mon",
        "0 0 L * 7",
        "0 0 29 2 *",
        "0 0 31 1,2 *",
    ],
)
def test_a_schedule_of_cron(schedule: str) -> None:
    """Numbers, names, lists, ranges over midnight too, and steps; the last day of a month."""
    assert is_cron(schedule)
    assert is_valid_cron_string(schedule)


@pytest.mark.odd_input("declarations that cannot run", "held up")
@pytest.mark.parametrize(
    "schedule",
    [
        "", "0 6 * *", "0 6 * * * *", "@daily", "a b c d e", "60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *",
        "0 0 * * 8", "*/0 * * * *", "1,,2 * * * *", "-1 * * * *", "*-5 * * * *", "1- * * * *", "0 0 31 2 *",
        "0 0 30,31 2 *", "0 0 31 4,6 *",
    ],
)  # fmt: skip
def test_what_is_no_schedule_of_cron(schedule: str) -> None:
    """Out of range, of other fields, or for days that never come."""
    assert not is_cron(schedule)


NUMBERS = st.integers(0, 62).map(str)
NAMES = st.sampled_from(["jan", "dec", "sun", "sat", "l"])
PARTS = st.one_of(
    st.just("*"),
    NUMBERS,
    NAMES,
    st.tuples(NUMBERS, NUMBERS).map("-".join),
    st.tuples(NUMBERS, NUMBERS).map("/".join),
    st.tuples(st.just("*"), NUMBERS).map("/".join),
)


@given(st.lists(st.lists(PARTS, min_size=1, max_size=2).map(",".join), min_size=5, max_size=5).map(" ".join))
def test_every_schedule_that_is_taken_can_be_scheduled(schedule: str) -> None:
    """Dagster refuses to load a domain with any other."""
    assert is_valid_cron_string(schedule) or not is_cron(schedule)
