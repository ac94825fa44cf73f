"""Plans every function of the mesh on inputs that have the contracts' types and no rows."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from mesh_pipelines.declaring.declarations import Declaration, FeatureSetDeclaration
from mesh_pipelines.declaring.node import (
    PARTITION,
    FeatureSetNode,
    Node,
    PredictionsNode,
    ProductNode,
    SourceNode,
)
from mesh_pipelines.errors import DefinitionError, MeshError, TransformError
from mesh_pipelines.features.without_rows import call_without_rows
from mesh_pipelines.governance.rules.nearest import nearest_or
from mesh_pipelines.landing.landed import FILE, ROW
from mesh_pipelines.modeling.scoring import MODEL_VERSION, SCORE
from mesh_pipelines.publishing.candidate import as_rows
from resources.lake.dtypes import check_types

Schema = Mapping[str, Any]
"""Polars type by column."""

_SURE = (
    pl.exceptions.ColumnNotFoundError,
    pl.exceptions.DuplicateError,
    pl.exceptions.InvalidOperationError,
    pl.exceptions.SchemaError,
    pl.exceptions.SchemaFieldNotFoundError,
    pl.exceptions.StructFieldNotFoundError,
)
"""Errors of polars about columns and types: rows change nothing."""

_SHAPING = re.compile(
    r"pivot|unstack|to_dummies|transpose|from_dicts?|from_records|DataFrame\(|to_dicts?|rows\(|item\(|partition_by",
    re.IGNORECASE,
)
"""Words by which columns can be made of values: a function that uses them has other columns without rows."""

_LISTED = 12
_LONGEST = 300


@dataclass(frozen=True)
class Planned:
    """Result of planning one function.

    Args:
        problem: reason why a run of it fails whatever its rows, in words; else empty.
        note: reason why this says nothing, or nothing certain, of a run.
    """

    schema: Schema | None = None
    problem: str = ""
    fix: str = ""
    note: str = ""


def plan_functions(
    nodes: Iterable[Node],
    begin: Callable[[str], None] = lambda _key: None,
    without: Mapping[str, str] | None = None,
) -> Mapping[str, Planned]:
    """Plan the functions of products, feature sets and predictions, by key.

    Args:
        nodes: of all domains, upstream first; a function is left out where its inputs are not known.
        begin: called with the key of each function before it is called.
        without: functions that are not called, each with what it does to the process that calls it.
    """
    ended = without or {}
    found: dict[str, Planned] = {}
    known: dict[str, Schema] = {}
    for node in nodes:
        if isinstance(node, ProductNode | FeatureSetNode | PredictionsNode):
            inputs = _inputs_of(node, known)
            if inputs is not None and node.declaration is not None and node.declaration.fn is not None:
                begin(node.key)
                if node.key in ended:
                    found[node.key] = _ended(ended[node.key])
                    continue
                # The command's own output may be JSON, and a warning is no fault, even where it is made an error.
                with redirect_stdout(sys.stderr), warnings.catch_warnings(action="ignore"):
                    found[node.key] = _plan(node, inputs)
        schema = _published(node, found.get(node.key))
        if schema is not None:
            known[node.key] = schema
    return found


def _published(node: Node, planned: Planned | None) -> Schema | None:
    """Columns of a table as its readers get it; ``None`` where they are not known."""
    if isinstance(node, FeatureSetNode):
        declared, schema = node.declaration, planned.schema if planned else None
        if schema is None or not isinstance(declared, FeatureSetDeclaration):
            return None
        return None if any(faults_of_features(declared, schema)) else {**schema, PARTITION: pl.String()}
    if node.contract is None:
        return None
    own = {FILE: pl.String(), ROW: pl.Int64()} if isinstance(node, SourceNode) else {}
    cut = {node.partition_column: pl.String()} if node.partition_column else {}
    return {**node.contract.dtypes, **own, **{name: dtype for name, dtype in cut.items() if name}}


def _inputs_of(node: Node, known: Mapping[str, Schema]) -> dict[str, tuple[str, Schema]] | None:
    """By argument, key and columns of each input; ``None`` where those of one are not known."""
    if isinstance(node, PredictionsNode):
        features = known.get(node.features_key)
        scored: Schema = {SCORE: pl.Float64(), MODEL_VERSION: pl.String()}
        return None if features is None else {"scores": (node.features_key, {**features, **scored})}
    if any(given.key not in known for given in node.inputs):
        return None
    return {given.argument: (given.key, known[given.key]) for given in node.inputs}


def _plan(node: Node, inputs: Mapping[str, tuple[str, Schema]]) -> Planned:
    declared = node.declaration
    assert declared is not None
    fn: Callable[..., Any] = declared.fn or declared
    call = call_without_rows(_of_scores(fn) if isinstance(node, PredictionsNode) else fn, inputs)
    certain = not call.collected or not _shaped_by_rows(declared)
    if call.error is not None:
        lazily = not call.collected and not isinstance(call.error, OSError)
        return _failed(call.error, inputs, certain=lazily or (certain and isinstance(call.error, _SURE)))
    try:
        rows = as_rows(call.value, node.key)
    except TransformError as error:
        return Planned(problem=error.what, fix=error.remedy)
    schema: Schema | None = None
    try:
        schema = dict(rows.collect_schema())
        rows.collect()  # some types are wrong only when the plan runs
    except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001 (polars may call the domain's code)
        sure = certain and isinstance(error, _SURE)
        if sure or schema is None:
            return _failed(error, inputs, certain=sure)
        # Any other error may come of there being no rows; columns and types are known by now.
    if certain:
        return Planned(schema)
    return Planned(
        schema, note=f"its function reads the rows of {call.collected[0]}, and here there are none"
    )


def _ended(hazard: str) -> Planned:
    """A function that ended the process, or did not come to an end, without any rows."""
    return Planned(
        problem=f"its function {hazard}, called without rows",
        fix="let it make a table of its inputs and do nothing else; its limits are MESH_LOAD_SECONDS and "
        "MESH_MEMORY_LIMIT",
    )


def _of_scores(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A predictions' function by the one argument that it has, whatever its name."""

    def call(scores: pl.LazyFrame) -> Any:
        return fn(scores)

    return call


def _shaped_by_rows(declared: Declaration) -> bool:
    """True if the domain of a function has a word by which columns can be made of values."""
    file = getattr(sys.modules.get(declared.module), "__file__", None)
    if file is None:
        return True
    return any(
        _SHAPING.search(module.read_text(encoding="utf-8")) for module in Path(file).parent.glob("*.py")
    )


def _failed(error: BaseException, inputs: Mapping[str, tuple[str, Schema]], *, certain: bool) -> Planned:
    """A function that raised; ``certain`` where it raises with rows too."""
    if isinstance(error, MeshError):
        # There are no rows here, so nothing that it quotes can be a value of one.
        what = " ".join(f"{error.what}{': ' * bool(error.quoted)}{error.quoted}".split())[:_LONGEST]
        return Planned(problem=f"its function fails: {what}", fix=error.remedy or "mend its function")
    reason = (str(error).strip().splitlines() or [""])[0][:_LONGEST]
    words = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    if not certain:
        return Planned(note=f"its function cannot be tried without rows: {words}")
    return Planned(
        problem=f"its function fails whatever its rows: {words}", fix=_fix_of(error, reason, inputs)
    )


def _fix_of(error: BaseException, reason: str, inputs: Mapping[str, tuple[str, Schema]]) -> str:
    if not isinstance(error, pl.exceptions.ColumnNotFoundError):
        return "mend its function; its inputs have the columns and types of their contracts"
    names = [name for _, schema in inputs.values() for name in schema if not name.startswith("_")]
    lists = (f"{key} has {', '.join(_shortened(schema))}" for key, schema in inputs.values())
    wanted = reason.partition('"')[2].partition('"')[0] or reason.split()[0] if reason else ""
    return nearest_or(wanted, dict.fromkeys(names), "; ".join(lists))


def _shortened(schema: Schema) -> list[str]:
    names = [name for name in schema if not name.startswith("_")]
    return names if len(names) <= _LISTED else [*names[:_LISTED], f"{len(names) - _LISTED} more"]


def faults_of_features(declared: FeatureSetDeclaration, schema: Schema) -> Iterator[tuple[str, str]]:
    """Problem and fix of each fault in the columns of a feature set."""
    columns = ", ".join(schema)
    for name in dict.fromkeys((*declared.key, declared.time)):
        if name not in schema:
            yield f"its function makes no column {name}, its key or time", f"its columns are: {columns}"
    if declared.time in schema and not isinstance(schema[declared.time], pl.Datetime | pl.Date):
        yield f"its time {declared.time} is {schema[declared.time]}", "make it a Datetime or a Date"
    folded: dict[str, str] = {}
    for name in schema:
        first = folded.setdefault(name.lower(), name)
        if first != name:
            yield (
                f"its columns {first} and {name} differ in case alone",
                "rename one: the lake cannot keep both",
            )
    try:
        check_types("", schema)
    except DefinitionError as error:
        for fault in error.violations:
            yield f"column {fault.where}: {fault.problem}", fault.fix
