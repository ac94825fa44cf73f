"""Rules over Dagster assets and checks that a domain writes by hand."""

from __future__ import annotations

from collections.abc import Iterator

from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.errors import Violation
from quality.lint.rule import Rule


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
