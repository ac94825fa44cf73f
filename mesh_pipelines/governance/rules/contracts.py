"""Rules over contracts and descriptions: every promise has a file, an asset that keeps it, and columns that exist."""

from __future__ import annotations

from collections.abc import Iterator

from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.errors import Violation
from mesh_pipelines.governance.rules.federation import Federation
from mesh_pipelines.governance.rules.nearest import nearest_or
from quality.lint.rule import Rule
from quality.odcs import json_path


class EveryProductHasAContract(Rule[LoadedDomain]):
    """What is published without a promise cannot be checked, encrypted by class, or trusted."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            if node.promises and not domain.has_contract_file(node):
                yield self.violation(
                    node.place,
                    f"this {node.stage} has no contract",
                    f"write {domain.place}/contracts/{node.name}.odcs.yaml, its schema object named {node.name}",
                    node.key,
                )


class ContractNamesItsDomain(Rule[LoadedDomain]):
    """A contract is found by its domain and name; with a wrong domain it would promise for another team."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            if node.contract and node.contract.domain != domain.name:
                yield self.violation(
                    f"{domain.place_of(node.contract)}: domain",
                    f"says {node.contract.domain!r}, but the folder is {domain.name!r}",
                    f"write `domain: {domain.name}`",
                    node.key,
                )


class ContractsAreKept(Rule[LoadedDomain]):
    """A contract without an asset promises what nobody makes, and its readers would rely on it."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        promising = (node for node in domain.nodes.values() if node.promises)
        kept = {node.contract.path for node in promising if node.contract}
        files: dict[str, str] = {}
        for contract in domain.contracts:
            first = files.setdefault(contract.name, contract.path.name)
            if first != contract.path.name:
                yield self.violation(
                    f"{domain.place_of(contract)}: schema[0].name",
                    f"is the second contract of {contract.name!r}, after {first}, and nothing is held to it",
                    "take one of the two away, or name its schema object as the asset that it is for",
                    f"{domain.name}.{contract.name}",
                )
            elif contract.path not in kept:
                yield self.violation(
                    f"{domain.place_of(contract)}: schema[0].name",
                    f"no source, product or predictions of this domain is named {contract.name!r}",
                    "name the schema object as the asset that is to keep it, write that asset, or take the file away",
                    f"{domain.name}.{contract.name}",
                )


class DomainsAreDescribed(Rule[LoadedDomain]):
    """Readers of a domain's products have to know grain, units and caveats, which no column says."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        file = domain.folder / "README.md"
        if not (file.is_file() and file.read_text(encoding="utf-8", errors="replace").strip()):
            yield self.violation(
                f"{domain.place}/README.md",
                "is empty" if file.is_file() else "the file is missing",
                "write what the domain is for, and of its products grain, units, caveats, and who uses them",
            )


class ContractIdsAreUnique(Rule[Federation]):
    """A contract is known by its id, in this mesh and outside it: two of one id would be taken for one promise."""

    def check(self, federation: Federation) -> Iterator[Violation]:
        seen: dict[str, str] = {}
        for domain in federation.domains:
            # Of two by one name ContractsAreKept refuses the second, and one mend puts both faults right.
            names: set[str] = set()
            for contract in domain.contracts:
                if contract.name in names:
                    continue
                names.add(contract.name)
                place = domain.place_of(contract)
                first = seen.setdefault(contract.id, place)
                if first != place:
                    yield self.violation(
                        f"{place}: id",
                        f"has the id {contract.id!r}, as {first} has",
                        f"give it one of its own, e.g. `id: {domain.name}-{contract.name.replace('_', '-')}`",
                        f"{domain.name}.{contract.name}",
                    )


class ColumnsAreMadeOfColumns(Rule[Federation]):
    """The origins that a contract names for a column exist: a lineage that leads nowhere misleads its readers.

    A source may name anything. A feature set and a champion promise no columns and are named as a whole.
    """

    def check(self, federation: Federation) -> Iterator[Violation]:
        for domain in federation.domains:
            for contract in (contract for contract in domain.contracts if not contract.is_source):
                for number, column in enumerate(contract.columns):
                    for nth, origin in enumerate(column.sources):
                        if fault := _fault_of_origin(origin, federation):
                            steps = ("schema", 0, "properties", number, "transformSourceObjects", nth)
                            place, key = (
                                f"{domain.place_of(contract)}: {json_path(steps)}",
                                f"{domain.name}.{contract.name}",
                            )
                            yield self.violation(place, *fault, key)


class RelationsLeadToColumns(Rule[Federation]):
    """A relationship leads to a column of a product: a reader who joins by it would find nothing."""

    def check(self, federation: Federation) -> Iterator[Violation]:
        for domain in federation.domains:
            for contract in domain.contracts:
                for path, reference in contract.references:
                    *owner, name, column = reference.split(".")
                    key = f"{owner[0] if owner else domain.name}.{name}"
                    if key == f"{domain.name}.{contract.name}" or federation.is_unknown(key):
                        continue
                    if fault := _fault_of_origin(f"{key}.{column}", federation, "refers to"):
                        yield self.violation(f"{domain.place_of(contract)}: {path}", *fault)


def _fault_of_origin(
    origin: str, federation: Federation, says: str = "is declared to be made of"
) -> tuple[str, str] | None:
    """Problem and fix of an origin, ``domain.asset.column``; None where it exists or nothing is known of it."""
    if federation.is_unknown(origin):
        return None
    key, column = ".".join(origin.split(".")[:2]), origin.split(".", 2)[2:]
    if key not in federation.nodes:
        return (
            f"{says} {origin}, and nothing in the mesh is named {key}",
            nearest_or(key, federation.nodes, "write `domain.asset.column`, or leave it out"),
        )
    promise = federation.nodes[key].contract
    if promise is None:
        return None
    if not column:
        return f"{says} {key}, and not of which column", f"write `{key}.column`"
    if column[0] in promise.dtypes:
        return None
    return (
        f"{says} {origin}, and {key} has no column {column[0]!r}",
        nearest_or(column[0], promise.dtypes, f"its columns are: {', '.join(promise.dtypes)}"),
    )
