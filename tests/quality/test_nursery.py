"""The nursery and its children: nothing of a process outlives it, and none of its secrets is theirs."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from mesh_pipelines.errors import AuditRefused
from quality.auditor import Auditor
from quality.child import NURSERY, environment
from quality.nursery import _as_message
from tests.quality.children import child_of, ends, number_of

NAME = "aviation.flights"


def test_unused_it_ends_at_once() -> None:
    """A run without anything to audit does not wait for imports."""
    NURSERY.stop()
    auditor = Auditor()
    auditor.start()
    child, began = child_of(auditor), time.monotonic()
    auditor.stop()
    assert time.monotonic() - began < 1
    assert not child.lives


def test_it_does_not_outlive_who_started_it() -> None:
    """A process that is killed leaves no auditor."""
    script = (
        "import os; from quality.auditor import Auditor; from quality.child import NURSERY; a = Auditor(); a.start();"
        "v = a.validation('a.b'); v.page();"
        "print(a.child.number, NURSERY._process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, stdout=subprocess.PIPE, text=True)
    numbers = [int(number) for number in done.stdout.split()]
    assert len(numbers) == 2
    for number in numbers:
        assert ends(number)


def test_the_child_has_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither it nor the process that it was forked from was ever given one."""
    NURSERY.stop()
    for name in ("MESH_MASTER_KEY", "AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_PASSWORD", "PGPASSWORD"):
        monkeypatch.setenv(name, "hush-hush")
    auditor = Auditor()
    with auditor.beside():
        auditor.validation(NAME).page  # noqa: B018
        number = number_of(child_of(auditor))
        parent = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1]
        for process in (str(number), parent):
            environ = Path(f"/proc/{process}/environ").read_bytes()
            assert b"PATH=" in environ
            assert b"hush-hush" not in environ
            names = {entry.partition(b"=")[0].decode() for entry in environ.split(b"\0") if entry}
            assert names == set(environment(dict.fromkeys(names, "")))


def test_a_child_serves_until_its_asker_is_gone() -> None:
    """A call about a validation that was never opened fails alone; then the process ends by itself."""
    ours, theirs = socket.socketpair()
    code = (
        "import sys; from multiprocessing.connection import Connection; from quality.nursery import _serve;"
        "_serve(Connection(int(sys.argv[1])))"
    )
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(theirs.fileno())], pass_fds=[theirs.fileno()]
        )
    with ours, Connection(os.dup(ours.fileno())) as asker:
        assert pickle.loads(asker.recv_bytes()) == process.pid
        answers: list[tuple[str, object]] = []
        for call in ("page", "close"):
            asker.send_bytes(pickle.dumps((7, call, ())))
            answers.append(pickle.loads(asker.recv_bytes()))
    assert [kind for kind, _ in answers] == ["error", "done"]
    assert isinstance(answers[0][1], KeyError)
    assert process.wait(30) == 0


class _Stubborn(Exception):
    """An error that can be pickled and not made again."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def test_an_error_arrives_with_its_words_whatever_it_is() -> None:
    """One of the mesh as it is, another with its trace, one that cannot be sent as an error that can."""

    def sent(error: Exception) -> Exception:
        try:
            raise error
        except Exception as raised:
            kind, arrived = pickle.loads(_as_message(raised))
        assert kind == "error"
        return arrived

    refused = sent(AuditRefused("too many", where="shop.orders", remedy="mend them"))
    assert str(refused) == str(AuditRefused("too many", where="shop.orders", remedy="mend them"))
    assert not hasattr(refused, "__notes__")
    plain = sent(ValueError("no table"))
    assert (type(plain), str(plain)) == (ValueError, "no table")
    assert "in sent" in plain.__notes__[0]
    stubborn = sent(_Stubborn("one", "two"))
    assert (type(stubborn), str(stubborn)) == (RuntimeError, "_Stubborn: one two")
    assert "in sent" in stubborn.__notes__[0]
