"""Checks that a domain wrote by hand, read off Dagster's definitions."""

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
    """A check that was written by hand.

    Args:
        asset: key of what it looks at, ``domain.name``.
        name: its name there.
        blocking: true if nothing may follow what it refuses.
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
    """The checks in a Dagster definition.

    Args:
        definition: ``dg.AssetChecksDefinition``; it may name an asset as its domain does, without the domain.
        domain: the domain that wrote it.
    """
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
    """Name of the op that executes a hand-written check: no asset of the domain has the same.

    Args:
        definition: ``dg.AssetChecksDefinition``.
        domain: the domain that wrote it.
    """
    return f"{domain}__{definition.op.name}"
