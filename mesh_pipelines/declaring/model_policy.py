"""The policy of a model: the rules between a challenger and the champion's place, and the reasons to train again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from mesh_pipelines.declaring.option_types import FLAG, LENGTH, NUMBER, NUMBERS, WHOLE, Kind

GATE_OPTIONS: Mapping[str, Kind] = MappingProxyType(
    {
        "floors": NUMBERS,
        "margin": NUMBER,
        "slice_margin": NUMBER,
        "min_slice_rows": WHOLE,
        "must_beat_baseline": FLAG,
        "shadow": LENGTH.or_none(),
    }
)
RETRAIN_OPTIONS: Mapping[str, Kind] = MappingProxyType(
    {"min_new_rows": WHOLE, "max_age": LENGTH.or_none(), "on_drift": FLAG}
)


@dataclass(frozen=True)
class Gate:
    """The rules between a challenger and the champion's place.

    Args:
        floors: metric -> worst acceptable value on the holdout (a lower bound for ``auc``, an upper one for errors).
        margin: how much worse than the champion a challenger may be, in the model's metric on the same rows.
        slice_margin: the same for each slice; also how far a slice may fall behind.
        min_slice_rows: slices with fewer holdout rows are shown, not judged.
        must_beat_baseline: the model's metric must be better than the naive baseline's.
        shadow: how long a passing challenger is scored beside the champion on later data before promotion: ``14d``,
            ``1mo`` of the data's time; None: not at all. The first version has no champion and needs none.
    """

    floors: Mapping[str, float] = field(default_factory=dict)
    margin: float = 0.0
    slice_margin: float = 0.05
    min_slice_rows: int = 200
    must_beat_baseline: bool = True
    shadow: str | None = None

    def __post_init__(self) -> None:
        if NUMBERS.holds(self.floors):
            object.__setattr__(self, "floors", MappingProxyType(dict(self.floors)))

    def __reduce__(self) -> tuple[Any, ...]:
        plain = {f.name: getattr(self, f.name) for f in fields(self)} | {"floors": dict(self.floors)}
        return (_gate_of, (plain,))

    def to_dict(self) -> dict[str, Any]:
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        if self.shadow is None:
            del plain["shadow"]  # so that a gate without one has the digest that it always had
        return plain | {"floors": dict(sorted(self.floors.items()))}


@dataclass(frozen=True)
class Retrain:
    """Reasons to train a model again. A changed declaration always is one; a failed audit never is.

    Args:
        min_new_rows: new content of the feature set is a reason only with this many rows more than last time;
            0: any new content is.
        max_age: an older version is trained again although nothing has changed: ``30d``, ``12h``; None: never.
        on_drift: new content on which the champion drifted beyond its ``Watch`` is a reason regardless of its
            rows, once for each finding.
    """

    min_new_rows: int = 0
    max_age: str | None = None
    on_drift: bool = True

    def to_dict(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}


def _gate_of(values: dict[str, Any]) -> Gate:
    return Gate(**values)
