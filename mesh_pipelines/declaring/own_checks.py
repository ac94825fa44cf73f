"""A domain's hand-written checks, read from Dagster's definitions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mesh_pipelines.dagster_names import dotted, op_name
from mesh_pipelines.declaring.node import OwnCheck


def checks_among(extras: Iterable[Any], domain: str) -> tuple[OwnCheck, ...]:
    """The hand-written checks among Dagster definitions."""
    return tuple(
        check for extra in extras if hasattr(extra, "check_specs") for check in own_checks(extra, domain)
    )


def own_checks(definition: Any, domain: str) -> tuple[OwnCheck, ...]:
    """The checks of a ``dg.AssetChecksDefinition``; it may name an asset without its domain."""
    specs = tuple(definition.check_specs)
    alone = definition.can_subset or len({spec.asset_key for spec in specs}) == 1
    return tuple(
        OwnCheck(
            dotted(spec.asset_key, domain),
            spec.name,
            spec.blocking,
            step_of(definition, domain),
            alone,
            spec.partitions_def is not None,
        )
        for spec in specs
    )


def step_of(definition: Any, domain: str) -> str:
    """Name of the op that executes a ``dg.AssetChecksDefinition``; no asset of the domain has the same."""
    return op_name(f"{domain}.{definition.op.name}")
