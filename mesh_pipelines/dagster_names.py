"""Names that Dagster keeps for the mesh: asset keys, run tags, metadata."""

from __future__ import annotations

import dagster as dg

IF_STALE = "mesh/if-stale"
"""Run tag: a step whose inputs turn out to be unchanged leaves its table as it is."""

REASON = "mesh/reason"
"""Run tag: why the run was started, in words."""

CAUSES = "mesh/causes"
"""Run tag: for each asset that was out of date by itself, a hash of what made it so."""

VERSIONS = "mesh/versions"
"""Run tag: what made those assets out of date, as versions: ``operations.departures@9 -> @10``."""

DOMAIN = "mesh/domain"
STAGE = "mesh/stage"


def asset_key(key: str) -> dg.AssetKey:
    """``domain.name`` as Dagster writes it."""
    return dg.AssetKey(key.split("."))


WORK_SECONDS = "work seconds"
"""Name of the metadata in which an asset or a check says how long the work on its data took (s)."""

PROCESS = "mesh/process"
"""Run tag: host, process and start of the process that executes a run; it writes this before it begins."""
