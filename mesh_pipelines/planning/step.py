"""Steps of a plan, and what waits."""

from __future__ import annotations

from dataclasses import dataclass

from mesh_pipelines.declaring.node import Node


@dataclass(frozen=True)
class Step:
    """One asset that is to be made.

    ``follows``: only because something upstream of it is; if that turns out unchanged, it stays as it is.
    """

    node: Node
    reasons: tuple[str, ...]
    partitions: tuple[str, ...] | None = None
    follows: bool = False

    @property
    def key(self) -> str:
        return self.node.key

    @property
    def cadence(self) -> str:
        """``day``, ``month`` or ``year``: a Dagster run has partitions of one kind; empty for an asset without any."""
        cut = self.node.contract.partition if self.node.contract and self.node.partitioned else None
        return cut.every if cut else ""


@dataclass(frozen=True)
class Waiting:
    """An asset that cannot be made yet; ``blocks`` is false where its readers can read an earlier version."""

    node: Node
    reason: str
    blocks: bool = True


@dataclass(frozen=True)
class Plan:
    """Steps upstream first, and what waits."""

    steps: tuple[Step, ...] = ()
    waiting: tuple[Waiting, ...] = ()
