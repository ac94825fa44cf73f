"""Imports of planning and steps, all at once and without the garbage collector.

These libraries are thousands of modules. Importing them makes millions of objects that stay, and Python's collector
looks through all of them again and again while they are made: a quarter of the time that the imports take.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from quality.gx import import_gx
from resources.compute.local import prepare_for_training
from resources.tracking import know_packages, prepare_for_mlflow

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
ROWS = (
    "mesh_pipelines.publishing.publish",
    "pandera.backends.polars.builtin_checks",
    "pandera.polars",
    "quality.dataset",
    "quality.rows",
)
AUDIT = (*ROWS, "duckdb", "duckdb_engine", "great_expectations")
"""Where no other process audits (:mod:`quality.auditor`)."""
REGISTRY = ("mlflow", "mlflow.exceptions", "mlflow.tracing.processor.base_mlflow")
OWN_REGISTRY = (
    *REGISTRY,
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
)
"""Where no server keeps it."""
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
"""What is done with a model once it is there."""


def preload(*groups: Iterable[str]) -> None:
    """Import modules; what there is then is looked through by no later collection either.

    Args:
        groups: names of modules, e.g. :data:`AUDIT`.
    """
    missing = [name for group in groups for name in group if name not in sys.modules]
    if not missing:
        return
    prepare_for_mlflow()
    prepare_for_training()
    with _uncollected():
        if "great_expectations" in missing:
            import_gx()
        for name in missing:
            importlib.import_module(name)
        gc.freeze()


@contextmanager
def _uncollected() -> Generator[None]:
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def trained_meanwhile() -> Generator[None]:
    """Get ready, in a thread, for what is done with a model, while XGBoost trains it and needs no interpreter."""
    # What trains is imported before: packages that import each other in circles must not be begun by two threads.
    preload(REGISTRY, MODELS)

    def get_ready() -> None:
        preload(TRAINED)
        know_packages()

    with ThreadPoolExecutor(1, thread_name_prefix="mesh-preload") as thread:
        ready = thread.submit(get_ready)
        yield
        ready.result()
