"""The publish record of one version of a table, in its Delta commit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from resources.lake import dtypes as types
from resources.lake.digest import ContentDigest
from resources.lake.layout import Layout

METADATA_KEY = "mesh"
_FORMAT = 1


@dataclass(frozen=True)
class Publication:
    """One version of a table.

    Args:
        data_version: version of the content (see :mod:`resources.lake.digest`).
        gathered: files hold rows of several partitions; otherwise each partition has files of its own.
        partitions: content of each partition (one, named "", if there is no partition column).
        token: the lake's own name for it, unique in the table; ``publish_id`` is the caller's.
        info: the publisher's entries.
    """

    key: str
    version: int
    data_version: str
    rows: int
    published_at: datetime
    schema: Mapping[str, pl.DataType]
    classification: Mapping[str, str]
    partition_by: str | None
    gathered: bool
    partitions: Mapping[str, ContentDigest]
    layouts: Mapping[str, Layout]
    publish_id: str
    token: str
    info: Mapping[str, Any]

    @property
    def folders_by(self) -> str | None:
        """Delta's partition column, by which files lie in folders; None if there is none."""
        return None if self.gathered else self.partition_by

    def at(self, version: int) -> Publication:
        return replace(self, version=version)

    def using(self, layouts: Mapping[str, Layout]) -> Publication:
        return replace(self, layouts=layouts)

    def to_metadata(self) -> dict[str, str]:
        record = {
            "format": _FORMAT,
            "key": self.key,
            "data_version": self.data_version,
            "rows": self.rows,
            "published_at": self.published_at.isoformat(),
            "schema": [[name, types.to_json(dtype)] for name, dtype in self.schema.items()],
            "classification": dict(self.classification),
            "partition_by": self.partition_by,
            "gathered": self.gathered,
            "partitions": {name: [part.hex, part.rows] for name, part in sorted(self.partitions.items())},
            "layouts": {name: layout.to_json() for name, layout in self.layouts.items()},
            "publish_id": self.publish_id,
            "token": self.token,
            "info": dict(self.info),
        }
        return {METADATA_KEY: json.dumps(record)}

    @classmethod
    def from_commit(cls, commit: Mapping[str, Any], version: int) -> Publication | None:
        """The publication in a Delta commitInfo; None if the commit is not the mesh's."""
        if METADATA_KEY not in commit:
            return None
        record = json.loads(commit[METADATA_KEY])
        return cls(
            key=record["key"],
            version=version,
            data_version=record["data_version"],
            rows=record["rows"],
            published_at=datetime.fromisoformat(record["published_at"]),
            schema={name: types.from_json(dtype) for name, dtype in record["schema"]},
            classification=record["classification"],
            partition_by=record["partition_by"],
            gathered=record.get("gathered", False),
            partitions={name: ContentDigest.from_hex(*part) for name, part in record["partitions"].items()},
            layouts={name: Layout.from_json(layout) for name, layout in record["layouts"].items()},
            publish_id=record["publish_id"],
            token=record["token"],
            info=record["info"],
        )
