"""The judgement of an asset: out of date or not, and everything that follows from it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mesh_pipelines.errors import MeshError


@dataclass(frozen=True)
class Changes:
    """Changes since an asset was last made, which its step acts on.

    Args:
        code: its code or contract is not that of its last publish; false where nothing was published.
        champion: predictions were not scored by the version that is champion now.
        partitions: partitions of the features whose content was not scored yet, sorted.
        awaits_gate: the newest version of a champion's model has not been decided on.
        shadow: a version in shadow has not been scored on the features' newest content.
    """

    code: bool = False
    champion: bool = False
    partitions: tuple[str, ...] = ()
    awaits_gate: bool = False
    shadow: bool = False


@dataclass(frozen=True)
class Judgement:
    """State of an asset against what it would be made from now.

    Args:
        reasons: why it is out of date, in words; none where it is up to date.
        partitions: those out of date; ``None`` for an asset that is not made by partition.
        waits: reason to wait before it is made; empty where it need not wait.
        blocks: everything downstream waits too; false where an earlier version can be read.
        held: reason why it is not made although its inputs are new.
        gone: inputs of a source that were taken away, while their rows stay published.
        unfit: reason why nothing may follow its published version; empty where everything may.
        fault: the error its step will raise, when what has landed cannot be read.
        cause: hash of the content of its inputs and its code that make it out of date; empty where it is not.
        versions: files of a source, else inputs as they were read and are now, that make it out of date.
        unreadable: the records to judge it by cannot be read; ``fault`` says why.
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
    changes: Changes = Changes()
    unreadable: bool = False

    def concerns(self, partitions: Collection[str] | None) -> bool:
        """True if some of these partitions are out of date, or the asset itself where it has none."""
        if partitions is None:
            return bool(self.reasons)
        return not set(partitions).isdisjoint(self.partitions or ())
