"""What Dagster shows on the page of an asset."""

from __future__ import annotations

from typing import Any

import dagster as dg

from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources
from tests.mesh_pipelines.conftest import Machines


def shown(machines: Machines, name: str) -> dict[str, Any]:
    """What the page of an asset shows of the time that it was made."""
    with machines.inside():
        made = dagster_instance(shared_resources()).get_latest_materialization_event(
            dg.AssetKey(["machines", name])
        )
    assert made is not None
    assert made.asset_materialization is not None
    return {label: entry.value for label, entry in made.asset_materialization.metadata.items()}
