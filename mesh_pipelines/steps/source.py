"""The step of a source: rows as they landed, through the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from dagster import AssetExecutionContext

from mesh_pipelines.declaring.node import Node
from mesh_pipelines.errors import AuditRefused, LandingError, MeshError, TransformError
from mesh_pipelines.landing.changes import known_inputs, refused_inputs_error, separate_undeclared
from mesh_pipelines.landing.landed import LISTED, NOTHING_OF_IT, LandedInput, Landing
from mesh_pipelines.landing.open import landing_of
from mesh_pipelines.landing.tables import TableLanding
from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.judge import judge
from mesh_pipelines.publishing.candidate import Candidate, Published
from mesh_pipelines.publishing.kept_rows import Increment
from mesh_pipelines.publishing.publish import publish
from mesh_pipelines.publishing.record import Origin, PublishRecord
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.steps.context import Produce, only_if_stale, wanted_partitions
from mesh_pipelines.steps.increment import increment_of
from mesh_pipelines.steps.publish import audit_and_publish, check_results, results_of, unchanged_output
from mesh_pipelines.steps.tries import Tries
from quality.contract import Contract
from quality.outcome import Outcome
from resources.lake.publication import Publication


def source_step(node: Node) -> Produce:
    """The step of a source."""
    contract = node.contract
    assert contract is not None

    def step(context: AssetExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        shared = shared_resources()
        before = shared.record(node.key)
        partitions = wanted_partitions(context, node)
        with landing_of(node, shared.settings) as landing:
            facts = _facts_of(node, landing, before)
            tries = Tries(context.instance, node, facts)
            with tries.note_end(partitions, makes=False):
                made = _inputs_to_read(node, landing, facts, partitions, anew=not only_if_stale(context))
            if made is None:
                yield unchanged_output(before, PublishRecord.of(before).notes)
                return
            if made.partitions and len(made.partitions) > 1:
                parts = _Parts(node, contract, landing, context.run.run_id)
                with tries.note_end(made.partitions, makes=False):
                    parts.publish(made)
                tries.note(parts.published, parts.refused)
                yield from parts.results()
                return
            with tries.note_end(made.partitions):
                candidate = _candidate(node, landing, made)
                try:
                    yield from audit_and_publish(node, context, shared, candidate, {})
                except TransformError as error:
                    raise _of_partitions(
                        landing.blame(made.inputs, contract, error), made.partitions
                    ) from error
                except (LandingError, AuditRefused) as fault:
                    raise _of_partitions(fault, made.partitions) from fault.__cause__

    return step


@dataclass(frozen=True)
class _Reading:
    """Inputs that a source reads now.

    ``increment`` stays published beside their rows; ``anew_because`` all of a table is read, not only beyond a mark.
    """

    inputs: Sequence[LandedInput]
    partitions: tuple[str, ...] | None
    increment: Increment | None = None
    anew_because: str = ""

    def halves(self) -> Iterator[_Reading]:
        """The same in two parts of its partitions."""
        names = self.partitions or ()
        half = len(names) // 2
        for part in (names[:half], names[half:]):
            yield replace(self, inputs=[one for one in self.inputs if one.partition in part], partitions=part)


@dataclass
class _Parts:
    """Publishes partitions of a source together, and where that fails in halves: what is bad holds up no other."""

    node: Node
    contract: Contract
    landing: Landing
    run_id: str
    made: list[tuple[Candidate, Published]] = field(default_factory=list[tuple[Candidate, Published]])
    faults: list[MeshError] = field(default_factory=list[MeshError])
    refused: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    @property
    def published(self) -> list[tuple[str, ...] | None]:
        return [candidate.partitions for candidate, _ in self.made]

    def publish(self, reading: _Reading) -> None:
        """Publish all of some partitions that can be, and keep the errors of the others."""
        shared = shared_resources()
        try:
            candidate = _candidate(self.node, self.landing, reading)
            try:
                alone = len(reading.partitions or ()) == 1
                published = publish(shared, self.node, candidate, {}, self.run_id, keep_refusal=alone)
                self.made.append((candidate, published))
            except TransformError as error:
                raise self.landing.blame(reading.inputs, self.contract, error) from error
        except (LandingError, AuditRefused) as fault:
            if len(reading.partitions or ()) == 1 or _would_fail_in_parts(fault):
                self.faults.append(_of_partitions(fault, reading.partitions))
                self.refused.append(tuple(reading.partitions or ()))
                return
            for half in reading.halves():
                self.publish(half)

    def results(self) -> Iterator[Any]:
        """Results for Dagster.

        Raises LandingError, AuditRefused: partitions were refused; all others are published by then.
        """
        outcomes = (fault.outcome for fault in self.faults if isinstance(fault, AuditRefused))
        refused = next((outcome for outcome in outcomes if isinstance(outcome, Outcome)), None)
        if self.made:
            candidate, published = self.made[-1]
            yield from results_of(self.node, shared_resources(), candidate, published, {}, refused=refused)
        elif refused is not None:
            yield from check_results(self.node, refused)
        if self.faults:
            raise _joined(self.faults)


def _would_fail_in_parts(fault: MeshError) -> bool:
    """True where no partition is at fault: a rule cannot be computed over any of them."""
    outcome = fault.outcome if isinstance(fault, AuditRefused) else None
    return isinstance(outcome, Outcome) and outcome.only_rules_fail


def _of_partitions(fault: MeshError, partitions: tuple[str, ...] | None) -> MeshError:
    """The error with the partition that was refused in its words: others of the source are published."""
    if partitions:
        fault.what = fault.what.replace(NOTHING_OF_IT, f"nothing of {', '.join(partitions)} was published", 1)
    return fault


def _joined(faults: Sequence[MeshError]) -> MeshError:
    """One error for several of one source: the first, with what the others say."""
    first = faults[0]
    if len(faults) == 1:
        return first
    what = "\n".join(fault.what for fault in faults[:LISTED])
    what += f"\nand {len(faults) - LISTED} partitions more" if len(faults) > LISTED else ""
    if isinstance(first, AuditRefused):
        return AuditRefused(what, where=first.where, remedy=first.remedy, outcome=first.outcome)
    return LandingError(what, where=first.where, remedy=first.remedy)


def source_candidate(
    node: Node,
    landing: Landing,
    before: Publication | None,
    partitions: tuple[str, ...] | None,
    *,
    anew: bool = False,
) -> tuple[Candidate, Sequence[LandedInput]] | None:
    """Candidate of the inputs that a source has not published yet, with these; ``None`` if there are none.

    Args and errors are those of ``_inputs_to_read``.
    """
    made = _inputs_to_read(node, landing, _facts_of(node, landing, before), partitions, anew=anew)
    return None if made is None else (_candidate(node, landing, made), made.inputs)


def _facts_of(node: Node, landing: Landing, before: Publication | None) -> Facts:
    """The facts that one look at its landing gives, after its last publish."""
    assert node.contract is not None
    landed = separate_undeclared(landing.look(PublishRecord.of(before).landed), node.contract.partition)
    return Facts({node.key: before}.get, {node.key: node}, seen={node.key: landed}, now=datetime.now(UTC))


def _inputs_to_read(
    node: Node,
    landing: Landing,
    facts: Facts,
    partitions: tuple[str, ...] | None,
    *,
    anew: bool,
) -> _Reading | None:
    """Inputs that a source has not published yet, and their partitions; ``None`` if there are none.

    Only ``partitions`` of them, if it has any. Raises LandingError: all that has landed is refused by its name or kind.
    """
    assert node.contract is not None
    before, landed = facts.of(node.key), facts.landed(node)
    there = landed.by_partition()
    wanted = tuple(name for name in partitions if name in there) if partitions is not None else None
    whole = before is None or anew
    if not whole:
        found = judge(node, facts)
        if found.fault:
            raise found.fault
        if not found.concerns(wanted):
            return None
        whole = found.changes.code
        wanted = tuple(name for name in wanted if name in (found.partitions or ())) if wanted else wanted
    chosen = [one for name, group in there.items() for one in group if wanted is None or name in wanted]
    increment, anew_because = None, ""
    if any(one.since for one in chosen) and isinstance(landing, TableLanding):
        if not whole and before is not None:
            increment, anew_because = increment_of(landing, before, chosen)
        if increment is None:
            chosen = landing.look({}).inputs  # the mark is then that of the table as it is now
    if not chosen and (refused := refused_inputs_error(landed, node.contract)):
        raise refused
    return _Reading(chosen, wanted, increment, anew_because)


def _candidate(node: Node, landing: Landing, reading: _Reading) -> Candidate:
    """A candidate of some inputs. Raises LandingError: one of them cannot be read."""
    assert node.contract is not None
    rows = landing.read(reading.inputs, node.contract)
    landed = known_inputs(reading.inputs)
    remarks = {**PublishRecord(landed=landed).notes, "read anew": reading.anew_because}
    return Candidate(
        rows.frame,
        records=rows.records,
        verify=rows.verify,
        partitions=reading.partitions,
        landed=landed,
        origins={name: Origin(node.version_of_code) for name in reading.partitions or ()},
        increment=reading.increment,
        remarks={name: text for name, text in remarks.items() if text},
    )
