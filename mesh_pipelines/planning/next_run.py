"""The next run of a domain, or the reason for none: a pure decision over facts and earlier attempts.

It waits for products of other domains that are about to change, so that a model which reads two of them is trained
once, on both. A cause that was attempted already starts no run, so a refused file is not refused again every few
seconds. A run whose process was killed has answered nothing: it is asked for again, from what is published by then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import Node
from mesh_pipelines.landing.landed import LISTED
from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.judge import judge
from mesh_pipelines.planning.plan import plan
from mesh_pipelines.planning.shares import next_group, runs_of
from mesh_pipelines.planning.step import Plan, Step

LOST = 3
"""Killed runs of one cause after which no other is started without a person."""


@dataclass(frozen=True)
class Attempt:
    """A run that was started for some causes, given as hashes by key.

    Args:
        lost: true if it ended without an event of its steps: its process was killed, or never came up.
    """

    run_id: str
    causes: Mapping[str, str]
    finished: bool
    failed: bool = False
    lost: bool = False


@dataclass(frozen=True)
class Request:
    """A run that should be started.

    Args:
        partitions: those to make, where some of it is partitioned.
        key: equal for the same causes after the same attempts, so that a run is started once for them.
        causes: hash of the cause by key.
        versions: the versions that caused it, in words.
    """

    domain: str
    steps: tuple[Step, ...]
    partitions: tuple[str, ...] | None
    key: str
    causes: Mapping[str, str]
    reason: str
    versions: str = ""


@dataclass(frozen=True)
class NoRun:
    """The reason for no run now."""

    reason: str


Attempts = Callable[[str], Sequence[Attempt]]
"""Recent attempts of a domain, the newest first."""


def next_run(mesh: Mesh, domain: str, facts: Facts, attempts: Attempts) -> Request | NoRun:
    """The next run of a domain.

    Args:
        mesh: all domains: those upstream may be about to change.
        domain: the domain that asks.
        attempts: earlier attempts, by domain.
    """
    running = [attempt for attempt in attempts(domain) if not attempt.finished]
    if running:
        return NoRun(f"run {running[0].run_id[:8]} of this domain is on its way")
    nodes = mesh.select([domain]) if domain in mesh.domains else []
    whole, settled = _plan_without_settled(nodes, facts, attempts)
    own = [step for step in whole.steps if step.node.domain == domain]
    if not own:
        failed = [key for key in settled if key.startswith(f"{domain}.")]
        if failed:
            return NoRun(f"{', '.join(failed)} failed, and nothing has changed since; see the last run")
        waits = [f"{wait.node.key}: {wait.reason}" for wait in whole.waiting]
        here = [node for node in nodes if node.domain == domain]
        judged = {node.key: judge(node, facts) for node in here}
        waits += [reason for found in judged.values() for reason in found.held]
        waits += [f"what reads {key}: {found.unfit}" for key, found in judged.items() if found.unfit]
        gone = [name for found in judged.values() for name in found.gone]
        stays = f"; {', '.join(gone)} taken away, and what was published of it stays" if gone else ""
        state = f"up to date but for what waits: {'; '.join(waits)}" if waits else "everything is up to date"
        return NoRun(state + stays)
    group = next_group(mesh, whole.steps, only=domain)
    if not group:
        ahead = {i.key for step in own for i in step.node.inputs} & {
            s.key for s in whole.steps if s.node.domain != domain
        }
        return NoRun(f"waits for {', '.join(sorted(ahead))}, about to be made by another domain")
    steps, partitions = runs_of(group)[0]
    outdated = [step for step in steps if not step.follows]
    causes = {step.key: judge(step.node, facts).cause for step in outdated}
    reasons = [reason for step in outdated for reason in step.reasons]
    versions = dict.fromkeys(version for step in outdated for version in judge(step.node, facts).versions)
    # The last attempt is part of the key: content that comes back, or a run that was killed, is asked for anew.
    last = next((attempt.run_id for attempt in attempts(domain)), "")
    digest = hashlib.sha256(
        json.dumps([sorted(causes.items()), partitions, [s.key for s in steps], last]).encode()
    ).hexdigest()
    return Request(
        domain,
        tuple(steps),
        partitions,
        digest[:24],
        causes,
        "; ".join(dict.fromkeys(reasons)),
        _list_versions(list(versions)),
    )


def _plan_without_settled(nodes: Sequence[Node], facts: Facts, attempts: Attempts) -> tuple[Plan, list[str]]:
    """The plan, less what failed for its present cause: the published version of that stands, and others go on."""
    settled: list[str] = []
    while True:
        found = plan(nodes, facts, settled=settled)
        more: list[str] = []
        for step in found.steps:
            if step.follows or not _is_settled(step, facts, attempts(step.node.domain)):
                continue
            if not any(i.key in more for i in step.node.inputs):  # else it may only have waited for that one
                more.append(step.key)
        if not more:
            return found, settled
        settled += more


def _is_settled(step: Step, facts: Facts, attempts: Sequence[Attempt]) -> bool:
    """True if the last attempt at an asset had its present cause and was not killed."""
    lost = 0
    for attempt in attempts:
        if not attempt.finished or step.key not in attempt.causes:
            continue
        if attempt.causes[step.key] != judge(step.node, facts).cause:
            return False
        if not attempt.lost:
            return True
        lost += 1
        if lost == LOST:
            return True
    return False


def _list_versions(versions: Sequence[str]) -> str:
    shown = ", ".join(versions[:LISTED])
    return f"{shown} and {len(versions) - LISTED} more" if len(versions) > LISTED else shown
