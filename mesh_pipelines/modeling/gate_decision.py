"""The gate's decision on one version, kept with the version in the registry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

FORMAT: Final = 1


@dataclass(frozen=True)
class GateCheck:
    """One rule of the gate (``floor_auc``, ``beats_baseline``, ``slice_origin``, ...), with the challenger's result."""

    name: str
    passed: bool
    value: float | None
    bound: float | None
    text: str


@dataclass(frozen=True)
class GateDecision:
    """The decision to promote a challenger or not; its reasons are all checks, the failed ones too."""

    promote: bool
    reasons: tuple[GateCheck, ...]
    champion: str | None
    champion_metrics: Mapping[str, float]
    rows: int

    @property
    def text(self) -> str:
        """One line a check, the failed ones first."""
        ordered = sorted(self.reasons, key=lambda check: check.passed)
        return "\n".join(
            f"{'passed' if check.passed else 'FAILED'} {check.name}: {check.text}" for check in ordered
        )

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> GateDecision:
        """Read the decision in a tag of the registry; tags without a format number have the same fields."""
        kept = json.loads(text)
        return cls(
            kept["promote"],
            tuple(GateCheck(**check) for check in kept["reasons"]),
            kept["champion"],
            kept["champion_metrics"],
            kept["rows"],
        )
