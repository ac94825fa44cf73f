"""The whole mesh of ``workspace.yaml``: every domain loaded, nodes in the order of their lineage."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path

from mesh_pipelines.declaring.node import LoadedDomain, Node
from mesh_pipelines.declaring.workspace import Location, read_entries
from mesh_pipelines.errors import DomainError, SelectionError, Violation


@dataclass(frozen=True)
class Mesh:
    """All domains together.

    Args:
        domains: by name; of a mesh to work with, the sound ones, each without what is refused of it.
        refused: violations of each domain (``name``) or asset (``domain.name``) that was left out for them.
        unread: names of the entries of ``workspace.yaml`` that are refused.
    """

    root: Path
    locations: tuple[Location, ...]
    domains: Mapping[str, LoadedDomain]
    refused: Mapping[str, tuple[Violation, ...]] = field(default_factory=dict[str, tuple[Violation, ...]])
    unread: frozenset[str] = frozenset()

    @property
    def absent(self) -> frozenset[str]:
        return (self.unread | {location.domain for location in self.locations}) - set(self.domains)

    @cached_property
    def nodes(self) -> Mapping[str, Node]:
        """Every node by key, upstream first."""
        found = {node.key: node for domain in self.domains.values() for node in domain.nodes.values()}
        graph = {key: [i.key for i in node.inputs if i.key in found] for key, node in found.items()}
        return {key: found[key] for key in TopologicalSorter(graph).static_order()}

    def node(self, key: str) -> Node:
        """The node with a key.

        Raises:
            SelectionError: no domain has it; the message names the nearest, or says that it is a domain.
            DomainError: it, or its whole domain, breaks rules of the federation.
        """
        if key in self.nodes:
            return self.nodes[key]
        if refusal := self.refusal(key):
            raise DomainError(key, refusal)
        if key in self.domains:
            own = self.domains[key].by_key
            such = f", such as {next(iter(own))}" if own else ""
            raise SelectionError(f"{key!r} is a domain", remedy=f"write it as domain.name{such}")
        from difflib import get_close_matches

        close = get_close_matches(key, [*self.nodes, *self.domains], n=1, cutoff=0.4)
        raise SelectionError(
            f"nothing in the mesh is named {key!r}",
            remedy=f"did you mean {close[0]}?" if close else f"domains are: {', '.join(self.domains)}",
        )

    def refusal(self, item: str) -> tuple[Violation, ...]:
        """Violations for which a domain or asset was left out; none where it was not."""
        return self.refused.get(item) or self.refused.get(item.partition(".")[0], ())

    def refused_of(self, domain: str) -> dict[str, tuple[Violation, ...]]:
        """Violations for which one domain, or any of its assets, was left out."""
        return {key: found for key, found in self.refused.items() if key.partition(".")[0] == domain}

    def refused_in(self, selection: Collection[str]) -> dict[str, tuple[Violation, ...]]:
        """Violations by what was left out of a selection of keys and domains; of the whole mesh where it is empty."""
        if not selection:
            return dict(self.refused)
        found: dict[str, tuple[Violation, ...]] = {}
        for item in selection:
            if refusal := self.refusal(item):
                found[item] = refusal
            elif item in self.domains:
                found |= self.refused_of(item)
        return found

    def select(self, selection: Iterable[str]) -> list[Node]:
        """Nodes of a selection (keys or domains; empty: everything) and all nodes upstream of them, upstream first."""
        wanted = list(selection)
        if not wanted:
            return list(self.nodes.values())
        keep: set[str] = set()
        waiting: list[str] = []
        for item in wanted:
            waiting += (
                [n.key for n in self.domains[item].nodes.values()]
                if item in self.domains
                else [self.node(item).key]
            )
        while waiting:
            key = waiting.pop()
            if key not in keep and key in self.nodes:
                keep.add(key)
                waiting += [i.key for i in self.nodes[key].inputs]
        return [node for key, node in self.nodes.items() if key in keep]


def read_workspace(root: Path) -> tuple[Location, ...]:
    """The code locations of ``workspace.yaml`` in a folder; entries that are none are left out.

    Raises MeshError: the file is missing, or is as a whole no list of entries.
    """
    return read_entries(root).locations
