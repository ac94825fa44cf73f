"""Keeping a domain current: what its next run should make, or in plain words why there is none.

A pure decision over the planner's facts and what was attempted before. It waits for products of other domains that are
about to change, so that a model which reads two of them is trained once, on both; it makes nothing of a cause that
was attempted already, so that a refused file is not refused again every few seconds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mesh_pipelines.loading import Node
from mesh_pipelines.mesh import Mesh
from mesh_pipelines.planner import Facts, Plan, Step, inputs_now, plan

CAUSES = "mesh/causes"
"""Run tag: for each asset that was out of date by itself, a hash of what made it so."""


@dataclass(frozen=True)
class Attempt:
    """A run that was started for some causes.

    Args:
        run_id: the Dagster run.
        causes: hash of the cause by key.
        finished: whether it has ended, well or badly.
        failed: whether it ended badly.
    """

    run_id: str
    causes: Mapping[str, str]
    finished: bool
    failed: bool = False


@dataclass(frozen=True)
class Request:
    """A run that should be started.

    Args:
        domain: whose code location it is.
        steps: what it makes, upstream first.
        window: first and last partition, where some of it is partitioned.
        key: the same for the same causes: a run is started once for it.
        causes: hash of the cause by key.
        reason: why, in words.
    """

    domain: str
    steps: tuple[Step, ...]
    window: tuple[str, str] | None
    key: str
    causes: Mapping[str, str]
    reason: str


@dataclass(frozen=True)
class Nothing:
    """No run now, and why."""

    reason: str


Attempts = Callable[[str], Sequence[Attempt]]
"""Recent attempts of a domain, the newest first."""


def decide(mesh: Mesh, domain: str, facts: Facts, attempts: Attempts) -> Request | Nothing:
    """What a domain's next run should make.

    Args:
        mesh: all domains: those upstream may be about to change.
        domain: the domain that asks.
        facts: what is published, landed and registered.
        attempts: what was started before, by domain.
    """
    from mesh_pipelines.runs import next_group, windows

    running = [attempt for attempt in attempts(domain) if not attempt.finished]
    if running:
        return Nothing(f"run {running[0].run_id[:8]} of this domain is on its way")
    nodes = mesh.select([domain]) if domain in mesh.domains else []
    whole, settled = _plan_without_settled(nodes, facts, attempts)
    own = [step for step in whole.steps if step.node.domain == domain]
    if not own:
        failed = [key for key in settled if key.startswith(f"{domain}.")]
        if failed:
            return Nothing(f"{', '.join(failed)} failed, and nothing has changed since; see the last run")
        waits = [f"{wait.node.key}: {wait.reason}" for wait in whole.waiting]
        return Nothing(
            f"up to date but for what waits: {'; '.join(waits)}" if waits else "everything is up to date"
        )
    group = next_group(mesh, whole.steps, only=domain)
    if not group:
        ahead = {i.key for step in own for i in step.node.inputs} & {
            s.key for s in whole.steps if s.node.domain != domain
        }
        return Nothing(f"waits for {', '.join(sorted(ahead))}, about to be made by another domain")
    steps, window = windows(group)[0]
    causes = {step.key: cause_of(step, facts) for step in steps if not step.follows}
    reasons = [reason for step in steps if not step.follows for reason in step.reasons]
    digest = hashlib.sha256(
        json.dumps([sorted(causes.items()), window, [s.key for s in steps]]).encode()
    ).hexdigest()
    return Request(domain, tuple(steps), window, digest[:24], causes, "; ".join(dict.fromkeys(reasons)))


def _plan_without_settled(nodes: Sequence[Node], facts: Facts, attempts: Attempts) -> tuple[Plan, list[str]]:
    """The plan, less what failed for its present cause: the published version of that stands, and others go on."""
    settled: list[str] = []
    while True:
        found = plan(nodes, facts, settled=settled)
        more = [
            step.key
            for step in found.steps
            if not step.follows
            and any(_tried(step, facts, attempt) for attempt in attempts(step.node.domain))
        ]
        if not more:
            return found, settled
        settled += more


def _tried(step: Step, facts: Facts, attempt: Attempt) -> bool:
    return attempt.finished and attempt.causes.get(step.key) == cause_of(step, facts)


def cause_of(step: Step, facts: Facts) -> str:
    """A hash of what makes an asset out of date: its inputs' content (of a source, its files) and its code.

    Args:
        step: the asset to be made.
        facts: where to look.
    """
    if step.node.stage == "source":
        landed = facts.landed(step.node)
        inputs = {
            f.name: f.sha256
            for f in landed.files
            if step.partitions is None or f.partition in step.partitions
        }
    else:
        inputs = {
            name: json.dumps(inputs_now(step.node, facts, name), sort_keys=True)
            for name in step.partitions or ("",)
        }
        inputs |= {i.key: str(facts.registry_state(i.key)) for i in step.node.inputs}
    content = json.dumps([step.key, step.node.version_of_code, sorted(inputs.items())])
    return hashlib.sha256(content.encode()).hexdigest()[:16]
