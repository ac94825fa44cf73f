"""The lag of what is published behind what landed, and behind its own promise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mesh_pipelines.declaring.node import Node, SourceNode
from mesh_pipelines.planning.attempts import is_refused
from mesh_pipelines.planning.durations import days_or_hours
from mesh_pipelines.planning.facts import Facts, partitions_in
from mesh_pipelines.planning.plan import plan
from mesh_pipelines.planning.step import Step

if TYPE_CHECKING:
    from resources.lake.publication import Publication


@dataclass(frozen=True)
class Lags:
    """Lags of products and models at one moment."""

    steps: Mapping[str, Step]
    facts: Facts
    now: datetime

    @classmethod
    def at(cls, nodes: Sequence[Node], facts: Facts, now: datetime) -> Lags:
        """Plan some nodes, given upstream first, with all that is upstream of them."""
        return cls({step.key: step for step in plan(nodes, facts).steps}, facts, now)

    def of(self, node: Node, trained_until: str = "", trained_at: datetime | None = None) -> Lag:
        """The lag of one product or model."""
        sources = [found for found in self._upstream(node) if isinstance(found, SourceNode)]
        waiting = [self.steps[source.key] for source in sources if source.key in self.steps]
        there = [name for source in sources for name in partitions_in(self.facts.of(source.key))]
        landed = {*there, *(name for step in waiting for name in step.partitions or ())}
        published = partitions_in(self.facts.of(node.key)) if not node.in_registry else {}
        return Lag(
            landed_until=max(landed, default=""),
            until=trained_until or max((name for name in published if name), default=""),
            waiting=sum(len(step.partitions or ("",)) for step in waiting),
            behind=self._reasons(node),
            late=late_nodes([node], self.facts, self.now).get(node.key, ""),
            age=(self.now - trained_at).total_seconds() if trained_at else None,
        )

    def _upstream(self, node: Node) -> list[Node]:
        found: dict[str, Node] = {}
        pending = [node]
        while pending:
            above = [self.facts.nodes[i.key] for i in pending.pop().inputs if i.key in self.facts.nodes]
            pending += [one for one in above if one.key not in found]
            found |= {one.key: one for one in above}
        return list(found.values())

    def _reasons(self, node: Node) -> tuple[str, ...]:
        """Reasons to make a node anew: its own, else those of its upstream nodes."""
        step = self.steps.get(node.key)
        if step is None:
            return ()
        if not step.follows:
            return step.reasons
        above = [self.steps[one.key] for one in self._upstream(node) if one.key in self.steps]
        return tuple(_ahead_in_words(one, self.facts) for one in above if not one.follows)


def _ahead_in_words(step: Step, facts: Facts) -> str:
    return refusal_in_words(step, facts) or f"{step.key}: {'; '.join(step.reasons)}"


def refusal_in_words(step: Step, facts: Facts) -> str:
    """The sentence that what reads an asset waits for it, since it failed for its newest content; else empty."""
    if step.follows or not is_refused(step, facts):
        return ""
    failed = "refused" if isinstance(step.node, SourceNode) else "which failed"
    return f"waits for {step.key}, {failed}: `mesh why {step.key}`"


def late_nodes(nodes: Iterable[Node], facts: Facts, now: datetime) -> dict[str, str]:
    """Nodes not published within the time that their contract promises: key -> delay in words."""
    found: dict[str, str] = {}
    for node in nodes:
        promised = node.contract.sla.freshness if node.contract else None
        record = _record_or_none(node, facts) if promised and node.promises else None
        if promised is None or record is None:
            continue
        age = now - record.published_at
        if age > promised:
            found[node.key] = (
                f"was last published on {record.published_at:%Y-%m-%d %H:%M} UTC, {days_or_hours(age)} ago; "
                f"its contract promises {days_or_hours(promised)}"
            )
    return found


def _record_or_none(node: Node, facts: Facts) -> Publication | None:
    """The newest publication; ``None`` for a table that cannot be read, which its judgement names."""
    try:
        return facts.of(node.key)
    except Exception:  # noqa: BLE001 (a broken table may raise anything at all, and its judgement names it)
        return None


@dataclass(frozen=True)
class Lag:
    """Delay of a product or model behind what landed.

    Args:
        landed_until: newest partition that has landed upstream of it; empty where none is cut by time.
        until: newest published partition; of a model, time of the newest outcome that it was trained on.
        waiting: partitions, or whole sources, upstream of it that have landed and are not published yet.
        behind: reason why it will be made anew; empty where it is up to date.
        late: excess over the age its contract promises, in words; else empty.
    """

    landed_until: str = ""
    until: str = ""
    waiting: int = 0
    behind: Sequence[str] = ()
    late: str = ""
    age: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "landed_until": self.landed_until or None,
            "until": self.until or None,
            "waiting": self.waiting,
            "behind": list(self.behind),
            "late": self.late or None,
            **({"age_seconds": round(self.age)} if self.age is not None else {}),
        }
