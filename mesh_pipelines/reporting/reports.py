"""Answers as plain data: the state of the mesh, one asset's card.

Plain data, so that the terminal can show it without loading Dagster, MLflow or the lake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mesh_pipelines.errors import MeshError, Violation
from mesh_pipelines.planning.lag import Lag


@dataclass(frozen=True)
class ProductState:
    """State of a published table: a source, data product, feature set or predictions.

    Args:
        checks_passed: rules of the last audit that held.
        checks_total: rules of the last audit.
    """

    key: str
    version: int | None = None
    rows: int = 0
    quarantined: int = 0
    contract_version: str = ""
    published_at: datetime | None = None
    data_version: str = ""
    uri: str = ""
    checks_passed: int = 0
    checks_total: int = 0
    lag: Lag = field(default_factory=Lag)

    def to_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "version": self.version,
            "rows": self.rows,
            "quarantined": self.quarantined,
            "contract_version": self.contract_version,
            "published_at": timestamp(self.published_at),
            "data_version": self.data_version,
            "uri": self.uri,
            "lag": self.lag.to_json(),
        }


@dataclass(frozen=True)
class SourceState:
    """A source that has rows in quarantine.

    Args:
        quarantined: number of these rows; ``None`` where their table cannot be read.
    """

    key: str
    quarantined: int | None

    def to_json(self) -> dict[str, Any]:
        return {"key": self.key, "quarantined": self.quarantined}


@dataclass(frozen=True)
class ModelVersionState:
    """One version of a model as the registry has it, for people."""

    version: int
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    baseline: Mapping[str, float] = field(default_factory=dict[str, float])
    trained_at: datetime | None = None
    inputs: Mapping[str, int] = field(default_factory=dict[str, int])
    reason: str = ""
    sha256: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "metrics": dict(self.metrics),
            "trained_at": timestamp(self.trained_at),
            "inputs": dict(self.inputs),
        }


@dataclass(frozen=True)
class ModelState:
    """State of a model: the version in use and a newer challenger.

    Args:
        challenger: the newest version that the gate refused, or that is in shadow, if it is newer than the champion.
    """

    key: str
    champion: ModelVersionState | None = None
    challenger: ModelVersionState | None = None
    lag: Lag = field(default_factory=Lag)

    def to_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "champion": self.champion.to_json() if self.champion else None,
            "challenger": self.challenger.to_json() if self.challenger else None,
            "lag": self.lag.to_json(),
        }


@dataclass(frozen=True)
class MeshState:
    """States of products and models.

    Args:
        sources: those that have rows in quarantine.
        trouble: the error of the registry that did not answer.
        remark: that the running `mesh ui` has other code; empty where it has the same.
    """

    products: Sequence[ProductState] = ()
    models: Sequence[ModelState] = ()
    sources: Sequence[SourceState] = ()
    trouble: MeshError | None = None
    refused: Mapping[str, Sequence[Violation]] = field(default_factory=dict[str, Sequence[Violation]])
    remark: str = ""

    def to_json(self) -> dict[str, Any]:
        """The document that ``mesh status --json`` prints."""
        document: dict[str, Any] = {
            "products": [product.to_json() for product in self.products],
            "models": [model.to_json() for model in self.models],
        }
        if self.sources:
            document["sources"] = [source.to_json() for source in self.sources]
        if self.refused:
            document["refused"] = {
                key: [{"rule": v.rule, "where": v.where, "problem": v.problem, "fix": v.fix} for v in found]
                for key, found in self.refused.items()
            }
        if self.remark:
            document["remark"] = self.remark
        if self.trouble:
            document["trouble"] = {
                "what": self.trouble.what,
                "where": self.trouble.where,
                "remedy": self.trouble.remedy,
            }
        return document


@dataclass(frozen=True)
class Section:
    """Labelled values under one heading."""

    heading: str
    fields: Sequence[tuple[str, str]]

    def by_label(self) -> dict[str, str]:
        """Values by label; those of one label, such as several reasons, a line each."""
        found: dict[str, str] = {}
        for label, text in self.fields:
            found[label] = f"{found[label]}\n{text}" if label in found else text
        return found


@dataclass(frozen=True)
class ReportTable:
    """Rows under one heading; every row has one cell per column."""

    heading: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Card:
    """The content of ``mesh show`` for one asset, or one version of a model."""

    title: str
    stage: str
    summary: str = ""
    sections: Sequence[Section] = ()
    tables: Sequence[ReportTable] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "stage": self.stage,
            "summary": self.summary,
            "sections": {section.heading: section.by_label() for section in self.sections},
            "tables": {
                table.heading: [dict(zip(table.columns, row, strict=True)) for row in table.rows]
                for table in self.tables
            },
        }


def timestamp(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC, to the second."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")
