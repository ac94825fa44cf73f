"""Polars types as JSON, as Delta Lake types, and as Parquet leaf paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from mesh_pipelines.errors import DefinitionError, Violation

_PLAIN: dict[str, pl.DataType] = {
    str(dtype): dtype
    for dtype in (
        pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64(), pl.UInt8(), pl.UInt16(), pl.UInt32(), pl.UInt64(),
        pl.Float32(), pl.Float64(), pl.Boolean(), pl.String(), pl.Binary(), pl.Date(), pl.Time(),
    )
}  # fmt: skip
_IN_DELTA: dict[str, pl.DataType] = {
    "UInt8": pl.Int16(),
    "UInt16": pl.Int32(),
    "UInt32": pl.Int64(),
    "UInt64": pl.Decimal(20, 0),
    "Time": pl.Int64(),
}


def instance(dtype: Any) -> pl.DataType:
    """The instance of a type: ``pl.Int64()`` for ``pl.Int64``."""
    return dtype() if isinstance(dtype, type) else dtype


def to_json(dtype: pl.DataType) -> Any:
    """A type as a JSON value, for :func:`from_json`; ValueError for a type the lake cannot hold."""
    match dtype:
        case pl.Datetime():
            return {"datetime": [dtype.time_unit, dtype.time_zone]}
        case pl.Duration():
            return {"duration": dtype.time_unit}
        case pl.Decimal():
            return {"decimal": [dtype.precision, dtype.scale]}
        case pl.Enum():
            return {"enum": dtype.categories.to_list()}
        case pl.Categorical():
            return "Categorical"
        case pl.Array():
            return {"array": [to_json(instance(dtype.inner)), dtype.size]}
        case pl.List():
            return {"list": to_json(instance(dtype.inner))}
        case pl.Struct():
            return {"struct": [[f.name, to_json(instance(f.dtype))] for f in dtype.fields]}
        case _ if str(dtype) in _PLAIN:
            return str(dtype)
        case _:
            raise ValueError(f"the lake cannot hold {dtype}")


def from_json(value: Any) -> pl.DataType:
    """The type that :func:`to_json` wrote."""
    if isinstance(value, str):
        return pl.Categorical() if value == "Categorical" else _PLAIN[value]
    ((kind, argument),) = value.items()
    match kind:
        case "datetime":
            return pl.Datetime(argument[0], argument[1])
        case "duration":
            return pl.Duration(argument)
        case "decimal":
            return pl.Decimal(argument[0], argument[1])
        case "enum":
            return pl.Enum(argument)
        case "array":
            return pl.Array(from_json(argument[0]), argument[1])
        case "list":
            return pl.List(from_json(argument))
        case "struct":
            return pl.Struct({name: from_json(inner) for name, inner in argument})
        case _:
            raise ValueError(f"unknown type {kind!r}")


def in_delta(dtype: pl.DataType) -> pl.DataType:
    """The nearest type that Delta Lake has (protocol, "Primitive Types"), for other readers."""
    match dtype:
        case pl.Datetime():
            return pl.Datetime("us", "UTC" if dtype.time_zone else None)
        case pl.Duration():
            return pl.Int64()
        case pl.Enum() | pl.Categorical():
            return pl.String()
        case pl.List() | pl.Array():
            return pl.List(in_delta(instance(dtype.inner)))
        case pl.Struct():
            return pl.Struct({f.name: in_delta(instance(f.dtype)) for f in dtype.fields})
        case _:
            return _IN_DELTA.get(str(dtype), dtype)


def leaves(name: str, dtype: pl.DataType) -> Iterator[str]:
    """Parquet leaf paths of a column, to which column keys are assigned (LogicalTypes.md, "Nested Types")."""
    match dtype:
        case pl.List() | pl.Array():
            yield from leaves(f"{name}.list.element", instance(dtype.inner))
        case pl.Struct():
            for field in dtype.fields:
                yield from leaves(f"{name}.{field.name}", instance(field.dtype))
        case _:
            yield name


def check_types(subject: str, dtypes: Mapping[str, Any]) -> dict[str, pl.DataType]:
    """Types of a table as instances; a DefinitionError with every one that the lake cannot hold."""
    found = {name: instance(dtype) for name, dtype in dtypes.items()}
    violations: list[Violation] = []
    for name, dtype in found.items():
        try:
            to_json(dtype)
        except ValueError as error:
            violations.append(
                Violation("TypeIsStorable", name, str(error), "cast it to a type with a fixed width")
            )
    if violations:
        raise DefinitionError(subject, violations)
    return found
