"""Loading a domain: its package becomes nodes (what it owns and how these hang together), without Dagster.

Nothing raises here for a fault of the domain's: every fault is a violation, so that all of them can be
shown at once.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from inspect import isabstract
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mesh_pipelines.declaring.code_version import code_version
from mesh_pipelines.declaring.declarations import (
    Declaration,
    FeatureSetDeclaration,
    Input,
    ModelDeclaration,
    Port,
    PredictionsDeclaration,
    SourceDeclaration,
    Stage,
)
from mesh_pipelines.declaring.domain_profile import Profile, read_profile
from mesh_pipelines.errors import ContractError, Violation
from mesh_pipelines.planning.verdicts import OwnCheck, own_checks
from quality.contract import Contract, load_contract
from quality.lint.rule import Rule

if TYPE_CHECKING:
    from mesh_pipelines.declaring.model_spec import ModelSpec

PARTITION = "_partition"
"""Partition column of tables whose contract names none: sources and feature sets."""

PROMISING = ("source", "product", "predictions")
"""Stages whose tables have a contract."""

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
        return _checks(self.extras, self.name)

    def lacks_contract(self, node: Node) -> bool:
        """Whether nobody wrote one; one that is there and unsound has been reported as that."""
        name = (node.declaration.contract if node.declaration else None) or node.name
        return node.contract is None and name not in self.unsound


def load_domain(package: str) -> LoadedDomain:
    """Load everything that a domain's package declares.

    Args:
        package: dotted name of the domain's package, e.g. ``domains.weather``.
    """
    root = importlib.import_module(package)
    folder = Path(str(root.__file__)).parent
    profile, violations = read_profile(folder)
    found = list(violations)
    modules = _modules(root)
    usable, unsound = _contracts(folder, _sources(modules))
    contracts = {contract.name: contract for contract in reversed(usable)}  # of two by one name the first
    found += [fault for faults in unsound.values() for fault in faults]
    nodes: dict[str, Node] = {}
    extras: list[Any] = []
    for module in modules:
        for name, value in list(vars(module).items()):
            if isinstance(value, Declaration):
                if value.module != module.__name__ or name.startswith("_"):
                    continue
                node = Node(
                    domain=profile.name,
                    name=name,
                    stage=value.stage,
                    inputs=value.inputs(profile.name),
                    declaration=value,
                    contract=contracts.get(value.contract or name),
                    code_version=code_version(module.__name__, package),
                    file=Path(str(module.__file__)),
                    line=value.first_line,
                )
                if name in nodes:
                    found.append(_twice(node, nodes[name]))
                nodes[name] = node
            elif "dagster" in sys.modules and not name.startswith("_"):
                written = _handwritten(value, profile.name, contracts, module, package)
                for own, node in written.items():
                    if own not in nodes:
                        nodes[own] = node
                    elif nodes[own].asset is not value:  # the same asset may be imported by several modules
                        found.append(_twice(node, nodes[own]))
                if not written and _is_dagster_extra(value) and value not in extras:
                    extras.append(value)
    nodes = _with_checks(_wire(nodes, profile.name), _checks(extras, profile.name))
    return LoadedDomain(
        profile, folder, nodes, tuple(extras), tuple(found), frozenset(unsound), usable, _rules(modules)
    )


def model_spec(node: Node, nodes: Mapping[str, Node]) -> ModelSpec:
    """The full specification of a declared model.

    Args:
        node: the model.
        nodes: its domain's nodes, by name; the feature set gives key and time.
    """
    from mesh_pipelines.declaring.model_spec import ModelSpec

    declared = node.declaration
    assert isinstance(declared, ModelDeclaration)
    features = nodes[declared.features].declaration
    assert isinstance(features, FeatureSetDeclaration)
    return ModelSpec(
        key=node.key,
        features=f"{node.domain}.{declared.features}",
        time=features.time,
        entity=features.key,
        **{name: value for name, value in declared.options.items() if name != "watch"},
    )


def _modules(root: ModuleType) -> list[ModuleType]:
    names = [
        info.name
        for info in pkgutil.iter_modules(root.__path__)
        if info.name != "definitions" and not info.name.startswith(("test", "conftest"))
    ]
    return [importlib.import_module(f"{root.__name__}.{name}") for name in sorted(names)]


def _rules(modules: Iterable[ModuleType]) -> tuple[Rule[LoadedDomain], ...]:
    """One of each rule class that the domain's modules define; a name with an underscore is a base class."""
    return tuple(
        value()
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == module.__name__
        if not (name.startswith("_") or isabstract(value))
    )


def _sources(modules: Iterable[ModuleType]) -> set[str]:
    """Names of the contracts that are about what lands, and so about raw text."""
    return {
        value.contract or name
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, SourceDeclaration)
    }


def _contracts(
    folder: Path, sources: set[str]
) -> tuple[tuple[Contract, ...], dict[str, tuple[Violation, ...]]]:
    """Contracts that can be used, and by name what is wrong with the others."""
    contracts: list[Contract] = []
    unsound: dict[str, tuple[Violation, ...]] = {}
    for file in sorted((folder / "contracts").glob("*.odcs.yaml")):
        name = file.name.removesuffix(".odcs.yaml")
        try:
            contracts.append(load_contract(file, stage="source" if name in sources else "product"))
        except ContractError as error:
            above = f"{folder.parent.parent}/"
            unsound[name] = tuple(
                replace(fault, where=fault.where.removeprefix(above)) for fault in error.violations
            )
    return tuple(contracts), unsound


def _wire(nodes: dict[str, Node], domain: str) -> dict[str, Node]:
    """Add the champion behind each model, and what models and predictions read."""
    wired: dict[str, Node] = {}
    for node in nodes.values():
        declared = node.declaration
        if isinstance(declared, ModelDeclaration):
            features = Input("features", f"{domain}.{declared.features}")
            trained = replace(node, inputs=(features,))
            wired[node.name] = trained
            wired[node.name + CHAMPION] = replace(
                trained,
                name=node.name + CHAMPION,
                stage="champion",
                inputs=(Input("model", node.key), features),
            )
        elif isinstance(declared, PredictionsDeclaration):
            of = nodes.get(declared.model)
            features = of.declaration.features if of and isinstance(of.declaration, ModelDeclaration) else "?"
            wired[node.name] = replace(
                node,
                inputs=(
                    Input("champion", f"{domain}.{declared.model}{CHAMPION}"),
                    Input("features", f"{domain}.{features}"),
                ),
            )
        else:
            wired[node.name] = node
    return wired


def _handwritten(
    value: Any, domain: str, contracts: Mapping[str, Contract], module: ModuleType, package: str
) -> dict[str, Node]:
    from dagster import AssetsDefinition

    if not isinstance(value, AssetsDefinition):
        return {}
    found: dict[str, Node] = {}
    for spec in value.specs:
        name = spec.key.path[-1]
        given = spec.metadata.get("mesh/ports") or {}
        purposes: Mapping[str, str] = getattr(given, "data", given)
        ports = {str(key): Port(str(key), str(purpose)) for key, purpose in purposes.items()}
        inputs = tuple(
            Input(
                dep.asset_key.path[-1],
                _dotted(dep.asset_key.path, domain),
                ports.get(_dotted(dep.asset_key.path, domain)),
            )
            for dep in spec.deps
        )
        stage = str(spec.tags.get("mesh/stage", "product"))
        found[name] = Node(
            domain=domain,
            name=name,
            stage=stage,  # type: ignore[arg-type]
            inputs=inputs,
            contract=contracts.get(name),
            code_version=spec.code_version or code_version(module.__name__, package),
            asset=value,
            file=Path(str(module.__file__)),
            line=_line_of(value),
        )
    return found


def _line_of(asset: Any) -> int:
    """The line at which a hand-written asset's function begins."""
    compute = getattr(asset.node_def, "compute_fn", None) if asset.is_executable else None
    code = getattr(getattr(compute, "decorated_fn", None), "__code__", None)
    return code.co_firstlineno if code else 1


def _dotted(path: Any, domain: str) -> str:
    parts = list(path)
    return ".".join(parts) if len(parts) > 1 else f"{domain}.{parts[0]}"


def _checks(extras: Iterable[Any], domain: str) -> tuple[OwnCheck, ...]:
    return tuple(
        check for extra in extras if hasattr(extra, "check_specs") for check in own_checks(extra, domain)
    )


def _with_checks(nodes: Mapping[str, Node], checks: Iterable[OwnCheck]) -> dict[str, Node]:
    found: dict[str, list[OwnCheck]] = {}
    for check in checks:
        found.setdefault(check.asset, []).append(check)
    return {
        name: replace(node, checks=tuple(found[node.key])) if node.key in found else node
        for name, node in nodes.items()
    }


def _is_dagster_extra(value: Any) -> bool:
    from dagster import AssetChecksDefinition, JobDefinition, ScheduleDefinition, SensorDefinition

    return isinstance(value, (AssetChecksDefinition, JobDefinition, ScheduleDefinition, SensorDefinition))


def _twice(node: Node, first: Node) -> Violation:
    return Violation(
        "NamesAreUnique",
        node.place,
        f"is declared twice, the first time in {first.place.partition(': ')[0]}",
        "give one of them another name: an asset key stands for one thing",
    )
