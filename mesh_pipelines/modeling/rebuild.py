"""Train a model again from its record, and compare the bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from mesh_pipelines.errors import NotPublished
from mesh_pipelines.modeling.record import Record
from mesh_pipelines.modeling.training import fit
from resources.compute.local import prepare_for_training


@dataclass(frozen=True)
class Rebuilt:
    """Bytes of model.ubj as trained again, and the differences from the record (``data``, ``xgboost``, ``bytes``)."""

    model: bytes = field(repr=False)
    sha256: str
    same: bool
    differs: tuple[RebuildDifference, ...]

    @property
    def verdict(self) -> str:
        if self.same:
            return f"the same bytes: SHA-256 {self.sha256}"
        return "other bytes; " + "; ".join(f"{d.what} was {d.recorded}, is {d.now}" for d in self.differs)


@dataclass(frozen=True)
class RebuildDifference:
    """One difference from the record."""

    what: str
    recorded: str
    now: str


def rebuild(
    record: Record,
    features: pl.LazyFrame,
    *,
    max_memory: int | None = None,
    threads: int | None = None,
) -> Rebuilt:
    """Train a model again from its record and the feature set at ``record.features.version``, in its order.

    Raises:
        NotPublished: the model continued from another one, or was trained on several machines: its own trainer
            must rebuild it.
        TransformError: the rows no longer hold the recorded features.
    """
    if record.parent_model is not None or record.shards != 1:
        raise NotPublished(
            f"it was trained on {record.shards} shards from {record.parent_model}, which is not done here",
            where=f"model {record.key}",
            remedy="Rebuild it with the trainer that made it.",
        )
    threads = prepare_for_training(threads)
    import xgboost

    record.schema.check(features.collect_schema(), f"features {record.features}")
    past = record.split.train(features, record.time, record.target)
    model, digest = fit(
        past,
        record.schema,
        record.target,
        record.params,
        record.rounds,
        rows=past.select(pl.len()).collect(engine="streaming").item(),
        max_memory=max_memory,
        threads=threads,
        batch_rows=record.batch_rows,
    )
    sha256 = hashlib.sha256(model).hexdigest()
    compared = (
        RebuildDifference("data", record.data_digest, digest.digest),
        RebuildDifference("xgboost", record.xgboost_version, xgboost.__version__),
        RebuildDifference("bytes", record.model_sha256, sha256),
    )
    return Rebuilt(
        model, sha256, sha256 == record.model_sha256, tuple(d for d in compared if d.recorded != d.now)
    )


@dataclass(frozen=True)
class RebuildReport:
    """Report on a model trained again; ``detail`` names differences of the surroundings when the bytes differ."""

    key: str
    version: int
    recorded: str
    rebuilt: str
    seconds: float = 0.0
    detail: str = ""

    @property
    def same(self) -> bool:
        return bool(self.recorded) and self.recorded == self.rebuilt

    def to_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "version": self.version,
            "same": self.same,
            "recorded_sha256": self.recorded,
            "rebuilt_sha256": self.rebuilt,
            "seconds": round(self.seconds, 3),
            "detail": self.detail,
        }
