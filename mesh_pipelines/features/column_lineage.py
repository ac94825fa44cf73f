"""Columns of inputs that each column of a feature set is made of, from polars' own plan, never from names.

The domain's function is called on inputs that have columns and no rows. A column of its result is made of

- the columns that its expressions name;
- the keys by which it was found, where it came through a join or a group;
- the columns that decide which rows there are, and their order, where many rows went into one value (a sum, a shift).

A filter or a join that only decides which rows there are is not part of the values in them.

The plan is read through the interface that polars keeps for other engines, which has a version and does not cover every
step: a step that cannot be followed is reported, not guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from mesh_pipelines.features.without_rows import call_without_rows

PLAN_VERSION = 16
"""Major version of polars' plan that is understood here."""

Columns = frozenset[tuple[str, str]]
"""Columns of inputs: (key of the input, name of the column)."""

_NONE: Columns = frozenset()


@dataclass(frozen=True)
class Lineage:
    """Columns that each column of a table is made of; where they are not known, ``unknown`` is the reason in words."""

    columns: Mapping[str, Columns] = field(default_factory=dict[str, Columns])
    unknown: str = ""


def lineage_of(
    fn: Callable[..., pl.LazyFrame], inputs: Mapping[str, tuple[str, Mapping[str, Any]]]
) -> Lineage:
    """Column lineage of a domain's function; inputs by argument: key, and polars type of each column."""
    called = call_without_rows(fn, inputs)
    if called.collected:
        return Lineage(
            unknown=f"its function reads the rows of {called.collected[0]}, so its plan does not say all"
        )
    try:
        if called.error is not None:
            raise called.error
        plan = _Plan({_scan_of(called.frames[argument]): key for argument, (key, _) in inputs.items()})
        return Lineage(plan.read(called.value).columns)
    except _PlanNotFollowed as reason:
        return Lineage(unknown=str(reason))
    # Polars resolves the plan only now, and what the function or its plan raises becomes the result.
    except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001 (as the comment says)
        return Lineage(unknown=f"its plan cannot be followed: {type(error).__name__}: {error}"[:300])


class _PlanNotFollowed(Exception):
    """A plan that cannot be followed."""


@dataclass(frozen=True)
class _Rows:
    """Rows at one place of a plan."""

    columns: Mapping[str, Columns]
    there: Columns = _NONE
    order: Columns = _NONE

    def of(self, names: Sequence[str]) -> Columns:
        return _NONE.union(*(self.columns[name] for name in names))


_PARTS = {
    "Column": (),
    "Literal": (),
    "Len": (),
    "BinaryExpr": ("left", "right"),
    "Cast": ("expr",),
    "Ternary": ("predicate", "truthy", "falsy"),
    "Function": ("input",),
    "Agg": ("arguments",),
    "Window": ("function", "partition_by", "order_by"),
    "Filter": ("input", "by"),
    "Sort": ("expr",),
    "SortBy": ("expr", "by"),
    "Gather": ("expr", "idx"),
    "Slice": ("input", "offset", "length"),
}
"""The expressions that are understood, each with the attributes that hold its parts."""

_BY_ROW = {"Column", "Literal", "BinaryExpr", "Cast", "Ternary"}
_BY_ROW_FUNCTIONS = {
    *("abs", "negate", "round", "clip", "pow", "sqrt", "exp", "log", "sin", "cos", "radians", "as_struct"),
    *("fill_null", "coalesce", "min_horizontal", "max_horizontal", "sum_horizontal", "replace_strict"),
    *("BooleanFunction.Not", "BooleanFunction.AllHorizontal", "BooleanFunction.AnyHorizontal"),
    *(
        "BooleanFunction.IsNull",
        "BooleanFunction.IsNotNull",
        "BooleanFunction.IsIn",
        "BooleanFunction.IsBetween",
    ),
}
"""Functions of one row. Any other is taken to depend on other rows too, which can only name too many columns."""

_IN_ANY_ORDER = {"min", "max", "sum", "mean", "median", "std", "var", "count", "n_unique"}

_JOINS = {"Left", "Inner", "AsOf", "Full", "Right", "Cross", "Semi", "Anti"}


class _Plan:
    """One reading of a plan; ``inputs`` gives the key of each scan's input."""

    def __init__(self, inputs: Mapping[Any, str]) -> None:
        self._inputs = inputs
        self._shared: dict[int, _Rows] = {}
        self._visitor: Any = None

    def read(self, frame: pl.LazyFrame) -> _Rows:
        self._visitor = _visitor(frame)
        return self._rows(self._visitor.get_node())

    def _rows(self, node: int) -> _Rows:
        self._visitor.set_node(node)
        found, names = self._visitor.view_current_node(), list(self._visitor.get_schema())
        kind = type(found).__name__
        match kind:
            case "PythonScan":
                key = self._inputs.get(found.options[0])
                if key is None:
                    raise _PlanNotFollowed("its function reads what is no input of it")
                return _Rows({name: frozenset({(key, name)}) for name in names})
            case "DataFrameScan":  # a table that the function wrote itself: no input can have been collected
                return _Rows(dict.fromkeys(names, _NONE))
            case "Cache":
                if found.id_ not in self._shared:
                    self._shared[found.id_] = self._rows(found.input)
                return self._shared[found.id_]
            case "Join":
                return self._joined(found, names)
            case "GroupBy":
                return self._grouped(found)
            case "Union":
                return self._stacked([self._rows(part) for part in found.inputs], names)
            # A hint says which order the rows have already; it changes nothing.
            case "MapFunction" if found.function[0] == "hint_sorted":
                return self._rows(found.input)
            case "SimpleProjection" | "Select" | "HStack" | "Filter" | "Sort" | "Slice" | "Distinct":
                return self._narrowed(kind, found, self._rows(found.input), names)
            case _:
                raise _PlanNotFollowed(f"its plan has a step that cannot be followed: {kind}")

    def _narrowed(self, kind: str, found: Any, rows: _Rows, names: Sequence[str]) -> _Rows:
        """Rows after a step on one table that neither adds nor merges rows."""
        columns, there, order = rows.columns, rows.there, rows.order
        match kind:
            case "Select" | "HStack":
                made = found.expr if kind == "Select" else found.exprs
                columns = {**columns, **{one.output_name: self._made(one.node, rows) for one in made}}
            case "Filter":
                there = there | self._made(found.predicate.node, rows)
            case "Slice":
                there = there | order
            case "Distinct":
                there = there | order | rows.of(found.options[1] or names)
            case "Sort":
                by = _NONE.union(*(self._made(one.node, rows) for one in found.by_column))
                order = by | order if found.sort_options[0] else by
                there = there | order if found.slice else there
            case _:
                pass
        return _Rows({name: columns[name] for name in names}, there, order)

    def _stacked(self, parts: Sequence[_Rows], names: Sequence[str]) -> _Rows:
        return _Rows(
            {name: _NONE.union(*(part.columns[name] for part in parts)) for name in names},
            _NONE.union(*(part.there for part in parts)),
            _NONE.union(*(part.order for part in parts)),
        )

    def _grouped(self, found: Any) -> _Rows:
        if found.options.dynamic or found.options.rolling:
            raise _PlanNotFollowed("its plan has a step that cannot be followed: groups by windows of time")
        rows = self._rows(found.input)
        keys = {one.output_name: self._made(one.node, rows) for one in found.keys}
        by = _NONE.union(*keys.values())
        made: dict[str, Columns] = {}
        for one in found.aggs:
            listed = type(self._visitor.view_expression(one.node)).__name__ not in ("Agg", "Len")
            made[one.output_name] = (
                self._made(one.node, rows) | by | rows.there | (rows.order if listed else _NONE)
            )
        return _Rows({**keys, **made}, rows.there | by)

    def _joined(self, found: Any, names: Sequence[str]) -> _Rows:
        left, right = self._rows(found.input_left), self._rows(found.input_right)
        how, _, _, suffix, coalesced, _ = found.options
        keys = {one.output_name for one in found.left_on}
        by = _NONE.union(
            *(self._made(one.node, left) for one in found.left_on),
            *(self._made(one.node, right) for one in found.right_on),
        )
        if isinstance(how, tuple):
            how, _, _, _, left_by, right_by, *_ = how
            by |= left.of(left_by or ()) | right.of(right_by or ())
        if found.predicate is not None or how not in _JOINS:
            raise _PlanNotFollowed(f"its plan has a step that cannot be followed: a join ({how})")
        there = left.there if how == "AsOf" else left.there | right.there | by
        if how in ("Semi", "Anti"):
            return _Rows(left.columns, there, left.order)
        # A row is one of the side that keeps all of its own; what stands beside it was found by the keys.
        beside_left = by | left.there if how in ("Right", "Full") else _NONE
        beside_right = _NONE if how in ("Right", "Cross") else by | right.there
        if how == "AsOf":
            beside_right |= right.order
        columns: dict[str, Columns] = {}
        for name in names:
            if name in left.columns and not (how == "Right" and coalesced and name in keys):
                columns[name] = left.columns[name] | beside_left  # of a full join: by whichever side has it
            else:
                own = name if name in right.columns else name.removesuffix(suffix)
                columns[name] = right.columns[own] | beside_right
        return _Rows(columns, there, right.order if how == "Right" else left.order)

    def _made(self, node: int, rows: _Rows) -> Columns:
        """Columns that an expression over some rows is made of."""
        found = self._visitor.view_expression(node)
        kind = type(found).__name__
        if kind not in _PARTS:
            raise _PlanNotFollowed(f"its plan has an expression that cannot be followed: {kind}")
        if kind == "Column":
            return rows.columns[found.name]
        made = _NONE
        for part in _PARTS[kind]:
            made |= self._all_made(getattr(found, part), rows)
        if kind in _BY_ROW or (kind == "Function" and _by_row(str(found.function_data[0]))):
            return made
        in_any_order = kind in ("Len", "Window", "Filter") or (kind == "Agg" and found.name in _IN_ANY_ORDER)
        return made | rows.there | (_NONE if in_any_order else rows.order)

    def _all_made(self, nodes: int | Sequence[int] | None, rows: _Rows) -> Columns:
        several = nodes if isinstance(nodes, Sequence) else [] if nodes is None else [nodes]
        return _NONE.union(*(self._made(node, rows) for node in several))


def _by_row(function: str) -> bool:
    return function in _BY_ROW_FUNCTIONS or (
        function.startswith(("TemporalFunction.", "StringFunction."))
        and function != "StringFunction.ConcatVertical"
    )


def _scan_of(frame: pl.LazyFrame) -> Any:
    return _visitor(frame).view_current_node().options[0]


def _visitor(frame: pl.LazyFrame) -> Any:
    as_written = pl.QueryOptFlags.none(comm_subplan_elim=True)  # what occurs twice is read once
    plan: Any = frame._ldf.with_optimizations(as_written._pyoptflags).visit()  # pyright: ignore[reportPrivateUsage]
    if plan.version()[0] != PLAN_VERSION:
        raise _PlanNotFollowed(f"polars {pl.__version__} writes its plans in a form that is not known here")
    return plan
