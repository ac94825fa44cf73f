"""`mesh run` of very many daily files with gaps between them: one run, not one for each unbroken range.

Run: python -m benchmarks gaps
"""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path

from benchmarks._measure import Figure, at_most
from benchmarks.wide import land, seconds_of_run, write_source

FILES, GAPS = 1_000, 200
BAR = 30.0
"""Seconds of the whole command on two cores; with a run for each range it took longer than that for 20 gaps."""
SINCE = date(2020, 1, 1)


def figures(*, quick: bool = False) -> list[Figure]:
    """The command once, from a home that is empty."""
    files, gaps = (100, 20) if quick else (FILES, GAPS)
    days = [SINCE + timedelta(days=number) for number in range(files + gaps)]
    between = files // gaps + 1
    there = [day for number, day in enumerate(days) if number % between != between - 1]
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as folder:
        root = Path(folder)
        cut = {"property": "partitions", "value": {"every": "day", "since": SINCE.isoformat()}}
        write_source(root, "day-{day}.csv", {"v": {"logicalType": "number"}}, [cut])
        land(root, {f"day-{day}.csv": f"v\n{number}.5\n" for number, day in enumerate(there)})
        took = seconds_of_run(root)
    return [
        at_most(
            f"`mesh run` of {files:,} daily files with {gaps} gaps between them",
            took,
            BAR,
            unit=" s",
            note="from the shell's prompt to its prompt",
        )
    ]
