"""``dagster.yaml``: run queue, pools, and the monitor of killed runs.

A domain runs one run at a time, so none fills the queue. It is sorted by strategic priority, and waiting counts
(:func:`urgency`), so none starves. Training shares a pool: as many models as the machine has cores to spare.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mesh_pipelines.dagster_names import DOMAIN
from mesh_pipelines.errors import MeshError
from resources.whole_file import write_whole

if TYPE_CHECKING:
    from resources.settings import Settings

TRAINING = "training"
"""Pool of the steps that train a model."""

STORAGE = "MESH_DAGSTER_STORAGE"
WORTH = 60
"""Seconds of waiting that count as much as one step of strategic priority."""

_MOVED = {
    "mesh_pipelines.eventlog": "mesh_pipelines.runtime.sqlite_storage",
    "mesh_pipelines.launcher": "mesh_pipelines.runtime.launcher",
}
"""Modules that older files name, and their names now."""

_OURS = "# Written by `mesh`, and again when its settings change; delete this line to make the file yours.\n"


def dagster_yaml(settings: Settings) -> dict[str, Any]:
    """The Dagster instance of this mesh; the rest is Dagster's default."""
    cores = os.cpu_count() or 1
    # Named by its folder, so that the home opens without DAGSTER_HOME in the environment.
    steady = {"base_dir": str(settings.dagster_home.absolute())}
    storage: dict[str, Any] = {
        "custom": {
            "module": "mesh_pipelines.runtime.sqlite_storage",
            "class": "SteadyStorage",
            "config": steady,
        }
    }
    if settings.dagster_storage:
        # The address holds a password: the file names the variable, and nothing of what is in it.
        storage = {"postgres": {"postgres_url": {"env": STORAGE}}}
    return {
        "storage": storage,
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "concurrency": {
            "runs": {
                "max_concurrent_runs": max(2, cores // 2),
                "tag_concurrency_limits": [
                    {"key": DOMAIN, "value": {"applyLimitPerUniqueValue": True}, "limit": 1}
                ],
            },
            "pools": {"default_limit": max(1, cores // 4), "granularity": "op"},
        },
        "run_coordinator": {
            "module": "dagster._core.run_coordinator",
            "class": "QueuedRunCoordinator",
            "config": {"dequeue_interval_seconds": 1},
        },
        "run_launcher": {"module": "mesh_pipelines.runtime.launcher", "class": "WarmRunLauncher"},
        # A run whose process was killed is found and failed. Nobody starts it again as it was: the next tick of its
        # domain asks for what is missing then.
        "run_monitoring": {
            "enabled": True,
            "poll_interval_seconds": 10,
            "start_timeout_seconds": 180,
            "free_slots_after_run_end_seconds": 5,
        },
        "run_retries": {"enabled": False},
        "sensors": {"use_threads": True, "num_workers": 8},
    }


def ensure_dagster_home(settings: Settings) -> Path:
    """Make DAGSTER_HOME with its dagster.yaml; a file without the mesh's first line stays as it is.

    Raises MeshError: a file of somebody's own names a module that has moved.
    """
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    file = home / "dagster.yaml"
    text = _OURS + yaml.safe_dump(dagster_yaml(settings))
    written = file.read_text(encoding="utf-8") if file.exists() else _OURS
    if not written.startswith(_OURS):
        _refuse_moved_modules(file, written)
    elif written != text:
        write_whole(file, text)
    return home


def _refuse_moved_modules(file: Path, written: str) -> None:
    words = written.split()
    moved = {old: new for old, new in _MOVED.items() if old in words}
    if moved:
        raise MeshError(
            f"names modules that have moved: {', '.join(moved)}",
            where=str(file),
            remedy="; ".join(f"write {new} for {old}" for old, new in moved.items()),
        )


def urgency(priority: int, asked_at: float) -> int:
    """The ``dagster/priority`` of a run, by which the queue is sorted, the highest first.

    Each minute of waiting counts as one step of strategic priority. All waiting runs grow more urgent at the same
    pace, so their order never changes, and none that is asked for ``WORTH * 9`` seconds later goes first: no domain
    starves. A run started by a person has no such tag, which counts as 0, and goes first.
    """
    return WORTH * priority - int(asked_at)
