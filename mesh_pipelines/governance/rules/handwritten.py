"""Rules over Dagster assets and checks that a domain writes by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dagster import AssetChecksDefinition, DagsterType, OpDefinition
from dagster._core.types.dagster_type import DagsterTypeKind

from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.errors import Violation
from quality.lint.rule import Rule

if TYPE_CHECKING:
    from dagster._core.definitions.node_definition import NodeDefinition


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


class HandwrittenCodeNeedsNoConfig(Rule[LoadedDomain]):
    """Nobody is asked for configuration when something lands: one field without a default, and no run of it begins."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            if node.asset is not None and _needs_config(node.asset.node_def):
                yield self.violation(node.place, _PROBLEM, _FIX, node.key)
        for extra in domain.extras:
            if isinstance(extra, AssetChecksDefinition) and _needs_config(extra.node_def):
                yield self.violation(f"{domain.place}: {extra.node_def.name}", _PROBLEM, _FIX)


def _is_no_frame(returned: DagsterType) -> bool:
    """True for a type of Python's own; what is no class, optional, or of a library may be rows."""
    if returned.typing_type is Any or returned.kind == DagsterTypeKind.NULLABLE:
        return False
    return getattr(returned.typing_type, "__module__", "") in ("builtins", "typing")


_PROBLEM = "its configuration has a field without a default"
_FIX = "give each field of its dg.Config a default, or read it from a setting of the domain's own"


def _needs_config(op: NodeDefinition) -> bool:
    return isinstance(op, OpDefinition) and op.has_config_field and op.config_field.is_required


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
