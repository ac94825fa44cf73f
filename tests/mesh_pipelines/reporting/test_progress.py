"""What is told of a run as it goes on: on a terminal a live line below what is done, elsewhere a plain line a step."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, redirect_stderr
from types import SimpleNamespace
from typing import Any

import pytest

from mesh_pipelines.reporting.progress import TerminalReporter

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal(io.StringIO):
    """A terminal of 80 columns, and all that it was ever shown."""

    def isatty(self) -> bool:
        return True

    @property
    def frames(self) -> list[str]:
        """Every line that was drawn, without its colours, in order."""
        return [line.rstrip() for line in ESCAPES.sub("", self.getvalue()).replace("\r", "\n").splitlines()]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error, once a test begins to report, is a terminal."""
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return Terminal()


@contextmanager
def reporting(terminal: Terminal) -> Generator[TerminalReporter]:
    """A run is reported on."""
    with redirect_stderr(terminal), TerminalReporter() as reporter:
        yield reporter


def steps(number: int) -> list[Any]:
    """A plan of so many steps; how they are told of depends on nothing but their number."""
    return [SimpleNamespace() for _ in range(number)]


def soon(seen: Callable[[], bool]) -> bool:
    """Whether it is so within ten seconds: the live line is drawn ten times a second."""
    until = time.monotonic() + 10
    while not seen() and time.monotonic() < until:
        time.sleep(0.02)
    return seen()


def live(terminal: Terminal) -> str:
    """The live line as it was drawn last."""
    return next((frame for frame in reversed(terminal.frames) if re.search(r" \d+/(\d+|\?) ", frame)), "")


def test_a_terminal_shows_who_runs_and_how_many_are_done(terminal: Terminal) -> None:
    """The live line names what runs and counts what ended; a step that ended gets a line that stays, in its colour."""
    with reporting(terminal) as reporter:
        reporter.planned(steps(3))
        reporter.started("shop.orders")
        reporter.started("shop.fraud")
        assert soon(lambda: live(terminal).endswith("shop.orders, shop.fraud"))
        assert " 0/3 " in live(terminal)
        reporter.finished("shop.orders", "done", 1.24, "")
        assert soon(lambda: " 1/3 " in live(terminal))
        assert live(terminal).endswith("shop.fraud")
        assert "shop.orders" not in live(terminal)
        reporter.finished("shop.fraud", "failed", 2.0, "disk is full\nand more of it")
        assert soon(lambda: " 2/3 " in live(terminal))
        assert "shop.fraud" not in live(terminal)
    text = terminal.getvalue()
    assert re.search(r"\x1b\[32mdone       \x1b\[0m *shop\.orders +1\.2 s", text)
    assert re.search(r"\x1b\[1;31mfailed     \x1b\[0m *shop\.fraud +2\.0 s .*disk is full", text)
    assert "and more of it" not in text
    # The live line is taken away in the end, and the cursor that it hid comes back.
    after = text[text.rindex("2/3") :]
    assert "\x1b[2K" in after
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_on_a_terminal_a_step_is_one_line(terminal: Terminal) -> None:
    """A message that is too long is cut; all of it is told in the end, and in the log."""
    with reporting(terminal) as reporter:
        reporter.planned(steps(1))
        reporter.finished("shop.orders", "failed", 1.0, "this goes on " * 20)
    [line] = [frame for frame in terminal.frames if frame.startswith("failed")]
    assert len(line) <= 80
    assert line.endswith("…")


def test_a_plan_that_grows_is_never_overrun(terminal: Terminal) -> None:
    """Planned anew when something was published: what is done already counts beside what is to come."""
    with reporting(terminal) as reporter:
        reporter.planned(steps(1))
        reporter.finished("shop.a", "done", 1.0, "")
        reporter.planned(steps(2))
        assert soon(lambda: " 1/3 " in live(terminal))
        for key in ("shop.b", "shop.c", "shop.d"):
            reporter.finished(key, "done", 1.0, "")
        assert soon(lambda: " 4/4 " in live(terminal))
        reporter.planned(steps(0))
        reporter.note("nothing more")
        assert " 4/4 " in live(terminal)


def test_an_error_leaves_the_terminal_as_it_was(terminal: Terminal) -> None:
    """Whatever is raised goes on its way, and the cursor is there again."""

    def interrupted() -> None:
        with reporting(terminal) as reporter:
            reporter.started("shop.orders")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    text = terminal.getvalue()
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_elsewhere_each_step_is_a_plain_line_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    """In a log or a pipe: no colours, nothing live, nothing cut; standard output stays free for the result."""
    message = "no rows for " + ", ".join(f"2013-{month:02d}" for month in range(1, 13)) * 2
    with TerminalReporter() as reporter:
        reporter.planned(steps(3))
        reporter.started("shop.orders")
        reporter.finished("shop.orders", "done", 12.34, "")
        reporter.finished("shop.fraud", "failed", 0.05, f"\n  {message}\n  second line")
        reporter.finished("shop.fraud_forecast", "skipped", 0.0, "shop.fraud failed")
        reporter.note(f"[note] {message}")
    captured = capsys.readouterr()
    assert not captured.out
    assert [line.rstrip() for line in captured.err.splitlines()] == [
        f"done       {'shop.orders':<38}   12.3 s",
        f"failed     {'shop.fraud':<38}    0.1 s  {message}",
        f"skipped    {'shop.fraud_forecast':<38}    0.0 s  shop.fraud failed",
        f"[note] {message}",
    ]
