"""One process below the supervisor: its exit code, its deaths, and everything that it has started."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh_pipelines.runtime import supervised
from mesh_pipelines.runtime.supervised import Part
from resources.processes import processes_by_session, start_of
from tests.mesh_pipelines.runtime.part_processes import kill_all, starts, wait
from tests.mesh_pipelines.runtime.supervised_parts import ME


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where parts note their processes, which are killed at the end."""
    yield tmp_path
    kill_all(tmp_path)


def part(folder: Path, kind: str) -> Part:
    """A part of some kind, which lives and has noted its process."""
    made = Part(f"the {kind}", [ME, kind, str(folder), kind])
    made.start(Path.cwd(), os.environ)
    wait(lambda: starts(folder, kind))
    return made


def kill(made: Part) -> None:
    """Kill its process, and see it end."""
    assert made.process is not None
    made.process.kill()
    made.process.wait(10)


def test_before_it_was_started_it_has_no_process(folder: Path) -> None:
    """It has not ended, lives nowhere, and can be closed all the same."""
    made = Part("the daemon", ["a.module"])
    assert (made.code(), made.needed, made.deaths) == (None, True, 0)
    assert made.living(processes_by_session()) == []
    made.follow(processes_by_session())
    made.forget_ended()
    made.close()
    assert not list(folder.iterdir())


def test_its_exit_code_is_negative_for_a_signal(folder: Path) -> None:
    """None while it runs; a code of its own where it ended by itself."""
    made = part(folder, "live")
    assert made.code() is None
    kill(made)
    assert made.code() == -signal.SIGKILL
    made.close()
    faulty = part(folder, "faulty")
    assert faulty.process is not None
    faulty.process.wait(10)
    assert faulty.code() == 3
    faulty.close()


def test_it_has_the_environment_and_descriptors_that_it_was_given(folder: Path) -> None:
    """And no others."""
    reading, writing = os.pipe()
    program = f"import os; os.write({writing}, os.environ['WORD'].encode())"
    code = folder / "code"
    code.mkdir()
    (code / "talk.py").write_text(program)
    made = Part("the web", ["talk"], descriptors=[writing])
    made.start(folder, {"WORD": "hello", "PYTHONPATH": f"{Path.cwd()}:{code}", "PATH": os.environ["PATH"]})
    os.close(writing)
    assert made.process is not None
    assert made.process.wait(20) == 0
    assert os.read(reading, 100) == b"hello"
    os.close(reading)
    made.close()


def test_quick_deaths_are_counted_one_after_the_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that comes after a long life is the first again."""
    made = part(folder, "live")
    assert made.count_death()
    assert made.count_death()
    assert made.deaths == 2
    monkeypatch.setattr(supervised, "QUICK", 0.0)
    assert not made.count_death()
    assert made.deaths == 1
    kill(made)
    made.close()


def test_what_it_has_started_lives_on_with_it_and_after_it(folder: Path) -> None:
    """A child with a session of its own is its own too, also when the part was killed and started again."""
    made = part(folder, "stubborn")
    wait(lambda: starts(folder, "child"))
    [child] = starts(folder, "child")
    assert made.process is not None
    first = made.process.pid
    assert made.living(processes_by_session()) == [first], "nobody has looked yet"
    made.follow(processes_by_session())
    assert sorted(made.living(processes_by_session())) == sorted([first, child])
    kill(made)
    assert made.living(processes_by_session()) == [child]
    made.start(Path.cwd(), os.environ)
    assert set(made.living(processes_by_session())) == {made.process.pid, child}
    os.kill(child, signal.SIGKILL)
    wait(lambda: start_of(child) is None)
    made.forget_ended()
    assert made.living(processes_by_session()) == [made.process.pid]
    kill(made)
    made.close()


MOTHER = """
import os, subprocess, sys, time
folder = sys.argv[1]
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
for name, number in (("child", child.pid), ("mother", os.getpid())):
    with open(f"{folder}/{name}", "a") as file:
        file.write(f"{number}\\n")
time.sleep(300)
"""


def test_what_is_in_the_session_of_a_killed_process_is_still_its_own(folder: Path) -> None:
    """A run that the daemon started goes on without it, and ends with the rest."""
    (folder / "code").mkdir()
    (folder / "code" / "mother.py").write_text(MOTHER)
    environment = {**os.environ, "PYTHONPATH": f"{Path.cwd()}:{folder / 'code'}"}
    made = Part("the daemon", ["mother", str(folder)])
    made.start(folder, environment)
    wait(lambda: starts(folder, "mother"))
    kill(made)
    made.start(folder, environment)
    wait(lambda: len(starts(folder, "mother")) == 2)
    [first, second], [_, mother] = starts(folder, "child"), starts(folder, "mother")
    assert sorted(made.living(processes_by_session())) == sorted([first, second, mother])
    kill(made)
    made.close()


def test_closing_reaps_it(folder: Path) -> None:
    """No zombie stays, and no pipe."""
    made = part(folder, "live")
    assert made.process is not None
    os.kill(made.process.pid, signal.SIGKILL)
    made.close()
    assert made.process.stdin is not None
    assert made.process.stdin.closed
    assert start_of(made.process.pid) is None
    assert made.process.args[0] == sys.executable  # type: ignore[index]
