"""The sensor that keeps a domain current: every tick ends in a run with its reason, or in a reason for none."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from mesh_pipelines.current import CAUSES, Attempt, Nothing, Request, decide
from mesh_pipelines.facts import facts_of
from mesh_pipelines.loading import LoadedDomain
from mesh_pipelines.mesh import Mesh, load_mesh
from mesh_pipelines.planner import IF_STALE, REASON
from mesh_pipelines.platform import platform

DOMAIN = "mesh/domain"
PROCESS = "mesh/process"
"""Run tag of a run that the ``mesh`` command executes itself: host and process, to tell when it was killed."""

_RECENT = 12


def current_sensor(domain: LoadedDomain) -> dg.SensorDefinition:
    """The sensor of one domain: looks at what landed and what others published, and asks for the next run.

    Args:
        domain: the domain, whose code location it runs in.
    """
    interval = platform().settings.sensor_seconds

    @dg.sensor(
        name=f"{domain.name}_current",
        target=dg.AssetSelection.all(),
        minimum_interval_seconds=interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Keeps {domain.name} current: when files land, products of other domains change, or code changes, "
            "it makes what follows, once. Each tick says why, or why not."
        ),
    )
    def tick(context: dg.SensorEvaluationContext) -> Any:
        mesh = _mesh(domain)
        facts = facts_of(mesh, platform(), settle=platform().settings.settle_seconds)
        decision = decide(mesh, domain.name, facts, attempts_in(context.instance))
        if isinstance(decision, Nothing):
            return dg.SkipReason(decision.reason)
        return run_request(mesh, decision)

    return tick


def run_request(mesh: Mesh, request: Request) -> dg.RunRequest:
    """A decision as Dagster takes it.

    Args:
        mesh: all domains.
        request: what to make and why.
    """
    from mesh_pipelines.location import checks_to_run

    keys = [dg.AssetKey(step.key.split(".")) for step in request.steps]
    checks = [
        dg.AssetCheckKey(key, name)
        for key, step in zip(keys, request.steps, strict=True)
        for name in checks_to_run(step.node)
    ]
    priority = mesh.domains[request.domain].profile.priority
    tags = {
        DOMAIN: request.domain,
        IF_STALE: "true",
        REASON: request.reason[:240],
        CAUSES: json.dumps(request.causes, separators=(",", ":")),
        "mesh/priority": str(priority),
        "dagster/priority": str(priority),
    }
    partition: str | None = None
    if request.window:
        first, last = request.window
        if first == last:
            partition = first
        else:
            tags |= {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return dg.RunRequest(
        run_key=request.key, tags=tags, asset_selection=keys, asset_check_keys=checks, partition_key=partition
    )


def attempts_in(instance: dg.DagsterInstance) -> Callable[[str], Sequence[Attempt]]:
    """Recent runs of a domain, looked up once each.

    Args:
        instance: the Dagster instance.
    """
    known: dict[str, Sequence[Attempt]] = {}

    def attempts(domain: str) -> Sequence[Attempt]:
        if domain not in known:
            runs = instance.get_runs(filters=dg.RunsFilter(tags={DOMAIN: domain}), limit=_RECENT)
            known[domain] = [_attempt(instance, run) for run in runs]
        return known[domain]

    return attempts


def this_process() -> str:
    """Host, process and start of the process, which no later process with the same number shares."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def _attempt(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Attempt:
    if not run.is_finished and _is_gone(run.tags.get(PROCESS, "")):
        instance.report_run_failed(run, "the process that executed it is gone")
        return Attempt(run.run_id, {}, finished=True, failed=True)
    causes = json.loads(run.tags.get(CAUSES, "{}"))
    return Attempt(run.run_id, causes, finished=run.is_finished, failed=run.is_failure)


def _is_gone(process: str) -> bool:
    host, _, rest = process.partition(":")
    number, _, started = rest.partition(":")
    return bool(number) and host == socket.gethostname() and _started(int(number)) != started


def _started(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "gone" if Path("/proc").exists() else str(process)


_meshes: dict[str, tuple[datetime, Mesh]] = {}


def _mesh(domain: LoadedDomain) -> Mesh:
    """The whole mesh, as this code server loaded it; without a workspace, the domain by itself."""
    root = domain.folder.parent.parent
    if str(root) not in _meshes:
        if (root / "workspace.yaml").is_file():
            loaded = load_mesh(root, strict=False)
        else:
            loaded = Mesh(root, (), {domain.name: domain})
        _meshes[str(root)] = (datetime.now(UTC), loaded)
    return _meshes[str(root)][1]
