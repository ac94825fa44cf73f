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
