"""Every figure of docs/benchmarks.md: `python -m benchmarks [name ...] [--quick]` prints one table, in Markdown."""

from __future__ import annotations

import argparse
import os
import sys
import time
from importlib import import_module

from benchmarks._measure import Figure

NAMES = (
    "imports",
    "lake_encryption",
    "ingest",
    "incremental",
    "landing",
    "wide",
    "gaps",
    "demo",
    "ticks",
    "drift",
    "followed",
    "training",
    "end_to_end",
    "audit_publish",
)
MARKS = {True: "met", False: "**missed**", None: ""}


def main() -> int:
    """Measure, print the table; 1 if a figure misses its bar."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; all if none is named"
    )
    parser.add_argument("--quick", action="store_true", help="fewer rows and runs: to see that it works")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - set(NAMES))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    found: list[Figure] = []
    for name in given.names or NAMES:
        begun = time.perf_counter()
        _progress(f"{name} ... ")
        found += import_module(f"benchmarks.{name}").figures(quick=given.quick)
        _progress(f"{time.perf_counter() - begun:.0f} s\n")
    print("| what | measured | bar | | made from |")
    print("|---|--:|--:|---|---|")
    for line in found:
        print(f"| {line.what} | {line.measured} | {line.bar} | {MARKS[line.met]} | {line.note} |")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    _progress(f"{os.cpu_count()} cores; load average at the end (1, 5, 15 minutes) {load}\n")
    return 1 if any(line.met is False for line in found) else 0


def _progress(text: str) -> None:
    """Shown to a person at a terminal; anything else is given the table and nothing besides."""
    if sys.stderr.isatty():
        sys.stderr.write(text)
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
