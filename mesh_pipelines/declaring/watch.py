"""The bounds within which the world may move before a model's checks warn."""

from __future__ import annotations

from dataclasses import dataclass

from mesh_pipelines.errors import DefinitionError, Violation


@dataclass(frozen=True)
class Watch:
    """What a domain tolerates of a model in use; pure data.

    Args:
        max_psi: a column, or the predictions, with a higher population stability index has drifted; above 0.25 is
            read as moved, see :func:`mesh_pipelines.monitoring.drift.psi`.
        max_ks: the same for the Kolmogorov-Smirnov statistic, 0 to 1; None: not judged.
        max_metric_drop: by how much the model's metric, in its own unit, may be worse on what happened since than on
            the holdout it was judged by; for each slice too.
        min_rows: fewer rows are shown, not judged.
        months: how many of the newest months are looked at.
        ignore: features that are watched by nobody: a day of the year drifts by its nature.
        score: column of the predictions that holds what the model said; by default the only floating-point one, or
            the only such that is no feature.

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
