"""A sensor's or schedule's tick: recent attempts, and the run that it requests."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import dagster as dg
from dagster._core.events import RunFailureReason
from dagster._core.storage.tags import RUN_FAILURE_REASON_TAG

from mesh_pipelines.dagster_names import CAUSES, DOMAIN, IF_STALE, REASON, VERSIONS
from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.governance.federation import load_mesh
from mesh_pipelines.planning.next_run import Attempt, Request
from mesh_pipelines.runtime.dagster_yaml import urgency
from mesh_pipelines.runtime.lost_runs import failed_if_lost

_RECENT = 12


def run_request(mesh: Mesh, request: Request) -> dg.RunRequest:
    """A decision as Dagster takes it.

    Args:
        mesh: all domains.
        request: what to make and why.
    """
    from mesh_pipelines.steps.checks import checks_to_run

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
        **({VERSIONS: request.versions} if request.versions else {}),
        CAUSES: json.dumps(request.causes, separators=(",", ":")),
        "mesh/priority": str(priority),
        "dagster/priority": str(urgency(priority, time.time())),
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


def attempts_in(instance: dg.DagsterInstance, own: str) -> Callable[[str], Sequence[Attempt]]:
    """Recent runs of a domain, looked up once each.

    Args:
        instance: the Dagster instance.
        own: the domain that looks: runs of its own whose process was killed are failed, others' are theirs to fail.
    """
    known: dict[str, Sequence[Attempt]] = {}

    def attempts(domain: str) -> Sequence[Attempt]:
        if domain not in known:
            runs = instance.get_runs(filters=dg.RunsFilter(tags={DOMAIN: domain}), limit=_RECENT)
            if domain == own:
                runs = [failed_if_lost(instance, run) for run in runs]
            known[domain] = [_attempt(run) for run in runs]
        return known[domain]

    return attempts


def _attempt(run: dg.DagsterRun) -> Attempt:
    # Dagster names the reason where a step failed; where it names another or none, no step had its say.
    lost = run.is_failure and run.tags.get(RUN_FAILURE_REASON_TAG) != RunFailureReason.STEP_FAILURE.value
    causes = json.loads(run.tags.get(CAUSES, "{}"))
    return Attempt(run.run_id, causes, finished=run.is_finished, failed=run.is_failure, lost=lost)


_meshes: dict[str, tuple[datetime, Mesh]] = {}


def mesh_of(domain: LoadedDomain) -> Mesh:
    """The whole mesh, as this code server loaded it; without a workspace, the domain by itself."""
    root = domain.folder.parent.parent
    if str(root) not in _meshes:
        if (root / "workspace.yaml").is_file():
            loaded = load_mesh(root, strict=False)
        else:
            loaded = Mesh(root, (), {domain.name: domain})
        _meshes[str(root)] = (datetime.now(UTC), loaded)
    return _meshes[str(root)][1]
