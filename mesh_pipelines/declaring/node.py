"""The node: one thing that a domain owns, its stage, what it reads, what it promises."""

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
from mesh_pipelines.declaring.domain_profile import Profile
from mesh_pipelines.declaring.own_checks import OwnCheck, checks_among
from mesh_pipelines.errors import Violation
from quality.contract import Contract
from quality.lint.rule import Rule

D = TypeVar("D", bound=Declaration)

PARTITION = "_partition"
"""Partition column of tables whose contract names none: sources and feature sets."""

CHAMPION = "_champion"
"""Ending of a champion's name: the champion of ``operations.delay`` is ``operations.delay_champion``."""


@dataclass(frozen=True)
class Node:
    """One thing that a domain owns. Each kind is a class of its own, which says what only that kind has.

    Args:
        domain: name of the owning domain.
        name: name within the domain.
        inputs: what it reads, in the order of the function's arguments.
        declaration: how the domain declared it; ``None`` for a hand-written Dagster asset.
        contract: its promise, where it makes one.
        code_version: changes when the code that makes it changes.
        asset: the hand-written Dagster asset, if it is one.
        file: the Python file that it is written in.
        line: the line at which it begins there.
        checks: its checks that were written by hand.
    """

    stage: ClassVar[Stage]
    """Its place in the flow, as people and Dagster read it."""
    promises: ClassVar[bool] = False
    """Its rows are held to a contract."""
    is_product: ClassVar[bool] = False
    """Other domains may read it through a port."""
    in_registry: ClassVar[bool] = False
    """Its versions are kept in the model registry; those of other nodes are tables of the lake."""

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
        """It is materialized a partition at a time."""
        return False

    @property
    def partition_column(self) -> str | None:
        """The column by which its table is laid out, if any."""
        if self.contract is None or self.contract.partition is None:
            return None
        return self.contract.partition.column or PARTITION

    @property
    def version_of_code(self) -> str:
        """Code and contract in one: when it changes, what was published has to be made anew."""
        promise = self.contract.digest[:12] if self.contract else ""
        return f"{self.code_version}-{promise}" if promise else self.code_version

    @property
    def blocking_checks(self) -> tuple[str, ...]:
        """Names of its hand-written checks that nothing may follow unless they pass."""
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
    """What lands from outside, kept raw."""

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
    """What the model registry keeps: a model, or the version of it in use."""

    in_registry: ClassVar[bool] = True

    @property
    def model_key(self) -> str:
        """The model itself."""
        raise NotImplementedError

    @property
    def features_key(self) -> str:
        """The feature set that the model is trained on."""
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
    def champion_key(self) -> str:
        """The champion that scores."""
        return self._key_in_role("champion")

    @property
    def model_key(self) -> str:
        """The model of that champion."""
        return f"{self.domain}.{self.declared.model}"

    @property
    def features_key(self) -> str:
        """The feature set that is scored."""
        return self._key_in_role("features")

    @property
    def declared(self) -> PredictionsDeclaration:
        return _as(self.declaration, PredictionsDeclaration)


KINDS: Mapping[str, type[Node]] = {
    kind.stage: kind
    for kind in (SourceNode, ProductNode, FeatureSetNode, ModelNode, ChampionNode, PredictionsNode)
}
"""The kind of node of each stage."""


def _as(declaration: Declaration | None, kind: type[D]) -> D:
    if not isinstance(declaration, kind):
        raise TypeError(f"no {kind.__name__} but {declaration!r}")
    return declaration


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
        rules: rules of its own, which judge it and no other domain.
    """

    profile: Profile
    folder: Path
    nodes: Mapping[str, Node]
    extras: tuple[Any, ...] = ()
    violations: tuple[Violation, ...] = field(default=())
    unsound: frozenset[str] = frozenset()
    contracts: tuple[Contract, ...] = ()
    rules: tuple[Rule[LoadedDomain], ...] = ()

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

    @cached_property
    def by_key(self) -> Mapping[str, Node]:
        """What it owns, by key."""
        return {node.key: node for node in self.nodes.values()}

    def has_contract_file(self, node: Node) -> bool:
        """True where the domain wrote a contract for a node, sound or not."""
        name = (node.declaration.contract if node.declaration else None) or node.name
        return node.contract is not None or name in self.unsound
