"""Imports modules of planning and steps, all at once and without the garbage collector.

Importing these libraries makes millions of objects that stay; walking through them again and again takes the collector
a quarter of the time of the imports.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from resources.compute.local import prepare_for_training
from resources.tracking import prepare_for_mlflow

PLANNING = (
    "dagster",
    "dagster._core.secrets.env_file",
    "dagster._core.storage.base_storage",
    "dagster._cli.api",
    "deltalake",
    "mesh_pipelines.runtime.sqlite_storage",
    "mesh_pipelines.orchestration.location",
    "mesh_pipelines.runtime.lost_runs",
    "polars",
)
READING = (
    "dagster",
    "dagster._core.storage.base_storage",
    "mesh_pipelines.orchestration.tick",
    "mesh_pipelines.runtime.sqlite_storage",
)
"""For reading runs and assets without starting a run."""
ROWS = (
    "mesh_pipelines.publishing.publish",
    "pandera.backends.polars.builtin_checks",
    "pandera.polars",
    "quality.dataset",
    "quality.rows",
)
AUDIT = (*ROWS, "duckdb", "quality.auditor")
"""For audits, whose children import Great Expectations (:mod:`quality.nursery`)."""
REGISTRY = ("mlflow", "mlflow.exceptions", "mlflow.tracing.processor.base_mlflow")
OWN_REGISTRY = (
    *REGISTRY,
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
)
"""For a registry without a server."""
MODELS = (
    "dagster_mlflow",
    "git",
    "mesh_pipelines.modeling.logbook",
    "mesh_pipelines.modeling.training",
    "xgboost",
)
TRAINED = (
    "matplotlib.backends.backend_svg",
    "matplotlib.figure",
    "mesh_pipelines.modeling.promotion",
    "mesh_pipelines.modeling.plots",
    "mesh_pipelines.modeling.scoring",
    "mesh_pipelines.monitoring.plots",
    "mesh_pipelines.monitoring.watching",
    "mlflow.xgboost",
)
"""For work on a trained model."""


def preload(*groups: Iterable[str]) -> None:
    """Import groups of modules, e.g. :data:`AUDIT`, with the garbage collector paused: none of it is garbage."""
    missing = [name for group in groups for name in group if name not in sys.modules]
    if not missing:
        return
    prepare_for_mlflow()
    prepare_for_training()
    with _pause_collector():
        for name in missing:
            importlib.import_module(name)


@contextmanager
def _pause_collector() -> Generator[None]:
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
