"""Rules over lengths of time that a model needs, where contracts say how much data there can ever be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.declaring.node import ModelNode, SourceNode
from mesh_pipelines.declaring.option_types import days_of
from mesh_pipelines.governance.rules.federation import Federation
from quality.contract import Partition, next_partition


def faults_of_horizon(node: ModelNode, spec: ModelSpec, federation: Federation) -> Iterator[tuple[str, str]]:
    """Problem and fix of a holdout and embargo that are longer than all that the model's sources may hold."""
    cuts = _cuts(node.features_key, federation)
    if not cuts or not all(cut is not None and cut.until for cut in cuts):
        return
    first = min(_first_day(cut.since) for cut in cuts if cut)
    end = max(_first_day(next_partition(cut.until)) for cut in cuts if cut)
    have, need = (end - first).days, days_of(spec.holdout) + (days_of(spec.embargo) if spec.embargo else 0)
    if need >= have:
        lengths = f"holdout={spec.holdout}" + (f" and embargo={spec.embargo}" if spec.embargo else "")
        yield (
            f"{lengths} need {need:g} days and leave none to train on: its sources hold {have} days by their contracts",
            "declare shorter ones, or a later `until` in the contracts of its sources",
        )


def _cuts(key: str, federation: Federation, above: frozenset[str] = frozenset()) -> list[Partition | None]:
    """Partitions of every source that an asset is made of; None for a source that is not cut, or is not known.

    Args:
        above: assets on the way to it; in a circle, which another rule reports, it is among them.
    """
    if key in above:
        return [None]
    node = federation.nodes.get(key)
    if node is None:
        return [None]
    if isinstance(node, SourceNode):
        return [node.contract.partition if node.contract else None]
    return [cut for given in node.inputs for cut in _cuts(given.key, federation, above | {key})]


def _first_day(partition: str) -> date:
    return date.fromisoformat((partition + "-01-01")[:10])
