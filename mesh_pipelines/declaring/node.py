"""The node: one thing that a domain owns, with its stage, inputs and contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from mesh_pipelines.declaring.declarations import (
    Declaration,
    Input,
    ModelDeclaration,
    PredictionsDeclaration,
    Stage,
)
from mesh_pipelines.declaring.domain_profile import DomainProfile
from mesh_pipelines.errors import Violation
from quality.contract import Contract
from quality.lint.rule import Rule

D = TypeVar("D", bound=Declaration)

PARTITION = "_partition"
"""Partition column of tables whose contract names none: sources and feature sets."""

CHAMPION = "_champion"
"""Suffix of a champion's name: ``operations.delay`` has the champion ``operations.delay_champion``."""


@dataclass(frozen=True)
class OwnCheck:
    """A hand-written check.

    Args:
        blocking: true if nothing downstream may run after it refuses.
        alone: true if it can be executed without the other checks of its function.
        by_partition: true if it is evaluated once a partition.
    """

    asset: str
    name: str
    blocking: bool
    step: str
    alone: bool = True
    by_partition: bool = False


@dataclass(frozen=True)
class Node:
    """One thing that a domain owns; one subclass a stage. Inputs are in the order of the function's arguments."""

    stage: ClassVar[Stage]
    promises: ClassVar[bool] = False
    """True if its rows are held to a contract."""
    is_product: ClassVar[bool] = False
    """True if other domains may read it through a port."""
    in_registry: ClassVar[bool] = False
    """True if its versions are kept in the model registry, false if they are tables of the lake."""

    domain: str
    name: str
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
        """File, line and name: ``domains/operations/products.py:12: departures``."""
        file = f"{'/'.join(self.file.parts[-3:])}:{self.line}" if self.file else f"domains/{self.domain}"
        return f"{file}: {self.name}"

    @property
    def partitioned(self) -> bool:
        """True if it is materialized a partition at a time."""
        return False

    @property
    def partition_column(self) -> str | None:
        if self.contract is None or self.contract.partition is None:
            return None
        return self.contract.partition.column or PARTITION

    @property
    def version_of_code(self) -> str:
        """Version of code and contract together: a change means that it has to be published again."""
        promise = self.contract.digest[:12] if self.contract else ""
        return f"{self.code_version}-{promise}" if promise else self.code_version

    @property
    def blocking_checks(self) -> tuple[str, ...]:
        return tuple(check.name for check in self.checks if check.blocking)

    def _key_in_role(self, role: str) -> str:
        return next(given.key for given in self.inputs if given.argument == role)


@dataclass(frozen=True)
class _PartitionedNode(Node):
    promises: ClassVar[bool] = True

    @property
    def partitioned(self) -> bool:
        return bool(self.contract and self.contract.partition)


@dataclass(frozen=True)
class SourceNode(_PartitionedNode):
    """Data from outside, kept raw."""

    stage: ClassVar[Stage] = "source"


@dataclass(frozen=True)
class ProductNode(_PartitionedNode):
    """A data product made by a function of the domain."""

    stage: ClassVar[Stage] = "product"
    is_product: ClassVar[bool] = True


@dataclass(frozen=True)
class FeatureSetNode(Node):
    """Model inputs as known at the time of prediction."""

    stage: ClassVar[Stage] = "features"

    @property
    def partition_column(self) -> str | None:
        return PARTITION


@dataclass(frozen=True)
class RegisteredNode(Node):
    """A node of the model registry: a model, or its champion."""

    in_registry: ClassVar[bool] = True

    @property
    def model_key(self) -> str:
        raise NotImplementedError

    @property
    def features_key(self) -> str:
        """Key of the feature set that the model is trained on."""
        return self._key_in_role("features")

    @property
    def declared(self) -> ModelDeclaration:
        return _as(self.declaration, ModelDeclaration)


@dataclass(frozen=True)
class ModelNode(RegisteredNode):
    """A model: each run trains one version of it."""

    stage: ClassVar[Stage] = "model"

    @property
    def model_key(self) -> str:
        return self.key


@dataclass(frozen=True)
class ChampionNode(RegisteredNode):
    """The version of a model in use."""

    stage: ClassVar[Stage] = "champion"

    @property
    def model_key(self) -> str:
        return self._key_in_role("model")


@dataclass(frozen=True)
class PredictionsNode(Node):
    """The scores of a champion, published as a data product."""

    stage: ClassVar[Stage] = "predictions"
    promises: ClassVar[bool] = True
    is_product: ClassVar[bool] = True

    @property
    def model_key(self) -> str:
        return f"{self.domain}.{self.declared.model}"

    @property
    def features_key(self) -> str:
        """Key of the feature set that is scored."""
        return self._key_in_role("features")

    @property
    def declared(self) -> PredictionsDeclaration:
        return _as(self.declaration, PredictionsDeclaration)


KINDS: Mapping[str, type[Node]] = {
    kind.stage: kind
    for kind in (SourceNode, ProductNode, FeatureSetNode, ModelNode, ChampionNode, PredictionsNode)
}
"""Node class of each stage."""


def _as(declaration: Declaration | None, kind: type[D]) -> D:
    if not isinstance(declaration, kind):
        raise TypeError(f"no {kind.__name__} but {declaration!r}")
    return declaration


@dataclass(frozen=True)
class LoadedDomain:
    """A domain as loaded, with all its violations.

    Args:
        extras: Dagster definitions of the domain's own: checks, schedules, sensors, jobs.
        unsound: names of the contracts that exist and cannot be used; their faults are among the violations.
        contracts: usable contracts in the order of their files, including those of no node.
    """

    profile: DomainProfile
    folder: Path
    nodes: Mapping[str, Node]
    extras: tuple[Any, ...] = ()
    violations: tuple[Violation, ...] = field(default=())
    unsound: frozenset[str] = frozenset()
    contracts: tuple[Contract, ...] = ()
    rules: tuple[Rule[LoadedDomain], ...] = ()
    checks: tuple[OwnCheck, ...] = ()

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def place(self) -> str:
        """Folder relative to that of ``workspace.yaml``: ``domains/operations``."""
        return "/".join(self.folder.parts[-2:])

    def place_of(self, contract: Contract) -> str:
        """File of a contract, relative to the folder of ``workspace.yaml``."""
        return f"{self.place}/contracts/{contract.path.name}"

    @cached_property
    def by_key(self) -> Mapping[str, Node]:
        return {node.key: node for node in self.nodes.values()}

    def has_contract_file(self, node: Node) -> bool:
        """True where the domain wrote a contract for a node, sound or not."""
        name = (node.declaration.contract if node.declaration else None) or node.name
        return node.contract is not None or name in self.unsound
