"""The bounds of drift and loss of quality beyond which a model's checks warn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mesh_pipelines.declaring.option_types import NAMES, NUMBER, TEXT, WHOLE, faults_of_types
from mesh_pipelines.errors import DefinitionError, Violation

_OPTIONS = {
    **dict.fromkeys(("max_psi", "max_metric_drop"), NUMBER),
    "max_ks": NUMBER.or_none(),
    **dict.fromkeys(("min_rows", "months"), WHOLE),
    "ignore": NAMES,
    "score": TEXT,
}

_RANGES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("max_psi", lambda value: value > 0, "Give more than 0, such as 0.25."),
    ("max_ks", lambda value: value is None or 0 < value <= 1, "Give 0 to 1, or None."),
    ("max_metric_drop", lambda value: value >= 0, "Give 0 or more."),
    ("min_rows", lambda value: value >= 1, "Give at least 1."),
    ("months", lambda value: value >= 1, "Give at least 1."),
)


@dataclass(frozen=True)
class Watch:
    """Tolerances of a domain for a model in use; plain data.

    Args:
        max_psi: highest population stability index of a column or the predictions before it counts as drifted;
            see :func:`mesh_pipelines.monitoring.drift.psi`.
        max_ks: the same for the Kolmogorov-Smirnov statistic, 0 to 1; None: not judged.
        max_metric_drop: how much worse the metric, in its own unit, may be on later data than on the holdout;
            for each slice too.
        min_rows: fewer rows are shown, not judged.
        months: number of newest months evaluated.
        ignore: features that are not watched, such as the day of the year, which drifts by nature.
        score: column of the predictions with the score; by default the only floating-point one, or the only
            such that is no feature.

    Raises:
        DefinitionError: with every bound that makes no sense.
    """

    max_psi: float = 0.25
    max_ks: float | None = None
    max_metric_drop: float = 0.05
    min_rows: int = 1000
    months: int = 12
    ignore: tuple[str, ...] = ()
    score: str = ""

    def __post_init__(self) -> None:
        typed = {name: (problem, fix) for name, problem, fix in faults_of_types(self, _OPTIONS)}
        found = [Violation("WatchIsSound", "watch", *fault) for fault in typed.values()]
        found += [
            Violation("WatchIsSound", "watch", f"{name} is {getattr(self, name)}", fix)
            for name, sound, fix in _RANGES
            if name not in typed and not sound(getattr(self, name))
        ]
        if found:
            raise DefinitionError("watch", found)
