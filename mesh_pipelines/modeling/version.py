"""A registered version of a model, and its aliases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mesh_pipelines.modeling.gate_decision import GateDecision
from mesh_pipelines.modeling.record import Record
from resources.lake.table_version import TableVersion

CHAMPION = "champion"
CHALLENGER = "challenger"
SHADOW = "shadow"


@dataclass(frozen=True)
class ModelVersion:
    """One registered version.

    Args:
        metrics: on its own holdout, as those of the naive baseline.
        inputs: by key; the feature set first, then what that was made from.
        gate: ``promoted``, ``refused``, ``shadow`` while it is scored beside the champion, or empty if not judged.
        data_until: time of the newest outcome that it was made from, its holdout included; ISO 8601.
        shadow_until: for a version in shadow, the time of the data up to which outcomes have to be known.
        shadow_seen: data version of the feature set on which it was last scored beside the champion.
        decision: the gate's decision, check by check; in shadow, the figures so far.
    """

    key: str
    version: int
    sha256: str
    run_id: str
    trained_at: str
    metrics: Mapping[str, float]
    baseline: Mapping[str, float]
    inputs: Mapping[str, TableVersion]
    gate: str
    reason: str
    aliases: tuple[str, ...]
    dagster_run_id: str
    spec_digest: str = ""
    data_until: str = ""
    shadow_until: str = ""
    shadow_seen: str = ""
    decision: GateDecision | None = None

    @property
    def label(self) -> str:
        """``name@version``, written beside every score."""
        return f"{self.key.partition('.')[2]}@{self.version}"


@dataclass(frozen=True)
class LoadedModel:
    """A registered version with its record and the bytes of model.ubj, checked against their SHA-256."""

    version: ModelVersion
    model: bytes = field(repr=False)
    record: Record = field(repr=False)

    @property
    def label(self) -> str:
        return self.version.label


@dataclass(frozen=True)
class Standing:
    """A model's newest version, the number of its champion (0: none), and its version in shadow, if any."""

    newest: ModelVersion
    champion: int
    in_shadow: ModelVersion | None = None
