"""The federation's rules, enforced when a domain loads and over the whole mesh by ``mesh check``.

Each rule is a class: its name is the rule's name, its docstring is why it exists, and every violation it
yields comes with its fix. ``DomainRule`` looks at one domain alone, ``MeshRule`` at all of them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from graphlib import CycleError, TopologicalSorter
from typing import ClassVar

from mesh_pipelines.declaring.declarations import (
    FeatureSetDeclaration,
    ModelDeclaration,
    PredictionsDeclaration,
    TableDeclaration,
)
from mesh_pipelines.declaring.node import PROMISING, LoadedDomain, Node
from mesh_pipelines.errors import DefinitionError, Violation
from mesh_pipelines.governance.agreements import agreement_refusal
from quality.odcs import json_path


class DomainRule:
    """A rule that one domain can be held against by itself."""

    all: ClassVar[list[type[DomainRule]]] = []

    def __init_subclass__(cls) -> None:
        DomainRule.all.append(cls)

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        raise NotImplementedError

    def violation(self, at: Node | str, problem: str, fix: str) -> Violation:
        return Violation(type(self).__name__, at if isinstance(at, str) else at.place, problem, fix)


class EveryProductHasAContract(DomainRule):
    """What is published without a promise cannot be checked, encrypted by class, or trusted."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            if node.stage in PROMISING and domain.lacks_contract(node):
                yield self.violation(
                    node,
                    f"this {node.stage} has no contract",
                    f"write {domain.place}/contracts/{node.name}.odcs.yaml, its schema object named {node.name}",
                )


class ContractNamesItsDomain(DomainRule):
    """A contract is found by its domain and name; a wrong one would promise on behalf of somebody else."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            if node.contract and node.stage != "champion" and node.contract.domain != domain.name:
                yield self.violation(
                    f"{domain.place_of(node.contract)}: domain",
                    f"says {node.contract.domain!r}, but the folder is {domain.name!r}",
                    f"write `domain: {domain.name}`",
                )


class ContractsAreKept(DomainRule):
    """A contract that nothing is held to promises what nobody makes, and its readers would rely on it."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        promising = (node for node in domain.nodes.values() if node.stage in PROMISING)
        kept = {node.contract.path for node in promising if node.contract}
        files: dict[str, str] = {}
        for contract in domain.contracts:
            first = files.setdefault(contract.name, contract.path.name)
            if first != contract.path.name:
                yield self.violation(
                    f"{domain.place_of(contract)}: schema[0].name",
                    f"is the second contract of {contract.name!r}, after {first}, and nothing is held to it",
                    "take one of the two away, or name its schema object as the asset that it is for",
                )
            elif contract.path not in kept:
                yield self.violation(
                    f"{domain.place_of(contract)}: schema[0].name",
                    f"no source, product or predictions of this domain is named {contract.name!r}",
                    "name the schema object as the asset that is to keep it, write that asset, or take the file away",
                )


class DomainsAreDescribed(DomainRule):
    """Who reads a domain's products has to know grain, units and caveats, which no column says."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        file = domain.folder / "README.md"
        if not (file.is_file() and file.read_text(encoding="utf-8", errors="replace").strip()):
            yield self.violation(
                f"{domain.place}/README.md",
                "is empty" if file.is_file() else "the file is missing",
                "write what the domain is for, and of its products grain, units, caveats, and who uses them",
            )


class OwnInputsExist(DomainRule):
    """An asset cannot read what its domain does not have."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            if node.stage in ("model", "champion", "predictions"):
                continue  # what these are made from is for ModelsAreTrainedOnOwnFeatures to say, once
            for wanted in node.inputs:
                owner, _, name = wanted.key.partition(".")
                if owner == domain.name and name not in domain.nodes and not wanted.port:
                    yield self.violation(
                        node,
                        f"reads {wanted.key}, which this domain does not have",
                        f"name one of {', '.join(sorted(domain.nodes)) or 'its assets'}, or ask another domain by "
                        f'`Annotated[pl.LazyFrame, Port("domain.product", purpose="...")]`',
                    )


class OtherDomainsAreReadThroughPorts(DomainRule):
    """Reading another domain's product needs a purpose that its owner agreed to."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            for wanted in node.inputs:
                foreign = wanted.key.partition(".")[0] != domain.name
                if foreign and wanted.port is None:
                    yield self.violation(
                        node,
                        f"reads {wanted.key} of another domain without a port",
                        f'declare `Annotated[pl.LazyFrame, Port("{wanted.key}", purpose="...")]`; a hand-written '
                        f'asset: metadata={{"mesh/ports": {{"{wanted.key}": "the purpose"}}}}',
                    )
                if wanted.port and not foreign:
                    yield self.violation(
                        node,
                        f"reads its own {wanted.key} through a port",
                        "name it as a plain argument",
                    )


class ModelsAreTrainedOnOwnFeatures(DomainRule):
    """A model is trained on a feature set of its domain, and predictions are of a model of it."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            declared = node.declaration
            if (
                isinstance(declared, ModelDeclaration) and node.stage == "model"
            ):  # its champion says nothing else
                features = domain.nodes.get(declared.features)
                if features is None or not isinstance(features.declaration, FeatureSetDeclaration):
                    yield self.violation(
                        node,
                        f"is trained on {declared.features!r}, which is no feature set of this domain",
                        "decorate a function of that name with @feature_set(key=..., time=...)",
                    )
            if isinstance(declared, PredictionsDeclaration):
                of = domain.nodes.get(declared.model)
                if of is None or not isinstance(of.declaration, ModelDeclaration):
                    yield self.violation(
                        node,
                        f"publishes the scores of {declared.model!r}, which is no model of this domain",
                        f"declare `{declared.model} = model(...)`",
                    )


class ModelsAreSound(DomainRule):
    """A model's options are checked when the domain loads, not when training has run for an hour."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        from mesh_pipelines.declaring.load import model_spec

        for node in domain.nodes.values():
            if node.stage != "model" or not isinstance(node.declaration, ModelDeclaration):
                continue
            features = domain.nodes.get(node.declaration.features)
            if features is None or not isinstance(features.declaration, FeatureSetDeclaration):
                continue
            try:
                model_spec(node, domain.by_key)
            except DefinitionError as error:
                for found in error.violations:
                    yield self.violation(node, found.problem, found.fix)
            except TypeError as error:
                yield self.violation(node, f"its options are not sound: {error}", "mend the model(...) call")


class TablesAreReadOneWay(DomainRule):
    """A table is read by watermark as a whole, or by snapshot; its columns have to be promised to be found again."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            declared, contract = node.declaration, node.contract
            if not isinstance(declared, TableDeclaration) or contract is None:
                continue
            cut = contract.partition
            if declared.watermark and cut:
                yield self.violation(
                    node,
                    f"has the watermark {declared.watermark!r}, and its contract cuts it by {cut.every}",
                    "leave the watermark out: only the partitions that changed are read; or take `partitions` away",
                )
            if declared.watermark and declared.watermark not in contract.dtypes:
                yield self.violation(
                    node,
                    f"its watermark {declared.watermark!r} is no column of its contract",
                    f"name one of {', '.join(contract.dtypes)}, or promise it",
                )
            if declared.overlap and not declared.watermark:
                yield self.violation(
                    node,
                    "has an overlap and no watermark",
                    "name the watermark that it is below",
                )
            if cut and not (declared.partition or cut.column):
                yield self.violation(
                    node,
                    f"its contract cuts it by {cut.every}, and nothing says by which column",
                    'name it: sql_source(..., partition="ordered_on")',
                )
            if declared.partition and not cut:
                yield self.violation(
                    node,
                    f"is to be cut by {declared.partition!r}, and its contract has no partitions",
                    "add `partitions` to the contract's customProperties, or leave partition= out",
                )


class PartitionsReachAsFar(DomainRule):
    """A product that ends before what it is made of would leave out the rest of it, and nobody would say so."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        nodes = {node.key: node for node in domain.nodes.values()}
        for node in domain.nodes.values():
            for made_of in (nodes[i.key] for i in node.inputs if i.key in nodes):
                if not (node.partitioned and made_of.partitioned and node.contract and made_of.contract):
                    continue
                own, other = node.contract.partition, made_of.contract.partition
                if own and other and own.until and (not other.until or own.until < other.until):
                    yield self.violation(
                        node,
                        f"its partitions end with {own.until}, those of {made_of.key} are {other.span}",
                        "write the same `until` in both contracts, or leave it out here",
                    )


class HandwrittenAssetsMakeOneTable(DomainRule):
    """The gate audits what a function returns against one contract; of several tables it could not tell which."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            if node.asset is not None and len(node.asset.keys) > 1:
                yield self.violation(
                    node,
                    f"its function makes several tables: {', '.join(sorted(k.path[-1] for k in node.asset.keys))}",
                    "write one @asset a table; what they share can be a plain function",
                )


class HandwrittenChecksAreKept(DomainRule):
    """Nobody may follow what a blocking check refuses: it has to run with its asset, and leave one verdict on it."""

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
                    node,
                    f"its function reports checks of its own, which nobody would see: {', '.join(names)}",
                    "write each as a rule of its contract, which holds before it is published, or as @dg.asset_check",
                )


class NothingIsMadeOfItself(DomainRule):
    """Assets form no circle: what is made from what must be clear."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        circle = _circle(domain.nodes.values())
        if circle:
            yield self.violation(
                domain.nodes[circle[0].partition(".")[2]],
                f"is made of itself: {' -> '.join(circle)}",
                "take one of these inputs away",
            )


@dataclass(frozen=True)
class Circumstances:
    """What rules between domains have to know beside the domains.

    Args:
        today: the day that agreements have to be valid on.
        absent: domains that did not load, for a fault of their own: what they publish is not known.
    """

    today: date
    absent: frozenset[str] = frozenset()


class MeshRule:
    """A rule between domains, which only the whole mesh can be held against."""

    all: ClassVar[list[type[MeshRule]]] = []

    def __init_subclass__(cls) -> None:
        MeshRule.all.append(cls)

    def check(self, domains: Sequence[LoadedDomain], at: Circumstances) -> Iterator[Violation]:
        raise NotImplementedError


class KeysAreUnique(MeshRule):
    """Two code locations with one key: Dagster would silently show the last of them."""

    def check(self, domains: Sequence[LoadedDomain], at: Circumstances | None = None) -> Iterator[Violation]:
        seen: dict[str, LoadedDomain] = {}
        for domain in domains:
            first = seen.setdefault(domain.name, domain)
            if first is not domain:
                yield Violation(
                    "KeysAreUnique",
                    f"workspace.yaml: {domain.name}",
                    f"two entries have the domain {domain.name!r} ({first.place}, {domain.place}), so their assets "
                    "have the same keys",
                    "rename one of the two folders, or take one of the entries away",
                )


class PortsLeadToProducts(MeshRule):
    """A port leads to a product that another domain publishes, under an agreement for that purpose."""

    def check(self, domains: Sequence[LoadedDomain], at: Circumstances) -> Iterator[Violation]:
        owners = {domain.name: domain for domain in domains}
        nodes = {node.key: node for domain in domains for node in domain.nodes.values()}
        for domain in domains:
            for node in domain.nodes.values():
                for wanted in node.inputs:
                    owner, _, name = wanted.key.partition(".")
                    unknown = owner in at.absent or (owner in owners and name in owners[owner].unsound)
                    if wanted.port and not unknown:
                        yield from self._port(domain, node, wanted.key, wanted.port.purpose, nodes, at.today)

    def _port(
        self, domain: LoadedDomain, node: Node, key: str, purpose: str, nodes: Mapping[str, Node], today: date
    ) -> Iterator[Violation]:
        where = node.place
        product = nodes.get(key)
        if product is None:
            products = sorted(k for k, n in nodes.items() if n.stage in ("product", "predictions"))
            yield Violation(
                "PortsLeadToProducts",
                where,
                f"its port leads to {key}, which no domain publishes",
                _nearest(key, products, f"products are: {', '.join(products) or 'none yet'}"),
            )
            return
        if product.stage not in ("product", "predictions") or product.contract is None:
            yield Violation(
                "PortsLeadToProducts",
                where,
                f"its port leads to {key}, a {product.stage}, and only products can be shared",
                f"ask {product.domain} to publish it as a product",
            )
            return
        refusal = agreement_refusal(product.contract.agreements, domain.name, purpose, today)
        if refusal:
            yield Violation(
                "PortsLeadToProducts",
                where,
                f"may not read {key} for {purpose!r}: {refusal}",
                f"ask {product.domain} for it: a role {domain.name!r} in contracts/{product.name}.odcs.yaml with this "
                "purpose and an `until` in the future",
            )


class ContractIdsAreUnique(MeshRule):
    """A contract is known by its id, in this mesh and outside it: two of one id would be taken for one promise."""

    def check(self, domains: Sequence[LoadedDomain], at: Circumstances) -> Iterator[Violation]:
        seen: dict[str, str] = {}
        for domain in domains:
            for contract in domain.contracts:
                place = domain.place_of(contract)
                first = seen.setdefault(contract.id, place)
                if first != place:
                    yield Violation(
                        "ContractIdsAreUnique",
                        f"{place}: id",
                        f"has the id {contract.id!r}, as {first} has",
                        f"give it one of its own, e.g. `id: {domain.name}-{contract.name.replace('_', '-')}`",
                    )


class ColumnsAreMadeOfColumns(MeshRule):
    """What a column is said to be made of exists: a lineage that leads nowhere misleads whoever follows it.

    What lands comes from outside, so a source may say anything. A feature set and a champion promise no columns: they
    have to be there, and may be named as a whole.
    """

    def check(self, domains: Sequence[LoadedDomain], at: Circumstances) -> Iterator[Violation]:
        owners = {domain.name: domain for domain in domains}
        nodes = {node.key: node for domain in domains for node in domain.nodes.values()}
        for domain in domains:
            for contract in (contract for contract in domain.contracts if contract.stage != "source"):
                for number, column in enumerate(contract.columns):
                    for nth, made_of in enumerate(column.sources):
                        owner, name, *_ = (*made_of.split("."), "")
                        unknown = owner in at.absent or (owner in owners and name in owners[owner].unsound)
                        if fault := None if unknown else self._fault(made_of, nodes):
                            place = ("schema", 0, "properties", number, "transformSourceObjects", nth)
                            where = f"{domain.place_of(contract)}: {json_path(place)}"
                            yield Violation("ColumnsAreMadeOfColumns", where, *fault)

    @staticmethod
    def _fault(made_of: str, nodes: Mapping[str, Node]) -> tuple[str, str] | None:
        """Problem and fix."""
        key, column = ".".join(made_of.split(".")[:2]), made_of.split(".", 2)[2:]
        if key not in nodes:
            return (
                f"is said to be made of {made_of}, and nothing in the mesh is named {key}",
                _nearest(key, nodes, "write `domain.asset.column`, or leave it out"),
            )
        promise = nodes[key].contract
        if promise is None:
            return None
        if not column:
            return f"is said to be made of {key}, and not of which column", f"write `{key}.column`"
        if column[0] in promise.dtypes:
            return None
        return (
            f"is said to be made of {made_of}, and {key} has no column {column[0]!r}",
            _nearest(column[0], promise.dtypes, f"its columns are: {', '.join(promise.dtypes)}"),
        )


class LineageHasNoCircle(MeshRule):
    """Products flow both ways between domains, but nothing is made of itself."""

    def check(self, domains: Sequence[LoadedDomain], at: Circumstances) -> Iterator[Violation]:
        nodes = {node.key: node for domain in domains for node in domain.nodes.values()}
        circle = _circle(nodes.values())
        if circle and len({key.partition(".")[0] for key in circle}) > 1:
            yield Violation(
                "LineageHasNoCircle",
                nodes[circle[0]].place,
                f"is made of itself: {' -> '.join(circle)}",
                "take one of these ports away",
            )


def lint_domain(domain: LoadedDomain) -> tuple[Violation, ...]:
    """Hold one domain against every rule that it can be held against by itself.

    Args:
        domain: the domain, as loaded.
    """
    found = list(domain.violations)
    for rule in DomainRule.all:
        found += rule().check(domain)
    return tuple(found)


def lint_mesh(
    domains: Sequence[LoadedDomain], today: date, absent: Iterable[str] = ()
) -> tuple[Violation, ...]:
    """Hold all domains together against the rules between them.

    Args:
        domains: every domain of the workspace that loads.
        today: the day that agreements have to be valid on.
        absent: names of those that do not load.
    """
    at = Circumstances(today, frozenset(absent))
    found: list[Violation] = []
    for rule in MeshRule.all:
        found += rule().check(domains, at)
    return tuple(found)


def _circle(nodes: object) -> list[str]:
    graph = {node.key: [i.key for i in node.inputs] for node in nodes}  # type: ignore[attr-defined]
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def _nearest(word: str, known: Iterable[str], otherwise: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else otherwise
