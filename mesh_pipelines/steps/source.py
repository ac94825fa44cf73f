"""The step of a source: rows as they landed, through the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from dagster import AssetExecutionContext

from mesh_pipelines.declaring.declarations import TableDeclaration
from mesh_pipelines.declaring.node import Node
from mesh_pipelines.errors import TransformError
from mesh_pipelines.landing.changes import known_inputs, refused_inputs_error, separate_undeclared
from mesh_pipelines.landing.landed import LandedInput, Landing
from mesh_pipelines.landing.open import landing_of
from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.judge import judge
from mesh_pipelines.publishing.candidate import Candidate
from mesh_pipelines.publishing.kept_rows import Increment
from mesh_pipelines.publishing.record import Origin, PublishRecord
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.steps.context import Produce, only_if_stale, wanted_partitions
from mesh_pipelines.steps.publish import gate, unchanged_output
from resources.lake.publication import Publication


def source_step(node: Node) -> Produce:
    """The step of a source."""
    contract = node.contract
    assert contract is not None

    def step(context: AssetExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        shared = shared_resources()
        before = shared.record(node.key)
        with landing_of(node, shared.settings) as landing:
            made = source_candidate(
                node, landing, before, wanted_partitions(context, node), anew=not only_if_stale(context)
            )
            if made is None:
                yield unchanged_output(before)
                return
            candidate, chosen = made
            try:
                yield from gate(node, context, shared, candidate, {})
            except TransformError as error:
                raise landing.blame(chosen, contract, error) from error

    return step


def source_candidate(
    node: Node,
    landing: Landing,
    before: Publication | None,
    partitions: tuple[str, ...] | None,
    *,
    anew: bool = False,
) -> tuple[Candidate, Sequence[LandedInput]] | None:
    """A candidate of what has landed for a source since its last publish, with its inputs; ``None`` if nothing has.

    Args:
        landing: an open landing.
        before: its last publish.
        partitions: those to make, as far as they have landed; ``None`` for a source without partitions.
        anew: read everything, including what has been read before.

    Raises:
        LandingError: all that has landed is refused by its name or kind.
    """
    assert node.contract is not None
    landed = separate_undeclared(landing.look(PublishRecord.of(before).landed), node.contract.partition)
    there = landed.by_partition()
    wanted = tuple(name for name in partitions if name in there) if partitions is not None else None
    whole = before is None or anew
    if not whole:
        now = datetime.now(UTC)
        found = judge(node, Facts({node.key: before}.get, {node.key: node}, seen={node.key: landed}, now=now))
        if found.fault:
            raise found.fault
        if not found.concerns(wanted):
            return None
        whole = found.changes.code
        wanted = tuple(name for name in wanted if name in (found.partitions or ())) if wanted else wanted
    chosen = [one for name, group in there.items() for one in group if wanted is None or name in wanted]
    if whole:
        chosen = [replace(one, since="") for one in chosen]
    if not chosen and (refused := refused_inputs_error(landed, node.contract)):
        raise refused
    rows = landing.read(chosen, node.contract)
    candidate = Candidate(
        rows.frame,
        records=rows.records,
        verify=rows.verify,
        partitions=wanted,
        landed=known_inputs(chosen),
        origins={name: Origin(node.version_of_code) for name in wanted or ()},
        increment=_increment(node, before, chosen),
    )
    return candidate, chosen


def _increment(node: Node, before: Publication | None, chosen: Sequence[LandedInput]) -> Increment | None:
    """The version that stays published beside rows that were only read from a mark on."""
    since = next((one.since for one in chosen if one.since), "")
    if not since or before is None or not isinstance(node.declaration, TableDeclaration):
        return None
    return Increment(before.version, node.declaration.watermark, since)
