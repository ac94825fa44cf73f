"""Dataset rules judged over rows of the contract ``flights``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl

from quality.dataset import audit_dataset
from quality.outcome import RuleResult
from quality.rules import DataRule

NAME = "aviation.flights"


def frame(
    flights: list[int], delays: list[float | None] | None = None, cancelled: bool = False
) -> pl.LazyFrame:
    """Flights of one carrier at one time, so that the number alone tells them apart."""
    return pl.LazyFrame(
        {
            "carrier": ["UA"] * len(flights),
            "flight": pl.Series(flights, dtype=pl.Int32),
            "scheduled_at": [datetime(2013, 1, 1, tzinfo=UTC)] * len(flights),
            "delay": pl.Series(delays or [1.0] * len(flights), dtype=pl.Float64),
            "cancelled": [cancelled] * len(flights),
            "passenger": [f"Name {f}" for f in flights],
        }
    )


def audit(rules: tuple[DataRule, ...], rows: pl.LazyFrame, **options: Any) -> dict[str, RuleResult]:
    """The results by rule."""
    return {r.rule: r for r in audit_dataset(rules, rows, name=NAME, **options).results}


def failing(results: dict[str, RuleResult]) -> set[str]:
    """Rules that were not kept."""
    return {name for name, result in results.items() if not result.passed}
