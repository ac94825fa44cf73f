"""The next run of a domain, or the reason for none: a pure decision over facts and earlier attempts.

It waits for products of other domains that are about to change, so that a model which reads two of them is trained
once, on both. A cause that was attempted already starts no run; an attempt without an answer is made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import Node
from mesh_pipelines.landing.landed import LISTED
from mesh_pipelines.planning.attempts import LOST, NEVER, Attempt, Attempts, causes_of, next_try, untried
from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.judge import judge
from mesh_pipelines.planning.plan import plan
from mesh_pipelines.planning.shares import next_group, runs_of
from mesh_pipelines.planning.step import Plan, Step

__all__ = ["LOST", "Attempt", "Attempts", "NoRun", "Request", "next_run", "refusals_in_words"]


@dataclass(frozen=True)
class Request:
    """A run that should be started; its ``key`` is equal for the same causes after the same attempts."""

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


def next_run(mesh: Mesh, domain: str, facts: Facts, attempts: Attempts) -> Request | NoRun:
    """The next run of a domain."""
    running = [attempt for attempt in attempts(domain) if not attempt.finished]
    if running:
        return NoRun(f"run {running[0].run_id[:8]} of this domain is on its way")
    if domain not in mesh.domains:
        return NoRun("; ".join(refusals_in_words(mesh, domain)) or "everything is up to date")
    nodes = mesh.select([domain])
    whole, settled = _plan_without_settled(nodes, facts, attempts)
    own = [step for step in whole.steps if step.node.domain == domain]
    if not own:
        failed = {key: when for key, when in settled.items() if key.startswith(f"{domain}.")}
        refused = "".join(f"; {text}" for text in refusals_in_words(mesh, domain))
        if failed:
            return NoRun(f"{_failed_in_words(failed)}{refused}")
        waits = [f"{wait.node.key}: {wait.reason}" for wait in whole.waiting]
        here = [node for node in nodes if node.domain == domain]
        judged = {node.key: judge(node, facts) for node in here}
        waits += [reason for found in judged.values() for reason in found.held]
        waits += [f"what reads {key}: {found.unfit}" for key, found in judged.items() if found.unfit]
        gone = [name for found in judged.values() for name in found.gone]
        stays = f"; {', '.join(gone)} taken away, and what was published of it stays" if gone else ""
        state = f"up to date but for what waits: {'; '.join(waits)}" if waits else "everything is up to date"
        fresh = [name for node in here if node.key in facts.seen for name in facts.seen[node.key].unfinished]
        rests = f"; {', '.join(fresh)} changed a moment ago, and a later look takes it" if fresh else ""
        return NoRun(state + stays + rests + refused)
    group = next_group(mesh, whole.steps, only=domain)
    if not group:
        ahead = {i.key for step in own for i in step.node.inputs} & {
            s.key for s in whole.steps if s.node.domain != domain
        }
        return NoRun(f"waits for {', '.join(sorted(ahead))}, about to be made by another domain")
    steps, partitions = _untried_run(group, facts, attempts(domain))
    outdated = [step for step in steps if not step.follows]
    causes = causes_of(steps, partitions, facts)
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


def _untried_run(
    group: Sequence[Step], facts: Facts, attempts: Sequence[Attempt]
) -> tuple[list[Step], tuple[str, ...] | None]:
    """The first run of what was not tried for its present cause, and of what follows it."""
    left = [found for step in group if (found := step if step.follows else untried(step, facts, attempts))]
    leading = [step for step in left if not step.follows]
    if not leading:
        return runs_of(group)[-1]
    names = {name for step in leading for name in step.partitions or ()}
    return runs_of([found for step in left if (found := _cut(step, names) if step.follows else step)])[0]


def _cut(step: Step, names: Collection[str]) -> Step | None:
    """A step that makes some partitions alone; None if none of its own is among them."""
    if step.partitions is None or not names:
        return step
    kept = tuple(name for name in step.partitions if name in names)
    return replace(step, partitions=kept) if kept else None


def refusals_in_words(mesh: Mesh, domain: str) -> list[str]:
    """A sentence for the domain, or each of its assets, that is left out for a broken rule."""
    return [
        f"{key} is left out until it is mended: {found[0].where}: {found[0].problem}"
        for key, found in sorted(mesh.refused_of(domain).items())
    ]


def _failed_in_words(failed: Mapping[str, datetime]) -> str:
    never = [key for key, when in failed.items() if when == NEVER]
    found = [f"{', '.join(never)} failed, and nothing has changed since; see the last run"] if never else []
    found += [
        f"{key} got no answer, and is tried again at {when.isoformat(timespec='seconds')}"
        for key, when in failed.items()
        if when != NEVER
    ]
    return "; ".join(found)


def _plan_without_settled(
    nodes: Sequence[Node], facts: Facts, attempts: Attempts
) -> tuple[Plan, dict[str, datetime]]:
    """The plan without assets that are not to be tried now, and the moment of the next try of each of these."""
    settled: dict[str, datetime] = {}
    while True:
        found = plan(nodes, facts, settled=settled)
        more: dict[str, datetime] = {}
        for step in found.steps:
            earlier = attempts(step.node.domain)
            if step.follows or untried(step, facts, earlier):
                continue
            if not any(i.key in more for i in step.node.inputs):  # else it may only have waited for that one
                more[step.key] = next_try(step, facts, earlier)
        if not more:
            return found, settled
        settled |= more


def _list_versions(versions: Sequence[str]) -> str:
    shown = ", ".join(versions[:LISTED])
    return f"{shown} and {len(versions) - LISTED} more" if len(versions) > LISTED else shown
