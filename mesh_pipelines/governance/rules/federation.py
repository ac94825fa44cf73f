"""All domains of a workspace together: the subject of the rules between domains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_pipelines.declaring.node import LoadedDomain, ModelNode, Node

if TYPE_CHECKING:
    from mesh_pipelines.errors import MeshError
    from mesh_pipelines.governance.rules.plans import Planned
    from quality.rule_trial import RuleFault


def _today() -> date:
    return datetime.now(UTC).date()


@dataclass(frozen=True)
class Federation:
    """The domains of a workspace on a day.

    Args:
        today: day on which agreements have to be valid, in UTC.
        absent: names of the domains that did not load; nothing is known of what they publish.
        planned: plans of the functions that a child process has made.
    """

    domains: tuple[LoadedDomain, ...]
    today: date = field(default_factory=_today)
    absent: frozenset[str] = frozenset()
    planned: Mapping[str, Planned] | None = None

    @cached_property
    def nodes(self) -> Mapping[str, Node]:
        return {node.key: node for domain in self.domains for node in domain.nodes.values()}

    @property
    def models(self) -> Iterator[tuple[LoadedDomain, ModelNode]]:
        """Every model with its domain."""
        for domain in self.domains:
            yield from ((domain, node) for node in domain.nodes.values() if isinstance(node, ModelNode))

    @cached_property
    def owners(self) -> Mapping[str, LoadedDomain]:
        return {domain.name: domain for domain in self.domains}

    @cached_property
    def plans(self) -> Mapping[str, Planned]:
        """Every function planned without rows in this process, by key; none where the mesh has a circle."""
        from mesh_pipelines.governance.rules.plans import plan_functions

        return self.planned if self.planned is not None else plan_functions(self.ordered)

    @cached_property
    def ordered(self) -> Sequence[Node]:
        """Nodes, upstream first; none where the mesh has a circle."""
        graph = {key: [i.key for i in node.inputs if i.key in self.nodes] for key, node in self.nodes.items()}
        try:
            return [self.nodes[key] for key in TopologicalSorter(graph).static_order()]
        except CycleError:
            return []

    @cached_property
    def trials(self) -> Mapping[Path, Sequence[RuleFault]]:
        """Faults of the rules of every contract, by its file, tried without data."""
        from quality.try_rules import try_rules
        from resources.settings import get_settings

        contracts = (contract for domain in self.domains for contract in domain.contracts)
        return try_rules(contracts, memory=get_settings().home / "tried_rules.json")

    @cached_property
    def tables(self) -> Mapping[str, MeshError]:
        """The error of each table of a database that its source cannot read, by key."""
        from mesh_pipelines.governance.rules.tables import look_at_tables

        return look_at_tables(self.nodes.values())

    def is_unknown(self, key: str) -> bool:
        """True for a key of an absent domain or with an unsound contract: its readers are not at fault."""
        owner, name, *_ = (*key.split("."), "")
        return owner in self.absent or (owner in self.owners and name in self.owners[owner].unsound)
