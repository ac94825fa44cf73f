"""The next run of a domain, or the reason for none: a pure decision over facts and earlier attempts.

It waits for products of other domains that are about to change, so that a model which reads two of them is trained
once, on both. A cause that was attempted already starts no run, so a refused file is not refused again every few
seconds. A run whose process was killed has answered nothing: it is asked for again, from what is published by then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import Node
from mesh_pipelines.landing.landed import LISTED
from mesh_pipelines.planning.attempts import (
    LOST,
    Attempt,
    Attempts,
    causes_of,
    is_settled,
    is_settled_in,
)
from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.judge import judge
from mesh_pipelines.planning.plan import plan
from mesh_pipelines.planning.shares import next_group, windows
from mesh_pipelines.planning.step import Plan, Step

__all__ = ["LOST", "Attempt", "Attempts", "NoRun", "Request", "next_run", "refusals_in_words"]


@dataclass(frozen=True)
class Request:
    """A run that should be started.

    Args:
        window: first and last partition, where some of it is partitioned.
        key: equal for the same causes after the same attempts, so that a run is started once for them.
        causes: hash of the cause by key.
        versions: the versions that caused it, in words.
    """

    domain: str
    steps: tuple[Step, ...]
    window: tuple[str, str] | None
    key: str
    causes: Mapping[str, str]
    reason: str
    versions: str = ""


@dataclass(frozen=True)
class NoRun:
    """The reason for no run now."""

    reason: str


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
    if domain not in mesh.domains:
        return NoRun("; ".join(refusals_in_words(mesh, domain)) or "everything is up to date")
    nodes = mesh.select([domain])
    whole, settled = _plan_without_settled(nodes, facts, attempts)
    own = [step for step in whole.steps if step.node.domain == domain]
    if not own:
        failed = [key for key in settled if key.startswith(f"{domain}.")]
        refused = "".join(f"; {text}" for text in refusals_in_words(mesh, domain))
        if failed:
            return NoRun(
                f"{', '.join(failed)} failed, and nothing has changed since; see the last run{refused}"
            )
        waits = [f"{wait.node.key}: {wait.reason}" for wait in whole.waiting]
        here = [node for node in nodes if node.domain == domain]
        judged = {node.key: judge(node, facts) for node in here}
        waits += [reason for found in judged.values() for reason in found.held]
        waits += [f"what reads {key}: {found.unfit}" for key, found in judged.items() if found.unfit]
        gone = [name for found in judged.values() for name in found.gone]
        stays = f"; {', '.join(gone)} taken away, and what was published of it stays" if gone else ""
        state = f"up to date but for what waits: {'; '.join(waits)}" if waits else "everything is up to date"
        looked = [facts.seen[node.key] for node in here if node.key in facts.seen]
        fresh = [name for landed in looked for name in landed.unfinished]
        rests = f"; {', '.join(fresh)} changed a moment ago, and a later look takes it" if fresh else ""
        return NoRun(state + stays + rests + refused)
    group = next_group(mesh, whole.steps, only=domain)
    if not group:
        ahead = {i.key for step in own for i in step.node.inputs} & {
            s.key for s in whole.steps if s.node.domain != domain
        }
        return NoRun(f"waits for {', '.join(sorted(ahead))}, about to be made by another domain")
    steps, window = _first_open(group, facts, attempts(domain))
    outdated = [step for step in steps if not step.follows]
    causes = causes_of(steps, window, facts)
    reasons = [reason for step in outdated for reason in step.reasons]
    versions = dict.fromkeys(version for step in outdated for version in judge(step.node, facts).versions)
    # The last attempt is part of the key: content that comes back, or a run that was killed, is asked for anew.
    last = next((attempt.run_id for attempt in attempts(domain)), "")
    digest = hashlib.sha256(
        json.dumps([sorted(causes.items()), window, [s.key for s in steps], last]).encode()
    ).hexdigest()
    return Request(
        domain,
        tuple(steps),
        window,
        digest[:24],
        causes,
        "; ".join(dict.fromkeys(reasons)),
        _list_versions(list(versions)),
    )


def _first_open(
    group: Sequence[Step], facts: Facts, attempts: Sequence[Attempt]
) -> tuple[list[Step], tuple[str, str] | None]:
    """The first range of partitions that holds anything that was not tried, without what was."""
    ranges = windows(group)
    for steps, window in ranges:
        found = [step for step in steps if step.follows or not is_settled_in(step, window, facts, attempts)]
        if any(not step.follows and _is_in(step, window) for step in found):
            return found, window
    return ranges[-1]


def _is_in(step: Step, window: tuple[str, str] | None) -> bool:
    """True if something of a step is to be made in a run over some partitions."""
    if window is None or step.partitions is None:
        return True
    return any(window[0] <= name <= window[1] for name in step.partitions)


def refusals_in_words(mesh: Mesh, domain: str) -> list[str]:
    """A sentence for the domain, or each of its assets, that is left out for a broken rule."""
    return [
        f"{key} is left out until it is mended: {found[0].where}: {found[0].problem}"
        for key, found in sorted(mesh.refused_of(domain).items())
    ]


def _plan_without_settled(nodes: Sequence[Node], facts: Facts, attempts: Attempts) -> tuple[Plan, list[str]]:
    """The plan, less what failed for its present cause: the published version of that stands, and others go on."""
    settled: list[str] = []
    while True:
        found = plan(nodes, facts, settled=settled)
        more: list[str] = []
        for step in found.steps:
            if step.follows or not is_settled(step, facts, attempts(step.node.domain)):
                continue
            if not any(i.key in more for i in step.node.inputs):  # else it may only have waited for that one
                more.append(step.key)
        if not more:
            return found, settled
        settled += more


def _list_versions(versions: Sequence[str]) -> str:
    shown = ", ".join(versions[:LISTED])
    return f"{shown} and {len(versions) - LISTED} more" if len(versions) > LISTED else shown
