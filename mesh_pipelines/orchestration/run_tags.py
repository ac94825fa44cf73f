"""Tags and selection of a run, the same for sensors, schedules and people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from mesh_pipelines.dagster_names import DOMAIN, IF_STALE, PARTITIONS, PRIORITY, REASON, asset_key
from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.planning.shares import Spans, read_spans, spans_of, write_spans
from mesh_pipelines.planning.step import Step
from mesh_pipelines.steps.checks import checks_to_run

_LONGEST = 240


def run_tags(domain: LoadedDomain, reason: str) -> dict[str, str]:
    """Tags of a run that brings assets of a domain up to date."""
    return {
        DOMAIN: domain.name,
        IF_STALE: "true",
        REASON: reason if len(reason) <= _LONGEST else reason[: _LONGEST - 1] + "…",
        PRIORITY: str(domain.profile.priority),
    }


def partition_tags(names: Sequence[str] | None) -> dict[str, str]:
    """Tags for the sorted partitions of a run: one, a range, or of a range those that are named.

    Dagster knows a range by its first and last; a range with gaps has a tag of the mesh's own.
    """
    if names is None:
        return {}
    if len(names) == 1:
        return {PARTITION_NAME_TAG: names[0]}
    spans = spans_of(names)
    return {
        ASSET_PARTITION_RANGE_START_TAG: names[0],
        ASSET_PARTITION_RANGE_END_TAG: names[-1],
        **({PARTITIONS: write_spans(spans)} if len(spans) > 1 else {}),
    }


def spans_in(tags: Mapping[str, str]) -> Spans | None:
    """Partitions of a run, by its tags; ``None`` for a run without partitions."""
    if PARTITIONS in tags:
        return read_spans(tags[PARTITIONS])
    if PARTITION_NAME_TAG in tags:
        return [(tags[PARTITION_NAME_TAG], tags[PARTITION_NAME_TAG])]
    if ASSET_PARTITION_RANGE_START_TAG in tags and ASSET_PARTITION_RANGE_END_TAG in tags:
        return [(tags[ASSET_PARTITION_RANGE_START_TAG], tags[ASSET_PARTITION_RANGE_END_TAG])]
    return None


def check_keys(steps: Sequence[Step]) -> list[dg.AssetCheckKey]:
    """Keys of the checks that run when some assets are made."""
    return [
        dg.AssetCheckKey(asset_key(step.key), name) for step in steps for name in checks_to_run(step.node)
    ]
