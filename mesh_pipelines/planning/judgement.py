"""A judgement: the answer to whether an asset is out of date, and everything that follows from it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mesh_pipelines.errors import MeshError


@dataclass(frozen=True)
class Judgement:
    """How an asset stands.

    Args:
        reasons: why it is out of date, in words; none where it is up to date.
        partitions: partitions that are out of date; ``None`` for an asset that is not made by partition.
        waits: for what it waits before it can be made; empty where it need not wait.
        blocks: whatever is downstream waits with it; not so where an earlier version can be read.
        held: why it is not made, although something is new.
        gone: inputs of a source that were taken away, while their rows stay published.
        unfit: why nothing may follow what is published of it; empty where everything may.
        fault: what its step will raise, when what has landed cannot be read.
        cause: hash of what makes it out of date: content of its inputs and its code; empty where it is not.
        versions: files of a source, else inputs as they were read and are now, that make it out of date.
    """

    reasons: tuple[str, ...] = ()
    partitions: tuple[str, ...] | None = None
    waits: str = ""
    blocks: bool = True
    held: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    unfit: str = ""
    fault: MeshError | None = None
    cause: str = ""
    versions: tuple[str, ...] = ()

    def concerns(self, partitions: Collection[str] | None) -> bool:
        """Some of these partitions are out of date; of an asset without any, the asset is."""
        if partitions is None:
            return bool(self.reasons)
        return not set(partitions).isdisjoint(self.partitions or ())
