"""The tick of a sensor or schedule: recent attempts, and the run that it requests."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import dagster as dg
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME
from dagster._core.events import RunFailureReason
from dagster._core.storage.tags import PRIORITY_TAG, RUN_FAILURE_REASON_TAG

from mesh_pipelines.dagster_names import CAUSES, DOMAIN, VERSIONS, asset_key, key_of_op
from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.errors import record_may_pass
from mesh_pipelines.governance.load_mesh import load_sound_mesh
from mesh_pipelines.orchestration.run_tags import check_keys, partition_tags, run_tags, spans_in
from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.lookup import facts_of
from mesh_pipelines.planning.next_run import Attempt, NoRun, Request, next_run
from mesh_pipelines.runtime.dagster_yaml import urgency
from mesh_pipelines.runtime.lost_runs import end_lost_training, fail_if_lost
from mesh_pipelines.shared import shared_resources
from resources.scratch import sweep_scratch

_RECENT = 12
_KEPT = 1_000
"""Failed runs of which is remembered what they did not answer."""
_Event = dg.DagsterEventType
EVERY_ASSET = IMPLICIT_ASSET_JOB_NAME
"""Dagster's own job of all assets, the only one whose assets may have partitions of several kinds."""


def ask(domain: LoadedDomain, instance: dg.DagsterInstance) -> tuple[Mesh, Facts, Request | NoRun]:
    """Ask planning for a domain's next run.

    Returns:
        The mesh, the facts by which it was planned, and the requested run or the reason for none.
    """
    mesh, shared = mesh_of(domain), shared_resources()
    end_lost_training(lambda: instance, shared)
    sweep_scratch(shared.settings.scratch)
    settle = shared.settings.settle_seconds
    facts = facts_of(mesh.nodes, shared, settle=settle, instance=lambda: instance)
    return mesh, facts, next_run(mesh, domain.name, facts, attempts_in(instance, domain.name))


def run_request(mesh: Mesh, request: Request) -> dg.RunRequest:
    """A request of planning as Dagster takes it.

    A partition is named by its tag: as a key, Dagster would want all assets to begin and end with the same one.
    """
    domain = mesh.domains[request.domain]
    tags = {
        **run_tags(domain, request.reason),
        **partition_tags(request.partitions),
        **({VERSIONS: request.versions} if request.versions else {}),
        CAUSES: json.dumps(request.causes, separators=(",", ":")),
        PRIORITY_TAG: str(urgency(domain.profile.priority, time.time())),
    }
    return dg.RunRequest(
        run_key=request.key,
        tags=tags,
        asset_selection=[asset_key(step.key) for step in request.steps],
        asset_check_keys=check_keys(request.steps),
    )


def attempts_in(instance: dg.DagsterInstance, own: str) -> Callable[[str], Sequence[Attempt]]:
    """Recent runs of a domain, read once each.

    Args:
        own: the domain that asks: its own runs whose process was killed are failed, others' are left to their domains.
    """
    known: dict[str, Sequence[Attempt]] = {}

    def attempts(domain: str) -> Sequence[Attempt]:
        if domain not in known:
            known[domain] = [
                _attempt(instance, fail_if_lost(instance, run) if domain == own else run, ended)
                for run, ended in _recent_runs(instance, domain)
            ]
        return known[domain]

    return attempts


def _recent_runs(
    instance: dg.DagsterInstance, domain: str
) -> Sequence[tuple[dg.DagsterRun, datetime | None]]:
    records = instance.get_run_records(filters=dg.RunsFilter(tags={DOMAIN: domain}), limit=_RECENT)
    return [
        (record.dagster_run, datetime.fromtimestamp(record.end_time, UTC) if record.end_time else None)
        for record in records
    ]


def _attempt(instance: dg.DagsterInstance, run: dg.DagsterRun, ended: datetime | None) -> Attempt:
    # Dagster names the reason where a step failed; where it names another or none, no step had its say.
    lost = run.is_failure and run.tags.get(RUN_FAILURE_REASON_TAG) != RunFailureReason.STEP_FAILURE.value
    causes = json.loads(run.tags.get(CAUSES, "{}"))
    return Attempt(
        run.run_id,
        causes,
        finished=run.is_finished,
        failed=run.is_failure,
        lost=lost,
        spans=spans_in(run.tags),
        unanswered=_unanswered(instance, run.run_id, causes) if run.is_failure and not lost else frozenset(),
        ended=ended,
    )


_known_unanswered: dict[str, frozenset[str]] = {}


def _unanswered(instance: dg.DagsterInstance, run_id: str, keys: Iterable[str]) -> frozenset[str]:
    """Assets that a failed run did not come to, or whose step failed for something that may pass."""
    if run_id not in _known_unanswered:
        if len(_known_unanswered) >= _KEPT:
            _known_unanswered.clear()
        begun: set[str] = set()
        for entry in instance.all_logs(run_id, of_type={_Event.STEP_START, _Event.STEP_FAILURE}):
            event = entry.dagster_event
            if event is None or event.step_key is None:
                continue
            key = key_of_op(event.step_key)
            begun.add(key)
            if event.is_step_failure and record_may_pass(event.step_failure_data.error):
                begun.discard(key)
        _known_unanswered[run_id] = frozenset(keys) - begun
    return _known_unanswered[run_id]


_meshes: dict[str, Mesh] = {}


def mesh_of(domain: LoadedDomain) -> Mesh:
    """The whole mesh, as this code server loaded it; without a workspace, the domain by itself."""
    root = domain.folder.parent.parent
    if str(root) not in _meshes:
        whole = (root / "workspace.yaml").is_file()
        _meshes[str(root)] = load_sound_mesh(root) if whole else Mesh(root, (), {domain.name: domain})
    return _meshes[str(root)]
