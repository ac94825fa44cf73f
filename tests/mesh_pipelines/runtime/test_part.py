"""The entry of each process below the supervisor: it runs a module, and ends when the supervisor has ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from resources.processes import start_of
from tests.mesh_pipelines.runtime.part_processes import kill_all, starts, wait
from tests.mesh_pipelines.runtime.supervised_parts import ME

pytestmark = pytest.mark.odd_input("after a kill, and odd homes", "held up")


@contextmanager
def part(folder: Path, kind: str, *, session: bool = True) -> Generator[subprocess.Popen[bytes]]:
    """A part of some kind in a process of its own, whose supervisor is this process, as long as the pipe is open."""
    command = [sys.executable, "-m", "mesh_pipelines.runtime.part", ME, kind, str(folder), kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=session) as process:
        try:
            wait(lambda: starts(folder, kind))
            yield process
        finally:
            process.kill()
            kill_all(folder)


def close(process: subprocess.Popen[bytes]) -> None:
    """Close the pipe, as the system does when the supervisor has ended."""
    assert process.stdin is not None
    process.stdin.close()


def test_it_is_the_module_that_it_was_told_to_be(tmp_path: Path) -> None:
    """In the same process, with its own arguments; Ctrl-C has its usual effect there."""
    with part(tmp_path, "live") as process:
        assert starts(tmp_path, "live") == [process.pid]
        assert (tmp_path / "live").read_text() == f"{process.pid} True\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) != 0


def test_it_ends_with_its_exit_code(tmp_path: Path) -> None:
    """The supervisor tells by it that it was not killed."""
    with part(tmp_path, "faulty") as process:
        assert process.wait(10) == 3


def test_it_ends_when_the_supervisor_has_ended(tmp_path: Path) -> None:
    """Although nobody has sent it a signal."""
    with part(tmp_path, "live") as process:
        close(process)
        assert process.wait(10) == -signal.SIGTERM


def test_what_ignores_signals_is_killed_then(tmp_path: Path) -> None:
    """After the time that it has to end by itself."""
    with part(tmp_path, "stubborn") as process:
        wait(lambda: starts(tmp_path, "child"))
        close(process)
        assert process.wait(10) == -signal.SIGKILL


def test_a_session_that_is_not_its_own_is_left_alone(tmp_path: Path) -> None:
    """Started by hand it ends itself, and not the shell that it was started from."""
    with part(tmp_path, "live", session=False) as process:
        close(process)
        assert process.wait(10) == -signal.SIGTERM
    assert start_of(starts(tmp_path, "live")[0]) is None
