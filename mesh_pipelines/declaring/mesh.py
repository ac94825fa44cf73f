"""The whole mesh of ``workspace.yaml``: every domain loaded, nodes in the order of their lineage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from mesh_pipelines.declaring.node import LoadedDomain, Node
from mesh_pipelines.errors import DomainError, MeshError, SelectionError, Violation
from quality.yaml_text import YamlFault, read_yaml

_SHOWN = 200


@dataclass(frozen=True)
class Location:
    """One entry of ``workspace.yaml``: a code location, which is a domain."""

    name: str
    module: str

    @property
    def package(self) -> str:
        return self.module.rpartition(".")[0]

    @property
    def domain(self) -> str:
        return self.package.rpartition(".")[2]


@dataclass(frozen=True)
class Mesh:
    """All domains together.

    Args:
        root: the folder of ``workspace.yaml``.
        domains: by name; of a mesh to work with, the sound ones, each without what is refused of it.
        refused: violations of each domain (``name``) or asset (``domain.name``) that was left out for them.
    """

    root: Path
    locations: tuple[Location, ...]
    domains: Mapping[str, LoadedDomain]
    refused: Mapping[str, tuple[Violation, ...]] = field(default_factory=dict[str, tuple[Violation, ...]])

    @property
    def absent(self) -> frozenset[str]:
        """Domains of the workspace that did not load."""
        return frozenset(location.domain for location in self.locations) - set(self.domains)

    @cached_property
    def nodes(self) -> Mapping[str, Node]:
        """Every node by key, upstream first."""
        found = {node.key: node for domain in self.domains.values() for node in domain.nodes.values()}
        graph = {key: [i.key for i in node.inputs if i.key in found] for key, node in found.items()}
        return {key: found[key] for key in TopologicalSorter(graph).static_order()}

    def node(self, key: str) -> Node:
        """The node with a key.

        Raises:
            SelectionError: no domain has it; the message names the nearest.
            DomainError: it, or its whole domain, breaks rules of the federation.
        """
        if key in self.nodes:
            return self.nodes[key]
        if refusal := self.refusal(key):
            raise DomainError(key, refusal)
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
        """What was left out of one domain: itself, or some of its assets."""
        return {key: found for key, found in self.refused.items() if key.partition(".")[0] == domain}

    def select(self, selection: Iterable[str]) -> list[Node]:
        """Nodes of a selection and everything upstream of them, upstream first.

        Args:
            selection: keys (``domain.name``) or domains; empty means everything.
        """
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
    """Read the code locations from ``workspace.yaml`` in a folder.

    Raises:
        MeshError: the file is missing or has an entry that is no Python module.
    """
    from resources.settings import get_settings

    file = root / "workspace.yaml"
    try:
        document: Any = read_yaml(file, aliased=get_settings().yaml_aliases)[0]
        entries: Any = (document or {}).get("load_from") or []
    except FileNotFoundError:
        raise MeshError(
            "there is no workspace.yaml",
            where=str(root),
            remedy="run from the folder that holds it, or below",
        ) from None
    except YamlFault as fault:
        raise MeshError(
            f"is not a workspace: {fault.problem}", where="workspace.yaml", remedy=fault.fix
        ) from None
    except (AttributeError, OSError) as error:
        raise MeshError(
            f"is not a workspace: {error}", where="workspace.yaml", remedy="mend the syntax"
        ) from None
    if not isinstance(entries, list):
        raise MeshError(
            "is not a workspace: load_from is no list",
            where="workspace.yaml",
            remedy="list its code locations",
        )
    locations: list[Location] = []
    for entry in entries:
        module = entry.get("python_module") if isinstance(entry, dict) else None
        if isinstance(module, str):
            module = {"module_name": module}
        name = module.get("module_name") if isinstance(module, dict) else None
        if not isinstance(module, dict) or not isinstance(name, str) or "." not in name:
            raise MeshError(
                f"cannot read the entry {repr(entry)[:_SHOWN]}",
                where="workspace.yaml",
                remedy="each domain is a python_module entry, e.g. module_name: domains.weather.definitions",
            )
        locations.append(Location(module.get("location_name", name.split(".")[-2]), name))
    return tuple(locations)
