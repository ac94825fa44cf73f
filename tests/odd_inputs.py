"""The table of odd inputs in docs/reliability.md, written by the tests themselves.

A test of an input that is out of the ordinary is marked with its kind and with what it holds::

    pytestmark = pytest.mark.odd_input("the parser's leniency", "lost")

The counts are shown at the end of a session: how many inputs of a kind were tried, and of how many, for each promise,
it was broken. When the whole suite has passed, or all marked tests (``-m odd_input``), they are written between the
marks of the table. A parametrized test counts once for each of its inputs.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

KINDS = (
    "the parser's leniency",
    "watermarks",
    "where a file comes from",
    "messages carry data",
    "declarations that cannot run",
    "neighbours",
    "web pages",
    "limits",
    "after a kill, and odd homes",
)
PROMISES = ("lost", "leaked", "held up")
DOCUMENT = Path(__file__).resolve().parent.parent / "docs/reliability.md"
BEGIN, END = "<!-- odd inputs: written by `make test` -->\n", "<!-- end of odd inputs -->\n"
_PROPERTY = "odd_input"


class OddInputs:
    """Counts the marked tests of a session, and shows and writes the table at its end."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.held: Counter[tuple[str, str]] = Counter()
        self.broken: Counter[tuple[str, str]] = Counter()

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Note the mark where a worker process passes it on to the one that counts.

        Raises:
            UsageError: an unknown kind or promise.
        """
        mark = item.get_closest_marker("odd_input")
        if mark is None:
            return
        kind, *promises = mark.args
        if kind not in KINDS or not promises or set(promises) - set(PROMISES):
            raise pytest.UsageError(
                f"{item.nodeid}: odd_input(kind, promise, ...): {KINDS}, {PROMISES}; got {mark.args}"
            )
        item.user_properties.append((_PROPERTY, mark.args))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one input when its test ends, and its promises as broken if the test failed."""
        if report.when != "call" and not report.failed:
            return
        marks: list[tuple[str, Any]] = report.user_properties
        for name, value in marks:
            if name == _PROPERTY:
                kind, *promises = value
                self.count(kind, promises, failed=report.failed)

    def count(self, kind: str, promises: list[str], *, failed: bool) -> None:
        """Count one input of a kind."""
        self.tried[kind] += 1
        for promise in promises:
            self.held[kind, promise] += 1
            self.broken[kind, promise] += failed

    def table(self) -> str:
        """Markdown table: a row a kind, ``broken of tried`` for each promise."""
        lines = [
            f"| kind | inputs tried | {' | '.join(PROMISES)} |",
            f"|---|---|{'---|' * len(PROMISES)}",
        ]
        for kind in KINDS:
            cells = [
                f"{self.broken[kind, promise]} of {self.held[kind, promise]}"
                if self.held[kind, promise]
                else ""
                for promise in PROMISES
            ]
            lines.append(f"| {kind} | {self.tried[kind]} | {' | '.join(cells)} |")
        return "\n".join(lines) + "\n"

    def pytest_terminal_summary(self, terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
        """Show the table when the whole suite ran, and write it when that passed."""
        if not is_whole(config):
            return
        terminalreporter.section("odd inputs")
        terminalreporter.write(self.table())
        if exitstatus != pytest.ExitCode.OK:
            return
        text = DOCUMENT.read_text(encoding="utf-8")
        before, rest = text.split(BEGIN)
        _, after = rest.split(END)
        written = before + BEGIN + "\n" + self.table() + "\n" + END + after
        if written != text:
            DOCUMENT.write_text(written, encoding="utf-8")


def is_whole(config: Any) -> bool:
    """True if a session collects every marked test that ``make test`` does: no paths, names or other marks chosen."""
    # Some options are of plugins that a run may leave out.
    names = ("keyword", "markexpr", "collectonly", "lf", "failedfirst", "maxfail", "deselect")
    chosen = {str(value) for name in names if (value := getattr(config.option, name, None))} - {"odd_input"}
    return list(config.args) == list(config.getini("testpaths")) and not chosen


def rows(text: str) -> dict[str, list[str]]:
    """Cells of the table in a document, by kind."""
    table = text.split(BEGIN)[1].split(END)[0].strip().splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return {kind: rest for kind, *rest in cells}
