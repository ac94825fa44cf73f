"""Rules of a contract that are cheap for a few rows, and never end or take all memory for many; and who judges them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

MANY = 3_000
"""Rows for which they cost too much; ten are judged at once."""
ENDLESS, HUNGRY = "never_ends", "takes_all_memory"
_QUERIES = {
    ENDLESS: "SELECT count(*) FROM ${{table}} a, ${{table}} b, ${{table}} c, ${{table}} d, ${{table}} e "
    "WHERE a.{column} + b.{column} + c.{column} + d.{column} + e.{column} < 0",
    HUNGRY: "SELECT length(string_agg(repeat('x', 1000) || a.{column}, '')) * 0 FROM ${{table}} a, ${{table}} b",
}


def with_rule(promise: dict[str, Any], name: str, column: str) -> dict[str, Any]:
    """A contract with one of these rules in addition, over a numeric column whose values are at least 0."""
    rule = {
        "name": name,
        "type": "sql",
        "query": _QUERIES[name].format(column=column),
        "mustBe": 0,
        "dimension": "accuracy",
        "description": "Costs more than it may.",
    }
    promise["schema"][0]["quality"].append(rule)
    return promise


def nurseries(parents: Iterable[int]) -> list[int]:
    """Processes below others that fork the children in which rules are judged."""
    return [
        number for parent in parents for number in children(parent) if "quality.nursery" in _command(number)
    ]


def children(process: int) -> list[int]:
    """Processes that another one has started, or forked, and that live."""
    found: list[int] = []
    with suppress(OSError):  # it has ended
        for thread in Path(f"/proc/{process}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    return found


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:  # it has ended
        return ""
