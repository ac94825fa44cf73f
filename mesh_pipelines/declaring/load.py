"""Load a domain: its package becomes nodes and the edges between them, without Dagster.

A fault of the domain is a violation, never an exception, so that all faults can be shown at once.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
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
    PredictionsDeclaration,
    SourceDeclaration,
)
from mesh_pipelines.declaring.domain_profile import read_profile
from mesh_pipelines.declaring.handwritten import handwritten_nodes, is_dagster_extra
from mesh_pipelines.declaring.node import (
    CHAMPION,
    KINDS,
    ChampionNode,
    LoadedDomain,
    ModelNode,
    Node,
    OwnCheck,
    PredictionsNode,
    RegisteredNode,
)
from mesh_pipelines.declaring.own_checks import checks_among
from mesh_pipelines.errors import ContractError, DefinitionError, Violation
from quality.contract import Contract, load_contract
from quality.lint.rule import Rule

if TYPE_CHECKING:
    from mesh_pipelines.declaring.model_spec import ModelSpec


def load_domain(package: str) -> LoadedDomain:
    """Load all declarations of a domain's package."""
    from resources.settings import get_settings

    root = importlib.import_module(package)
    folder, aliased = Path(str(root.__file__)).parent, get_settings().yaml_aliases
    profile, violations = read_profile(folder, aliased=aliased)
    found = list(violations)
    modules = _modules(root)
    usable, unsound = _contracts(folder, _sources(modules), aliased)
    contracts = {contract.name: contract for contract in reversed(usable)}  # of two by one name the first
    nodes: dict[str, Node] = {}
    extras: list[Any] = []
    for module in modules:
        for name, value in list(vars(module).items()):
            if isinstance(value, Declaration):
                if value.module != module.__name__ or name.startswith("_"):
                    continue
                kind = KINDS[value.stage]
                node = kind(
                    domain=profile.name,
                    name=name,
                    inputs=value.inputs(profile.name),
                    declaration=value,
                    contract=contracts.get(value.contract or name) if kind.promises else None,
                    code_version=code_version(module.__name__, package),
                    file=Path(str(module.__file__)),
                    line=value.first_line,
                )
                if name in nodes:
                    found.append(_twice(node, nodes[name]))
                nodes[name] = node
            elif "dagster" in sys.modules and not name.startswith("_"):
                written = handwritten_nodes(value, profile.name, contracts, module, package)
                for own, node in written.items():
                    if own not in nodes:
                        nodes[own] = node
                    elif nodes[own].asset is not value:  # the same asset may be imported by several modules
                        found.append(_twice(node, nodes[own]))
                if not written and is_dagster_extra(value) and value not in extras:
                    extras.append(value)
    found += _about_their_assets(unsound, nodes, profile.name)
    checks = checks_among(extras, profile.name)
    nodes = _with_checks(_wire(nodes, profile.name), checks)
    return LoadedDomain(
        profile,
        folder,
        nodes,
        tuple(extras),
        tuple(found),
        frozenset(unsound),
        usable,
        _rules(modules),
        checks,
    )


def model_spec(node: Node, nodes: Mapping[str, Node]) -> ModelSpec:
    """The full specification of a declared model; DefinitionError with all faults of its options."""
    from mesh_pipelines.declaring.model_spec import ModelSpec

    assert isinstance(node, RegisteredNode | PredictionsNode)
    model = nodes[node.model_key]
    assert isinstance(model, ModelNode)
    declared = model.declared
    features = nodes[model.features_key].declaration
    assert isinstance(features, FeatureSetDeclaration)
    faults, known = list(_faults_of_options(declared)), _known_options()
    try:
        spec = ModelSpec(
            key=node.model_key,
            features=model.features_key,
            time=features.time,
            entity=features.key,
            **{n: value for n, value in declared.options.items() if n in known and n != "watch"},
        )
    except DefinitionError as error:
        raise DefinitionError(f"model {node.model_key}", [*faults, *error.violations]) from error
    if faults:
        raise DefinitionError(f"model {node.model_key}", faults)
    return spec


def _known_options() -> list[str]:
    from mesh_pipelines.declaring.model_spec import ModelSpec

    given = {"key", "features", "time", "entity", "labels"}
    return sorted({one.name for one in fields(ModelSpec)} - given | {"watch"})


def _faults_of_options(declared: ModelDeclaration) -> Iterator[Violation]:
    from mesh_pipelines.declaring.watch import Watch

    known = _known_options()
    for name in (name for name in declared.options if name not in known):
        near = get_close_matches(name.replace("_", ""), known, n=1)
        fix = f"did you mean {near[0]}=?" if near else f"a model has: {', '.join(known)}"
        yield Violation("OptionsAreKnown", declared.module, f"it has no option {name}=", fix)
    watch = declared.options.get("watch")
    if watch is not None and not isinstance(watch, Watch):
        yield Violation("OptionsAreTyped", declared.module, f"watch is {watch!r:.60}", "write a Watch(...)")


def _modules(root: ModuleType) -> list[ModuleType]:
    names = [
        info.name
        for info in pkgutil.iter_modules(root.__path__)
        if info.name != "definitions" and not info.name.startswith(("test", "conftest"))
    ]
    return [importlib.import_module(f"{root.__name__}.{name}") for name in sorted(names)]


def _rules(modules: Iterable[ModuleType]) -> tuple[Rule[LoadedDomain], ...]:
    """One instance of each rule class that the domain's modules define; a leading underscore marks a base class."""
    return tuple(
        value()
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == module.__name__
        if not (name.startswith("_") or isabstract(value))
    )


def _sources(modules: Iterable[ModuleType]) -> set[str]:
    return {
        value.contract or name
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, SourceDeclaration)
    }


def _contracts(
    folder: Path, sources: set[str], aliased: int
) -> tuple[tuple[Contract, ...], dict[str, tuple[Violation, ...]]]:
    contracts: list[Contract] = []
    unsound: dict[str, tuple[Violation, ...]] = {}
    for file in sorted((folder / "contracts").glob("*.odcs.yaml")):
        name = file.name.removesuffix(".odcs.yaml")
        try:
            stage = "source" if name in sources else "product"
            contracts.append(load_contract(file, stage=stage, aliased=aliased))
        except ContractError as error:
            above = f"{folder.parent.parent}/"
            unsound[name] = tuple(
                replace(fault, where=fault.where.removeprefix(above)) for fault in error.violations
            )
    return tuple(contracts), unsound


def _about_their_assets(
    unsound: Mapping[str, tuple[Violation, ...]], nodes: Mapping[str, Node], domain: str
) -> Iterator[Violation]:
    """Faults of contracts, each about the assets that its contract is for; about its own name where there is none."""
    for contract, faults in unsound.items():
        keys = tuple(
            node.key
            for node in nodes.values()
            if node.promises
            and ((node.declaration.contract if node.declaration else None) or node.name) == contract
        )
        for fault in faults:
            yield replace(fault, about=keys or (f"{domain}.{contract}",))


def _wire(nodes: dict[str, Node], domain: str) -> dict[str, Node]:
    wired: dict[str, Node] = {}
    for node in nodes.values():
        declared = node.declaration
        if isinstance(declared, ModelDeclaration):
            features = Input("features", f"{domain}.{declared.features}")
            wired[node.name] = replace(node, inputs=(features,))
            if node.name + CHAMPION in nodes:
                continue  # a rule refuses whatever is declared by the name of a champion
            wired[node.name + CHAMPION] = ChampionNode(
                domain=domain,
                name=node.name + CHAMPION,
                inputs=(Input("model", node.key, registered=True), features),
                declaration=declared,
                code_version=node.code_version,
                file=node.file,
                line=node.line,
            )
        elif isinstance(declared, PredictionsDeclaration):
            of = nodes.get(declared.model)
            features = of.declaration.features if of and isinstance(of.declaration, ModelDeclaration) else "?"
            wired[node.name] = replace(
                node,
                inputs=(
                    Input("champion", f"{domain}.{declared.model}{CHAMPION}", registered=True),
                    Input("features", f"{domain}.{features}"),
                ),
            )
        else:
            wired[node.name] = node
    return wired


def _with_checks(nodes: Mapping[str, Node], checks: Iterable[OwnCheck]) -> dict[str, Node]:
    found: dict[str, list[OwnCheck]] = {}
    for check in checks:
        found.setdefault(check.asset, []).append(check)
    return {
        name: replace(node, checks=tuple(found[node.key])) if node.key in found else node
        for name, node in nodes.items()
    }


def _twice(node: Node, first: Node) -> Violation:
    return Violation(
        "NamesAreUnique",
        node.place,
        f"is declared twice, the first time in {first.place.partition(': ')[0]}",
        "give one of them another name: an asset key stands for one thing",
        (node.key,),
    )
