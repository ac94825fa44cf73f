"""Rules over what assets read: inputs that exist, ports under an agreement, no circles, tables and partitions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from mesh_pipelines.declaring.declarations import AHEAD, SourceDeclaration, TableDeclaration
from mesh_pipelines.declaring.node import LoadedDomain, Node, PredictionsNode, RegisteredNode
from mesh_pipelines.errors import Violation
from mesh_pipelines.governance.agreements import agreement_refusal
from mesh_pipelines.governance.rules.federation import Federation
from mesh_pipelines.governance.rules.nearest import nearest_or
from mesh_pipelines.landing.pattern import fault_of_pattern
from quality.contract import Partition
from quality.lint.rule import Rule

_SPAN = re.compile(r"\d+ ?(?:s|m|h|d|w|(?:second|minute|hour|day|week)s?)")


class OwnInputsExist(Rule[LoadedDomain]):
    """An asset cannot read what its domain does not have."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            if isinstance(node, RegisteredNode | PredictionsNode):
                continue  # ModelsAreTrainedOnOwnFeatures reports these, once
            for wanted in node.inputs:
                owner, _, name = wanted.key.partition(".")
                if owner == domain.name and name not in domain.nodes and not wanted.port:
                    yield self.violation(
                        node.place,
                        f"reads {wanted.key}, which this domain does not have",
                        f"name one of {', '.join(sorted(domain.nodes)) or 'its assets'}, or ask another domain by "
                        f'`Annotated[pl.LazyFrame, Port("domain.product", purpose="...")]`',
                        node.key,
                    )


class SourcesReadTheirOwnFolder(Rule[LoadedDomain]):
    """Files land in the domain's own folder; a pattern that leaves it would read another domain's."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            declared = node.declaration
            if isinstance(declared, SourceDeclaration) and not isinstance(declared, TableDeclaration):
                if not isinstance(declared.pattern, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                    continue  # NamesAreTexts reports it: annotations are not enforced in a domain
                fault = fault_of_pattern(declared.pattern)
                if fault:
                    yield self.violation(
                        node.place,
                        f"the pattern {declared.pattern!r} {fault}",
                        "name files below the landing folder of the domain, as `orders-{month}.csv`",
                        node.key,
                    )


class OtherDomainsAreReadThroughPorts(Rule[LoadedDomain]):
    """Reading another domain's product needs a purpose that its owner agreed to."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            for wanted in node.inputs:
                foreign = wanted.key.partition(".")[0] != domain.name
                if foreign and wanted.port is None:
                    yield self.violation(
                        node.place,
                        f"reads {wanted.key} of another domain without a port",
                        f'declare `Annotated[pl.LazyFrame, Port("{wanted.key}", purpose="...")]`; a hand-written '
                        f'asset: metadata={{"mesh/ports": {{"{wanted.key}": "the purpose"}}}}',
                        node.key,
                    )
                if wanted.port and not foreign:
                    yield self.violation(
                        node.place,
                        f"reads its own {wanted.key} through a port",
                        "name it as a plain argument",
                        node.key,
                    )


class TablesAreReadOneWay(Rule[LoadedDomain]):
    """A table is read by watermark as a whole, or by snapshot; its contract has the columns that either needs."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            if isinstance(node.declaration, TableDeclaration) and node.contract is not None:
                types = {column.name: column.logical_type for column in node.contract.columns}
                faults = [
                    *_faults_of_table(node.declaration, node.contract.partition, tuple(types)),
                    *_faults_of_watermark(node.declaration, types),
                ]
                for problem, fix in faults:
                    yield self.violation(node.place, problem, fix, node.key)


class PartitionsReachAsFar(Rule[LoadedDomain]):
    """A product that ends before what it is made of would leave out the rest of it without a word."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        nodes = {node.key: node for node in domain.nodes.values()}
        for node in domain.nodes.values():
            for made_of in (nodes[i.key] for i in node.inputs if i.key in nodes):
                if not (node.partitioned and made_of.partitioned and node.contract and made_of.contract):
                    continue
                own, other = node.contract.partition, made_of.contract.partition
                if own and other and own.until and (not other.until or own.until < other.until):
                    yield self.violation(
                        node.place,
                        f"its partitions end with {own.until}, those of {made_of.key} are {other.span}",
                        "write the same `until` in both contracts, or leave it out here",
                        node.key,
                    )


class PartitionsAreOfOneKind(Rule[Federation]):
    """A month made of days would be made of nothing, for no day has its name."""

    def check(self, federation: Federation) -> Iterator[Violation]:
        for node in federation.nodes.values():
            for made_of in (federation.nodes[i.key] for i in node.inputs if i.key in federation.nodes):
                own, other = _cut(node), _cut(made_of)
                if own and other and own.every != other.every:
                    yield self.violation(
                        node.place,
                        f"its contract cuts it by {own.every}, and that of {made_of.key} by {other.every}",
                        "take `partitions` away from its contract (it may then read any), or cut both alike",
                    )


class NothingIsMadeOfItself(Rule[LoadedDomain]):
    """Assets form no circle: what is made from what must be clear."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        if circle := circle_of(domain.nodes.values()):
            yield self.violation(
                domain.nodes[circle[0].partition(".")[2]].place,
                f"is made of itself: {' -> '.join(circle)}",
                "take one of these inputs away",
                *circle,
            )


class KeysAreUnique(Rule[Federation]):
    """Of two code locations with one key, Dagster would silently show the last."""

    def check(self, federation: Federation) -> Iterator[Violation]:
        seen: dict[str, LoadedDomain] = {}
        for domain in federation.domains:
            first = seen.setdefault(domain.name, domain)
            if first is not domain:
                yield self.violation(
                    f"workspace.yaml: {domain.name}",
                    f"two entries have the domain {domain.name!r} ({first.place}, {domain.place}), so their assets "
                    "have the same keys",
                    "rename one of the two folders, or take one of the entries away",
                    domain.name,
                )


class PortsLeadToProducts(Rule[Federation]):
    """A port leads to a product that another domain publishes, under an agreement for that purpose."""

    def check(self, federation: Federation) -> Iterator[Violation]:
        for domain in federation.domains:
            for node in domain.nodes.values():
                for wanted in node.inputs:
                    if wanted.port and not federation.is_unknown(wanted.key):
                        fault = _fault_of_port(domain.name, wanted.key, wanted.port.purpose, federation)
                        if fault:
                            yield self.violation(node.place, *fault, node.key)


class LineageHasNoCircle(Rule[Federation]):
    """Products flow both ways between domains, but nothing is made of itself."""

    def check(self, federation: Federation) -> Iterator[Violation]:
        circle = circle_of(federation.nodes.values())
        if circle and len({key.partition(".")[0] for key in circle}) > 1:
            yield self.violation(
                federation.nodes[circle[0]].place,
                f"is made of itself: {' -> '.join(circle)}",
                "take one of these ports away",
                *circle,
            )


def _cut(node: Node) -> Partition | None:
    return node.contract.partition if node.partitioned and node.contract else None


def _faults_of_table(
    declared: TableDeclaration, cut: Partition | None, columns: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """Problem and fix of each fault in a table's declaration."""
    if declared.watermark and cut:
        yield (
            f"has the watermark {declared.watermark!r}, and its contract cuts it by {cut.every}",
            "leave the watermark out: only the partitions that changed are read; or take `partitions` away",
        )
    if cut and not (declared.partition or cut.column):
        yield (
            f"its contract cuts it by {cut.every}, and nothing says by which column",
            'name it: sql_source(..., partition="ordered_on")',
        )
    if declared.partition and not cut:
        yield (
            f"is to be cut by {declared.partition!r}, and its contract has no partitions",
            "add `partitions` to the contract's customProperties, or leave partition= out",
        )


def _faults_of_watermark(declared: TableDeclaration, types: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Problem and fix of each fault in a table's watermark; ``types``: logical types of its contract's columns."""
    if not declared.watermark:
        if declared.overlap:
            yield "has an overlap and no watermark", "name the watermark that it is below"
        if declared.ahead != AHEAD:
            yield (
                "says how far its watermark may be ahead, and has none",
                "name the watermark, or leave ahead= out",
            )
        return
    kind = types.get(declared.watermark)
    if kind is None:
        yield (
            f"its watermark {declared.watermark!r} is no column of its contract",
            f"name one of {', '.join(types)}, or promise it",
        )
    elif kind not in ("date", "timestamp", "integer", "number"):
        yield (
            f"its watermark {declared.watermark!r} is of the type {kind}, whose order is not one of time",
            "name a column of dates, times or numbers that grows with each change, or leave the watermark out",
        )
    elif kind in ("integer", "number") and declared.ahead != AHEAD:
        yield (
            f"its watermark {declared.watermark!r} is a number, which no clock is compared with",
            "leave ahead= out",
        )
    if not _SPAN.fullmatch(declared.ahead):
        yield (
            f"ahead={declared.ahead!r} is no length of time",
            'write it like "5 minutes", "1 hour" or "2 days"',
        )


def _fault_of_port(reader: str, key: str, purpose: str, federation: Federation) -> tuple[str, str] | None:
    """Problem and fix of a port; None where it leads to a product under an agreement that is in force."""
    product = federation.nodes.get(key)
    if product is None:
        products = sorted(k for k, node in federation.nodes.items() if node.is_product)
        return (
            f"its port leads to {key}, which no domain publishes",
            nearest_or(key, products, f"products are: {', '.join(products) or 'none yet'}"),
        )
    if not product.is_product or product.contract is None:
        return (
            f"its port leads to {key}, a {product.stage}, and only products can be shared",
            f"ask {product.domain} to publish it as a product",
        )
    refusal = agreement_refusal(product.contract.agreements, reader, purpose, federation.today)
    if not refusal:
        return None
    file = f"contracts/{product.name}.odcs.yaml"
    return (
        f"may not read {key} for {purpose!r}: {refusal}",
        f"ask {product.domain} for it: a role {reader!r} in {file} with this purpose and an `until` in the future",
    )


def circle_of(nodes: Iterable[Node]) -> list[str]:
    """Keys of a circle, each made of the next, until the first comes again; empty where there is none."""
    graph = {node.key: [i.key for i in node.inputs] for node in nodes}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
