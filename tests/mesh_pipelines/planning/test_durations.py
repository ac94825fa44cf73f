"""Lengths of time in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mesh_pipelines.planning.durations import days_or_hours


@pytest.mark.parametrize(
    ("hours", "words"), [(1, "1 hours"), (24, "24 hours"), (30, "30 hours"), (48, "2 days"), (71, "2 days")]
)
def test_a_length_of_time_is_in_days_from_two_on(hours: float, words: str) -> None:
    """A day and six hours is not one day: what was late would look as if it were not."""
    assert days_or_hours(timedelta(hours=hours)) == words
