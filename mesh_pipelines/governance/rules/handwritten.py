"""Rules over Dagster assets and checks that a domain writes by hand."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.errors import Violation
from quality.lint.rule import Rule

if (
    TYPE_CHECKING
):  # a domain without hand-written code is judged without Dagster, which takes a second to import
    from dagster import DagsterType, OpDefinition


class HandwrittenAssetsMakeOneTable(Rule[LoadedDomain]):
    """A publish audits what a function returns against one contract; of several tables it could not tell which."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            if node.asset is not None and len(node.asset.keys) > 1:
                yield self.violation(
                    node.place,
                    f"its function makes several tables: {', '.join(sorted(k.path[-1] for k in node.asset.keys))}",
                    "write one @asset a table; what they share can be a plain function",
                )


class HandwrittenAssetsReturnRows(Rule[LoadedDomain]):
    """What a function returns is published: one that says that it returns something else fails at each run."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            outputs = node.asset.node_def.output_defs if node.asset is not None else ()
            if len(outputs) != 1:
                continue
            returned = outputs[0].dagster_type
            if returned.is_nothing or _is_no_frame(returned):
                yield self.violation(
                    node.place,
                    f"its function returns {returned.display_name}, which is no rows",
                    "return a pl.LazyFrame, and say so",
                    node.key,
                )


class HandwrittenCodeTakesLazyFrames(Rule[LoadedDomain]):
    """Inputs are given as lazy frames to an ordinary function: any other fails at each run."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for where, op, about in _functions(domain):
            for given in op.input_defs:
                wanted = given.dagster_type
                if given.input_manager_key or wanted.is_nothing or _is_optional(wanted):
                    continue
                if wanted.typing_type not in (Any, pl.LazyFrame):
                    yield self.violation(
                        where,
                        f"its argument {given.name} is {wanted.display_name}, and it is given a pl.LazyFrame",
                        f"write {given.name}: pl.LazyFrame, and collect it in the function",
                        *about,
                    )
            if _is_asynchronous(op):
                yield self.violation(
                    where,
                    "its function is asynchronous, and nobody awaits it",
                    "write def, without async",
                    *about,
                )


class HandwrittenCodeNeedsNoConfig(Rule[LoadedDomain]):
    """Nobody is asked for configuration when something lands: one field without a default, and no run of it begins."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for where, op, about in _functions(domain):
            if op.config_field is not None and op.config_field.is_required:
                yield self.violation(
                    where,
                    "its configuration has a field without a default",
                    "give each field of its dg.Config a default, or read it from a setting of the domain's own",
                    *about,
                )


def _functions(domain: LoadedDomain) -> Iterator[tuple[str, OpDefinition, tuple[str, ...]]]:
    """Place and definition of each asset and check, and the asset that is not made without it."""
    written = [node for node in domain.nodes.values() if node.asset is not None]
    if not written and not domain.extras:
        return
    from dagster import AssetChecksDefinition, OpDefinition

    for node in written:
        if node.asset is not None and isinstance(node.asset.node_def, OpDefinition):
            yield node.place, node.asset.node_def, (node.key,)
    for extra in domain.extras:
        if isinstance(extra, AssetChecksDefinition) and isinstance(extra.node_def, OpDefinition):
            yield f"{domain.place}: {extra.node_def.name}", extra.node_def, ()


def _is_asynchronous(op: OpDefinition) -> bool:
    function = getattr(op.compute_fn, "decorated_fn", None)
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _is_optional(kind: DagsterType) -> bool:
    from dagster._core.types.dagster_type import DagsterTypeKind

    return kind.kind == DagsterTypeKind.NULLABLE


def _is_no_frame(returned: DagsterType) -> bool:
    """True for a type of Python's own; what is no class, optional, or of a library may be rows."""
    if returned.typing_type is Any or _is_optional(returned):
        return False
    return getattr(returned.typing_type, "__module__", "") in ("builtins", "typing")


class HandwrittenChecksAreKept(Rule[LoadedDomain]):
    """A blocking check stops the readers of what it refuses: it runs with its asset, and leaves one verdict on it."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        keys = {node.key for node in domain.nodes.values()}
        for check in domain.checks:
            where = f"{domain.place}: {check.name}"
            if check.asset not in keys:
                yield self.violation(
                    where,
                    f"is a check on {check.asset}, which is no asset of this domain, so that no run would execute it",
                    f"name one of {', '.join(sorted(domain.nodes))}; what another domain promises is for its contract",
                )
            if not check.alone:
                yield self.violation(
                    where,
                    "its function checks several assets, and cannot check one of them by itself",
                    "write one @dg.asset_check an asset, or say can_subset=True",
                )
            if check.by_partition:
                yield self.violation(
                    where,
                    "is evaluated a partition at a time, and a failure would be forgotten with the next partition",
                    "leave partitions_def out: it is given the whole table",
                )
        for node in domain.nodes.values():
            names = [spec.name for spec in node.asset.check_specs] if node.asset is not None else []
            if names:
                yield self.violation(
                    node.place,
                    f"its function reports checks of its own, which nobody would see: {', '.join(names)}",
                    "write each as a rule of its contract, which holds before it is published, or as @dg.asset_check",
                )
