"""A domain's hand-written checks, read from Dagster's definitions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


def checks_among(extras: Iterable[Any], domain: str) -> tuple[OwnCheck, ...]:
    """The hand-written checks among Dagster definitions."""
    return tuple(
        check for extra in extras if hasattr(extra, "check_specs") for check in own_checks(extra, domain)
    )


@dataclass(frozen=True)
class OwnCheck:
    """A hand-written check.

    Args:
        asset: key of the checked asset, ``domain.name``.
        blocking: true if nothing downstream may run after it refuses.
        step: name of the Dagster op that executes it.
        alone: true if it can be executed without the other checks of its function.
        by_partition: true if it is evaluated once a partition.
    """

    asset: str
    name: str
    blocking: bool
    step: str
    alone: bool = True
    by_partition: bool = False


def own_checks(definition: Any, domain: str) -> tuple[OwnCheck, ...]:
    """The checks of a ``dg.AssetChecksDefinition``; it may name an asset without its domain."""
    specs = tuple(definition.check_specs)
    alone = definition.can_subset or len({spec.asset_key for spec in specs}) == 1
    return tuple(
        OwnCheck(
            ".".join(spec.asset_key.path if len(spec.asset_key.path) > 1 else (domain, *spec.asset_key.path)),
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
    return f"{domain}__{definition.op.name}"
