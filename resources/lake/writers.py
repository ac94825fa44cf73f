"""Markers of a table's writers, by which files of a killed one are found and removed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from resources.lake.table import Table
from resources.processes import machine, start_of

ABANDONED_AFTER = timedelta(hours=24)


def marker_name(table: Table, token: str) -> str:
    """Name of the marker of one publish."""
    return f"{table.root}/_staging/{token}.json"


def write_marker(table: Table, token: str, base: int | None) -> None:
    """Mark this process as the writer of a publish, which began on version ``base``."""
    writer = {
        "host": machine(),
        "pid": os.getpid(),
        "started": start_of(os.getpid()),
        "at": datetime.now(UTC).isoformat(),
        "base": base,
    }
    table.store.replace(marker_name(table, token), json.dumps(writer).encode())


def marked_tokens(table: Table) -> dict[str, str]:
    """Names of all markers, by the token of the publish."""
    markers = table.store.list(f"{table.root}/_staging")
    return {name.rpartition("/")[2].removesuffix(".json"): name for name in markers}


def heal(table: Table, abandoned_after: timedelta = ABANDONED_AFTER) -> int:
    """Remove files that killed writers left, not those of living ones; returns their number.

    A writer on this machine is dead if its process is; one elsewhere, if it began longer ago than ``abandoned_after``.
    """
    removed = 0
    for token, marker in marked_tokens(table).items():
        try:
            writer = json.loads(table.store.read(marker))
        except FileNotFoundError:
            continue
        if _is_alive(writer, abandoned_after):
            continue
        if table.log.publication_of(token, writer["base"]) is None:
            names = table.store.list(table.root)
            leftovers = [name for name in names if name.rpartition("/")[2].startswith(f"part-{token}-")]
        else:
            leftovers = []
        for name in leftovers:
            table.store.delete(name)
        table.store.delete(marker)
        removed += len(leftovers)
    return removed


def _is_alive(writer: Mapping[str, Any], abandoned_after: timedelta) -> bool:
    if writer["host"] == machine():
        return writer["started"] is not None and start_of(writer["pid"]) == writer["started"]
    return datetime.now(UTC) - datetime.fromisoformat(writer["at"]) < abandoned_after
