"""Cast a batch to its contract's types without losing a value: raw text is parsed, types are only widened."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from mesh_pipelines.errors import AuditRefused
from quality import values
from quality.contract import Column, Contract
from quality.precision import FORMS, unheld

PROVENANCE = ("_file", "_row")
_LONG = frozenset({pl.Int64(), pl.UInt64(), pl.Int128(), pl.UInt128()})
_FINER = r"\.\d{6}\d*[1-9]"
"""Text of a time with a fraction of a microsecond that is not zero."""
_FIRST_DAY, _LAST_DAY = (day.toordinal() - date(1970, 1, 1).toordinal() for day in (date.min, date.max))
_MICROSECONDS = 24 * 60 * 60 * 1_000_000
"""Of a day."""
_TRUE, _FALSE = ("true", "1"), ("false", "0")


def conform(
    frame: pl.DataFrame | pl.LazyFrame | Mapping[str, pl.DataType],
    contract: Contract,
    provenance: Sequence[str] = PROVENANCE,
) -> None:
    """Refuse a frame whose columns are not the contract's; rows are not read.

    Columns may be in any order. A type may differ if every value of it exists in the contract's type (Int32 for
    integer, Date for timestamp, milliseconds for microseconds). Text for another type is accepted of a source only.

    Args:
        provenance: columns allowed beside the contract's.

    Raises:
        AuditRefused: with every missing, extra or retyped column, and the expected type.
    """
    schema = frame if isinstance(frame, Mapping) else frame.collect_schema()
    found, extra, renamed = _compared(schema, contract, provenance)
    problems = [text for _, text in found]
    if extra:
        some = "column is" if len(extra) == 1 else "columns are"
        problems.append(f"{len(extra):,} {some} not in the contract ({', '.join(contract.dtypes)})")
    if problems:
        raise AuditRefused(
            "; ".join(problems),
            where=f"{contract.domain}.{contract.name}",
            remedy=f"give it the columns that {contract.path.name} promises, or change the contract and its version",
            # A function that pivots makes names of values.
            quoted=", ".join(
                f"`{name}`{f' (was it `{renamed[name]}`?)' if name in renamed else ''}" for name in extra
            ),
        )


def differences(schema: Mapping[str, pl.DataType], contract: Contract) -> list[str]:
    """Every missing, extra or retyped column of a schema that no row was needed for, in words; see :func:`conform`."""
    problems, extra, renamed = _compared(schema, contract, PROVENANCE)
    near = {promised: name for name, promised in renamed.items()}
    promised = ", ".join(contract.dtypes)
    return [
        *(f"{text}; was it renamed to `{near[name]}`?" if name in near else text for name, text in problems),
        *(f"column `{name}` is not in the contract ({promised})" for name in extra),
    ]


def _compared(
    schema: Mapping[str, pl.DataType], contract: Contract, provenance: Sequence[str]
) -> tuple[list[tuple[str, str]], list[str], dict[str, str]]:
    """Missing and retyped columns, each with words; columns too many; and which of these may be a missing one."""
    extra = [name for name in schema if name not in contract.dtypes and name not in provenance]
    problems: list[tuple[str, str]] = []
    renamed: dict[str, str] = {}
    for column in contract.columns:
        promised = f"{column.logical_type} ({column.dtype})"
        if column.name not in schema:
            problems.append((column.name, f"column `{column.name}` is missing, expected {promised}"))
            near = difflib.get_close_matches(column.name, extra, n=1)
            renamed |= {near[0]: column.name} if near else {}
        elif (hint := _retyped(schema[column.name], column, contract)) is not None:
            found = type_name(schema[column.name])
            problems.append((column.name, f"column `{column.name}` is {found}, expected {promised}{hint}"))
    return problems, extra, renamed


def type_name(dtype: pl.DataType) -> str:
    """A type in words; without the categories or fields of one that has any, for these are values."""
    return str(dtype.base_type()) if isinstance(dtype, pl.Enum) or dtype.is_nested() else str(dtype)


def _retyped(dtype: pl.DataType, column: Column, contract: Contract) -> str | None:
    """None if the type will do; else the addition to the complaint."""
    wanted = column.dtype
    if dtype == wanted or dtype == pl.Null or (dtype.is_integer() and wanted.is_integer()):
        return None
    if dtype == pl.String or (isinstance(dtype, pl.Decimal) and wanted.is_numeric()):
        return None if contract.is_source else ""
    if wanted == pl.String:
        return None if isinstance(dtype, pl.Categorical | pl.Enum) else ""
    if wanted.is_float():
        return None if dtype.is_integer() or (dtype == pl.Float32 and wanted == pl.Float64) else ""
    if isinstance(wanted, pl.Datetime):
        if dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype.time_zone):
            return None
        return (
            "; say which time zone it is in: .dt.replace_time_zone(...)"
            if isinstance(dtype, pl.Datetime)
            else ""
        )
    return ""


@dataclass(frozen=True)
class Typed:
    """A batch in the contract's types.

    Args:
        unreadable: column -> True for each row whose value could not be cast, and is null; only columns with any.
    """

    frame: pl.DataFrame
    unreadable: dict[str, pl.Series]


def typed(batch: pl.DataFrame, contract: Contract) -> Typed:
    """Cast a conforming batch. In a source's text the empty string and the contract's markers are null; its decimals
    are judged as the text that they are.

    Text must be the value and nothing else: blanks around a number, or a unit behind it, make it unreadable.
    """
    batch = batch.with_columns(pl.col(pl.Decimal).cast(pl.String))
    parsing, given = contract.is_source, batch.schema
    present = {
        c.name: _present(c.name, contract.missing)
        if parsing and given[c.name] == pl.String
        else pl.col(c.name)
        for c in contract.columns
    }
    source = batch.select(**present)
    given = source.schema
    frame = source.select(_cast(c, given[c.name]) for c in contract.columns)
    moments = [c for c in contract.columns if c.logical_type == "timestamp" and given[c.name] == pl.String]
    frame = frame.with_columns(_moments(source[c.name], c) for c in moments)
    before, after = source.null_count().row(0, named=True), frame.null_count().row(0, named=True)
    suspects = [c.name for c in contract.columns if before[c.name] != after[c.name]]
    unreadable = {name: frame[name].is_null() & source[name].is_not_null() for name in suspects}
    for name in frame.columns:
        for lossy in (_rounded(source[name], frame[name]), _beyond_the_calendar(frame[name])):
            if lossy is not None and lossy.any():
                unreadable[name] = lossy | unreadable[name] if name in unreadable else lossy
    if unreadable:
        frame = frame.with_columns(frame[n].set(mask, None) for n, mask in unreadable.items())
    return Typed(frame, unreadable)


def _present(name: str, markers: Sequence[str]) -> pl.Expr:
    column = pl.col(name)
    there = column != ""
    for marker in markers:
        there &= column != marker
    return pl.when(there).then(column)


def _cast(column: Column, given: pl.DataType) -> pl.Expr:
    name, wanted = pl.col(column.name), column.dtype
    if given == wanted:
        return name
    if given != pl.String:
        if isinstance(wanted, pl.Datetime) and given == pl.Date:
            return name.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        return name.cast(wanted, strict=False)
    if column.logical_type == "date":
        pattern = values.strftime_of(column.options["format"]) if "format" in column.options else "%Y-%m-%d"
        shaped = name.str.contains(values.shape_of(pattern))
        return pl.when(shaped).then(name).str.to_date(pattern, strict=False).alias(column.name)
    if column.logical_type == "timestamp":
        return name  # see _moments
    if column.logical_type == "boolean":
        word = name.str.to_lowercase()
        return pl.when(word.is_in(_TRUE)).then(True).when(word.is_in(_FALSE)).then(False).alias(column.name)
    return name.cast(wanted, strict=False)


def _moments(text: pl.Series, column: Column) -> pl.Series:
    """Timestamps in ISO 8601, or in the contract's own format; without an offset they are in ``defaultTimezone``."""
    zone = column.options.get("defaultTimezone", "UTC")
    if "format" in column.options:
        return _moment(text, values.strftime_of(column.options["format"]), zone)
    found = _moment(text, "%Y-%m-%dT%H:%M:%SZ", "UTC")
    for pattern in ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"):
        left = (found.is_null() & text.is_not_null()).arg_true()
        if left.len():
            rest = text.gather(left).str.replace(" ", "T", literal=True)
            found = found.scatter(left, _moment(rest, pattern, zone))
    return found


def _moment(text: pl.Series, pattern: str, zone: str) -> pl.Series:
    text = text.set(~text.str.contains(values.shape_of(pattern)).fill_null(True), None)
    given = values.directives_of(pattern)
    if any(directive.endswith("f") for directive in given):
        text = text.set(text.str.contains(_FINER).fill_null(False), None)  # it would be cut to microseconds
    if any(directive.endswith("z") for directive in given):
        return text.str.to_datetime(pattern, time_unit="us", time_zone="UTC", strict=False)
    local = text.str.to_datetime(pattern, time_unit="us", strict=False)
    if zone == "UTC":
        return local.dt.replace_time_zone("UTC")
    # An hour that the change to summer time skipped or repeated is no moment.
    return local.dt.replace_time_zone(zone, ambiguous="null", non_existent="null").dt.convert_time_zone("UTC")


def _rounded(source: pl.Series, cast: pl.Series) -> pl.Series | None:
    """True where a cast would round the value; None if the cast cannot round."""
    given, wanted = source.dtype, cast.dtype
    if given == pl.String and wanted.is_float():
        return unheld(source, cast)
    if wanted.is_float() and given.is_integer() and (given in _LONG or wanted == pl.Float32):
        limit = FORMS[wanted].whole
        return (source.cast(pl.Int128).abs() > limit).fill_null(False)
    if isinstance(wanted, pl.Datetime) and isinstance(given, pl.Datetime) and given.time_unit == "ns":
        return (source.dt.nanosecond() % 1000 != 0).fill_null(False)
    return None


def _beyond_the_calendar(column: pl.Series) -> pl.Series | None:
    """True for days and moments outside the years 1 to 9999, which Python, Delta's readers and people do not know."""
    if not isinstance(column.dtype, pl.Date | pl.Datetime):
        return None
    days = column.to_physical() if column.dtype == pl.Date else column.to_physical() // _MICROSECONDS
    return ((days < _FIRST_DAY) | (days > _LAST_DAY)).fill_null(False)


def as_text(batch: pl.DataFrame) -> pl.DataFrame:
    """Raw values as text (timestamps in ISO 8601)."""

    def text(name: str, dtype: pl.DataType) -> pl.Expr:
        if dtype == pl.String:
            return pl.col(name)
        if isinstance(dtype, pl.Datetime):
            return pl.col(name).dt.to_string("iso")
        return pl.col(name).cast(pl.String)

    return batch.select(text(name, dtype) for name, dtype in batch.schema.items())
