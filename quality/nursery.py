"""The nursery, a process that forks children, and what a child does: it runs validations for one connection.

It holds no connection of DuckDB and has read no table, so no lock of theirs is held where it forks.
"""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import select
import signal
import socket
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NoReturn

from mesh_pipelines.errors import MeshError
from quality.gx import import_gx
from quality.handover import SharedRows, read_rows


def main(requests: int) -> NoReturn:
    """Be the nursery: fork a child for each connection that comes, until nobody holds the other end."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies: forks need no wait
    threading.Thread(target=_end_without_asker, args=(requests,), daemon=True).start()
    # The imports make millions of objects that stay, through which the collector would go again and again.
    gc.disable()
    import_gx()
    for name in ("duckdb_engine", "pyarrow", "quality.validation", "quality.rule_trial"):
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    asked = socket.socket(fileno=requests)
    while True:
        data, descriptors, *_ = socket.recv_fds(asked, 1, 2)
        if not data:
            os._exit(0)
        if os.fork() == 0:
            try:
                asked.close()
                _serve(Connection(descriptors[0]), *descriptors[1:])
            finally:
                os._exit(1)
        for descriptor in descriptors:
            os.close(descriptor)


def _end_without_asker(requests: int) -> None:
    watch = select.poll()
    watch.register(requests, 0)  # reports the end of the other side, and nothing else
    watch.poll()
    os._exit(1)


def _serve(connection: Connection, memory: int = -1) -> None:
    """Answer the calls of one process, and end with it; ``memory`` is the descriptor of the rows it hands over."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(
            "1000"
        )  # out of memory, the system ends this process first
    connection.send_bytes(pickle.dumps(os.getpid()))
    calls: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_receive, args=(connection, calls), daemon=True).start()
    made: dict[int, Any] = {}
    while True:
        try:
            number, call, given = pickle.loads(calls.get())  # noqa: S301 (from its parent)
            given = [read_rows(memory, each) if isinstance(each, SharedRows) else each for each in given]
            answer = ("done", _do(made, connection, number, call, given))
            given = ()  # rows in memory that the parent writes again
            message = pickle.dumps(answer)
        except Exception as error:  # noqa: BLE001 (raised again by the process that asked)
            message = _as_message(error)
        connection.send_bytes(message)


def _receive(connection: Connection, calls: SimpleQueue[bytes]) -> None:
    """In a thread of its own, which notices the end of the other process while a query runs."""
    try:
        while True:
            calls.put(connection.recv_bytes())
    finally:
        os._exit(0)


def _do(made: dict[int, Any], connection: Connection, number: int, call: str, given: Sequence[Any]) -> Any:
    from quality.rule_trial import RuleTrial
    from quality.validation import Here

    if call in ("open", "try"):
        name, options = given
        made[number] = (Here if call == "open" else RuleTrial)(name, **options)
        made[number].on_rule = lambda rule: connection.send_bytes(pickle.dumps(("rule", rule)))
        return None
    if call == "close":
        if number in made:
            made.pop(number).close()
        return None
    return getattr(made[number], call)(*given)


def _as_message(error: Exception) -> bytes:
    trace = "".join(traceback.format_exception(error))
    try:
        if not isinstance(error, MeshError):  # which says all that its reader needs
            error.add_note(trace)
        message = pickle.dumps(("error", error))
        pickle.loads(message)  # noqa: S301 (made in the line before)
    except Exception:  # noqa: BLE001 (exceptions of other libraries fail to be pickled in many ways)
        unfit = RuntimeError(f"{type(error).__name__}: {error}")
        unfit.add_note(trace)
        return pickle.dumps(("error", unfit))
    return message
