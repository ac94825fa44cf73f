"""The bounds of drift and loss of quality beyond which a model's checks warn."""

from __future__ import annotations

from dataclasses import dataclass

from mesh_pipelines.errors import DefinitionError, Violation


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
        found = [
            Violation("WatchIsSound", "watch", f"{name} is {value}", fix)
            for name, value, sound, fix in (
                ("max_psi", self.max_psi, self.max_psi > 0, "Give more than 0, such as 0.25."),
                ("max_ks", self.max_ks, self.max_ks is None or 0 < self.max_ks <= 1, "Give 0 to 1, or None."),
                ("max_metric_drop", self.max_metric_drop, self.max_metric_drop >= 0, "Give 0 or more."),
                ("min_rows", self.min_rows, self.min_rows >= 1, "Give at least 1."),
                ("months", self.months, self.months >= 1, "Give at least 1."),
                ("ignore", self.ignore, not isinstance(self.ignore, str), "Write (name,) with a comma."),
            )
            if not sound
        ]
        if found:
            raise DefinitionError("watch", found)
