"""Rules over the names of domains and of what they own: they become keys, folders, ops and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mesh_pipelines.declaring.node import CHAMPION, ChampionNode, LoadedDomain, ModelNode
from mesh_pipelines.errors import Violation
from quality.lint.rule import Rule

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*_?\Z")


class NamesAreKeys(Rule[LoadedDomain]):
    """Folders on some file systems ignore case, and two underscores part a key from the tables beside it."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        fix = "write lower-case letters a to z, digits, and single underscores between them"
        if not _NAME.match(domain.name):
            yield self.violation(domain.place, f"`{domain.name}` is no name of a domain", fix)
        for node in domain.nodes.values():
            if not _NAME.match(node.name):
                yield self.violation(node.place, f"`{node.name}` is no name of a {node.stage}", fix)


class ChampionsKeepTheirNames(Rule[LoadedDomain]):
    """A model's champion has a key of its own, which nothing else may have."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            own = domain.nodes.get(node.name + CHAMPION)
            if isinstance(node, ModelNode) and not isinstance(own, ChampionNode):
                yield self.violation(
                    own.place if own else node.place,
                    f"`{node.name}{CHAMPION}` is the name of the champion of {node.key}",
                    "give it another name",
                )
