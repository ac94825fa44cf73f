"""The training record: everything needed to train a model again bit for bit, and the origin of its data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mesh_pipelines.modeling.matrix import FeatureSchema
from mesh_pipelines.modeling.split import Split
from resources.lake.table_version import TableVersion

RECORD_VERSION = 1


@dataclass(frozen=True)
class Record:
    """The record of one training. The number of threads is absent: it does not change the model.

    Args:
        features: lake version of the feature set that was read.
        inputs: lake versions from which the feature set was made.
        xgboost_version: only the same version gives the same bytes.
        data_digest: SHA-256 of features and target as trained, in their order.
        batch_rows: does not change the model, nor does ``external_memory``.
        parent_model: version that this one continued from; None: trained from nothing.
        shards: machines that the rows were split over; another count gives other bytes.
    """

    key: str
    features: TableVersion
    inputs: tuple[TableVersion, ...]
    target: str
    time: str
    params: Mapping[str, Any]
    rounds: int
    seed: int
    xgboost_version: str
    schema: FeatureSchema
    split: Split
    data_digest: str
    batch_rows: int
    external_memory: bool
    spec: Mapping[str, Any]
    spec_digest: str
    code_version: str
    model_sha256: str
    trained_at: str
    parent_model: str | None = None
    shards: int = 1

    def to_json(self) -> str:
        content = dict(self.__dict__) | {
            "record_version": RECORD_VERSION,
            "features": self.features.__dict__,
            "inputs": [given.__dict__ for given in self.inputs],
            "params": dict(self.params),
            "schema": self.schema.to_dict(),
            "split": self.split.to_dict(),
            "spec": dict(self.spec),
        }
        return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Record:
        content = json.loads(text)
        del content["record_version"]
        content |= {
            "features": TableVersion(**content["features"]),
            "inputs": tuple(TableVersion(**given) for given in content["inputs"]),
            "schema": FeatureSchema.from_dict(content["schema"]),
            "split": Split.from_dict(content["split"]),
        }
        return cls(**content)
