"""Identity of processes: one is known from every other, and one that has ended is known as that."""

from __future__ import annotations

import os
import subprocess
import threading
import time

from resources.processes import (
    children,
    is_gone,
    machine,
    number_of,
    processes_by_session,
    repeat_in_background,
    start_of,
    this_process,
)


def test_a_process_is_known_from_every_other(sleeper: tuple[subprocess.Popen[str], str]) -> None:
    """By host, number and start; a number that is used again is not taken for it, nor another machine's."""
    process, named = sleeper
    assert number_of(named) == process.pid
    assert not is_gone(named)
    assert not is_gone("")
    assert is_gone(named.rpartition(":")[0] + ":1")
    assert not is_gone("another-machine:1:1")
    assert number_of("another-machine:1:1") is None
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(named), "it has ended, though nobody has waited for it yet"


def test_a_start_is_the_same_for_as_long_as_the_process_lives(
    sleeper: tuple[subprocess.Popen[str], str],
) -> None:
    """Every process reads the same start of another one; of one that has ended there is none."""
    process, named = sleeper
    assert named.rpartition(":")[2] == start_of(process.pid)
    assert this_process().rpartition(":")[2] == start_of(os.getpid())
    process.kill()
    process.wait()
    assert start_of(process.pid) is None


def test_children_and_sessions_are_found(sleeper: tuple[subprocess.Popen[str], str]) -> None:
    """Those that live; one that has ended is in no session, even before its parent knows."""
    process, _ = sleeper
    own = os.getsid(0)
    assert process.pid in children(os.getpid())
    assert {process.pid, os.getpid()} <= set(processes_by_session()[own])
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert process.pid not in children(os.getpid())
    assert process.pid not in processes_by_session()[own]


def test_a_machine_is_named_with_its_boot() -> None:
    """Its host name, and an id that changes when it starts again."""
    name, _, boot = machine().partition("/")
    assert name
    assert name == this_process().partition(":")[0]
    assert len(boot) == 36


def test_an_action_is_repeated_until_the_block_is_left() -> None:
    """In a thread of its own, which has ended afterwards."""
    seen: list[int] = []
    with repeat_in_background(lambda: seen.append(threading.get_ident()), 0.01):
        until = time.monotonic() + 30
        while len(seen) < 2 and time.monotonic() < until:
            time.sleep(0.01)
    count = len(seen)
    assert count >= 2
    assert threading.get_ident() not in seen
    time.sleep(0.05)
    assert len(seen) == count
