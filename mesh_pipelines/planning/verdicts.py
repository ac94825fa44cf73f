"""Checks that a domain wrote by hand: what the blocking ones last said, and so who may follow what is published.

The gate audits a contract before anything is published. A blocking ``@dg.asset_check`` looks at what has been published
already, so what it refuses is kept from whoever would follow: its own domain and every other one, until it passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster import DagsterEvent, DagsterInstance

    from mesh_pipelines.declaring.load import Node
    from mesh_pipelines.planning.plan import Facts

_LONGEST = 160


@dataclass(frozen=True)
class OwnCheck:
    """A check that was written by hand.

    Args:
        asset: key of what it looks at, ``domain.name``.
        name: its name there.
        blocking: whether nothing may follow what it refuses.
        step: name of the Dagster op that executes it.
        alone: whether it can be executed without the other checks of its function.
        by_partition: whether it is evaluated once a partition.
    """

    asset: str
    name: str
    blocking: bool
    step: str
    alone: bool = True
    by_partition: bool = False


@dataclass(frozen=True)
class Verdict:
    """What a check came to when it was last executed.

    Args:
        number: of this evaluation, greater than those before it.
        passed: whether it lets what it saw be followed.
        at: when that was (UTC).
        said: its own description of what it found.
    """

    number: int
    passed: bool
    at: datetime
    said: str = ""


def own_checks(definition: Any, domain: str) -> tuple[OwnCheck, ...]:
    """The checks in a Dagster definition.

    Args:
        definition: ``dg.AssetChecksDefinition``; it may name an asset as its domain does, without the domain.
        domain: the domain that wrote it.
    """
    specs = tuple(definition.check_specs)
    alone = definition.can_subset or len({spec.asset_key for spec in specs}) == 1
    return tuple(
        OwnCheck(
            ".".join(spec.asset_key.path if len(spec.asset_key.path) > 1 else (domain, *spec.asset_key.path)),
            spec.name,
            spec.blocking,
            step_of(definition, domain),
            alone,
            spec.partitions_def is not None,
        )
        for spec in specs
    )


def step_of(definition: Any, domain: str) -> str:
    """Name of the op that executes a hand-written check; the IO manager knows the reader by its first part.

    Args:
        definition: ``dg.AssetChecksDefinition``.
        domain: the domain that wrote it.
    """
    return f"{domain}__{definition.op.name}"


def latest_verdicts(instance: DagsterInstance, nodes: Iterable[Node]) -> Mapping[str, Mapping[str, Verdict]]:
    """What the blocking checks of some assets last said, by asset and check; absent where one was never executed.

    Args:
        instance: the Dagster instance, which all code locations share.
        nodes: any nodes.
    """
    import dagster as dg
    from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus as Status

    wanted = {
        dg.AssetCheckKey(dg.AssetKey(node.key.split(".")), name): node.key
        for node in nodes
        for name in blocking(node)
    }
    storage = instance.event_log_storage
    found: dict[str, dict[str, Verdict]] = {}
    for key, newest in storage.get_latest_asset_check_execution_by_key(list(wanted)).items():
        record = newest
        if record.status == Status.PLANNED:  # a run is about to execute it, or ended before it did
            said = storage.get_asset_check_execution_history(
                key, limit=1, status={Status.SUCCEEDED, Status.FAILED}
            )
            record = next(iter(said), newest)
        entry = record.event
        evaluation = entry.dagster_event.event_specific_data if entry and entry.dagster_event else None
        if entry is not None and isinstance(evaluation, dg.AssetCheckEvaluation):
            found.setdefault(wanted[key], {})[key.name] = Verdict(
                record.id,
                evaluation.passed or evaluation.severity != dg.AssetCheckSeverity.ERROR,
                datetime.fromtimestamp(entry.timestamp, UTC),
                evaluation.description or "",
            )
    return found


def blocking(node: Node) -> tuple[str, ...]:
    """Names of the hand-written checks of a node that nothing may follow unless they pass."""
    return tuple(check.name for check in node.checks if check.blocking)


def unseen(node: Node, facts: Facts) -> tuple[str, ...]:
    """Blocking checks of a node that have not seen what is published of it now; none where nothing is.

    Their run was killed before it came to them, or it was started without them.

    Args:
        node: any node.
        facts: where to look.
    """
    if facts.verdicts is None or not blocking(node):
        return ()
    made, verdicts = facts.made_at(node), facts.verdicts(node)
    if made is None:
        return ()
    return tuple(name for name in blocking(node) if (last := verdicts.get(name)) is None or last.at < made)


def why_unfit(node: Node, facts: Facts) -> str | None:
    """Why nobody may follow what is published of a node now, in words; ``None`` where all may.

    Args:
        node: any node.
        facts: where to look.
    """
    if facts.verdicts is None or not blocking(node):
        return None
    verdicts, missing = facts.verdicts(node), unseen(node, facts)
    failed = [
        f"check {name} of {node.key} failed on {_version(node, facts)}{quoted(last.said)}"
        for name in blocking(node)
        if name not in missing and (last := verdicts.get(name)) is not None and not last.passed
    ]
    if failed:
        return "; ".join(failed)
    return (
        f"check {', '.join(missing)} of {node.key} has not looked at {_version(node, facts)} yet"
        if missing
        else None
    )


class FailedChecks:
    """Follows the events of a run, and tells which hand-written checks failed or could not be executed.

    Args:
        nodes: what the run makes.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._steps: dict[str, list[OwnCheck]] = {}
        self._refused: dict[tuple[str, str], str] = {}
        self._told: set[tuple[str, str]] = set()
        for node in nodes:
            for check in node.checks:
                self._steps.setdefault(check.step, []).append(check)

    def concerns(self, step: str | None) -> bool:
        """Whether a step executes hand-written checks."""
        return step in self._steps

    def of(self, event: DagsterEvent) -> list[tuple[OwnCheck, str | None]]:
        """Checks that an event of their step has as failed: each with what it said, ``None`` where it raised instead.

        A failed check that blocks nothing is a warning, and none of these.

        Args:
            event: any event of a step that executes checks.
        """
        if event.event_type_value == "ASSET_CHECK_EVALUATION":
            found = event.asset_check_evaluation_data
            key = (".".join(found.asset_key.path), found.check_name)
            self._told.add(key)
            if not found.passed and found.severity.value == "ERROR" and found.blocking:
                self._refused[key] = found.description or ""
        if event.event_type_value != "STEP_FAILURE":
            return []
        checks = {(check.asset, check.name): check for check in self._steps[str(event.step_key)]}
        said: list[tuple[OwnCheck, str | None]] = [
            (check, self._refused[key]) for key, check in checks.items() if key in self._refused
        ]
        return said or [(check, None) for key, check in checks.items() if key not in self._told]


def remedy_of(key: str) -> str:
    """What to do about an asset whose check has failed."""
    return (
        f"correct what it is made of, or the check; `mesh run {key} --force` makes it and checks it again, "
        "and so does the check's page in Dagster"
    )


def marks(node: Node, facts: Facts) -> dict[str, str]:
    """What changes when a node's checks have something new to say: for the node itself, and for what reads it.

    Args:
        node: the node that is to be made.
        facts: where to look.
    """
    if facts.verdicts is None:
        return {}
    missing = unseen(node, facts)
    found = {f"checks of {node.key}": f"{missing} on {_version(node, facts)}"} if missing else {}
    for wanted in node.inputs:
        upstream = facts.nodes.get(wanted.key)
        if upstream is not None and blocking(upstream):
            numbers = {name: last.number for name, last in facts.verdicts(upstream).items()}
            found[f"checks of {upstream.key}"] = str(sorted(numbers.items()))
    return found


def _version(node: Node, facts: Facts) -> str:
    known = facts.registry_state(node.key)
    if known is not None:
        return f"version {known.latest if node.stage == 'model' else known.champion}"
    record = facts.of(node.key)
    return f"version {record.version}" if record else "what is published"


def quoted(said: str) -> str:
    """What a check said of itself, short, after a colon; nothing where it said nothing."""
    text = " ".join(said.split())
    return f": {text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}" if text else ""
