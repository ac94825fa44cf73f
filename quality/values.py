"""Types, date patterns, bounds and durations of ODCS, converted to polars and Python."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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

_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: at for at, name in enumerate(_MONTH_NAMES, 1)}
_WEEKDAYS = {name: at for at, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
# Least and greatest number of each cron field, and names of numbers; the last day of a month is its 28th at least.
_CRON = ((0, 59, {}), (0, 23, {}), (1, 31, {"l": 28}), (1, 12, _MONTHS), (0, 7, _WEEKDAYS))
_CRON_PART = re.compile(
    r"(?:[*?]|(?P<first>[0-9]+|[a-z]+)(?:-(?P<last>[0-9]+|[a-z]+))?)(?:/(?P<step>[0-9]+))?"
)
_PARTITION = re.compile(r"[0-9]{4}(-[0-9]{2}){0,2}")
_DAYS_IN = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def dtype_of(logical: str, physical: str | None) -> pl.DataType:
    """The polars type of an ODCS property; ValueError, with the types that fit, where the lake has none such."""
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

    Raises ValueError: the value is no number, negative or beyond the calendar, or the unit unknown.
    """
    if isinstance(value, str):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError(f"`{value}` is not a length of time")
    if not isinstance(unit, str) or unit not in _UNITS:
        raise ValueError(f"unit `{unit}` is not known; use one of {', '.join(_UNITS)}")
    try:
        return _UNITS[unit] * value
    except OverflowError:
        raise ValueError(f"`{value}` {unit} are longer than the calendar") from None


def strftime_of(pattern: str) -> str:
    """A DateTimeFormatter pattern (``yyyy-MM-dd'T'HH:mm``) as strftime (``%Y-%m-%dT%H:%M``).

    Raises:
        ValueError: a letter of the pattern has no counterpart, or a number of one or two digits has no end.
    """
    out: list[str] = []
    for quoted, letters, _, other in re.findall(r"'([^']*)'|(([A-Za-z])\3*)|([^A-Za-z'])", pattern):
        if letters:
            if letters not in _PATTERNS:
                raise ValueError(f"`{letters}` in the date pattern `{pattern}` is not supported")
            if out and out[-1] in ("%-d", "%-m") and _SHAPES[_PATTERNS[letters][1:]].startswith("[0-"):
                raise ValueError(
                    f"in the date pattern `{pattern}` nothing says where the number before `{letters}` ends"
                )
            out.append(_PATTERNS[letters])
        else:
            out.append((quoted or other).replace("%", "%%"))
    return "".join(out)


_SHAPES = {
    # The two digits 70 to 99 mean 1970 to one parser and 2070 to the standard's: neither is taken.
    "Y": "[0-9]{4}", "y": "[0-6][0-9]", "m": "[0-9]{2}", "d": "[0-9]{2}", "-m": "[0-9]{1,2}", "-d": "[0-9]{1,2}",
    "b": "[[:alpha:]]+", "B": "[[:alpha:]]+", "H": "[0-9]{2}", "I": "[0-9]{2}", "M": "[0-9]{2}", "S": "[0-5][0-9]",
    ".f": r"(?:\.[0-9]+)?", "3f": "[0-9]{3}", "6f": "[0-9]{6}", "p": "[AaPp][Mm]", "%": "%",
    **dict.fromkeys(("z", ":z", "#z"), "(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)"),
}  # fmt: skip


_DIRECTIVE = r"%([-#:.]?[0-9]?[A-Za-z%])"


def directives_of(pattern: str) -> list[str]:
    """Letters of the directives of a strftime pattern, in their order: ``Y``, ``m``, ``:z``."""
    return re.findall(_DIRECTIVE, pattern)


def shape_of(pattern: str) -> str:
    """Regular expression of the texts that a strftime pattern means.

    Parsers are lenient: they take the year 20 for ``%Y``, blanks for zeros, and a second 60 for the next minute.
    """
    parts = re.split(_DIRECTIVE, pattern)
    shapes = [re.escape(part) if at % 2 == 0 else _SHAPES[part] for at, part in enumerate(parts)]
    return f"^(?:{''.join(shapes)})$"


def bound_of(logical: str, value: object, timezone: str = "UTC") -> Bound:
    """A ``minimum`` or ``maximum`` of an ODCS property as a Python value (timestamps in UTC).

    Raises ValueError: the value does not fit the type.
    """
    if logical == "date":
        return date.fromisoformat(str(value))
    if logical == "timestamp":
        moment = datetime.fromisoformat(str(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))).astimezone(UTC)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"`{value}` is not a number")
    return value


def with_article(logical: object) -> str:
    """``an integer``, ``a number``."""
    return f"{'an' if str(logical).startswith(tuple('aeiou')) else 'a'} {logical}"


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
    """The pattern, which polars must understand (Rust syntax: no look-around, no back-references). Raises ValueError:
    it is not a regular expression.
    """
    if not isinstance(pattern, str):
        raise ValueError(f"`{pattern}` is not a regular expression")
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        words = " ".join(str(error).partition("\n\nThis error")[0].split())
        raise ValueError(f"`{pattern}` is not a regular expression: {words}") from None
    return pattern


def is_on_the_calendar(partition: str) -> bool:
    """True if there is such a day, month or year."""
    if not _PARTITION.fullmatch(partition):
        return False
    try:
        date.fromisoformat((partition + "-01-01")[:10])
    except ValueError:
        return False
    return True


def is_time_zone(name: object) -> bool:
    """True for the IANA name of a time zone that Python and polars know; the name of a folder of zones is none."""
    try:
        ZoneInfo(name)  # type: ignore[arg-type]
        # A machine's own names, as localtime, are not among those by which polars reads.
        pl.Series([datetime(2024, 1, 1)]).dt.replace_time_zone(name)  # type: ignore[arg-type]
    except (ValueError, TypeError, ZoneInfoNotFoundError, OSError, pl.exceptions.PolarsError):
        return False
    return True


def is_cron(text: str) -> bool:
    """True for a schedule of five cron fields: minute, hour, day, month, weekday (crontab(5)).

    A schedule for days that never come (31 February) is none.
    """
    fields = text.lower().split()
    if len(fields) != len(_CRON):
        return False
    found = [_cron_numbers(field, *known) for field, known in zip(fields, _CRON, strict=True)]
    if not all(found):
        return False
    _, _, days, months, _ = found
    return any(min(days) <= _DAYS_IN[month - 1] for month in months)


def _cron_numbers(field: str, least: int, greatest: int, names: Mapping[str, int]) -> set[int]:
    found = set[int]()
    for part in field.split(","):
        match = _CRON_PART.fullmatch(part)
        if match is None:
            return set()
        step = int(match["step"] or 1)
        start = least if match["first"] is None else names.get(match["first"], match["first"])
        alone = match["first"] is not None and match["step"] is None
        end = names.get(match["last"], match["last"]) if match["last"] else start if alone else greatest
        if not str(start).isdecimal() or not str(end).isdecimal() or step == 0:
            return set()
        first, last = int(start), int(end)
        if not (least <= first <= greatest and least <= last <= greatest):
            return set()
        span = [*range(first, last + 1)] or [*range(first, greatest + 1), *range(least, last + 1)]
        found |= set(span[::step])
    return found
