"""Names in Dagster's store that belong to the mesh: asset keys, tags, metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import dagster as dg

DOMAIN: Final = "mesh/domain"
"""Tag of runs and assets: the owning domain."""
STAGE: Final = "mesh/stage"
"""Tag of assets: their place in the flow."""
PRIORITY: Final = "mesh/priority"
"""Tag of runs and assets: the domain's strategic priority."""
CLASSIFICATION: Final = "mesh/classification"
"""Tag of assets: the highest classification among their columns."""
IF_STALE: Final = "mesh/if-stale"
"""Tag of runs: a step whose inputs turn out to be unchanged leaves its table as it is."""
REASON: Final = "mesh/reason"
"""Tag of runs: the reason of the run, in words."""
PERSON: Final = "mesh/person"
"""Tag of runs: the person who asked for it."""
CAUSES: Final = "mesh/causes"
"""Tag of runs: for each asset that was out of date by itself, a hash of the cause."""
FAILED: Final = "mesh/failed/"
"""Prefix of the values, by asset, that hold the content for which it failed."""
VERSIONS: Final = "mesh/versions"
"""Tag of runs: the versions that made those assets out of date: ``operations.departures@9 -> @10``."""
PARTITIONS: Final = "mesh/partitions"
"""Tag of runs: the partitions of a range with gaps: ``2026-01-01..2026-01-09,2026-01-11``."""
PROCESS: Final = "mesh/process"
"""Tag of runs: host, number and start time of the process that executes it, written before it begins."""
PORTS: Final = "mesh/ports"
"""Metadata of a hand-written asset: the products of other domains that it reads, each with its purpose."""
PRODUCT: Final = "mesh/product"
"""Metadata of an input of an op: the product that it reads; Dagster itself knows the inputs of assets alone."""
PURPOSE: Final = "mesh/purpose"
"""Metadata of an input: the purpose of reading another domain's product."""
WORK_SECONDS: Final = "work seconds"
"""Metadata of a materialization or check: duration of the work on its data (s)."""
QUARANTINED: Final = "quarantined"
"""Metadata of a materialization: number of rows refused."""


def asset_key(key: str) -> dg.AssetKey:
    """``domain.name`` as Dagster writes it."""
    import dagster as dg

    return dg.AssetKey(key.split("."))


def dotted(key: dg.AssetKey, domain: str = "") -> str:
    """A key of Dagster's as ``domain.name``."""
    return ".".join(key.path if len(key.path) > 1 or not domain else (domain, *key.path))


def op_name(key: str) -> str:
    """The name of the op that makes ``domain.name``; Dagster allows no dots in it."""
    return "__".join(key.split("."))


def key_of_op(name: str) -> str:
    """``domain.name`` by the name of its op; no domain's name has two underscores."""
    return name.replace("__", ".", 1)
