"""Cron schedules of five fields: whether each field is within its range, and the schedule ever comes."""

from __future__ import annotations

import re

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_NAMES = {
    "month": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "weekday": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?\Z")


def fault_of_cron(schedule: str) -> str:
    """The fault of a schedule in words; empty where it is sound."""
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        return f"it has {len(fields)} fields, and five are needed"
    found: list[set[int]] = []
    for text, (name, least, most) in zip(fields, _FIELDS, strict=True):
        wanted: set[int] = set()
        for part in text.lower().split(","):
            values = _values(part, name, least, most)
            if not values:
                return f"`{text}` is no {name}, which is {least} to {most}"
            wanted |= values
        found.append(wanted)
    _, _, days, months, _ = found
    if all(min(days) > _DAYS[month - 1] for month in months):
        return "its day is in none of its months"
    return ""


def _values(part: str, name: str, least: int, most: int) -> set[int]:
    """Values of one part of a field; empty where it is out of range or no part."""
    match = _PART.match(part)
    if match is None or match.group(3) == "0":
        return set()
    first, last, step = match.groups()
    low, high = least, most
    if first is not None:
        numbers = [_number(word, name, least) for word in (first, last or first)]
        if None in numbers:
            return set()
        low, high = (number for number in numbers if number is not None)
        high = most if step and last is None else high
    if not least <= low <= high <= most:
        return set()
    return set(range(low, high + 1, int(step or 1)))


def _number(word: str, name: str, least: int) -> int | None:
    names = _NAMES.get(name, ())
    if word in names:
        return names.index(word) + least
    return int(word) if word.isdecimal() else None
