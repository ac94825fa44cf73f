"""A cron schedule is one that comes."""

from __future__ import annotations

import pytest

from quality.lint.cron import fault_of_cron

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("99 6 * * *", "is no minute"),
        ("0 24 * * *", "is no hour"),
        ("0 6 0 * *", "is no day"),
        ("0 6 * 13 *", "is no month"),
        ("0 6 * * fri-", "is no weekday"),
        ("0 6 * * 8", "is no weekday"),
        ("0 6 * * day", "is no weekday"),
        ("*/0 6 * * *", "is no minute"),
        ("0 9-5 * * *", "is no hour"),
        ("0 6 31 2,4 *", "none of its months"),
        ("0 6 31 2 mon", "none of its months"),
        ("0 6 * *", "five are needed"),
        ("@daily", "five are needed"),
    ],
)
def test_a_schedule_that_never_comes_is_named(schedule: str, words: str) -> None:
    """The fault says which field."""
    assert words in fault_of_cron(schedule)


@pytest.mark.parametrize(
    "schedule",
    [
        "0 6 * * *",
        "*/15 0-6,22 1,15 jan-mar MON-fri",
        "0 6 31 1-2 *",
        "5/10 * * * 7",
        "0 0 29 2 *",
    ],
)
def test_a_schedule_that_comes_is_sound(schedule: str) -> None:
    """Names of months and days, lists, ranges and steps; Dagster takes each of them too."""
    from dagster._utils.schedules import is_valid_cron_schedule

    assert fault_of_cron(schedule) == ""
    assert is_valid_cron_schedule(schedule)
