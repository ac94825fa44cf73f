"""Dagster assets and checks that a domain wrote by hand, read as nodes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from mesh_pipelines.dagster_names import PORTS, STAGE, dotted
from mesh_pipelines.declaring.code_version import code_version
from mesh_pipelines.declaring.declarations import (
    Input,
    Port,
)
from mesh_pipelines.declaring.node import FeatureSetNode, Node, ProductNode
from mesh_pipelines.errors import MeshError
from quality.contract import Contract

_WRITTEN: Mapping[str, type[Node]] = {kind.stage: kind for kind in (ProductNode, FeatureSetNode)}
"""Kinds that an ``@asset`` can be: a function that returns rows."""


def handwritten_nodes(
    value: Any, domain: str, contracts: Mapping[str, Contract], module: ModuleType, package: str
) -> dict[str, Node]:
    """Nodes of a hand-written Dagster asset, by name; none for any other value."""
    from dagster import AssetsDefinition

    if not isinstance(value, AssetsDefinition):
        return {}
    found: dict[str, Node] = {}
    for spec in value.specs:
        name = spec.key.path[-1]
        given = spec.metadata.get(PORTS) or {}
        purposes: Mapping[str, str] = getattr(given, "data", given)
        ports = {str(key): Port(str(key), str(purpose)) for key, purpose in purposes.items()}
        inputs = tuple(
            Input(
                dep.asset_key.path[-1],
                dotted(dep.asset_key, domain),
                ports.get(dotted(dep.asset_key, domain)),
            )
            for dep in spec.deps
        )
        kind = _kind_of(spec)
        found[name] = kind(
            domain=domain,
            name=name,
            inputs=inputs,
            contract=contracts.get(name) if kind.promises else None,
            code_version=spec.code_version or code_version(module.__name__, package),
            asset=value,
            file=Path(str(module.__file__)),
            line=_line_of(value),
        )
    return found


def _kind_of(spec: Any) -> type[Node]:
    stage = str(spec.tags.get(STAGE, ProductNode.stage))
    if stage not in _WRITTEN:
        raise MeshError(
            f"its tag {STAGE} is {stage!r}, and no such thing is written by hand",
            where=dotted(spec.key),
            remedy=f"write one of {', '.join(_WRITTEN)}, or leave the tag out: it is a product then",
        )
    return _WRITTEN[stage]


def _line_of(asset: Any) -> int:
    compute = getattr(asset.node_def, "compute_fn", None) if asset.is_executable else None
    code = getattr(getattr(compute, "decorated_fn", None), "__code__", None)
    return code.co_firstlineno if code else 1


def is_dagster_extra(value: Any) -> bool:
    """True for Dagster definitions that stand beside assets: checks, jobs, schedules, sensors."""
    from dagster import AssetChecksDefinition, JobDefinition, ScheduleDefinition, SensorDefinition

    return isinstance(value, (AssetChecksDefinition, JobDefinition, ScheduleDefinition, SensorDefinition))
