"""The Dagster instance of this mesh."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_pipelines.shared import SharedResources

if TYPE_CHECKING:
    from dagster import DagsterInstance

_PLANNED_TOGETHER = "1000"
"""Planned events that are written in one batch; a run of a whole domain has some hundreds."""


def dagster_instance(shared: SharedResources) -> DagsterInstance:
    """The Dagster instance of this mesh, made on first use."""
    from mesh_pipelines.runtime.dagster_yaml import ensure_dagster_home

    home = ensure_dagster_home(shared.settings)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", _PLANNED_TOGETHER)
    return _instance(home, (home / "dagster.yaml").stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _instance(home: Path, configured: int) -> DagsterInstance:
    from dagster import DagsterInstance

    return DagsterInstance.from_config(str(home))
