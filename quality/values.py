"""Types, date patterns, bounds and durations of ODCS, converted to polars and Python."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

Bound = int | float | date | datetime

TIMESTAMP = pl.Datetime("us", "UTC")

# logicalType -> physicalType (without its length or precision) -> dtype; the first is the default.
DTYPES: dict[str, dict[str, pl.DataType]] = {
    "string": dict.fromkeys(("VARCHAR", "STRING", "TEXT", "CHAR", "UTF8"), pl.String()),
    "date": {"DATE": pl.Date()},
    "timestamp": dict.fromkeys(("TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_TZ"), TIMESTAMP),
    "number": {"DOUBLE": pl.Float64(), "FLOAT64": pl.Float64(), "DOUBLE PRECISION": pl.Float64(), "FLOAT": pl.Float32(),
               "FLOAT32": pl.Float32(), "REAL": pl.Float32()},
    "integer": {"BIGINT": pl.Int64(), "LONG": pl.Int64(), "INT64": pl.Int64(), "INT": pl.Int32(),
                "INTEGER": pl.Int32(), "INT32": pl.Int32(), "SMALLINT": pl.Int16(), "SHORT": pl.Int16(),
                "INT16": pl.Int16(), "TINYINT": pl.Int8(), "BYTE": pl.Int8(), "INT8": pl.Int8()},
    "boolean": {"BOOLEAN": pl.Boolean(), "BOOL": pl.Boolean()},
}  # fmt: skip

_UNITS: dict[str, timedelta] = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), timedelta(seconds=1)),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), timedelta(minutes=1)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), timedelta(hours=1)),
    **dict.fromkeys(("d", "day", "days"), timedelta(days=1)),
    **dict.fromkeys(("w", "week", "weeks"), timedelta(weeks=1)),
    **dict.fromkeys(("mo", "month", "months"), timedelta(days=30)),
    **dict.fromkeys(("y", "yr", "year", "years"), timedelta(days=365)),
}
UNITS = tuple(_UNITS)

# Patterns as in java.time.format.DateTimeFormatter, which ODCS names for `format`.
_PATTERNS = {
    "yyyy": "%Y", "uuuu": "%Y", "yy": "%y", "MM": "%m", "MMM": "%b", "MMMM": "%B", "dd": "%d", "d": "%-d", "M": "%-m",
    "HH": "%H", "hh": "%I", "mm": "%M", "ss": "%S", "SSS": "%3f", "SSSSSS": "%6f", "a": "%p",
    "X": "%#z", "XX": "%z", "XXX": "%:z", "Z": "%z",
}  # fmt: skip


def dtype_of(logical: str, physical: str | None) -> pl.DataType:
    """The polars type of an ODCS property.

    Raises:
        ValueError: the lake has no such type; the message lists those that fit.
    """
    known = DTYPES.get(logical)
    if known is None:
        raise ValueError(f"logicalType `{logical}` is not stored by the lake; use one of {', '.join(DTYPES)}")
    if physical is None:
        return next(iter(known.values()))
    name = re.sub(r"\s*\(.*\)\s*$", "", physical).strip().upper()
    if name not in known:
        raise ValueError(
            f"physicalType `{physical}` does not fit logicalType `{logical}`; use one of {', '.join(known)}"
        )
    return known[name]


def duration(value: object, unit: object) -> timedelta:
    """An ODCS value and unit as a duration; a month is 30 days, a year 365.

    Raises:
        ValueError: the value is no number, negative, or the unit unknown.
    """
    if isinstance(value, str):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError(f"`{value}` is not a length of time")
    if unit not in _UNITS:
        raise ValueError(f"unit `{unit}` is not known; use one of {', '.join(_UNITS)}")
    try:
        return _UNITS[str(unit)] * value
    except OverflowError:
        raise ValueError(f"`{value}` {unit} is longer than any time") from None


def strftime_of(pattern: str) -> str:
    """A DateTimeFormatter pattern (``yyyy-MM-dd'T'HH:mm``) as strftime (``%Y-%m-%dT%H:%M``).

    Raises:
        ValueError: a letter of the pattern has no counterpart.
    """
    out: list[str] = []
    for quoted, letters, _, other in re.findall(r"'([^']*)'|(([A-Za-z])\3*)|([^A-Za-z'])", pattern):
        if letters:
            if letters not in _PATTERNS:
                raise ValueError(f"`{letters}` in the date pattern `{pattern}` is not supported")
            out.append(_PATTERNS[letters])
        else:
            out.append((quoted or other).replace("%", "%%"))
    return "".join(out)


def bound_of(logical: str, value: object, timezone: str = "UTC") -> Bound:
    """A ``minimum`` or ``maximum`` of an ODCS property as a Python value (timestamps in UTC).

    Raises:
        ValueError: the value does not fit the type.
    """
    if logical == "date":
        return date.fromisoformat(str(value))
    if logical == "timestamp":
        moment = datetime.fromisoformat(str(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))).astimezone(UTC)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"`{value}` is not a number")
    return value


def fits(logical: str, value: object) -> bool:
    """True if a value written in YAML (of an ``enum``, say) is of that logical type."""
    match logical:
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "date" | "timestamp":
            try:
                bound_of(logical, value)
            except ValueError:
                return False
            return isinstance(value, str)
        case _:
            return isinstance(value, str)


def regex(pattern: object) -> str:
    """The pattern, which polars must understand (Rust syntax: no look-around, no back-references).

    Raises:
        ValueError: it is not a regular expression.
    """
    if not isinstance(pattern, str):
        raise ValueError(f"`{pattern}` is not a regular expression")
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        words = " ".join(str(error).partition("\n\nThis error")[0].split())
        raise ValueError(f"`{pattern}` is not a regular expression: {words}") from None
    return pattern


def is_zone(name: object) -> bool:
    """True for an IANA time zone that Python knows and polars, which has a list of its own."""
    try:
        ZoneInfo(str(name))
        pl.Series([datetime(2024, 1, 1)]).dt.replace_time_zone(str(name))
    except (ValueError, OSError, KeyError, pl.exceptions.PolarsError):
        return False
    return isinstance(name, str)


def is_on_the_calendar(partition: str) -> bool:
    """True if there is such a day, month or year."""
    try:
        date.fromisoformat((partition + "-01-01")[:10])
    except ValueError:
        return False
    return True
