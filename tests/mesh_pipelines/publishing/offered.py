"""Products of a real lake, to be published by a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mesh_pipelines.declaring.node import Node
from mesh_pipelines.publishing.candidate import Candidate, Published
from mesh_pipelines.publishing.publish import publish
from mesh_pipelines.publishing.quarantine import QUARANTINE
from mesh_pipelines.publishing.record import NOTHING, PublishRecord
from mesh_pipelines.shared import SharedResources
from resources.lake.lake import Lake
from tests.mesh_pipelines.small_domains import product, promise, read_promise

COLUMNS: dict[str, Any] = {
    "id": "integer",
    "amount": {"logicalType": "number", "logicalTypeOptions": {"minimum": 0}},
    "city": {"logicalType": "string", "classification": "confidential"},
}
GOOD = {"id": [1, 2, 3], "amount": [1.0, 2.0, 3.0], "city": ["Rome", "Oslo", "Bonn"]}
BAD = {"id": [1, 2, 3], "amount": [1.0, -2.0, 3.0], "city": ["Rome", "Oslo", "Bonn"]}


@dataclass
class Shop:
    """A lake and one product of it."""

    shared: SharedResources
    node: Node

    @property
    def quarantine(self) -> str:
        return self.node.key + QUARANTINE

    def publish(self, rows: dict[str, Any] | pl.LazyFrame, *partitions: str, **info: Any) -> Published:
        frame = rows if isinstance(rows, pl.LazyFrame) else pl.LazyFrame(rows)
        candidate = Candidate(frame, partitions=partitions or None, **info)
        return publish(self.shared, self.node, candidate, {}, "run")

    def rows(self, key: str = "") -> pl.DataFrame:
        return self.shared.lake.scan(key or self.node.key).collect()


def offer(shared: SharedResources, folder: Path, request: pytest.FixtureRequest, **terms: Any) -> Shop:
    """A product with these terms, named after the test."""
    name = "p" + str(abs(hash(request.node.nodeid)) % 10**9)
    columns = {**COLUMNS, "month": "string"} if "partitions" in terms else COLUMNS
    return Shop(shared, product(read_promise(folder, promise("shop", name, columns, **terms))))


def month(name: str, *ids: int, amount: float = 1.0) -> dict[str, Any]:
    """Rows of a month."""
    many = len(ids)
    return {"id": list(ids), "amount": [amount] * many, "city": ["Rome"] * many, "month": [name] * many}


def put(
    lake: Lake,
    key: str,
    rows: pl.DataFrame,
    kinds: Mapping[str, str] | None = None,
    record: PublishRecord = NOTHING,
) -> int:
    """Publish rows as they are, past every rule, and return the version.

    Args:
        kinds: classification by column; public where none is given.
    """
    classes = dict.fromkeys(rows.columns, "public") | dict(kinds or {})
    with lake.stage(key, dict(rows.schema), classes) as stage:
        stage.write(rows)
        return stage.commit(record.to_json()).version


def without_key(document: dict[str, Any]) -> dict[str, Any]:
    """A contract without its key: no column of it has to be there."""
    for column in document["schema"][0]["properties"]:
        column.pop("primaryKey", None)
        column.pop("primaryKeyPosition", None)
        column["required"] = False
    return document
