"""The formats of landed files (CSV, Parquet, JSON lines): raw rows, and the faults of a file in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from mesh_pipelines.errors import AuditRefused
from mesh_pipelines.landing.expansion import DEFAULT, ExpansionLimit, fault_of_packing, fault_of_parquet
from mesh_pipelines.landing.landed import ROW
from mesh_pipelines.landing.records import Counted, MalformedFile, Positions
from mesh_pipelines.landing.strict_csv import RFC_4180, Dialect, count_csv
from mesh_pipelines.landing.strict_json import count_json
from quality.contract import Contract
from quality.typed import conform, type_name
from resources.addresses import literal_glob
from resources.store import ObjectStore, Store

_SHOWN = 50
_HEADER = 2**16
_JSON = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class Judged:
    """A file as a whole: its records, counted without the parser that reads them, or its fault.

    ``fault`` holds no value of classified data; it is empty where the rows can be read.
    """

    fault: str = ""
    records: int = 0
    blanks: Positions | None = None
    exact: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class RawFile:
    """One landed file; the suffix of its name is the format, CSV by default."""

    store: Store
    name: str
    dialect: Dialect = RFC_4180
    limit: ExpansionLimit = DEFAULT

    @property
    def format(self) -> str:
        ending = "." + self.name.lower().rpartition(".")[2]
        return "parquet" if ending == ".parquet" else "json" if ending in _JSON else "csv"

    def rows(
        self, contract: Contract, judged: Judged | None = None, texts: Collection[str] = ()
    ) -> pl.LazyFrame:
        """The contract's columns and each row's number; CSV and JSON as text, Parquet in its types.

        Args:
            judged: blank lines, which the parser of CSV takes for rows without values, are left out, and numbers
                that the parser of JSON would change come as they stand in the file.
            texts: columns of Parquet that come as text too, see :func:`mixed_columns`.
        """
        found, judged = self._scan(contract), judged or Judged()
        if judged.blanks is not None:
            found = found.filter(~pl.col(ROW).is_in(pl.Series(judged.blanks, dtype=pl.UInt32).implode()))
        for name, kept in judged.exact.items():
            rows = pl.Series(kept.keys(), dtype=pl.UInt32)
            found = found.with_columns(
                pl.col(ROW).replace_strict(rows, list(kept.values()), default=pl.col(name)).alias(name)
            )
        if self.format == "parquet":
            found = found.with_columns(
                _text(name, self.schema[name], contract.dtypes[name]) for name in texts
            )
        return found.select(*contract.dtypes, pl.col(ROW).cast(pl.Int64))

    @cached_property
    def schema(self) -> Mapping[str, pl.DataType]:
        found = dict(self._scan(None).collect_schema())
        found.pop(ROW, None)
        return found

    def judge(self, contract: Contract, *, whole: bool = False) -> Judged:
        """Count its records and hold the file as a whole against its format and the contract."""
        try:
            counted = self._counted(contract, whole)
        except MalformedFile as fault:
            return Judged(f"{fault}{self._dialect_hint()}")
        except OSError as error:
            return Judged(f"cannot be read: {fault_of_file(error)}")
        except pl.exceptions.PolarsError as error:
            return Judged(f"cannot be read: {fault_of_file(error, contract)}")
        others = _other_columns(counted.columns, contract)
        fault = (
            (others and others + self._dialect_hint())
            or ("" if counted.records or self.format == "parquet" else "has a header and no rows")
            or self._types(contract)
        )
        return Judged(fault, counted.records, counted.blanks, counted.exact)

    def _dialect_hint(self) -> str:
        """The dialect that a CSV without a comma in its header may be of, or JSON, in words; else empty."""
        if self.format != "csv" or self.dialect != RFC_4180:
            return ""
        with self.store.open(self.name) as handle:
            header = handle.read(_HEADER).partition(b"\n")[0]
        if header.lstrip().startswith((b'{"', b"[")) or header.strip() == b"{":
            return "; it begins as JSON does, which is read from .jsonl files, one object a line"
        named = (name for name, sign in (("semicolon", b";"), ("tab", b"\t")) if sign in header)
        found = "" if b"," in header else next(named, "")
        return f'; its header has no comma: is it dialect="{found}"?' if found else ""

    def _counted(self, contract: Contract, whole: bool) -> Counted:
        if self.format == "parquet":
            with self.store.open(self.name) as handle:
                if not handle.read(1):
                    raise MalformedFile("the file is empty")
                if fault := fault_of_parquet(handle, self.limit):
                    raise MalformedFile(fault)
            return Counted(list(self.schema), self._scan(None).select(pl.len()).collect().item())
        with self.store.open(self.name) as handle:
            if fault := fault_of_packing(handle.read(16)):
                raise MalformedFile(fault)
            handle.seek(0)
            if self.format == "csv":
                return count_csv(handle, self.dialect)
            texts = [name for name, dtype in contract.dtypes.items() if dtype == pl.String]
            floats = [name for name, dtype in contract.dtypes.items() if dtype.is_float()]
            return count_json(handle, list(contract.dtypes), texts, floats, whole=whole)

    def _types(self, contract: Contract) -> str:
        if self.format != "parquet":
            return ""
        nested = [name for name, dtype in self.schema.items() if dtype.is_nested()]
        if nested:
            return f"has lists or objects in {', '.join(nested)}; the contract promises single values"
        try:
            conform(self.schema, contract)
        except AuditRefused as refused:
            return (
                f"{refused.what}: {refused.quoted}"
                if refused.quoted and contract.all_public
                else refused.what
            )
        return ""

    def _scan(self, contract: Contract | None) -> pl.LazyFrame:
        given: dict[str, Any] = {"row_index_name": ROW, "row_index_offset": 1}
        uri = self.store.uri(self.name)
        if isinstance(self.store, ObjectStore):
            given["storage_options"] = self.store.options
        if self.format == "parquet":
            return pl.scan_parquet(uri, glob=False, hive_partitioning=False, **given)
        if self.format == "json":
            assert contract is not None
            # A pattern to Polars, which has no `glob=False` here.
            return pl.scan_ndjson(
                literal_glob(uri), schema=dict.fromkeys(contract.dtypes, pl.String), **given
            )
        return pl.scan_csv(
            uri,
            infer_schema=False,
            encoding="utf8",
            glob=False,
            separator=self.dialect.separator,
            quote_char='"' if self.dialect.quotes else None,
            **given,
        )


def odd_ones(files: Mapping[str, RawFile]) -> dict[str, str]:
    """Parquet files whose types do not go together with those of the first: the fault of each, by name."""
    found: dict[str, str] = {}
    first: tuple[str, Mapping[str, pl.DataType]] | None = None
    for name, file in files.items():
        if file.format != "parquet":
            continue
        first = first or (name, file.schema)
        for column, dtype in file.schema.items():
            other = first[1][column]
            if pl.String in (dtype, other) and not all(map(_is_text, (dtype, other))):
                found[name] = f"column `{column}` is {type_name(dtype)}, and {type_name(other)} in {first[0]}"
    return found


def mixed_columns(files: Iterable[RawFile], contract: Contract) -> frozenset[str]:
    """Columns whose types in these files have no common type that holds each of their values.

    Polars would take one that does not: of microseconds and milliseconds the latter, of integers and floats the float.
    """
    found: set[str] = set()
    kinds: dict[str, set[pl.DataType]] = {}
    for file in files:
        for name in contract.dtypes:
            dtype = file.schema[name] if file.format == "parquet" else pl.String()
            kinds.setdefault(name, set()).add(dtype)
    for name, types in kinds.items():
        given = types - {pl.Null()}
        if len(given) > 1 and not (
            all(dtype.is_integer() for dtype in given) or all(dtype.is_float() for dtype in given)
        ):
            found.add(name)
    return frozenset(found)


def _is_text(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.String | pl.Null | pl.Categorical | pl.Enum)


def _text(name: str, dtype: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """A column of Parquet as the text that a CSV has for it."""
    column = pl.col(name)
    if isinstance(wanted, pl.Datetime) and dtype == pl.Date:
        return column.dt.to_string("%Y-%m-%dT00:00:00Z")
    if isinstance(dtype, pl.Datetime):
        return column.dt.convert_time_zone("UTC").dt.to_string("%Y-%m-%dT%H:%M:%S%.9fZ")
    return column.cast(pl.String)


def fault_of_file(error: BaseException, contract: Contract | None = None) -> str:
    """An error of polars or a store about a file, without what polars quotes of a file with classified columns."""
    if isinstance(error, OSError):
        return error.strerror or _first_line(error)
    if contract is not None and not contract.all_public:
        return f"it is not of its format ({type(error).__name__})"
    return _first_line(error)


def _other_columns(found: Sequence[str], contract: Contract) -> str:
    expected = list(contract.dtypes)
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    if missing or extra:
        parts = [f"lacks the column{'s' * (len(missing) > 1)} {_listed(missing)}"] if missing else []
        if extra:
            parts.append(_unknown_columns(extra, contract))
        return " and ".join(parts) + "; the contract says " + _listed(expected)
    return "has a column twice" if len(set(found)) != len(found) else ""


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _unknown_columns(extra: Sequence[str], contract: Contract) -> str:
    if not contract.all_public:  # without its header, a file has values where the names should be
        return f"has {len(extra):,} unknown column{'s' * (len(extra) > 1)}"
    shown = ", ".join(repr(name)[:40] for name in extra[:5])
    return f"has the unknown column{'s' * (len(extra) > 1)} {shown}"


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0][:200]
