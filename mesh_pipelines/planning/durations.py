"""Lengths of time in words."""

from __future__ import annotations

from datetime import timedelta


def days_or_hours(length: timedelta) -> str:
    """A length of time in whole days, or in hours where it is shorter than two days."""
    return f"{length.days} days" if length.days > 1 else f"{length.total_seconds() / 3600:.0f} hours"
