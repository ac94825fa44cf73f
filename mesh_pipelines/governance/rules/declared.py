"""Rules over words of declarations that are one of a few, which Python does not hold them to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from mesh_pipelines.declaring.declarations import (
    CsvDialect,
    FeatureSetDeclaration,
    History,
    PredictionsDeclaration,
    SourceDeclaration,
    TableDeclaration,
)
from mesh_pipelines.declaring.node import LoadedDomain, Node
from mesh_pipelines.errors import Violation
from mesh_pipelines.governance.rules.nearest import nearest_or
from mesh_pipelines.landing.pattern import PARTITIONS
from quality.lint.rule import Rule


class WordsAreKnown(Rule[LoadedDomain]):
    """A dialect or a kind of history that is misspelt would be taken for another one, or fail the run."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            for argument, given, known in _words(node):
                if given not in known:
                    fix = nearest_or(str(given), known, f"write one of {', '.join(map(repr, known))}")
                    yield self.violation(node.place, f"{argument}={given!r} is not known", fix, node.key)


class NamesAreTexts(Rule[LoadedDomain]):
    """Tables, columns and files are named by texts that are not empty."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            for argument, given in _names(node):
                if not isinstance(given, str) or not given.strip():
                    yield self.violation(
                        node.place,
                        f"{argument}={given!r} names nothing",
                        f"write {argument} as a text",
                        node.key,
                    )


class PatternsFitContracts(Rule[LoadedDomain]):
    """Files carry the partition in their names: a pattern of days finds no month of the contract's."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            declared, cut = node.declaration, node.contract.partition if node.contract else None
            if (
                not isinstance(declared, SourceDeclaration)
                or isinstance(declared, TableDeclaration)
                or cut is None
            ):
                continue
            found = [every for every in PARTITIONS if f"{{{every}}}" in str(declared.pattern)]
            if found != [cut.every] and (found or cut.column is None):
                names = f"by {found[0]}" if found else "by nothing"
                yield self.violation(
                    node.place,
                    f"the pattern {declared.pattern!r} cuts its files {names}, and its contract by {cut.every}",
                    f"write {{{cut.every}}} into the pattern, or mend `partitions` of the contract",
                    node.key,
                )


def _words(node: Node) -> Iterator[tuple[str, object, tuple[str, ...]]]:
    """Argument, word and known words of each choice that a declaration makes."""
    declared = node.declaration
    if isinstance(declared, SourceDeclaration) and not isinstance(declared, TableDeclaration):
        yield "dialect", declared.dialect, get_args(CsvDialect)
    if isinstance(declared, PredictionsDeclaration):
        yield "history", declared.history, get_args(History)


def _names(node: Node) -> Iterator[tuple[str, object]]:
    declared = node.declaration
    if isinstance(declared, TableDeclaration):
        yield "table", declared.table
        yield "database", declared.database
    elif isinstance(declared, SourceDeclaration):
        yield "pattern", declared.pattern
    if isinstance(declared, FeatureSetDeclaration):
        yield "time", declared.time
        yield from (("key", name) for name in declared.key or ("",))
    for wanted in node.inputs:
        if wanted.port is not None:
            yield "purpose", wanted.port.purpose
