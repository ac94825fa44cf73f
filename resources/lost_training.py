"""Ends MLflow runs whose process is gone, and the models that they had begun to log.

A process that is killed ends neither. A run carries the name of its process (:data:`PROCESS`), so the next process
on that machine can tell that nobody trains any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from resources.processes import is_gone
from resources.registry_rows import read_rows
from resources.tracking import PROCESS, Tracking, unavailable

if TYPE_CHECKING:
    from mlflow import MlflowClient

ENDED_BECAUSE: Final = "mesh.ended_because"
"""Tag of a run that was ended for its process: the reason in words."""
_RUNNING = f"""
SELECT runs.run_uuid, coalesce(process.value, ''), coalesce(dagster.value, '') FROM runs
LEFT JOIN tags AS process ON process.run_uuid = runs.run_uuid AND process.key = '{PROCESS}'
LEFT JOIN tags AS dagster ON dagster.run_uuid = runs.run_uuid AND dagster.key = 'dagster_run_id'
WHERE runs.status IN ('RUNNING', 'SCHEDULED') AND coalesce(:name, '') = ''
"""  # noqa: S608 (a constant)


@dataclass(frozen=True)
class RunningRow:
    """An MLflow run that has not ended; process and Dagster run are empty for a run of somebody's own."""

    run_id: str
    process: str
    dagster_run_id: str


def end_lost_training(tracking: Tracking, is_over: Callable[[str], bool]) -> tuple[str, ...]:
    """End as KILLED, with a reason, every run of the mesh that nobody works on; runs of somebody's own stay.

    Returns their ids; TrackingUnavailable if the store does not answer. ``is_over`` is true for the id of a Dagster
    run that has ended: it decides on runs of other machines, and on those without the name of a process.
    """
    running = _running(tracking)
    lost = {row.run_id: why for row in running if (why := _reason(row, is_over))}
    if lost:
        client = tracking.client()
        with unavailable(tracking):
            for run_id, why in lost.items():
                _end(client, run_id, why)
    return tuple(lost)


def _reason(row: RunningRow, is_over: Callable[[str], bool]) -> str:
    """The reason in words why nobody works on a run any more; empty where somebody may."""
    if is_gone(row.process):
        return f"its process is gone, killed or lost with its machine: {row.process}"
    if row.dagster_run_id and is_over(row.dagster_run_id) and _may_be_lost(row.process):
        return f"its Dagster run has ended without it: {row.dagster_run_id}"
    return ""


def _may_be_lost(process: str) -> bool:
    from resources.processes import number_of

    return number_of(process) is None


def _end(client: MlflowClient, run_id: str, why: str) -> None:
    run = client.get_run(run_id)
    client.set_tag(run_id, ENDED_BECAUSE, why)
    begun = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run_id}'")
    for model in begun:
        if str(model.status) == "PENDING":
            client.finalize_logged_model(model.model_id, "FAILED")
    client.set_terminated(run_id, "KILLED")


def _running(tracking: Tracking) -> list[RunningRow]:
    rows = read_rows(tracking.uri, _RUNNING)
    return [RunningRow(*row) for row in rows] if rows is not None else _ask(tracking)


def _ask(tracking: Tracking) -> list[RunningRow]:
    client = tracking.client()
    with unavailable(tracking):
        ids = [found.experiment_id for found in client.search_experiments()]
        runs: list[Any] = list(client.search_runs(ids, "attributes.status = 'RUNNING'")) if ids else []
    return [
        RunningRow(run.info.run_id, run.data.tags.get(PROCESS, ""), run.data.tags.get("dagster_run_id", ""))
        for run in runs
    ]
