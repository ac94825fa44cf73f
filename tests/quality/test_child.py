"""A child process: asked, watched and ended at its limits."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from mesh_pipelines.errors import RuleTooCostly
from quality.child import Child, ChildEnded, environment, memory_of
from quality.handover import Handover

NAME = "aviation.flights"
# A process that answers as a child of the nursery does, and starts in no time: it imports nothing.
_ANSWERS = """
import os, pickle, sys, time
from multiprocessing.connection import Connection
asker = Connection(int(sys.argv[1]))
def send(*answer):
    asker.send_bytes(pickle.dumps(answer))
asker.send_bytes(pickle.dumps(os.getpid()))
while True:
    number, call, given = pickle.loads(asker.recv_bytes())
    if call == "fail":
        send("error", ValueError(given[0]))
    elif call == "judge":
        send("rule", "cheap")
        send("rule", given[0])
        held = bytearray(given[1])
        time.sleep(given[2])
        send("done", len(held))
    elif call == "leave":
        os._exit(0)
    else:
        send("done", (number, call, given))
"""


@pytest.fixture
def child() -> Iterator[Child]:
    """A child of this test's own."""
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-c", _ANSWERS, str(theirs.fileno())]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.DEVNULL)
    child = Child(ours, Handover())
    yield child
    child.close()
    assert not child.lives
    process.wait(10)


def ask(child: Child, call: str, *given: object, seconds: float = 30, memory: str = "1GB") -> object:
    """The answer to a call of validation 3."""
    return child.ask(3, call, list(given), NAME, seconds, memory)


def test_a_child_answers_one_call_after_another(child: Child) -> None:
    """Its number is known once it has answered; an error comes with type and words, and is not its end."""
    assert child.number == 0
    assert child.lives
    assert ask(child, "page") == (3, "page", [])
    assert child.number > 0
    with pytest.raises(ValueError, match="no such table"):
        ask(child, "fail", "no such table")
    assert ask(child, "begin", {"a": 1}) == (3, "begin", [{"a": 1}])
    assert child.lives


def test_judging_is_ended_at_its_time_and_names_the_rule(child: Child) -> None:
    """The last that began; the child is gone, and everything that it is asked afterwards says so."""
    with pytest.raises(RuleTooCostly, match=r"longer than 0\.2 s") as error:
        ask(child, "judge", "slow", 0, 60, seconds=0.2)
    assert error.value.where == f"{NAME}, rule slow"
    assert "MESH_RULE_SECONDS" in error.value.remedy
    assert not child.lives
    with pytest.raises(ChildEnded):
        ask(child, "page")


def test_judging_is_ended_at_its_memory(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half as much again as DuckDB may take is too much; before all rules together no rule is named."""
    monkeypatch.setattr("quality.child._IN_FLIGHT", 0)
    assert ask(child, "judge", "small", 1_000, 0.2, memory="20MB") == 1_000
    with pytest.raises(RuleTooCostly, match="more memory than 20MB") as error:
        ask(child, "judge", "", 60_000_000, 60, memory="20MB")
    assert error.value.where == NAME
    assert "MESH_MEMORY_LIMIT" in error.value.remedy
    assert not child.lives


def test_a_limit_that_duckdb_alone_can_read_is_left_to_it(
    child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share of the machine's memory ends no child."""
    monkeypatch.setattr("quality.child._IN_FLIGHT", 0)
    assert ask(child, "judge", "", 30_000_000, 0.2, memory="1%") == 30_000_000


def test_a_child_that_leaves_is_noticed(child: Child) -> None:
    """While it is asked, and from then on."""
    with pytest.raises(ChildEnded):
        ask(child, "leave")
    assert not child.lives
    with pytest.raises(ChildEnded):
        ask(child, "page")


def test_a_child_is_killed_by_any_thread(child: Child) -> None:
    """The one that asks it does not wait for the answer."""
    ask(child, "page")
    begun = time.monotonic()
    timer = threading.Timer(0.2, child.kill)
    timer.start()
    with pytest.raises(ChildEnded):
        ask(child, "judge", "endless", 0, 60)
    timer.join()
    assert time.monotonic() - begun < 10
    with suppress(ChildEnded):
        child.kill()


def test_a_child_gets_nothing_of_the_environment_but_what_it_needs() -> None:
    """No setting and no secret, whatever it is called."""
    kept = {"PATH": "/bin", "HOME": "/root", "LC_ALL": "C", "PYTHONPATH": "x", "TZ": "UTC"}
    left = {
        "MESH_MASTER_KEY": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "PGPASSWORD": "c",
        "path": "d",
        "XLC_": "e",
        "": "f",
    }
    assert environment({**kept, **left}) == kept
    assert environment({}) == {}


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("2GB", 2 * 10**9), ("1.5 MiB", 3 * 2**19), ("100B", 100), ("80%", None), ("some", None)],
)
def test_a_limit_is_read_as_duckdb_writes_it(text: str, bytes_: int | None) -> None:
    """A form that it alone can read (a share of the machine) is left to it."""
    assert memory_of(text) == bytes_


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        (" 2 GB ", 2 * 10**9),
        ("0B", 0),
        ("1TiB", 2**40),
        ("", None),
        ("GB", None),
        ("2", None),
        ("2gb", None),
        ("nanGB", None),
        ("infGB", None),
        ("1,5GB", None),
    ],
)
def test_a_limit_in_another_form_is_left_to_duckdb(text: str, bytes_: int | None) -> None:
    """Blanks around it do not matter."""
    assert memory_of(text) == bytes_
