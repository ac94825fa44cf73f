"""Mesh AI: the words a domain writes in. Everything a domain needs is imported from here.

Importing this package costs nothing: each name is loaded when it is first used, so that a domain's pure
functions can be tested without Dagster, and loading a domain never pays for MLflow, Great Expectations or XGBoost.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mesh_pipelines.declaring.declarations import (
        Port,
        data_product,
        feature_set,
        model,
        predictions,
        provenance,
        source,
        sql_source,
    )
    from mesh_pipelines.declaring.model_spec import Gate, Retrain
    from mesh_pipelines.declaring.node import LoadedDomain
    from mesh_pipelines.declaring.watch import Watch
    from mesh_pipelines.errors import Violation
    from mesh_pipelines.features.as_of import totals_as_of
    from mesh_pipelines.features.cycles import angle_of_year
    from mesh_pipelines.features.point_in_time import latest_as_of, values_at
    from mesh_pipelines.orchestration.location import domain
    from quality.lint.rule import Rule

__all__ = [
    "Gate",
    "LoadedDomain",
    "Port",
    "Retrain",
    "Rule",
    "Violation",
    "Watch",
    "angle_of_year",
    "data_product",
    "domain",
    "feature_set",
    "latest_as_of",
    "model",
    "predictions",
    "provenance",
    "source",
    "sql_source",
    "totals_as_of",
    "values_at",
]

_HOME = {
    "domain": "mesh_pipelines.orchestration.location",
    "LoadedDomain": "mesh_pipelines.declaring.node",
    "Rule": "quality.lint.rule",
    "Violation": "mesh_pipelines.errors",
    "Gate": "mesh_pipelines.declaring.model_spec",
    "Retrain": "mesh_pipelines.declaring.model_spec",
    "Watch": "mesh_pipelines.declaring.watch",
    "angle_of_year": "mesh_pipelines.features.cycles",
    "latest_as_of": "mesh_pipelines.features.point_in_time",
    "totals_as_of": "mesh_pipelines.features.as_of",
    "values_at": "mesh_pipelines.features.point_in_time",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME.get(name, "mesh_pipelines.declaring.declarations")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
