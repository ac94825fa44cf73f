"""The formats of landed files (CSV, Parquet, JSON lines): raw rows, and the faults of a file in words."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from mesh_pipelines.errors import AuditRefused
from mesh_pipelines.landing.landed import ROW
from quality.contract import Contract
from quality.typed import conform
from resources.store import ObjectStore, Store

_JSON = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class RawFile:
    """One landed file.

    Args:
        name: its name in the landing zone; the suffix is the format, CSV by default.
    """

    store: Store
    name: str

    @property
    def format(self) -> str:
        ending = "." + self.name.lower().rpartition(".")[2]
        return "parquet" if ending == ".parquet" else "json" if ending in _JSON else "csv"

    def rows(self, contract: Contract) -> pl.LazyFrame:
        """The contract's columns and each row's number; CSV and JSON as text, Parquet in its types."""
        return self._scan(contract).select(*contract.dtypes, pl.col(ROW).cast(pl.Int64))

    @cached_property
    def schema(self) -> Mapping[str, pl.DataType]:
        """Columns and types that the file itself has; empty for a CSV, which has only a header."""
        if self.format == "csv":
            return {}
        found = dict(self._scan(None).collect_schema())
        found.pop(ROW, None)
        return found

    def fault(self, contract: Contract) -> str:
        """The fault of the file as a whole, in words; empty where its rows can be read."""
        try:
            with self.store.open(self.name) as handle:
                if not handle.read(1):
                    return "the file is empty"
            if self.format == "csv":
                found, some = self._header()
            else:
                found, some = list(self.schema), True
        except UnicodeDecodeError as error:
            return f"is not UTF-8 text ({error.reason} at byte {error.start})"
        except OSError as error:
            return f"cannot be read: {error.strerror or _first_line(error)}"
        except (csv.Error, pl.exceptions.PolarsError) as error:
            return f"cannot be read: {fault_of_file(error)}"
        return (
            _other_columns(found, contract)
            or ("" if some else "has a header and no rows")
            or self._types(contract)
        )

    def not_text(self) -> str:
        """The place at which a text file has bytes that are not text; empty where there is none, or for Parquet."""
        if self.format == "parquet":
            return ""
        with self.store.open(self.name) as handle:
            for number, line in enumerate(handle, 1):
                try:
                    line.decode()
                except UnicodeDecodeError as error:
                    return f"is not UTF-8 text ({error.reason} in line {number})"
        return ""

    def _header(self) -> tuple[list[str], bool]:
        with (
            self.store.open(self.name) as handle,
            io.TextIOWrapper(handle, encoding="utf-8-sig", newline="") as text,
        ):
            rows = csv.reader(text)
            return next(rows, []), any(rows)  # a blank line is an empty list

    def _types(self, contract: Contract) -> str:
        nested = [name for name, dtype in self.schema.items() if dtype.is_nested()]
        if nested:
            return f"has lists or objects in {', '.join(nested)}; the contract promises single values"
        if self.format != "parquet":
            return ""
        try:
            conform(self.schema, contract)
        except AuditRefused as refused:
            return refused.what
        return ""

    def _scan(self, contract: Contract | None) -> pl.LazyFrame:
        given: dict[str, Any] = {"row_index_name": ROW, "row_index_offset": 1}
        uri = self.store.uri(self.name)
        if isinstance(self.store, ObjectStore):
            given["storage_options"] = self.store.options
        if self.format == "parquet":
            return pl.scan_parquet(uri, glob=False, hive_partitioning=False, **given)
        if self.format == "json":
            if contract is None:
                return pl.scan_ndjson(uri, infer_schema_length=None, **given)
            return pl.scan_ndjson(uri, schema=dict.fromkeys(contract.dtypes, pl.String), **given)
        return pl.scan_csv(uri, infer_schema=False, encoding="utf8", glob=False, **given)


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
            if dtype != other and pl.String in (dtype, other):
                found[name] = f"column `{column}` is {dtype}, and {other} in {first[0]}"
    return found


def fault_of_file(error: BaseException) -> str:
    """An error of polars or a store about a file, in the words of its supplier."""
    text, line = str(error), _first_line(error)
    if "not properly escaped" in text:
        return f"is cut off or misquoted, a quoted field never ends: {line.removeprefix('could not parse ')[:80]}"
    if "found more fields" in text:
        return "has a line with more fields than the header names"
    return line


def _other_columns(found: list[str], contract: Contract) -> str:
    expected = list(contract.dtypes)
    if any("\0" in name for name in found):
        return "is not text: its first line holds zero bytes"
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    if missing or extra:
        parts = [f"lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}"] if missing else []
        if extra:
            shown = ", ".join(repr(name)[:40] for name in extra[:5])
            parts.append(f"has the unknown column{'s' * (len(extra) > 1)} {shown}")
        return " and ".join(parts) + "; the contract says " + ", ".join(expected)
    return "has a column twice" if len(set(found)) != len(found) else ""


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0][:200]
