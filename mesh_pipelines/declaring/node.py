"""The node: one thing that a domain owns, its stage, what it reads, what it promises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mesh_pipelines.declaring.declarations import (
    Declaration,
    Input,
    Stage,
)
from mesh_pipelines.declaring.domain_profile import Profile
from mesh_pipelines.errors import Violation
from quality.contract import Contract

PARTITION = "_partition"
"""Partition column of tables whose contract names none: sources and feature sets."""

CHAMPION = "_champion"
"""Ending of a champion's name: the champion of ``operations.delay`` is ``operations.delay_champion``."""


@dataclass(frozen=True)
class Node:
    """One thing that a domain owns: a source, product, feature set, model, champion or predictions.

    Args:
        domain: name of the owning domain.
        name: name within the domain.
        stage: where it stands in the flow.
        inputs: what it reads, in the order of the function's arguments.
        declaration: how the domain declared it; ``None`` for a hand-written Dagster asset.
        contract: its promise; sources, products and predictions have one.
        code_version: changes when the code that makes it changes.
        asset: the hand-written Dagster asset, if it is one.
        file: the Python file that it is written in.
        line: the line at which it begins there.
        checks: its checks that were written by hand.
    """

    domain: str
    name: str
    stage: Stage
    inputs: tuple[Input, ...] = ()
    declaration: Declaration | None = None
    contract: Contract | None = None
    code_version: str = ""
    asset: Any = None
    file: Path | None = None
    line: int = 1
    checks: tuple[OwnCheck, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.domain}.{self.name}"

    @property
    def place(self) -> str:
        """Where to look for it: ``domains/operations/products.py:12: departures``."""
        file = f"{'/'.join(self.file.parts[-3:])}:{self.line}" if self.file else f"domains/{self.domain}"
        return f"{file}: {self.name}"

    @property
    def partitioned(self) -> bool:
        """Whether it is materialized a partition at a time."""
        return self.stage in ("source", "product") and bool(self.contract and self.contract.partition)

    @property
    def partition_column(self) -> str | None:
        """The column by which its table is laid out, if any."""
        if self.stage == "features":
            return PARTITION
        if self.contract is None or self.contract.partition is None:
            return None
        return self.contract.partition.column or PARTITION

    @property
    def version_of_code(self) -> str:
        """Code and contract in one: when it changes, what was published has to be made anew."""
        promise = self.contract.digest[:12] if self.contract else ""
        return f"{self.code_version}-{promise}" if promise else self.code_version


@dataclass(frozen=True)
class LoadedDomain:
    """A domain as loaded, with all that is wrong with it.

    Args:
        profile: who owns it.
        folder: where it lives.
        nodes: what it owns, by name, in the order of the flow.
        extras: Dagster definitions of the domain's own: checks, schedules, sensors, jobs.
        violations: every fault found.
        unsound: names of the contracts that are there and cannot be used, for faults that are among these.
        contracts: those that can be used, in the order of their files; also those that no node has.
    """

    profile: Profile
    folder: Path
    nodes: Mapping[str, Node]
    extras: tuple[Any, ...] = ()
    violations: tuple[Violation, ...] = field(default=())
    unsound: frozenset[str] = frozenset()
    contracts: tuple[Contract, ...] = ()

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def place(self) -> str:
        """Its folder, seen from that of ``workspace.yaml``: ``domains/operations``."""
        return "/".join(self.folder.parts[-2:])

    def place_of(self, contract: Contract) -> str:
        """The file of one of its contracts, seen from there."""
        return f"{self.place}/contracts/{contract.path.name}"

    @property
    def checks(self) -> tuple[OwnCheck, ...]:
        """Checks that the domain wrote by hand, whatever asset they are on."""
        return checks_among(self.extras, self.name)

    def lacks_contract(self, node: Node) -> bool:
        """Whether nobody wrote one; one that is there and unsound has been reported as that."""
        name = (node.declaration.contract if node.declaration else None) or node.name
        return node.contract is None and name not in self.unsound


def checks_among(extras: Iterable[Any], domain: str) -> tuple[OwnCheck, ...]:
    """The hand-written checks among Dagster definitions."""
    return tuple(
        check for extra in extras if hasattr(extra, "check_specs") for check in own_checks(extra, domain)
    )


@dataclass(frozen=True)
class OwnCheck:
    """A check that was written by hand.

    Args:
        asset: key of what it looks at, ``domain.name``.
        name: its name there.
        blocking: whether nothing may follow what it refuses.
        step: name of the Dagster op that executes it.
        alone: whether it can be executed without the other checks of its function.
        by_partition: whether it is evaluated once a partition.
    """

    asset: str
    name: str
    blocking: bool
    step: str
    alone: bool = True
    by_partition: bool = False


def own_checks(definition: Any, domain: str) -> tuple[OwnCheck, ...]:
    """The checks in a Dagster definition.

    Args:
        definition: ``dg.AssetChecksDefinition``; it may name an asset as its domain does, without the domain.
        domain: the domain that wrote it.
    """
    specs = tuple(definition.check_specs)
    alone = definition.can_subset or len({spec.asset_key for spec in specs}) == 1
    return tuple(
        OwnCheck(
            ".".join(spec.asset_key.path if len(spec.asset_key.path) > 1 else (domain, *spec.asset_key.path)),
            spec.name,
            spec.blocking,
            step_of(definition, domain),
            alone,
            spec.partitions_def is not None,
        )
        for spec in specs
    )


def step_of(definition: Any, domain: str) -> str:
    """Name of the op that executes a hand-written check; the IO manager knows the reader by its first part.

    Args:
        definition: ``dg.AssetChecksDefinition``.
        domain: the domain that wrote it.
    """
    return f"{domain}__{definition.op.name}"


def blocking(node: Node) -> tuple[str, ...]:
    """Names of the hand-written checks of a node that nothing may follow unless they pass."""
    return tuple(check.name for check in node.checks if check.blocking)


PROMISING = ("source", "product", "predictions")
"""Stages whose tables have a contract."""
