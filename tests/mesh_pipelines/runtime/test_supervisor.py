"""The processes of `mesh ui`: all end together and soon, and what is killed is started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from resources.processes import start_of
from tests.mesh_pipelines.runtime.supervised_parts import ME

killed = pytest.mark.odd_input("after a kill, and odd homes", "held up")

IN_TIME = 5.0
"""Seconds in which everything has to end."""
BACKGROUND = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
"""Starts a command as the background job of a script is: with SIGINT ignored."""


def wait(condition: Callable[[], object]) -> None:
    """Wait until something has come about."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "not in time"
        time.sleep(0.05)


class Supervised:
    """A supervisor in a process of its own, and what its parts have noted."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.process, self.folder = process, folder

    def starts(self, name: str) -> list[int]:
        """Numbers of all processes that a part has had."""
        return [int(line.split()[0]) for line in self._lines(name)]

    def interruptible(self, name: str) -> bool:
        """True if Ctrl-C has its usual effect in the part."""
        return self._lines(name)[-1].endswith("True")

    def said(self) -> str:
        """What the person who started it was shown."""
        return "\n".join(self._lines("said"))

    def living(self, *names: str) -> list[int]:
        """Processes of parts that live."""
        return [number for name in names for number in self.starts(name) if start_of(number)]

    def end(self, *numbers: signal.Signals) -> float:
        """Seconds that it takes to end after signals."""
        begun = time.monotonic()
        for number in numbers:
            self.process.send_signal(number)
            time.sleep(0.2)
        self.process.wait(60)
        return time.monotonic() - begun

    def _lines(self, name: str) -> list[str]:
        file = self.folder / name
        return file.read_text().splitlines() if file.exists() else []


@contextmanager
def supervised(folder: Path, *parts: str, background: bool = False) -> Generator[Supervised]:
    """Supervise parts, as ``name=kind``."""
    (folder / "ready").touch()
    command = [sys.executable, "-m", ME, "supervise", str(folder), *parts]
    process = subprocess.Popen([*(BACKGROUND if background else ()), *command])
    shown = Supervised(process, folder)
    try:
        yield shown
    finally:
        process.kill()
        process.wait()
        for file in folder.iterdir():
            for number in shown.starts(file.name) if file.name != "said" else ():
                if start_of(number):
                    os.kill(number, signal.SIGKILL)


@contextmanager
def heeding_hangups() -> Generator[None]:
    """What is started within does not ignore SIGHUP, though `nohup make test` does."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("background", [False, True])
def test_each_signal_ends_everything(number: signal.Signals, background: bool, tmp_path: Path) -> None:
    """Also in the background of a script, where SIGINT was ignored; the parts themselves can be interrupted then."""
    with (
        heeding_hangups(),
        supervised(tmp_path, "code=live-first", "web=live", background=background) as mesh,
    ):
        wait(lambda: mesh.starts("web") and mesh.starts("code"))
        assert mesh.interruptible("web")
        assert mesh.interruptible("code")
        assert mesh.end(number) < IN_TIME
        assert mesh.process.returncode == 0
        assert not mesh.living("web", "code")


@killed
def test_what_ignores_signals_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    """Within the same time, a process that has made a session of its own too."""
    with supervised(tmp_path, "daemon=stubborn") as mesh:
        wait(lambda: mesh.starts("daemon") and mesh.starts("child"))
        assert mesh.end(signal.SIGTERM) < IN_TIME
        assert not mesh.living("daemon", "child")


def test_a_second_signal_waits_for_nothing(tmp_path: Path) -> None:
    """A person who presses Ctrl-C twice."""
    with supervised(tmp_path, "daemon=stubborn") as mesh:
        wait(lambda: mesh.starts("daemon") and mesh.starts("child"))
        assert mesh.end(signal.SIGINT, signal.SIGINT) < 1.9
        assert not mesh.living("daemon", "child")


def test_a_hangup_that_was_ignored_stays_ignored(tmp_path: Path) -> None:
    """`nohup mesh ui` outlives its terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with supervised(tmp_path, "web=live") as mesh:
            wait(lambda: mesh.starts("web"))
            mesh.process.send_signal(signal.SIGHUP)
            time.sleep(0.6)
            assert mesh.process.poll() is None
            assert mesh.end(signal.SIGTERM) < IN_TIME
    finally:
        signal.signal(signal.SIGHUP, before)


@killed
def test_a_killed_part_is_started_again(tmp_path: Path) -> None:
    """The person is told; what the part had started goes on, and ends with the rest."""
    with supervised(tmp_path, "the daemon=stubborn", "the code server=live-first") as mesh:
        wait(lambda: mesh.starts("the daemon") and mesh.starts("child") and mesh.starts("the code server"))
        [child] = mesh.starts("child")
        for name in ("the daemon", "the code server"):
            os.kill(mesh.starts(name)[0], signal.SIGKILL)
            wait(lambda name=name: len(mesh.starts(name)) == 2)
            assert f"{name} was killed by signal 9 and is started again." in mesh.said()
        assert start_of(child), "a run goes on without its daemon"
        wait(lambda: len(mesh.starts("child")) == 2)
        assert mesh.end(signal.SIGTERM) < IN_TIME
        assert not mesh.living("the daemon", "the code server")


def test_a_part_that_cannot_work_ends_all_with_its_reason(tmp_path: Path) -> None:
    """It ended by itself as soon as it was started: nobody waits for what will not come."""
    with supervised(tmp_path, "the daemon=faulty", "web=live") as mesh:
        assert mesh.process.wait(60) == 1
        assert "the daemon ended by itself with code 3" in mesh.said()
        assert "its log above says why" in mesh.said()
        assert not mesh.living("web")


@killed
def test_a_part_that_is_killed_again_and_again_ends_all(tmp_path: Path) -> None:
    """As where there is too little memory for it."""
    with supervised(tmp_path, "the daemon=doomed", "web=live") as mesh:
        assert mesh.process.wait(60) == 1
        assert len(mesh.starts("the daemon")) == 4
        assert "was killed by signal 9, 4 times one after the other" in mesh.said()
        assert not mesh.living("web")


@killed
def test_one_domain_that_does_not_load_holds_nobody_up(tmp_path: Path) -> None:
    """Its code server is tried again, less and less often; it is mentioned once."""
    with supervised(tmp_path, "the code server of shop=faulty-first", "web=live") as mesh:
        wait(lambda: len(mesh.starts("the code server of shop")) > 2)
        assert mesh.process.poll() is None
        assert len(mesh.starts("web")) == 1
        assert mesh.said().count("shop") == 1
        assert mesh.end(signal.SIGTERM) < IN_TIME


@killed
def test_a_killed_supervisor_leaves_nothing_behind(tmp_path: Path) -> None:
    """No daemon goes on alone, to meet the next one."""
    with supervised(tmp_path, "code=live-first", "daemon=stubborn") as mesh:
        wait(lambda: mesh.starts("code") and mesh.starts("daemon"))
        mesh.process.kill()
        mesh.process.wait()
        wait(lambda: not mesh.living("code", "daemon"))
